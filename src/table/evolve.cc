#include "table/evolve.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "model/schema.h"
#include "table/format.h"
#include "table/next_version.h"
#include "table/partitioning.h"

namespace sluice::table {
namespace {

using Kind = SchemaChange::Kind;

Error invalid(std::string message, std::string_view column, Reason reason = Reason::kNone) {
  return Error(Code::kInvalid, reason, std::move(message), std::string(column));
}

std::optional<part::PhysicalType> wide_form(part::PhysicalType type) {
  if (type == part::PhysicalType::kInt32) return part::PhysicalType::kInt64;
  if (type == part::PhysicalType::kFloat) return part::PhysicalType::kDouble;
  return std::nullopt;
}

/// What happens to one column, by its field id.
struct Fate {
  std::optional<std::string> new_name;
  bool dropped = false;
  bool widened = false;
};

class Evolution {
 public:
  explicit Evolution(Metadata metadata)
      : metadata_(std::move(metadata)), old_(metadata_.schema()) {}

  Status take(const SchemaChange& change) {
    if (change.kind == Kind::kAdd) return add(change);
    const part::Column* column = old_.find(change.column);
    if (column == nullptr || !model::is_user_column(column->name)) return unknown(change.column);
    Fate& fate = fates_[column->field_id];
    if (change.kind == Kind::kWiden) return widen(*column, change, fate);
    if (fate.dropped || fate.new_name) {
      return invalid("the column is renamed or dropped by two changes; leave one", column->name);
    }
    return change.kind == Kind::kDrop ? drop(*column, fate) : rename(*column, change, fate);
  }

  Result<Metadata> finish() {
    TableSchema next = make_schema();
    TRY(check_names(next));
    if (next.columns.size() > kColumnsMax) {
      return Error({Code::kInvalid, Reason::kOutOfRange, "too many columns", "", kColumnsMax,
                    next.columns.size()});
    }
    const auto is_users = [](const part::Column& c) { return model::is_user_column(c.name); };
    if (std::none_of(next.columns.begin(), next.columns.end(), is_users)) {
      return invalid("the last column cannot be dropped", "");
    }
    for (std::string& key : metadata_.key_columns) key = name_in(next, key);
    if (!metadata_.time_column.empty()) {
      metadata_.time_column = name_in(next, metadata_.time_column);
    }
    metadata_.current_schema_id = next.schema_id;
    metadata_.schemas.push_back(std::move(next));
    TRY(check_partition_names(metadata_));
    return std::move(metadata_);
  }

 private:
  Error unknown(const std::string& name) const {
    const auto fate = fate_of(metadata_, name);
    return invalid("the table has no such column" + (fate ? "; it " + *fate : ""), name,
                   Reason::kUnknownColumn);
  }

  Status add(const SchemaChange& change) {
    TRY(model::check_table_column({change.column, change.type}));
    if (change.narrow && !model::has_narrow_form(change.type)) {
      return invalid("only long and double columns can be stored in four bytes", change.column,
                     Reason::kTypeMismatch);
    }
    part::Column column;
    column.name = change.column;
    column.type = change.narrow ? narrow_type(change.type) : physical_type(change.type);
    added_.push_back(std::move(column));
    return ok();
  }

  Status drop(const part::Column& column, Fate& fate) {
    const auto& key = metadata_.key_columns;
    const char* need = nullptr;
    for (const PartitionSpecField& field : metadata_.partition) {
      if (field.source_id == column.field_id) need = "partition";
    }
    if (column.name == metadata_.time_column) need = "time";
    const auto& ids = old_.identifier_field_ids;
    if (std::find(ids.begin(), ids.end(), column.field_id) != ids.end()) need = "key";
    if (std::find(key.begin(), key.end(), column.name) != key.end()) need = "key";
    if (need != nullptr) {
      return invalid("the table's " + std::string(need) +
                         " needs the column, and is fixed at creation: make another table without "
                         "it, or keep the column",
                     column.name);
    }
    if (fate.widened) return invalid("a column cannot be both widened and dropped", column.name);
    fate.dropped = true;
    return ok();
  }

  Status rename(const part::Column& column, const SchemaChange& change, Fate& fate) {
    TRY(model::check_table_column({change.new_name, logical_type(column.type)}));
    if (change.new_name == column.name) {
      return invalid("the column has this name already", column.name);
    }
    if (column.name == model::kRestColumn) {
      return invalid(
          "what the other columns cannot take is looked for under this name; add a "
          "column of your own instead",
          column.name);
    }
    fate.new_name = change.new_name;
    return ok();
  }

  Status widen(const part::Column& column, const SchemaChange& change, Fate& fate) {
    const std::string have(iceberg_type(column.type));
    const Type type = logical_type(column.type);
    if (change.type != Type::kNull && change.type != type) {
      return invalid("a column of type " + have + " cannot become " +
                         std::string(to_string(change.type)) +
                         ": the rows that are stored do not; add a column of that type instead",
                     column.name, Reason::kTypeMismatch);
    }
    if (change.narrow) {
      return invalid("a column cannot become narrower: what is stored may not fit; add another",
                     column.name, Reason::kTypeMismatch);
    }
    if (!wide_form(column.type)) {
      return invalid("only int and float columns can be widened; this is a " + have, column.name,
                     Reason::kTypeMismatch);
    }
    if (fate.dropped) return invalid("a column cannot be both widened and dropped", column.name);
    fate.widened = true;
    return ok();
  }

