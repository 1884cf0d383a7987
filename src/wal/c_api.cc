// sluice_wal.h: the log's classes behind handles.
#include "sluice/sluice_wal.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/wal_file.h"
#include "sluice/wal_log.h"

using namespace sluice;

struct sluice_wal {
  std::unique_ptr<SegmentedWal> log;
  std::unique_ptr<GroupCommitter> committer;
};
struct sluice_wal_reader {
  std::unique_ptr<WalReader> reader;
};
struct sluice_wal_file {
  WalFsWriter writer;
};

namespace {

static_assert(static_cast<int32_t>(Code::kInvalid) + 1 == SLUICE_WAL_INVALID &&
              static_cast<int32_t>(Code::kBusy) + 1 == SLUICE_WAL_BUSY &&
              static_cast<int32_t>(Code::kFull) + 1 == SLUICE_WAL_FULL &&
              static_cast<int32_t>(Code::kPoisoned) + 1 == SLUICE_WAL_POISONED &&
              static_cast<int32_t>(Code::kCancelled) + 1 == SLUICE_WAL_CANCELLED);

template <size_t N>
void copy_text(std::string_view text, char (&to)[N]) {
  const size_t bytes = std::min(text.size(), N - 1);
  std::memcpy(to, text.data(), bytes);
  to[bytes] = '\0';
}

int32_t answer(const Error& failure, sluice_wal_error* error) {
  const int32_t code = static_cast<int32_t>(failure.code()) + 1;
  if (error == nullptr) return code;
  *error = {};
  error->code = code;
  error->expected = failure.expected();
  error->found = failure.found();
  copy_text(to_string(failure.reason()), error->reason);
  copy_text(failure.message(), error->message);
  copy_text(failure.where(), error->where);
  return code;
}

int32_t answer(const Status& status, sluice_wal_error* error) {
  if (!status.ok()) return answer(status.error(), error);
  if (error != nullptr) *error = {};
  return SLUICE_WAL_OK;
}

/// What a library below throws, for want of memory or of sense in a length, ends here.
template <class Call>
int32_t guarded(sluice_wal_error* error, Call call) {
  try {
    return answer(call(), error);
  } catch (const std::exception& thrown) {
    return answer(Error(Code::kBusy, std::string("there is no memory: ") + thrown.what()), error);
  }
}

Error missing(const char* what) {
  return Error(Code::kInvalid, std::string(what) + " is NULL");
}

ByteView bytes_of(const void* payload, size_t bytes) {
  return {static_cast<const std::byte*>(payload), payload == nullptr ? 0 : bytes};
}

bool lacks_payload(const sluice_wal_record& record) {
  return record.payload == nullptr && record.payload_bytes > 0;
}

WalRecord record_of(const sluice_wal_record& record) {
  return {.type = record.type,
          .vshard = record.vshard,
          .tenant = record.tenant,
          .head = bytes_of(record.payload, record.payload_bytes)};
}

Result<WalFileOptions> file_options(const sluice_wal_options* options) {
  WalFileOptions made{.repair = RepairPolicy::kTruncatePartial};
  if (options == nullptr) return made;
  if (options->strict != 0) made.repair = RepairPolicy::kStrict;
  if (options->payload_bytes_max != 0) made.payload_bytes_max = options->payload_bytes_max;
  if (options->must_be_encrypted != 0) made.plaintext = Plaintext::kRefused;
  if (options->direct != 0) made.io = WalIo::kDirect;
  if (options->torn_writes < SLUICE_WAL_PAD || options->torn_writes > SLUICE_WAL_OFF) {
    return Error({Code::kInvalid,
                  Reason::kOutOfRange,
                  "there is no such mode of torn writes",
                  {},
                  SLUICE_WAL_OFF,
                  static_cast<uint64_t>(options->torn_writes)});
  }
  made.torn_writes = static_cast<TornWrites>(options->torn_writes);
  if (options->key == nullptr) return made;
  const WalEncryptionKey key =
      TRY(WalEncryptionKey::from_bytes(bytes_of(options->key, WalEncryptionKey::kBytes)));
  const KeyRing ring = TRY(KeyRing::make(options->key_id, key));
  made.keys = std::make_shared<const KeyRing>(ring);
  return made;
}

Status open_log(const char* directory, const sluice_wal_options* options, sluice_wal** log) {
  if (directory == nullptr) return missing("directory");
  if (log == nullptr) return missing("log");
  *log = nullptr;
  const WalFileOptions shared = TRY(file_options(options));
  SegmentedWalOptions made{.repair = shared.repair,
                           .keys = shared.keys,
                           .plaintext = shared.plaintext,
                           .torn_writes = shared.torn_writes,
                           .payload_bytes_max = shared.payload_bytes_max,
                           .io = shared.io};
  if (options != nullptr && options->segment_bytes != 0) {
    made.segment_bytes = options->segment_bytes;
  }
  auto handle = std::make_unique<sluice_wal>();
  handle->log = TRY(SegmentedWal::open(directory, std::move(made)));
  handle->committer = std::make_unique<GroupCommitter>(*handle->log);
  *log = handle.release();
  return ok();
}

Status read_frame(sluice_wal_reader* reader, sluice_wal_frame* frame) {
  if (reader == nullptr || frame == nullptr) return missing("reader or frame");
  *frame = {};
  const std::optional<WalFrame> next = TRY(reader->reader->next());
  if (!next) return ok();
  *frame = {next->lsn,    next->type,           next->vshard,
            next->tenant, next->payload.data(), next->payload.size()};
  return ok();
}

}  // namespace

