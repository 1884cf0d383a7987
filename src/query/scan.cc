#include "query/scan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "query/predicate.h"
#include "query/stream.h"

namespace sluice::query {

namespace {

using Op = Predicate::Op;

Predicate make_time_test(const std::string& column, Op op, Nanos time) {
  Predicate test;
  test.op = op;
  test.column = column;
  test.value.type = Type::kTimestamp;
  test.value.int64 = time;
  return test;
}

/// `where`, `from` and `to` as one bound predicate.
Result<std::optional<Predicate>> filter_of(const TableSpec& spec, const ScanOptions& options) {
  if ((options.from || options.to) && spec.time.empty()) {
    return Error(Code::kInvalid, Reason::kMissingColumn,
                 "the table has no time column for `from` and `to`");
  }
  Predicate all;
  all.op = Op::kAnd;
  if (options.where) all.operands.push_back(TRY(bind_predicate(*options.where, spec.columns)));
  if (options.from) all.operands.push_back(make_time_test(spec.time, Op::kGe, *options.from));
  if (options.to) all.operands.push_back(make_time_test(spec.time, Op::kLt, *options.to));
  if (all.operands.empty()) return std::optional<Predicate>();
  if (all.operands.size() == 1) return std::optional(std::move(all.operands.front()));
  return std::optional(std::move(all));
}

void add_once(std::vector<Field>& fields, const Field& field) {
  if (std::find(fields.begin(), fields.end(), field) == fields.end()) fields.push_back(field);
}

/// What must be read: output first, so that it may be passed on as it is where nothing follows.
Result<SchemaPtr> input_of(const TableSpec& spec, const Plan& plan) {
  std::vector<Field> fields = plan.output->fields();
  std::vector<std::string> more = spec.key;
  if (!spec.time.empty()) more.push_back(spec.time);
  if (plan.filter) {
    for (std::string& name : columns_of(*plan.filter)) more.push_back(std::move(name));
  }
  for (const std::string& name : more) add_once(fields, TRY(find_column(spec.columns, name)));
  if (!spec.key.empty()) {
    fields.push_back({std::string(memtable::kVersionColumn), Type::kInt64});
  }
  return Schema::make(std::move(fields));
}

Result<std::vector<part::ReadColumn>> read_columns_of(const Schema& input,
                                                      const table::TableSchema& schema) {
  std::vector<part::ReadColumn> columns;
  for (const Field& field : input.fields()) {
    const part::Column* column = schema.find(field.name);
    if (column == nullptr) {
      return Error(Code::kCorrupt, "the schema lacks a column of the table", field.name);
    }
    const part::Column* nanos =
        field.type == Type::kTimestamp ? schema.find("_" + field.name + "_ns") : nullptr;
    columns.push_back(
        {column->field_id, field.name, field.type, nanos == nullptr ? 0 : nanos->field_id});
  }
  return columns;
}

Order order_of(const TableSpec& spec, const Schema& input) {
  Order order;
  for (const std::string& name : spec.key) order.columns.push_back(*input.find(name));
  if (!spec.time.empty()) order.columns.push_back(*input.find(spec.time));
  if (!spec.key.empty()) order.version = input.find(memtable::kVersionColumn);
  return order;
}

/// Streams that are merged with one another.
struct Partition {
  std::vector<const part::Meta*> parts;
  std::optional<memtable::Frozen::Partition> unflushed;
};

Result<int32_t> day_of(const part::Meta& part, const table::Metadata& metadata) {
  if (metadata.time_column.empty()) return 0;
  if (!part.day) return Error(Code::kCorrupt, "the part belongs to no day", part.key);
  return *part.day;
}

Result<std::vector<Partition>> partitions_of(const Contents& contents, const Plan& plan) {
  std::map<int32_t, Partition> by_day;
  std::vector<Partition> ordered;
  for (const part::Meta& part : contents.parts) {
    const int32_t day = TRY(day_of(part, contents.metadata));
    if (!may_hold(day, plan.days)) continue;
    if (!may_hold(part, plan.ranges, contents.metadata.schema())) continue;
    if (plan.order.columns.empty()) {
      ordered.push_back({{&part}, std::nullopt});
    } else {
      by_day[day].parts.push_back(&part);
    }
  }
  for (const auto& partition : contents.unflushed.partitions()) {
    if (may_hold(partition.day, plan.days)) by_day[partition.day].unflushed = partition;
  }
  for (auto& [day, partition] : by_day) ordered.push_back(std::move(partition));
  return ordered;
}

class ScanCursor final : public Cursor {
 public:
  ScanCursor(const Contents& contents, Plan plan, std::vector<Partition> partitions)
      : contents_(contents),
        plan_(std::move(plan)),
        partitions_(std::move(partitions)),
        gatherer_(contents.unflushed, plan_.input, contents.epoch),
        left_(plan_.limit) {
    for (const Field& field : plan_.output->fields()) {
      projection_.push_back(*plan_.input->find(field.name));
    }
  }

