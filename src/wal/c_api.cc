// sluice_wal.h: the log's classes behind handles.
#include "sluice/sluice_wal.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/wal_file.h"
#include "sluice/wal_log.h"
#include "sluice/wal_reader.h"

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

Error no_such(const char* what, int32_t last, int32_t found) {
  return Error({Code::kInvalid,
                Reason::kOutOfRange,
                std::string("there is no such ") + what,
                {},
                static_cast<uint64_t>(last),
                static_cast<uint64_t>(found)});
}

/// Null: there are none.
Result<std::shared_ptr<const KeyRing>> ring_of(const sluice_wal_key* keys, size_t count) {
  if (keys == nullptr && count > 0) return missing("keys");
  std::optional<KeyRing> ring;
  for (const sluice_wal_key& key : std::span(keys, count)) {
    if (key.bytes == nullptr) return missing("bytes of a key");
    const auto bytes =
        TRY(WalEncryptionKey::from_bytes(bytes_of(key.bytes, WalEncryptionKey::kBytes)));
    if (ring) {
      TRY(ring->add(key.id, bytes));
    } else {
      ring = TRY(KeyRing::make(key.id, bytes));
    }
  }
  if (!ring) return std::shared_ptr<const KeyRing>();
  return std::make_shared<const KeyRing>(*std::move(ring));
}

RepairPolicy policy_of(int32_t repair, RepairPolicy unless_told) {
  return repair == SLUICE_WAL_REPAIR_DEFAULT ? unless_told : static_cast<RepairPolicy>(repair - 1);
}

static_assert(static_cast<int32_t>(RepairPolicy::kStrict) + 1 == SLUICE_WAL_STRICT &&
              static_cast<int32_t>(RepairPolicy::kTruncateUnsynced) + 1 ==
                  SLUICE_WAL_TRUNCATE_UNSYNCED);

Status check_options(const sluice_wal_options& options) {
  if (options.torn_writes < SLUICE_WAL_PAD || options.torn_writes > SLUICE_WAL_OFF) {
    return no_such("mode of torn writes", SLUICE_WAL_OFF, options.torn_writes);
  }
  if (options.repair < SLUICE_WAL_REPAIR_DEFAULT || options.repair > SLUICE_WAL_TRUNCATE_UNSYNCED) {
    return no_such("policy of repair", SLUICE_WAL_TRUNCATE_UNSYNCED, options.repair);
  }
  return ok();
}

/// 0 means the default.
uint64_t or_default(uint64_t given, uint64_t unless_told) {
  return given != 0 ? given : unless_told;
}

Result<SegmentedWalOptions> log_options(const sluice_wal_options& options) {
  TRY(check_options(options));
  SegmentedWalOptions made;
  made.segment_bytes = or_default(options.segment_bytes, made.segment_bytes);
  made.repair = policy_of(options.repair, made.repair);
  made.keys = TRY(ring_of(options.keys, options.key_count));
  if (options.must_be_encrypted != 0) made.plaintext = Plaintext::kRefused;
  made.torn_writes = static_cast<TornWrites>(options.torn_writes);
  made.payload_bytes_max = or_default(options.payload_bytes_max, made.payload_bytes_max);
  made.zeros_ahead = options.zeros_ahead != 0;
  if (options.direct != 0) made.io = WalIo::kDirect;
  return made;
}

Result<WalFsOptions> file_options(const sluice_wal_options& options) {
  TRY(check_options(options));
  WalFsOptions made;
  made.file.repair = policy_of(options.repair, RepairPolicy::kStrict);
  made.file.keys = TRY(ring_of(options.keys, options.key_count));
  if (options.must_be_encrypted != 0) made.file.plaintext = Plaintext::kRefused;
  made.file.torn_writes = static_cast<TornWrites>(options.torn_writes);
  made.file.payload_bytes_max = or_default(options.payload_bytes_max, made.file.payload_bytes_max);
  if (options.direct != 0) made.file.io = WalIo::kDirect;
  if (options.any_sequence != 0) made.rule = SequenceRule::kAny;
  return made;
}

template <class Options>
Options given(const Options* options) {
  return options != nullptr ? *options : Options{};
}

template <class T>
Result<std::vector<T>> list_of(const T* items, size_t count) {
  if (items == nullptr && count > 0) return missing("a list of a filter");
  return std::vector<T>(items, items + count);
}

