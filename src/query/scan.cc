#include "query/scan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "query/predicate.h"
#include "query/stream.h"
#include "table/format.h"

namespace sluice::query {

namespace {

using Op = Predicate::Op;

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
Result<SchemaPtr> input_of(const TableSpec& spec, const Plan& plan,
                           const std::vector<OrderTerm>& sort) {
  std::vector<Field> fields = plan.output->fields();
  std::vector<std::string> more = spec.key;
  for (const OrderTerm& term : sort) more.push_back(term.column);
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
        field.type == Type::kTimestamp ? schema.find(table::nanos_column(field.name)) : nullptr;
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
  model::PartitionTuple values;
  std::vector<const part::Meta*> parts;
  std::optional<memtable::Frozen::Partition> unflushed;
};

void add_partitions(std::vector<Partition>& partitions, Partition whole, bool merged) {
  if (merged) return partitions.push_back(std::move(whole));
  for (const part::Meta* part : whole.parts) {
    partitions.push_back({whole.values, {part}, std::nullopt});
  }
  if (whole.unflushed) partitions.push_back({whole.values, {}, whole.unflushed});
}

Result<std::vector<Partition>> partitions_of(const Contents& contents, const Plan& plan) {
  std::map<model::PartitionTuple, Partition> by_values;
  for (const part::Meta* part : TRY(contents.parts.find(plan.partitions))) {
    if (!may_hold(*part, plan.ranges, contents.metadata.schema())) continue;
    by_values[part->partition].parts.push_back(part);
  }
  for (const auto& partition : contents.unflushed.partitions()) {
    if (!plan.partitions.may_hold(partition.values)) continue;
    by_values[partition.values].unflushed = partition;
  }
  std::vector<Partition> ordered;
  for (auto& [values, partition] : by_values) {
    partition.values = values;
    add_partitions(ordered, std::move(partition), !plan.order.columns.empty());
  }
  if (plan.direction == OrderTerm::Direction::kDescending) {
    std::reverse(ordered.begin(), ordered.end());
  }
  return ordered;
}

class TableScan final : public Scan {
 public:
  TableScan(const Contents& contents, const Plan& plan, std::vector<Partition> partitions,
            size_t first_partition)
      : contents_(contents),
        plan_(plan),
        partitions_(std::move(partitions)),
        gatherer_(contents.unflushed, plan_.input, contents.epoch),
        next_partition_(first_partition) {}

  Result<std::optional<Passed>> next() override {
    while (merge_ || TRY(open_partition())) {
      std::optional<Batch> merged = TRY(merge_->next());
      if (!merged) {
        merge_.reset();
        continue;
      }
      Passed passed = make_passed(*std::move(merged));
      if (plan_.filter) passed.rows = passing_rows(*plan_.filter, passed.batch);
      if (passed.count() == 0) continue;
      if (passed.count() == passed.batch.rows()) passed.rows.reset();
      return std::optional(std::move(passed));
    }
    return std::optional<Passed>();
  }

  size_t partition() const override { return next_partition_ - 1; }
  std::optional<Nanos> start() const override {
    return plan_.partitions.start_of(partitions_[partition()].values);
  }

 private:
  /// False after the last one.
  Result<bool> open_partition() {
    if (next_partition_ >= partitions_.size()) return false;
    const Partition& partition = partitions_[next_partition_++];
    const part::ReadOptions share = share_of(partition.parts.size(), plan_.read_columns.size());
    std::vector<std::unique_ptr<Stream>> streams;
    for (const part::Meta* part : partition.parts) {
      streams.push_back(make_part_stream(contents_.bucket, *part, plan_, share, lower_of(*part)));
    }
    if (partition.unflushed) {
      streams.push_back(make_memtable_stream(gatherer_, *partition.unflushed));
    }
    merge_.emplace(plan_.input, plan_.order, std::move(streams));
    return true;
  }

  std::optional<Value> lower_of(const part::Meta& part) const {
    if (plan_.order.columns.empty()) return std::nullopt;
    const part::ReadColumn& first = plan_.read_columns[plan_.order.columns[0]];
    return lower_bound_of(part, *contents_.metadata.schema().find(first.field_id));
  }

  const Contents contents_;
  const Plan& plan_;
  const std::vector<Partition> partitions_;
  memtable::Gatherer gatherer_;
  std::optional<Merge> merge_;  // of the partition before next_partition_
  size_t next_partition_ = 0;
};

class ScanCursor final : public Cursor {
 public:
  ScanCursor(Plan plan, uint64_t limit) : plan_(std::move(plan)), left_(limit) {
    for (const Field& field : plan_.output->fields()) {
      projection_.push_back(*plan_.input->find(field.name));
    }
  }

  Status open(const Contents& contents) {
    scan_ = TRY(Scan::open(contents, plan_));
    return ok();
  }

  const SchemaPtr& schema() const override { return plan_.output; }

