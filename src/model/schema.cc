#include "model/schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "base/check.h"
#include "base/utf8.h"
#include "model/partition.h"

namespace sluice {
namespace {

constexpr size_t kColumnNameBytesMax = 255;
constexpr size_t kTableNamePartBytesMax = 100;
constexpr std::array<std::string_view, 7> kTypeNames = {"null",   "bool",   "long",     "double",
                                                        "string", "binary", "timestamp"};

Error invalid(std::string message, std::string_view column, Reason reason = Reason::kNone) {
  return Error(Code::kInvalid, reason, std::move(message), std::string(column));
}

Status check_field(const Field& field) {
  if (field.name.empty()) return invalid("a column needs a name", field.name);
  if (field.name.size() > kColumnNameBytesMax) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge, "the column's name is too long",
                  field.name, kColumnNameBytesMax, field.name.size()});
  }
  if (!is_utf8(field.name)) return invalid("the column's name is not UTF-8", field.name);
  if (static_cast<size_t>(field.type) >= kTypeNames.size()) {
    return invalid("the column has no known type", field.name, Reason::kOutOfRange);
  }
  return ok();
}

bool is_table_name_part(std::string_view part) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  };
  return !part.empty() && part.size() <= kTableNamePartBytesMax && part.front() != '-' &&
         std::all_of(part.begin(), part.end(), fits);
}

}  // namespace

std::string_view to_string(Type type) {
  const auto index = static_cast<size_t>(type);
  return index < kTypeNames.size() ? kTypeNames[index] : "unknown";
}

std::optional<Type> parse_type(std::string_view name) {
  const auto* found = std::find(kTypeNames.begin(), kTypeNames.end(), name);
  if (found == kTypeNames.end()) return std::nullopt;
  return static_cast<Type>(found - kTypeNames.begin());
}

Result<SchemaPtr> Schema::make(std::vector<Field> fields) {
  std::vector<std::string_view> names;
  for (const Field& field : fields) {
    TRY(check_field(field));
    names.push_back(field.name);
  }
  std::sort(names.begin(), names.end());
  const auto twin = std::adjacent_find(names.begin(), names.end());
  if (twin != names.end()) return invalid("two columns have this name", *twin);
  return SchemaPtr(new Schema(std::move(fields)));
}

std::optional<size_t> Schema::find(std::string_view name) const {
  for (size_t index = 0; index < fields_.size(); ++index) {
    if (fields_[index].name == name) return index;
  }
  return std::nullopt;
}

Result<TableName> TableName::parse(std::string_view text) {
  const size_t dot = std::min(text.find('.'), text.size());
  const std::string_view database = text.substr(0, dot);
  const std::string_view collection = text.substr(std::min(dot + 1, text.size()));
  if (!is_table_name_part(database) || !is_table_name_part(collection)) {
    return Error(Code::kInvalid,
                 "a table is named database.collection, each 1 to 100 characters of A-Z, a-z, 0-9, "
                 "_ and -, not beginning with -",
                 std::string(text));
  }
  return TableName{std::string(database), std::string(collection)};
}

namespace model {
namespace {

/// Finds columns by name. Fast if they are asked for in about the order they stand in.
class Finder {
 public:
  explicit Finder(const std::vector<Field>& fields) : fields_(fields) {}
  const Field* find(std::string_view name) {
    for (size_t step = 0; step < fields_.size(); ++step, ++next_) {
      if (next_ >= fields_.size()) next_ = 0;
      if (fields_[next_].name == name) return &fields_[next_++];
    }
    return nullptr;
  }