  /// What happens to the column, or to the timestamp that it is the companion of.
  Fate fate_of_column(const part::Column& column) const {
    if (const auto own = fates_.find(column.field_id); own != fates_.end()) return own->second;
    for (const auto& [id, fate] : fates_) {
      const part::Column& timestamp = *old_.find(id);
      if (timestamp.type != part::PhysicalType::kTimestampMicros) continue;
      if (column.name != nanos_column(timestamp.name)) continue;
      Fate companion = fate;
      if (fate.new_name) companion.new_name = nanos_column(*fate.new_name);
      return companion;
    }
    return {};
  }

  TableSchema make_schema() {
    TableSchema next;
    next.identifier_field_ids = old_.identifier_field_ids;
    for (const TableSchema& known : metadata_.schemas) {
      next.schema_id = std::max(next.schema_id, known.schema_id + 1);
    }
    for (part::Column column : old_.columns) {
      const Fate fate = fate_of_column(column);
      if (fate.dropped) continue;
      if (fate.new_name) column.name = *fate.new_name;
      if (fate.widened) column.type = *wide_form(column.type);
      next.columns.push_back(std::move(column));
    }
    for (part::Column column : added_) {
      column.field_id = ++metadata_.last_column_id;  // T12: never one that was given before
      next.columns.push_back(std::move(column));
    }
    return next;
  }

  Status check_names(const TableSchema& next) const {
    std::set<std::string_view> names;
    for (const part::Column& column : next.columns) {
      if (names.insert(column.name).second) continue;
      return invalid("another column has this name; rename or drop that one in the same change",
                     column.name);
    }
    return ok();
  }

  std::string name_in(const TableSchema& next, const std::string& old_name) const {
    return next.find(old_.find(old_name)->field_id)->name;
  }

  Metadata metadata_;
  const TableSchema old_;
  std::map<int32_t, Fate> fates_;
  std::vector<part::Column> added_;
};

const TableSchema* find_schema(const Metadata& metadata, int32_t id) {
  for (const TableSchema& schema : metadata.schemas) {
    if (schema.schema_id == id) return &schema;
  }
  return nullptr;
}

/// Whether the schema has what key, time and partition are of: in a table of ours every schema
/// does.
bool has_fixed_columns(const TableSchema& schema, const Metadata& metadata) {
  const TableSchema& now = metadata.schema();
  std::vector<int32_t> ids = metadata.sort_source_ids;
  for (const std::string& key : metadata.key_columns) ids.push_back(now.find(key)->field_id);
  if (!metadata.time_column.empty()) ids.push_back(now.find(metadata.time_column)->field_id);
  for (const PartitionSpecField& field : metadata.partition) ids.push_back(field.source_id);
  return std::all_of(ids.begin(), ids.end(),
                     [&](int32_t id) { return schema.find(id) != nullptr; });
}

}  // namespace

Result<Metadata> evolve(Metadata metadata, const std::vector<SchemaChange>& changes) {
  if (changes.empty()) return invalid("there is nothing to change", "");
  std::vector<SchemaChange> of_columns;
  for (const SchemaChange& change : changes) {
    if (change.kind == Kind::kOnConflict) {
      metadata.on_conflict = change.on_conflict;
    } else {
      of_columns.push_back(change);
    }
  }
  if (of_columns.empty()) return metadata;
  Evolution evolution(std::move(metadata));
  for (const SchemaChange& change : of_columns) TRY(evolution.take(change));
  return evolution.finish();
}

Result<Proposal> propose_alter(const Head& head, const std::vector<SchemaChange>& changes,
                               const Stamp& stamp) {
  return with_head(TRY(evolve(next_version(head, stamp), changes)), head.marks);
}

std::optional<std::string> fate_of(const Metadata& metadata, std::string_view name) {
  if (metadata.schema().find(name) != nullptr || !model::is_user_column(name)) return std::nullopt;
  for (auto schema = metadata.schemas.rbegin(); schema != metadata.schemas.rend(); ++schema) {
    const part::Column* then = schema->find(name);
    if (then == nullptr) continue;
    const part::Column* now = metadata.schema().find(then->field_id);
    return now == nullptr ? "was dropped" : "was renamed to " + now->name;
  }
  return std::nullopt;
}

Metadata at_snapshot(const Metadata& metadata, const SnapshotEntry& snapshot) {
  Metadata then = metadata;
  then.current_snapshot_id = snapshot.id;
  const TableSchema& now = metadata.schema();
  const TableSchema* schema = find_schema(metadata, snapshot.schema_id);
  // Without its schema, the columns of today still find its values.
  if (schema == nullptr || !has_fixed_columns(*schema, metadata)) return then;
  const auto name_then = [&](std::string& name) {
    name = schema->find(now.find(name)->field_id)->name;
  };
  for (std::string& key : then.key_columns) name_then(key);
  if (!then.time_column.empty()) name_then(then.time_column);
  then.current_schema_id = schema->schema_id;
  return then;
}

}  // namespace sluice::table
