#include "query/stream.h"

#include <algorithm>

namespace sluice::query {

namespace {

constexpr size_t kBatchRows = 8192;

class PartStream final : public Stream {
 public:
  PartStream(Bucket& bucket, const part::Meta& part, const Plan& plan, std::optional<Value> lower)
      : bucket_(bucket), part_(part), plan_(plan), lower_(std::move(lower)) {}

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
    rows_ = TRY(reader_->read(plan_.read_columns, plan_.ranges));
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

std::unique_ptr<Stream> make_part_stream(Bucket& bucket, const part::Meta& part, const Plan& plan,
                                         std::optional<Value> lower) {
  return std::make_unique<PartStream>(bucket, part, plan, std::move(lower));
}

std::unique_ptr<Stream> make_memtable_stream(memtable::Gatherer& gatherer,
                                             const memtable::Frozen::Partition& rows) {
  return std::make_unique<MemtableStream>(gatherer, rows);
}

}  // namespace sluice::query
