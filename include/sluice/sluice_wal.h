/* The write-ahead log of Sluice, for C and for whatever calls C. See wal_log.h and wal_file.h for
 * what each call promises; here is only how it is said in C.
 *
 * Every call that can fail returns a code, SLUICE_WAL_OK or another, and fills `error` unless that
 * is NULL. Handles are opaque; NULL may be freed. A log may be used by many threads at once, a file
 * and a reader by one at a time. Nothing throws. Bytes that are passed in are read before the call
 * returns; bytes of a frame are valid until the reader's next call.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What failed, and with it what the caller has to do. The numbers are stable. */
enum {
  SLUICE_WAL_OK = 0,
  SLUICE_WAL_INVALID = 1,   /* correct the request */
  SLUICE_WAL_NOT_FOUND = 2, /* the named thing does not exist */
  SLUICE_WAL_EXISTS = 3,    /* it exists already */
  SLUICE_WAL_CONFLICT = 4,
  SLUICE_WAL_FENCED = 5,
  SLUICE_WAL_BUSY = 6,         /* somebody else has the log open */
  SLUICE_WAL_FULL = 7,         /* free space, then retry */
  SLUICE_WAL_IO = 8,           /* the device failed */
  SLUICE_WAL_POISONED = 9,     /* nothing more can be promised: open the log again */
  SLUICE_WAL_CORRUPT = 10,     /* stored bytes are wrong: where, found (the offset) */
  SLUICE_WAL_UNSUPPORTED = 11, /* a newer format */
  SLUICE_WAL_CANCELLED = 12
};

typedef struct sluice_wal_error {
  int32_t code;
  char reason[32];   /* "crc_mismatch", "sequence_violation", …; "none" */
  uint64_t expected; /* expected value, or limit */
  uint64_t found;    /* found value, size, or offset */
  char message[256]; /* what went wrong and what to do; cut if it is longer */
  char where[256];   /* file or directory */
} sluice_wal_error;

/* What an opening may do about damage: see RepairPolicy in wal_options.h. Unless told, a log in a
 * directory cuts a torn tail, and a file of the caller's numbers is opened strictly. */
enum {
  SLUICE_WAL_REPAIR_DEFAULT = 0,
  SLUICE_WAL_STRICT = 1,
  SLUICE_WAL_TRUNCATE_PARTIAL = 2,
  SLUICE_WAL_TRUNCATE_UNSYNCED = 3 /* of a file */
};

/* How blocks are written that a power cut may spoil: see TornWrites in wal_options.h. */
enum { SLUICE_WAL_PAD = 0, SLUICE_WAL_DOUBLE_WRITE = 1, SLUICE_WAL_OFF = 2 };

typedef struct sluice_wal_key {
  uint32_t id;          /* not 0 */
  const uint8_t* bytes; /* 32 */
} sluice_wal_key;

/* Zeroes mean the defaults. */
typedef struct sluice_wal_options {
  uint64_t segment_bytes;     /* of a directory; 64 MiB */
  uint64_t payload_bytes_max; /* 64 MiB */
  const sluice_wal_key* keys; /* the first seals, the others only read; none: not encrypted */
  size_t key_count;
  int32_t repair;            /* SLUICE_WAL_STRICT or another */
  int32_t must_be_encrypted; /* not 0: plaintext is refused */
  int32_t direct;            /* not 0: written past the page cache, where that can be done */
  int32_t torn_writes;       /* SLUICE_WAL_PAD or another */
  int32_t zeros_ahead;       /* of a directory; not 0: a thread prepares the next segment's file */
  int32_t any_sequence;      /* of a file; not 0: numbers need not rise */
} sluice_wal_options;

/* Which records are wanted; zeroes and empty lists: all. */
typedef struct sluice_wal_read_options {
  uint64_t from_lsn; /* the first record is the first at or above it */
  const uint16_t* types;
  size_t type_count;
  const uint32_t* tenants;
  size_t tenant_count;
  const uint16_t* vshards;
  size_t vshard_count;
  int32_t strict; /* not 0: a torn end is an error; else it is the end */
} sluice_wal_read_options;

typedef struct sluice_wal_record {
  uint16_t type; /* 16 to 16383, perhaps with 0x8000: no reader may skip it */
  uint16_t vshard;
  uint32_t tenant;
  const void* payload;
  size_t payload_bytes;
} sluice_wal_record;

typedef struct sluice_wal_frame {
  uint64_t lsn; /* 0: the end */
  uint16_t type;
  uint16_t vshard;
  uint32_t tenant;
  const void* payload;
  size_t payload_bytes;
} sluice_wal_frame;