 private:
  const std::vector<Field>& fields_;
  size_t next_ = 0;
};

/// Whether a float holds the value exactly, NaN and the infinities included. What lies beyond the
/// largest float must not be converted: that is no rounding but undefined.
bool is_float(double value) {
  if (!std::isfinite(value)) return true;
  if (std::abs(value) > std::numeric_limits<float>::max()) return false;
  return static_cast<double>(static_cast<float>(value)) == value;
}

Error mismatch(const Field& have, const Field& found) {
  return invalid("the column has type " + std::string(to_string(have.type)) + ", not " +
                     std::string(to_string(found.type)),
                 found.name, Reason::kTypeMismatch);
}

Error missing(std::string_view column) {
  return invalid("the column is needed by the key or as time, but missing", column,
                 Reason::kMissingColumn);
}

Status check_key(const Schema& schema, const TableSpec& spec) {
  for (auto name = spec.key.begin(); name != spec.key.end(); ++name) {
    const std::optional<size_t> index = schema.find(*name);
    if (!index) return missing(*name);
    if (schema[*index].type == Type::kDouble) {
      return invalid("a double cannot be part of a key", *name, Reason::kTypeMismatch);
    }
    if (std::find(spec.key.begin(), name, *name) != name) {
      return invalid("the key names the column twice", *name);
    }
    if (*name == spec.time) return invalid("the time column belongs to the key already", *name);
  }
  return ok();
}

Status check_narrow(const Schema& schema, const TableSpec& spec) {
  for (auto name = spec.narrow.begin(); name != spec.narrow.end(); ++name) {
    const std::optional<size_t> index = schema.find(*name);
    if (!index) return invalid("a narrow column is missing", *name, Reason::kMissingColumn);
    if (!has_narrow_form(schema[*index].type)) {
      return invalid("only long and double columns can be stored in four bytes", *name,
                     Reason::kTypeMismatch);
    }
    if (std::find(spec.narrow.begin(), name, *name) != name) {
      return invalid("the column is named as narrow twice", *name);
    }
  }
  return ok();
}

/// The first row whose value four bytes do not hold.
std::optional<uint32_t> first_row_too_wide(const ColumnView& view) {
  for (uint32_t row = 0; row < view.rows; ++row) {
    if (view.is_null(row)) continue;
    const bool fits = view.type == Type::kInt64
                          ? view.int64(row) == static_cast<int32_t>(view.int64(row))
                          : is_float(view.real(row));
    if (!fits) return row;
  }
  return std::nullopt;
}

Status check_fits_narrow(const Batch& batch, std::string_view column) {
  const std::optional<size_t> index = batch.schema()->find(column);
  if (!index) return ok();
  const ColumnView view = batch.column(*index);
  if (!has_narrow_form(view.type)) return ok();  // all null
  const std::optional<uint32_t> row = first_row_too_wide(view);
  if (!row) return ok();
  const bool whole = view.type == Type::kInt64;
  return Error({Code::kInvalid, Reason::kOutOfRange,
                whole ? "the column is an int, and the value does not fit: widen the column to long"
                      : "the column is a float, and the value is none: widen the column to double",
                std::string(column), 0, *row});
}

Status check_no_null(const Batch& batch, std::string_view column) {
  const std::optional<size_t> index = batch.schema()->find(column);
  if (!index) return missing(column);
  const ColumnView view = batch.column(*index);
  if (view.null_count == 0) return ok();
  uint32_t row = 0;
  while (!view.is_null(row)) ++row;
  return Error({Code::kInvalid, Reason::kNullKey, "key and time may not be null",
                std::string(column), 0, row});
}

}  // namespace

Status check_table_column(const Field& field) {
  TRY(check_field(field));
  if (!is_user_column(field.name)) {
    return invalid("names beginning with _ are reserved", field.name);
  }
  if (field.name == kRestColumn && field.type != Type::kString) {
    return invalid("the column _rest has to be a string", field.name, Reason::kTypeMismatch);
  }
  if (field.type == Type::kNull) {
    return invalid("a table's column needs a type", field.name, Reason::kTypeMismatch);
  }
  return ok();
}

Result<std::vector<Field>> merge_columns(const std::vector<Field>& have,
                                         const std::vector<Field>& want) {
  TRY(Schema::make(want));
  std::vector<Field> added;
  Finder columns(have);
  for (const Field& field : want) {
    if (field.type == Type::kNull) continue;
    const Field* column = columns.find(field.name);
    if (column == nullptr) {
      TRY(check_table_column(field));
      added.push_back(field);
      continue;
    }
    CHECK(column->type != Type::kNull);
    if (column->type != field.type) return mismatch(*column, field);
  }
  return added;
}

Status check_table_spec(const TableSpec& spec) {
  if (spec.columns.empty()) return invalid("a table needs at least one column", {});
  const SchemaPtr schema = TRY(Schema::make(spec.columns));
  for (const Field& field : spec.columns) TRY(check_table_column(field));
  TRY(check_key(*schema, spec));
  TRY(check_narrow(*schema, spec));
  if (spec.time.empty()) return check_partition(spec);
  const std::optional<size_t> time = schema->find(spec.time);
  if (!time) return missing(spec.time);
  if ((*schema)[*time].type != Type::kTimestamp) {
    return invalid("the time column must be a timestamp", spec.time, Reason::kTypeMismatch);
  }
  return check_partition(spec);
}

Status check_batch_fits(const TableSpec& spec, const Batch& batch) {
  CHECK(batch.schema() != nullptr);
  Finder columns(spec.columns);
  for (const Field& field : batch.schema()->fields()) {
    const Field* column = columns.find(field.name);
    if (column == nullptr) {
      return invalid("the table has no such column", field.name, Reason::kUnknownColumn);
    }
    if (field.type != Type::kNull && field.type != column->type) return mismatch(*column, field);
  }
  for (const std::string& name : spec.key) TRY(check_no_null(batch, name));
  if (!spec.time.empty()) TRY(check_no_null(batch, spec.time));
  for (const std::string& name : spec.narrow) TRY(check_fits_narrow(batch, name));
  return ok();
}

}  // namespace model
}  // namespace sluice