Result<WalReadOptions> read_options(const sluice_wal_read_options& options) {
  WalReadOptions made;
  made.from = or_default(options.from_lsn, made.from);
  made.filter.types = TRY(list_of(options.types, options.type_count));
  made.filter.tenants = TRY(list_of(options.tenants, options.tenant_count));
  made.filter.vshards = TRY(list_of(options.vshards, options.vshard_count));
  if (options.strict != 0) made.repair = RepairPolicy::kStrict;
  return made;
}

Status open_log(const char* directory, const sluice_wal_options* options, sluice_wal** log) {
  if (directory == nullptr) return missing("directory");
  if (log == nullptr) return missing("log");
  *log = nullptr;
  SegmentedWalOptions made = TRY(log_options(given(options)));
  auto handle = std::make_unique<sluice_wal>();
  handle->log = TRY(SegmentedWal::open(directory, std::move(made)));
  handle->committer = std::make_unique<GroupCommitter>(*handle->log);
  *log = handle.release();
  return ok();
}

Status open_file(const char* path, const sluice_wal_options* options, sluice_wal_file** file) {
  if (path == nullptr || file == nullptr) return missing("path or file");
  *file = nullptr;
  WalFsOptions made = TRY(file_options(given(options)));
  WalFsWriter writer = TRY(WalFsWriter::open(path, std::move(made)));
  *file = new sluice_wal_file{std::move(writer)};
  return ok();
}

Status open_reader(const char* path, const sluice_wal_options& how,
                   const sluice_wal_read_options& options, sluice_wal_reader** reader) {
  if (path == nullptr || reader == nullptr) return missing("path or reader");
  *reader = nullptr;
  WalReadOptions made = TRY(read_options(options));
  made.payload_bytes_max = or_default(how.payload_bytes_max, made.payload_bytes_max);
  if (how.must_be_encrypted != 0) made.plaintext = Plaintext::kRefused;
  auto keys = TRY(ring_of(how.keys, how.key_count));
  auto handle = std::make_unique<sluice_wal_reader>();
  handle->reader = TRY(open_wal_reader(path, std::move(keys), std::move(made)));
  *reader = handle.release();
  return ok();
}

Status read_log(sluice_wal* log, const sluice_wal_read_options& options,
                sluice_wal_reader** reader) {
  if (log == nullptr || reader == nullptr) return missing("log or reader");
  *reader = nullptr;
  WalReadOptions made = TRY(read_options(options));
  auto handle = std::make_unique<sluice_wal_reader>();
  handle->reader = TRY(log->log->read(std::move(made)));
  *reader = handle.release();
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

int32_t sluice_wal_set_keys(sluice_wal* log, const sluice_wal_key* keys, size_t key_count,
                            sluice_wal_error* error) {
  return guarded(error, [&]() -> Status {
    if (log == nullptr) return missing("log");
    return log->log->set_keys(TRY(ring_of(keys, key_count)));
  });
}

int32_t sluice_wal_protection(const sluice_wal* log, uint64_t* double_writes,
                              uint64_t* padded_blocks, sluice_wal_error* failure) {
  if (log == nullptr) return answer(missing("log"), failure);
  const WalProtection protection = log->log->protection();
  if (double_writes != nullptr) *double_writes = protection.double_writes;
  if (padded_blocks != nullptr) *padded_blocks = protection.padded_blocks;
  answer(protection.failure ? Status(*protection.failure) : ok(), failure);
  return SLUICE_WAL_OK;
}

int32_t sluice_wal_attach_side_file(sluice_wal* log, sluice_wal_error* error) {
  return guarded(error,
                 [&] { return log == nullptr ? missing("log") : log->log->attach_side_file(); });
}

int32_t sluice_wal_read(sluice_wal* log, const sluice_wal_read_options* options,
                        sluice_wal_reader** reader, sluice_wal_error* error) {
  return guarded(error, [&] { return read_log(log, given(options), reader); });
}

int32_t sluice_wal_reader_open(const char* path, const sluice_wal_options* how,
                               const sluice_wal_read_options* options, sluice_wal_reader** reader,
                               sluice_wal_error* error) {
  return guarded(error, [&] { return open_reader(path, given(how), given(options), reader); });
}

int32_t sluice_wal_reader_next(sluice_wal_reader* reader, sluice_wal_frame* frame,
                               sluice_wal_error* error) {
  return guarded(error, [&] { return read_frame(reader, frame); });
}

void sluice_wal_reader_reset(sluice_wal_reader* reader) {
  if (reader != nullptr) reader->reader->reset();
}

void sluice_wal_reader_seek(sluice_wal_reader* reader, uint64_t from_lsn) {
  if (reader != nullptr) reader->reader->seek(from_lsn);
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
  return guarded(error, [&] { return open_file(path, options, file); });
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
