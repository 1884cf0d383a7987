#include "cli/column_types.h"

#include <algorithm>
#include <string>
#include <utility>

#include "source/source.h"

namespace sluice::cli {
namespace {

const Field* find(const std::vector<Field>& fields, std::string_view name) {
  for (const Field& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

Result<Field> parse_column(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0) {
    return Error(Code::kInvalid, "\"" + std::string(text) + "\" is not COLUMN:TYPE");
  }
  const std::string_view name = text.substr(0, colon);
  const std::string_view type_name = text.substr(colon + 1);
  const std::optional<Type> type = parse_type(type_name);
  if (type == Type::kBinary) {
    return Error(Code::kUnsupported,
                 "text files hold no binary columns; declare " + std::string(name) + " as string");
  }
  if (!type || type == Type::kNull) {
    return Error(Code::kInvalid, "\"" + std::string(type_name) +
                                     "\" is no type; known are long, double, string, bool and "
                                     "timestamp");
  }
  return Field{source::column_name(name), *type};
}

}  // namespace

Result<std::vector<Field>> parse_column_types(std::string_view text) {
  std::vector<Field> types;
  for (;;) {
    const size_t comma = std::min(text.find(','), text.size());
    Field column = TRY(parse_column(text.substr(0, comma)));
    TRY(declare({std::move(column)}, types));
    if (comma == text.size()) return types;
    text.remove_prefix(comma + 1);
  }
}

Status declare(const std::vector<Field>& more, std::vector<Field>& types) {
  for (const Field& field : more) {
    if (find(types, field.name) != nullptr) {
      return Error(Code::kInvalid, "the column " + field.name + " is declared twice", field.name);
    }
    types.push_back(field);
  }
  return ok();
}

Status check_declared(const std::vector<Field>& types, const TableSpec& spec) {
  for (const Field& field : types) {
    const Field* column = find(spec.columns, field.name);
    if (column == nullptr || column->type == field.type) continue;
    return Error(Code::kInvalid, Reason::kTypeMismatch,
                 "the table has this column as " + std::string(to_string(column->type)) + ", not " +
                     std::string(to_string(field.type)) +
                     "; leave it out of --types, or name another table",
                 field.name);
  }
  return ok();
}

std::vector<Field> with_declared(std::vector<Field> columns, const std::vector<Field>& types) {
  for (const Field& field : types) {
    if (find(columns, field.name) == nullptr) columns.push_back(field);
  }
  return columns;
}

}  // namespace sluice::cli
