#include "landing/parts.h"

#include <algorithm>
#include <optional>
#include <set>

#include "landing/later.h"
#include "part/reader.h"
#include "part/writer.h"

namespace sluice::landing {
namespace {

struct AttemptTag;

constexpr size_t kSlicesMax = 2;
/// Fewer rows are not worth a thread, and not an object.
constexpr uint64_t kSliceRowsMin = 50'000;

}  // namespace

uint64_t Rows::count() const {
  uint64_t count = entries.size();
  for (const Batch& batch : batches) count += batch.rows();
  return count;
}

std::string key_start(std::string_view prefix, const FlushId& flush) {
  return std::string(prefix) + "/data/" + flush.hex() + "-";
}

/// A stretch of the rows, and the parts it became.
class PartsAttempt::Slice {
 public:
  /// Its parts have the numbers `first_part`, `first_part` + kSlicesMax, and so on.
  Slice(PartsAttempt& attempt, Rows rows, size_t first_index, size_t first_part)
      : attempt_(attempt), rows_(std::move(rows)), next_part_(first_part) {
    if (!rows_.entries.empty()) {
      reader_.emplace(rows_.shape, attempt_.columns_.input, rows_.entries, first_index);
    }
  }

  void run() { status_ = write_all(); }
  const Status& status() const { return status_; }
  const std::vector<part::Meta>& metas() const { return metas_; }
  std::unique_ptr<Upload> take_held() { return std::move(held_); }
  Widening widening() const { return reader_ ? reader_->widening() : Widening(); }
  void abort() {
    writer_.reset();
    held_.reset();
  }

 private:
  Status write_all() {
    for (;;) {
      const std::optional<Batch> batch = TRY(next());
      if (!batch) break;
      if (!writer_) TRY(begin_part());
      TRY(writer_->append(*batch));
      if (writer_->bytes() < attempt_.options_.part_bytes) continue;
      TRY(end_part());
    }
    if (writer_) TRY(encode_part());
    return ok();
  }

  Result<std::optional<Batch>> next() {
    if (reader_) return reader_->next();
    while (!rows_.batches.empty()) {
      const Batch& batch = rows_.batches.front();
      rows_.batches = rows_.batches.subspan(1);
      if (batch.empty()) continue;
      return std::optional(TRY(conform(batch, attempt_.columns_.input)));
    }
    return std::optional<Batch>();
  }

  Status begin_part() {
    const std::string key = attempt_.stem_ + std::to_string(next_part_) + ".parquet";
    next_part_ += kSlicesMax;
    held_ = TRY(attempt_.bucket_.begin_upload(key));
    part::WriterOptions options;
    options.row_group_bytes = attempt_.options_.row_group_bytes;
    options.zstd_level = attempt_.options_.zstd_level;
    options.key = key;
    options.iceberg_schema = attempt_.columns_.iceberg_schema;
    options.footer = {{std::string(kFlushProperty), attempt_.options_.flush.hex()}};
    key_ = key;
    writer_.emplace(*held_, attempt_.columns_.writer, std::move(options));
    return ok();
  }
  /// The part has all its bytes, and is held.
  Status encode_part() {
    part::Meta meta = TRY(writer_->finish());
    writer_.reset();
    meta.key = key_;
    metas_.push_back(std::move(meta));
    return ok();
  }
  Status end_part() {
    TRY(encode_part());
    TRY(attempt_.before_visible_());
    const std::unique_ptr<Upload> upload = take_held();
    return upload->finish();
  }

