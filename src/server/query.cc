#include "server/query.h"

#include <algorithm>

#include "server/device_columns.h"

namespace sluice::server {
namespace {

// Several queries run at a time.
constexpr uint64_t kScanBytes = 16 << 20;

Predicate is_one_of(const std::string& column, const std::vector<std::string>& values) {
  std::vector<Predicate> equal;
  for (const std::string& text : values) {
    Predicate one;
    one.op = Predicate::Op::kEq;
    one.column = column;
    one.value.type = Type::kString;
    one.value.bytes = text;
    equal.push_back(std::move(one));
  }
  if (equal.size() == 1) return equal.front();
  Predicate any;
  any.op = Predicate::Op::kOr;
  any.operands = std::move(equal);
  return any;
}

bool is_number(Type type) {
  return type == Type::kInt64 || type == Type::kDouble;
}

/// Whether rows come in the order of device and time already, but for the days.
bool is_by_time(const TableSpec& spec) {
  return spec.partition && spec.partition->size() == 1 &&
         spec.partition->front().column == spec.time;
}

/// The columns that the answer has, without id and time.
Result<std::vector<std::string>> fields_of(const TableSpec& spec, const Query& query) {
  std::vector<std::string> fields;
  for (const Field& column : spec.columns) {
    if (column.name == spec.key.front() || column.name == spec.time) continue;
    const bool is_asked =
        query.fields.empty() ||
        std::find(query.fields.begin(), query.fields.end(), column.name) != query.fields.end();
    if (is_asked && (!query.interval || is_number(column.type))) fields.push_back(column.name);
  }
  for (const std::string& asked : query.fields) {
    const auto is_it = [&](const Field& column) { return column.name == asked; };
    if (std::none_of(spec.columns.begin(), spec.columns.end(), is_it)) {
      return Error(Code::kInvalid, Reason::kUnknownColumn,
                   "no point has had the field \"" + asked + "\"", asked);
    }
  }
  return fields;
}

Result<std::unique_ptr<Cursor>> open_cursor(Snapshot& snapshot, const Query& query,
                                            const std::vector<std::string>& fields) {
  const TableSpec& spec = snapshot.table().spec;
  const std::string& id = spec.key.front();
  ScanOptions scan;
  scan.memory_bytes = kScanBytes;
  scan.from = query.from;
  scan.to = query.to;
  if (!query.ids.empty()) scan.where = is_one_of(id, query.ids);
  // Days come in their order, and rows of a day in that of device and time; buckets come by time.
  const bool needs_order = !query.interval && !is_by_time(spec);
  if (needs_order) scan.order = {{spec.time, OrderTerm::Direction::kAscending}};
  if (!query.interval) {
    scan.columns = {id, spec.time};
    scan.columns.insert(scan.columns.end(), fields.begin(), fields.end());
    if (query.limit > 0) scan.limit_per_key = query.limit;
    return snapshot.scan(scan);
  }
  Grouping grouping;
  grouping.every = query.interval;
  grouping.zone = query.zone;
  grouping.by = {id};
  for (const std::string& field : fields) {
    grouping.aggregates.push_back({query.aggregation, field, field});
  }
  return snapshot.aggregate(grouping, scan);
}

}  // namespace

Result<std::string> run_query(Engine& engine, const TableName& name, const Query& query,
                              const Options& options) {
  const auto snapshot = TRY(engine.snapshot(name));
  const TableSpec& spec = snapshot->table().spec;
  if (spec.key.size() != 1 || spec.time.empty()) {
    return Error(Code::kInvalid, "the collection is not keyed by one column and a time",
                 name.to_string());
  }
  const std::vector<std::string> fields = TRY(fields_of(spec, query));
  JsonObject head;
  head.text("database", name.database).text("collection", name.collection);
  if (!query.start_text.empty()) head.text("start_time", query.start_text);
  if (!query.end_text.empty()) head.text("end_time", query.end_text);
  DeviceColumns devices(query, options.answer_bytes_max, "{" + head.members() + ",\"results\":");
  const bool has_rows = !query.interval || !fields.empty();
  if (has_rows) {
    const auto cursor = TRY(open_cursor(*snapshot, query, fields));
    devices.begin(*cursor->schema(), spec.key.front(), spec.time);
    for (;;) {
      const std::optional<Batch> batch = TRY(cursor->next());
      if (!batch) break;
      TRY(devices.take(*batch));
    }
  }
  return devices.finish();
}

}  // namespace sluice::server
