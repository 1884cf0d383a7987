#include "query/stream.h"

#include <algorithm>

namespace sluice::query {

namespace {

constexpr size_t kBatchRows = 8192;

// Of all parts of a partition together, and what is too little to be of use.
constexpr uint64_t kAheadBytes = 32ull << 20;
constexpr uint64_t kAheadBytesMin = 4096;
constexpr uint64_t kRowsHeld = 256u << 10;
constexpr uint64_t kRowsMin = 64;
constexpr uint64_t kTextBytes = 32ull << 20;

class PartStream final : public Stream {
 public:
  PartStream(Bucket& bucket, const part::Meta& part, const Plan& plan, part::ReadOptions reading,
             std::optional<Value> lower)
      : bucket_(bucket),
        part_(part),
        plan_(plan),
        reading_(std::move(reading)),
        lower_(std::move(lower)) {}

  std::optional<Value> lower() const override { return lower_; }

  Result<std::optional<Batch>> next() override {
    if (ended_) return std::optional<Batch>();
    if (!rows_) TRY(open());
    std::optional<Batch> batch = TRY(rows_->next());
    if (!batch) {
      ended_ = true;
      rows_.reset();
      reader_.reset();
      return batch;
    }
    const Order& order = plan_.order;
    for (const size_t column : order.columns) TRY(check_no_null(*batch, column));
    if (order.version) TRY(check_no_null(*batch, *order.version));
    return batch;
  }

 private:
  Status open() {
    auto opened = part::Reader::open(bucket_, part_.key, part_.bytes);
    if (!opened.ok() && opened.error().code() == Code::kNotFound) {
      return Error(Code::kCorrupt, "the part is missing, but the table names it", part_.key);
    }
    reader_ = TRY(std::move(opened));
    rows_ = TRY(reader_->read(plan_.read_columns, plan_.ranges, reading_));
    return ok();
  }

  Status check_no_null(const Batch& batch, size_t column) const {
    if (batch.column(column).null_count == 0) return ok();
    return Error(Code::kCorrupt, Reason::kNullKey,
                 "a key, time or version is null: column " + (*batch.schema())[column].name,
                 part_.key);
  }

  Bucket& bucket_;
  const part::Meta& part_;
  const Plan& plan_;
  const part::ReadOptions reading_;
  const std::optional<Value> lower_;
  std::unique_ptr<part::Reader> reader_;
  std::unique_ptr<part::Rows> rows_;
  bool ended_ = false;
};

class MemtableStream final : public Stream {
 public:
  MemtableStream(memtable::Gatherer& gatherer, const memtable::Frozen::Partition& rows)
      : gatherer_(gatherer), at_(rows.first), end_(rows.first + rows.count) {}

  Result<std::optional<Batch>> next() override {
    if (at_ == end_) return std::optional<Batch>();
    Batch batch = TRY(gatherer_.rows(at_, std::min(kBatchRows, end_ - at_)));
    at_ += batch.rows();
    return std::optional(std::move(batch));
  }

 private:
  memtable::Gatherer& gatherer_;
  size_t at_;
  size_t end_;
};

}  // namespace

part::ReadOptions share_of(size_t parts, size_t columns) {
  const uint64_t sharers = std::max<size_t>(parts, 1);
  part::ReadOptions share;
  share.ahead_bytes =
      std::clamp<uint64_t>(kAheadBytes / (sharers * columns), kAheadBytesMin, share.ahead_bytes);
  share.batch_rows =
      static_cast<uint32_t>(std::clamp<uint64_t>(kRowsHeld / sharers, kRowsMin, share.batch_rows));
  share.batch_text_bytes = std::min(kTextBytes / sharers, share.batch_text_bytes);
  share.decompressor = part::make_decompressor();
  return share;
}

std::unique_ptr<Stream> make_part_stream(Bucket& bucket, const part::Meta& part, const Plan& plan,
                                         part::ReadOptions reading, std::optional<Value> lower) {
  return std::make_unique<PartStream>(bucket, part, plan, std::move(reading), std::move(lower));
}

std::unique_ptr<Stream> make_memtable_stream(memtable::Gatherer& gatherer,
                                             const memtable::Frozen::Partition& rows) {
  return std::make_unique<MemtableStream>(gatherer, rows);
}

}  // namespace sluice::query