/* ---- A log in a directory, which exists. `options` may be NULL. */

typedef struct sluice_wal sluice_wal;
typedef struct sluice_wal_reader sluice_wal_reader;

int32_t sluice_wal_open(const char* directory, const sluice_wal_options* options, sluice_wal** log,
                        sluice_wal_error* error);
/* In memory; durable once a sync has passed it. `first_lsn` may be NULL. */
int32_t sluice_wal_append(sluice_wal* log, const sluice_wal_record* records, size_t count,
                          uint64_t* first_lsn, sluice_wal_error* error);
int32_t sluice_wal_sync(sluice_wal* log, sluice_wal_error* error);
int32_t sluice_wal_wait_durable(sluice_wal* log, uint64_t lsn, sluice_wal_error* error);
/* Returns when the record is durable; callers on other threads share the sync. */
int32_t sluice_wal_submit(sluice_wal* log, const sluice_wal_record* record, uint64_t* lsn,
                          sluice_wal_error* error);
uint64_t sluice_wal_durable_lsn(const sluice_wal* log);
uint64_t sluice_wal_next_lsn(const sluice_wal* log);
int32_t sluice_wal_is_direct(const sluice_wal* log); /* 0 also if the file system refuses it */
int32_t sluice_wal_roll(sluice_wal* log, sluice_wal_error* error);
/* Whole segments below `lsn` go. `segments` and `bytes`, how many went, may be NULL. */
int32_t sluice_wal_truncate_before(sluice_wal* log, uint64_t lsn, uint64_t* segments,
                                   uint64_t* bytes, sluice_wal_error* error);
/* A new segment begins under the first key; the others read. Zero keys: not encrypted. */
int32_t sluice_wal_set_keys(sluice_wal* log, const sluice_wal_key* keys, size_t key_count,
                            sluice_wal_error* error);
/* Of SLUICE_WAL_DOUBLE_WRITE. OK: the tail block is protected by its side file, or by being filled
 * up since that failed; then `failure` says why, and its code is not SLUICE_WAL_OK. */
int32_t sluice_wal_protection(const sluice_wal* log, uint64_t* double_writes,
                              uint64_t* padded_blocks, sluice_wal_error* failure);
int32_t sluice_wal_attach_side_file(sluice_wal* log, sluice_wal_error* error);
int32_t sluice_wal_close(sluice_wal* log, sluice_wal_error* error);
void sluice_wal_free(sluice_wal* log); /* also of one that was not closed: nothing is synced */

/* ---- Reading. `options` may be NULL: everything. */

/* What is durable now. The log outlives its readers. */
int32_t sluice_wal_read(sluice_wal* log, const sluice_wal_read_options* options,
                        sluice_wal_reader** reader, sluice_wal_error* error);
/* Any log, a directory or a file, at rest or while others write it; takes no lock. Of `how` only
 * the keys, must_be_encrypted and payload_bytes_max matter; it may be NULL. */
int32_t sluice_wal_reader_open(const char* path, const sluice_wal_options* how,
                               const sluice_wal_read_options* options, sluice_wal_reader** reader,
                               sluice_wal_error* error);
/* OK with LSN 0: the end of what was there when the reader was made or last reset. */
int32_t sluice_wal_reader_next(sluice_wal_reader* reader, sluice_wal_frame* frame,
                               sluice_wal_error* error);
/* Goes on where the reader stopped, with what has become durable meanwhile. */
void sluice_wal_reader_reset(sluice_wal_reader* reader);
/* The next record will be the first at or above `from_lsn`. */
void sluice_wal_reader_seek(sluice_wal_reader* reader, uint64_t from_lsn);
void sluice_wal_reader_free(sluice_wal_reader* reader);

/* ---- A log in one file, its records numbered by the caller: rising, gaps are legal. To read it,
 * sluice_wal_reader_open(). */

typedef struct sluice_wal_file sluice_wal_file;

int32_t sluice_wal_file_open(const char* path, const sluice_wal_options* options,
                             sluice_wal_file** file, sluice_wal_error* error);
int32_t sluice_wal_file_append(sluice_wal_file* file, uint64_t sequence, const void* payload,
                               size_t payload_bytes, sluice_wal_error* error);
int32_t sluice_wal_file_sync(sluice_wal_file* file, sluice_wal_error* error);
uint64_t sluice_wal_file_current_sequence(const sluice_wal_file* file);
int32_t sluice_wal_file_is_direct(const sluice_wal_file* file);
int32_t sluice_wal_file_close(sluice_wal_file* file, sluice_wal_error* error);
void sluice_wal_file_free(sluice_wal_file* file);

#ifdef __cplusplus
}
#endif
