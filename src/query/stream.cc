#include "query/stream.h"

#include <algorithm>

namespace sluice::query {

namespace {

constexpr size_t kBatchRows = 8192;

class PartStream final : public Stream {
 public:
  PartStream(std::unique_ptr<part::Reader> reader, std::unique_ptr<part::Rows> rows,
             const part::Meta& part, const Order& order)
      : reader_(std::move(reader)), rows_(std::move(rows)), part_(part), order_(order) {}

  Result<std::optional<Batch>> next() override {
    std::optional<Batch> batch = TRY(rows_->next());
    if (!batch) return batch;
    for (const size_t column : order_.columns) TRY(check_no_null(*batch, column));
    if (order_.version) TRY(check_no_null(*batch, *order_.version));
    return batch;
  }

 private:
  Status check_no_null(const Batch& batch, size_t column) const {
    if (batch.column(column).null_count == 0) return ok();
    return Error(Code::kCorrupt, Reason::kNullKey,
                 "a key, time or version is null: column " + (*batch.schema())[column].name,
                 part_.key);
  }

  std::unique_ptr<part::Reader> reader_;
  std::unique_ptr<part::Rows> rows_;
  const part::Meta& part_;
  const Order& order_;
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

Result<std::unique_ptr<Stream>> open_part_stream(Bucket& bucket, const part::Meta& part,
                                                 const Plan& plan) {
  auto opened = part::Reader::open(bucket, part.key, part.bytes);
  if (!opened.ok() && opened.error().code() == Code::kNotFound) {
    return Error(Code::kCorrupt, "the part is missing, but the table names it", part.key);
  }
  auto reader = TRY(std::move(opened));
  auto rows = TRY(reader->read(plan.read_columns, plan.ranges));
  return std::unique_ptr<Stream>(
      std::make_unique<PartStream>(std::move(reader), std::move(rows), part, plan.order));
}

std::unique_ptr<Stream> make_memtable_stream(memtable::Gatherer& gatherer,
                                             const memtable::Frozen::Partition& rows) {
  return std::make_unique<MemtableStream>(gatherer, rows);
}

}  // namespace sluice::query