  Result<std::optional<Batch>> next() override {
    if (failed_) return *failed_;
    Result<std::optional<Batch>> batch = read();
    if (!batch.ok()) failed_ = batch.error();
    if (!batch.ok() || left_ == 0) scan_.reset();
    return batch;
  }

 private:
  Result<std::optional<Batch>> read() {
    if (left_ == 0) return std::optional<Batch>();
    const std::optional<Passed> passed = TRY(scan_->next());
    if (!passed) return std::optional<Batch>();
    const auto count = static_cast<uint32_t>(std::min<uint64_t>(left_, passed->count()));
    left_ -= count;
    return std::optional(TRY(project(*passed, count)));
  }

  Result<Batch> project(const Passed& passed, uint32_t count) {
    if (!passed.rows && *plan_.input == *plan_.output) {
      return count == passed.batch.rows() ? passed.batch : passed.batch.slice(0, count);
    }
    BatchBuilder out(plan_.output);
    for (size_t column = 0; column < projection_.size(); ++column) {
      const ColumnView& view = passed.columns[projection_[column]];
      for (uint32_t at = 0; at < count; ++at) out.append_from(column, view, passed.row(at));
    }
    return out.finish();
  }

  const Plan plan_;
  std::vector<size_t> projection_;  // index into the input of each output column
  std::unique_ptr<Scan> scan_;
  uint64_t left_;
  std::optional<Error> failed_;
};

}  // namespace

Passed make_passed(Batch batch) {
  Passed passed;
  for (size_t at = 0; at < batch.schema()->size(); ++at) passed.columns.push_back(batch.column(at));
  passed.batch = std::move(batch);
  return passed;
}

Result<std::vector<OrderTerm>> expand_order(const std::vector<OrderTerm>& order,
                                            const std::vector<Field>& columns,
                                            const TableSpec& spec) {
  std::vector<OrderTerm> expanded;
  for (const OrderTerm& term : order) {
    const auto found = find_column(columns, term.column);
    std::vector<std::string> names = {term.column};
    if (!found.ok()) {
      names.clear();
      if (term.column == "time" && !spec.time.empty()) names = {spec.time};
      if (term.column == "key") names = spec.key;
      if (names.empty()) return found.error();
    }
    for (const std::string& name : names) {
      TRY(find_column(columns, name));
      expanded.push_back({name, term.direction});
    }
  }
  return expanded;
}

Result<Plan> plan_scan(const table::Metadata& metadata, const ScanOptions& options) {
  const TableSpec spec = metadata.spec();
  const table::TableSchema& schema = metadata.schema();
  Plan plan;
  std::vector<Field> output;
  for (const std::string& name : options.columns) {
    output.push_back(TRY(find_column(spec.columns, name)));
  }
  plan.output = TRY(Schema::make(options.columns.empty() ? spec.columns : std::move(output)));
  plan.filter = TRY(filter_of(spec, options));
  const auto sort = TRY(expand_order(options.order, spec.columns, spec));
  plan.input = TRY(input_of(spec, plan, sort));
  for (const OrderTerm& term : sort) {
    plan.sort.push_back({*plan.input->find(term.column), term.direction});
  }
  plan.read_columns = TRY(read_columns_of(*plan.input, schema));
  plan.order = order_of(spec, *plan.input);
  if (plan.filter) {
    plan.ranges = ranges_of(prunable(intervals_of(*plan.filter), spec), schema);
  }
  plan.partitions = PartitionFilter(spec, plan.filter);
  return plan;
}

void forget_order(Plan& plan) {
  if (!plan.order.version) plan.order.columns.clear();
}

// Partitions come before the keys.
bool is_in_order(const Plan& plan, const TableSpec& spec) {
  const std::vector<size_t>& scanned = plan.order.columns;
  if (plan.sort.empty()) return true;
  if (plan.sort.size() > scanned.size()) return false;
  if (!rise_with(model::partition_of(spec), (*plan.input)[scanned[0]].name)) return false;
  for (size_t at = 0; at < plan.sort.size(); ++at) {
    const bool ascending = plan.sort[at].direction == OrderTerm::Direction::kAscending;
    if (!ascending || plan.sort[at].column != scanned[at]) return false;
  }
  return true;
}

Result<std::unique_ptr<Scan>> Scan::open(const Contents& contents, const Plan& plan,
                                         size_t first_partition) {
  std::vector<Partition> partitions = TRY(partitions_of(contents, plan));
  return std::unique_ptr<Scan>(
      std::make_unique<TableScan>(contents, plan, std::move(partitions), first_partition));
}

Result<std::unique_ptr<Cursor>> open_cursor(const Contents& contents, Plan plan, uint64_t limit) {
  auto cursor = std::make_unique<ScanCursor>(std::move(plan), limit);
  TRY(cursor->open(contents));
  return std::unique_ptr<Cursor>(std::move(cursor));
}

}  // namespace sluice::query
