/* The write-ahead log of Sluice in C: append, be sure, read again.
 *
 *   wal_c DIRECTORY        (it exists)
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sluice/sluice_wal.h"

static int fail(const sluice_wal_error* error) {
  fprintf(stderr, "%s (%s) [%s]\n", error->message, error->reason, error->where);
  return 1;
}

int main(int count, char** words) {
  sluice_wal_error error;
  sluice_wal* log = NULL;
  sluice_wal_reader* reader = NULL;
  sluice_wal_frame frame;
  uint64_t lsn = 0;
  int i;
  static const char* const texts[] = {"first", "second", "third"};

  if (count != 2) {
    fprintf(stderr, "usage: %s DIRECTORY\n", words[0]);
    return 2;
  }
  if (sluice_wal_open(words[1], NULL, &log, &error) != SLUICE_WAL_OK) return fail(&error);

  for (i = 0; i < 3; ++i) {
    sluice_wal_record record = {16, 0, 7, NULL, 0};
    record.payload = texts[i];
    record.payload_bytes = strlen(texts[i]);
    /* Returns when the record would survive a power cut. */
    if (sluice_wal_submit(log, &record, &lsn, &error) != SLUICE_WAL_OK) return fail(&error);
    printf("%" PRIu64 " is durable\n", lsn);
  }

  if (sluice_wal_read(log, NULL, &reader, &error) != SLUICE_WAL_OK) return fail(&error);
  while (sluice_wal_reader_next(reader, &frame, &error) == SLUICE_WAL_OK && frame.lsn != 0) {
    printf("%" PRIu64 " %.*s\n", frame.lsn, (int)frame.payload_bytes, (const char*)frame.payload);
  }
  if (error.code != SLUICE_WAL_OK) return fail(&error);
  sluice_wal_reader_free(reader);

  if (sluice_wal_close(log, &error) != SLUICE_WAL_OK) return fail(&error);
  sluice_wal_free(log);
  return 0;
}