int32_t sluice_wal_open(const char* directory, const sluice_wal_options* options, sluice_wal** log,
                        sluice_wal_error* error) {
  return guarded(error, [&] { return open_log(directory, options, log); });
}

int32_t sluice_wal_append(sluice_wal* log, const sluice_wal_record* records, size_t count,
                          uint64_t* first_lsn, sluice_wal_error* error) {
  return guarded(error, [&]() -> Status {
    if (log == nullptr || (records == nullptr && count > 0)) return missing("log or records");
    std::vector<WalRecord> views;
    views.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      if (lacks_payload(records[i])) return missing("payload");
      views.push_back(record_of(records[i]));
    }
    const Lsn lsn = TRY(log->log->append(views));
    if (first_lsn != nullptr) *first_lsn = lsn;
    return ok();
  });
}

int32_t sluice_wal_sync(sluice_wal* log, sluice_wal_error* error) {
  return guarded(error, [&] { return log == nullptr ? missing("log") : log->log->sync(); });
}

int32_t sluice_wal_wait_durable(sluice_wal* log, uint64_t lsn, sluice_wal_error* error) {
  return guarded(error,
                 [&] { return log == nullptr ? missing("log") : log->log->wait_durable(lsn); });
}

int32_t sluice_wal_submit(sluice_wal* log, const sluice_wal_record* record, uint64_t* lsn,
                          sluice_wal_error* error) {
  return guarded(error, [&]() -> Status {
    if (log == nullptr || record == nullptr) return missing("log or record");
    if (lacks_payload(*record)) return missing("payload");
    const Lsn given = TRY(log->committer->submit(record_of(*record)));
    if (lsn != nullptr) *lsn = given;
    return ok();
  });
}

uint64_t sluice_wal_durable_lsn(const sluice_wal* log) {
  return log == nullptr ? 0 : log->log->durable_lsn();
}

uint64_t sluice_wal_next_lsn(const sluice_wal* log) {
  return log == nullptr ? 0 : log->log->next_lsn();
}

int32_t sluice_wal_is_direct(const sluice_wal* log) {
  return log != nullptr && log->log->is_direct() ? 1 : 0;
}

int32_t sluice_wal_roll(sluice_wal* log, sluice_wal_error* error) {
  return guarded(error, [&] { return log == nullptr ? missing("log") : log->log->roll(); });
}

int32_t sluice_wal_truncate_before(sluice_wal* log, uint64_t lsn, uint64_t* segments,
                                   uint64_t* bytes, sluice_wal_error* error) {
  return guarded(error, [&]() -> Status {
    if (log == nullptr) return missing("log");
    const WalTruncation gone = TRY(log->log->truncate_before(lsn));
    if (segments != nullptr) *segments = gone.segments;
    if (bytes != nullptr) *bytes = gone.bytes;
    return ok();
  });
}

int32_t sluice_wal_read(sluice_wal* log, uint64_t from_lsn, sluice_wal_reader** reader,
                        sluice_wal_error* error) {
  return guarded(error, [&]() -> Status {
    if (log == nullptr || reader == nullptr) return missing("log or reader");
    *reader = nullptr;
    WalReadOptions options;
    options.from = from_lsn;
    auto made = std::make_unique<sluice_wal_reader>();
    made->reader = TRY(log->log->read(std::move(options)));
    *reader = made.release();
    return ok();
  });
}

int32_t sluice_wal_reader_next(sluice_wal_reader* reader, sluice_wal_frame* frame,
                               sluice_wal_error* error) {
  return guarded(error, [&] { return read_frame(reader, frame); });
}

void sluice_wal_reader_free(sluice_wal_reader* reader) {
  delete reader;
}

int32_t sluice_wal_close(sluice_wal* log, sluice_wal_error* error) {
  return guarded(error, [&] { return log == nullptr ? missing("log") : log->log->close(); });
}

void sluice_wal_free(sluice_wal* log) {
  delete log;
}

int32_t sluice_wal_file_open(const char* path, const sluice_wal_options* options,
                             sluice_wal_file** file, sluice_wal_error* error) {
  return guarded(error, [&]() -> Status {
    if (path == nullptr || file == nullptr) return missing("path or file");
    *file = nullptr;
    const WalFileOptions shared = TRY(file_options(options));
    WalFsWriter writer = TRY(WalFsWriter::open(path, WalFsOptions{.file = shared}));
    *file = new sluice_wal_file{std::move(writer)};
    return ok();
  });
}

int32_t sluice_wal_file_append(sluice_wal_file* file, uint64_t sequence, const void* payload,
                               size_t payload_bytes, sluice_wal_error* error) {
  return guarded(error, [&]() -> Status {
    if (file == nullptr) return missing("file");
    if (payload == nullptr && payload_bytes > 0) return missing("payload");
    return file->writer.append(sequence, bytes_of(payload, payload_bytes));
  });
}

int32_t sluice_wal_file_sync(sluice_wal_file* file, sluice_wal_error* error) {
  return guarded(error, [&] { return file == nullptr ? missing("file") : file->writer.sync(); });
}

uint64_t sluice_wal_file_current_sequence(const sluice_wal_file* file) {
  return file == nullptr ? 0 : file->writer.current_sequence();
}

int32_t sluice_wal_file_is_direct(const sluice_wal_file* file) {
  return file != nullptr && file->writer.is_direct() ? 1 : 0;
}

int32_t sluice_wal_file_close(sluice_wal_file* file, sluice_wal_error* error) {
  return guarded(error, [&] { return file == nullptr ? missing("file") : file->writer.close(); });
}

void sluice_wal_file_free(sluice_wal_file* file) {
  delete file;
}
