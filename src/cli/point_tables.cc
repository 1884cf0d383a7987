#include "cli/point_tables.h"

#include <algorithm>
#include <utility>

namespace sluice::cli {
namespace {

const std::vector<std::string>& key_of_points() {
  static const std::vector<std::string> key = {std::string(source::kSeriesColumn)};
  return key;
}

bool is_of_points(const TableSpec& spec) {
  const Field series{std::string(source::kSeriesColumn), Type::kString};
  const bool has_series =
      std::find(spec.columns.begin(), spec.columns.end(), series) != spec.columns.end();
  return has_series && spec.key == key_of_points() && spec.time == source::kTimeColumn;
}

}  // namespace

Status PointTables::add(const TableDescription& table) {
  if (!is_of_points(table.spec)) return ok();
  Table& added = tables_[table.name.collection];
  added.columns = table.spec.columns;
  added.on_conflict = on_conflict_.value_or(table.spec.on_conflict);
  for (const SourcePosition& source : TRY(engine_.sources(table.name))) {
    raise(table.name.collection, source.source, source.position);
  }
  return ok();
}

Status PointTables::learn() {
  if (has_learned_) return ok();
  if (is_database()) {
    for (const TableDescription& table : TRY(engine_.tables())) {
      if (table.name.database == target_.database && !table.trouble) TRY(add(table));
    }
  } else {
    const auto table = engine_.describe(target_);
    if (table.ok()) {
      TRY(add(*table));
    } else if (table.error().code() != Code::kNotFound) {
      return table.error();
    }
  }
  has_learned_ = true;
  return ok();
}

void PointTables::place(source::LineProtocolOptions& options) const {
  options.only_collection = target_.collection;
  for (const auto& [collection, table] : tables_) {
    options.tables[collection] = {table.columns, 0, table.on_conflict};
  }
}

void PointTables::place(const source::FileIdentity& identity,
                        source::LineProtocolOptions& options) const {
  place(options);
  if (!is_database()) {
    options.start = identity.start;
    return;
  }
  for (const auto& [collection, table] : tables_) {
    options.tables[collection].taken = source::start_of(identity, table.known).offset;
  }
}

Result<bool> PointTables::make(const std::string& collection, const Schema& schema) {
  const TableName name = name_of(collection);
  used_.insert(collection);
  const auto table = tables_.find(collection);
  const bool is_new = table == tables_.end();
  if (is_new) {
    const OnConflict policy = on_conflict_.value_or(OnConflict::kReject);
    const TableSpec spec{.columns = schema.fields(),
                         .key = key_of_points(),
                         .time = std::string(source::kTimeColumn),
                         .on_conflict = policy};
    const Status made = engine_.create_table(name, spec);
    if (!made.ok() && made.error().code() == Code::kInvalid) {
      return made.error()
          .with_context(
              "the table is none of line protocol, whose key is series and "
              "whose time is time; name another database")
          .at(name.to_string());
    }
    TRY(made);
    tables_[collection].columns = schema.fields();
    tables_[collection].on_conflict = policy;
    return true;
  }
  std::vector<Field>& columns = table->second.columns;
  std::vector<Field> added;
  for (const Field& field : schema.fields()) {
    if (std::find(columns.begin(), columns.end(), field) == columns.end()) added.push_back(field);
  }
  if (added.empty()) return false;
  TRY(engine_.add_columns(name, added));
  columns.insert(columns.end(), added.begin(), added.end());
  return false;
}

void PointTables::raise(const std::string& collection, const std::string& source,
                        uint64_t position) {
  tables_[collection].known.raise(source, position);
  known_.add(source, position);
}

std::vector<TableName> PointTables::used() const {
  std::vector<TableName> names;
  for (const std::string& collection : used_) names.push_back(name_of(collection));
  return names;
}

}  // namespace sluice::cli