  const SchemaPtr& schema() const override { return plan_.output; }

  Result<std::optional<Batch>> next() override {
    if (failed_) return *failed_;
    Result<std::optional<Batch>> batch = read();
    if (!batch.ok()) {
      failed_ = batch.error();
      merge_.reset();
    }
    return batch;
  }

 private:
  Result<std::optional<Batch>> read() {
    while (left_ > 0) {
      if (!merge_ && !TRY(open_partition())) break;
      const std::optional<Batch> merged = TRY(merge_->next());
      if (!merged) {
        merge_.reset();
        continue;
      }
      Batch passed = TRY(pass(*merged));
      if (passed.empty()) continue;
      if (passed.rows() > left_) passed = passed.slice(0, static_cast<uint32_t>(left_));
      left_ -= passed.rows();
      return std::optional(std::move(passed));
    }
    merge_.reset();
    return std::optional<Batch>();
  }

  /// False after the last one.
  Result<bool> open_partition() {
    if (next_partition_ == partitions_.size()) return false;
    const Partition& partition = partitions_[next_partition_++];
    std::vector<std::unique_ptr<Stream>> streams;
    for (const part::Meta* part : partition.parts) {
      streams.push_back(TRY(open_part_stream(contents_.bucket, *part, plan_)));
    }
    if (partition.unflushed) {
      streams.push_back(make_memtable_stream(gatherer_, *partition.unflushed));
    }
    merge_.emplace(plan_.input, plan_.order, std::move(streams));
    return true;
  }

  /// Filters and projects.
  Result<Batch> pass(const Batch& batch) {
    std::optional<std::vector<uint32_t>> rows;
    if (plan_.filter) rows = passing_rows(*plan_.filter, batch);
    if (rows && rows->size() == batch.rows()) rows.reset();
    if (!rows && *plan_.input == *plan_.output) return batch;
    BatchBuilder out(plan_.output);
    for (size_t column = 0; column < projection_.size(); ++column) {
      const ColumnView view = batch.column(projection_[column]);
      const size_t count = rows ? rows->size() : batch.rows();
      for (size_t at = 0; at < count; ++at) out.append_from(column, view, rows ? (*rows)[at] : at);
    }
    return out.finish();
  }

  const Contents contents_;
  const Plan plan_;
  const std::vector<Partition> partitions_;
  std::vector<size_t> projection_;  // index into the input of each output column
  memtable::Gatherer gatherer_;
  std::optional<Merge> merge_;  // of the partition before next_partition_
  size_t next_partition_ = 0;
  uint64_t left_;
  std::optional<Error> failed_;
};

}  // namespace

Result<Plan> plan_scan(const table::Metadata& metadata, const ScanOptions& options) {
  const TableSpec spec = metadata.spec();
  const table::TableSchema& schema = metadata.schema();
  Plan plan;
  plan.limit = options.limit;
  std::vector<Field> output;
  for (const std::string& name : options.columns) {
    output.push_back(TRY(find_column(spec.columns, name)));
  }
  plan.output = TRY(Schema::make(options.columns.empty() ? spec.columns : std::move(output)));
  plan.filter = TRY(filter_of(spec, options));
  plan.input = TRY(input_of(spec, plan));
  plan.read_columns = TRY(read_columns_of(*plan.input, schema));
  plan.order = order_of(spec, *plan.input);
  if (plan.filter) {
    Intervals intervals = prunable(intervals_of(*plan.filter), spec);
    plan.ranges = ranges_of(intervals, schema);
    if (!spec.time.empty()) plan.days = intervals[spec.time];
  }
  return plan;
}

Result<std::unique_ptr<Cursor>> open_cursor(const Contents& contents, Plan plan) {
  std::vector<Partition> partitions = TRY(partitions_of(contents, plan));
  return std::unique_ptr<Cursor>(
      std::make_unique<ScanCursor>(contents, std::move(plan), std::move(partitions)));
}

}  // namespace sluice::query