  PartsAttempt& attempt_;
  Rows rows_;
  size_t next_part_;
  std::optional<EntryReader> reader_;
  std::string key_;
  std::unique_ptr<Upload> held_;
  std::optional<part::Writer> writer_;
  std::vector<part::Meta> metas_;
  Status status_;
};

PartsAttempt::PartsAttempt(Runtime& runtime, Bucket& bucket, const PartOptions& options,
                           const PartColumns& columns, std::function<Status()> before_visible)
    : runtime_(runtime),
      bucket_(bucket),
      options_(options),
      columns_(columns),
      before_visible_(std::move(before_visible)),
      stem_(key_start(options.prefix, options.flush) +
            RandomId<AttemptTag>::draw(runtime).hex().substr(0, 8) + "-") {}

PartsAttempt::~PartsAttempt() = default;

std::vector<std::unique_ptr<PartsAttempt::Slice>> PartsAttempt::cut(const Rows& rows) {
  const size_t items = rows.entries.empty() ? rows.batches.size() : rows.entries.size();
  const size_t count = std::clamp<size_t>(rows.count() / kSliceRowsMin, 1, kSlicesMax);
  std::vector<std::unique_ptr<Slice>> slices;
  for (size_t index = 0; index < count; ++index) {
    const size_t first = items * index / count;
    const size_t last = items * (index + 1) / count;
    Rows slice{{}, {}, rows.shape};
    if (rows.entries.empty()) {
      slice.batches = rows.batches.subspan(first, last - first);
    } else {
      slice.entries = rows.entries.subspan(first, last - first);
    }
    slices.push_back(std::make_unique<Slice>(*this, std::move(slice), first, index));
  }
  return slices;
}

Status PartsAttempt::write(const Rows& rows) {
  slices_ = cut(rows);
  std::vector<std::unique_ptr<Thread>> threads;
  for (size_t index = 1; index < slices_.size(); ++index) {
    threads.push_back(
        runtime_.spawn("slice-" + std::to_string(index), [this, index] { slices_[index]->run(); }));
  }
  slices_.front()->run();
  for (const auto& thread : threads) thread->join();
  // A row that is no row outweighs a shape that is too narrow: widening would not cure it.
  const Status* failed = nullptr;
  for (const auto& slice : slices_) {
    if (slice->status().ok()) continue;
    const bool narrow = slice->widening().any();
    if (failed == nullptr || !narrow) failed = &slice->status();
  }
  if (failed == nullptr) return ok();
  for (const auto& slice : slices_) slice->abort();
  return *failed;
}

Widening PartsAttempt::widening() const {
  Widening all;
  for (const auto& slice : slices_) {
    const Widening widening = slice->widening();
    all.types = all.types || widening.types;
    all.rest = all.rest || widening.rest;
    all.nanos.insert(widening.nanos.begin(), widening.nanos.end());
  }
  return all;
}

std::vector<part::Meta> PartsAttempt::metas() const {
  std::vector<part::Meta> metas;
  for (const auto& slice : slices_) {
    metas.insert(metas.end(), slice->metas().begin(), slice->metas().end());
  }
  return metas;
}

Status PartsAttempt::finish(const std::function<Status()>& meanwhile) {
  TRY(before_visible_());
  std::vector<std::unique_ptr<Later>> finishes;
  for (const auto& slice : slices_) {
    const std::shared_ptr<Upload> upload = slice->take_held();
    if (upload == nullptr) continue;
    finishes.push_back(
        std::make_unique<Later>(runtime_, "finish", [upload] { return upload->finish(); }));
  }
  Status done = meanwhile();
  for (const auto& finish : finishes) {
    const Status finished = finish->wait();
    if (!finished.ok()) done = finished;
  }
  return done;
}

Status check_part(Bucket& bucket, const part::Meta& meta, const FlushId& flush) {
  const ObjectEntry entry = TRY(bucket.head(meta.key));
  if (entry.bytes != meta.bytes) {
    return Error({Code::kCorrupt, Reason::kIncompletePayload, "the object has another length",
                  meta.key, meta.bytes, entry.bytes});
  }
  const std::unique_ptr<part::Reader> reader =
      TRY(part::Reader::open(bucket, meta.key, meta.bytes));
  const auto& footer = reader->footer();
  const auto property = std::find_if(footer.begin(), footer.end(),
                                     [](const auto& key) { return key.first == kFlushProperty; });
  if (property == footer.end() || property->second != flush.hex()) {
    return Error(Code::kCorrupt, Reason::kForeign, "the object is another flush's", meta.key);
  }
  if (reader->rows() != meta.rows) {
    return Error({Code::kCorrupt, Reason::kDecodeFailure, "the object has another number of rows",
                  meta.key, meta.rows, reader->rows()});
  }
  return reader->check_bytes();
}

Status remove_parts(Bucket& bucket, std::string_view prefix, const FlushId& flush,
                    const PartNames& names) {
  std::set<std::string> keys;
  for (const part::Meta& meta : names.known) keys.insert(meta.key);
  for (ObjectEntry& entry : TRY(bucket.list(key_start(prefix, flush)))) {
    keys.insert(std::move(entry.key));
  }
  for (const part::Meta& meta : names.spared) keys.erase(meta.key);
  for (const std::string& key : keys) TRY(bucket.remove(key));
  return ok();
}

}  // namespace sluice::landing
