#include "server/declaration.h"

#include <simdjson.h>

#include <array>
#include <set>

#include "server/points.h"

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;

Refusal invalid_fields(std::string message) {
  return {400, "INVALID_FIELDS", std::move(message)};
}

std::optional<Type> type_of(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, Type>, 4> kTypes = {{
      {"timestamp", Type::kTimestamp},
      {"string", Type::kString},
      {"number", Type::kDouble},
      {"boolean", Type::kBool},
  }};
  for (const auto& [name, type] : kTypes) {
    if (name == word) return type;
  }
  return std::nullopt;
}

std::optional<Refusal> read_field(dom::element element, Declaration& declared) {
  std::string_view name;
  std::string_view word;
  bool is_required = false;
  if (element["name"].get(name) != simdjson::SUCCESS ||
      element["type"].get(word) != simdjson::SUCCESS) {
    return invalid_fields("a field has a name and a type");
  }
  if (element["required"].get(is_required) != simdjson::SUCCESS) is_required = false;
  const std::optional<Type> type = type_of(word);
  if (!type) {
    return invalid_fields("field \"" + std::string(name) +
                          "\": its type is none of timestamp, string, number, boolean");
  }
  declared.columns.push_back({std::string(name), *type});
  if (name == kIdColumn) declared.has_id = is_required && *type == Type::kString;
  if (name == kTimeColumn) declared.has_time = is_required && *type == Type::kTimestamp;
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> read_declaration(std::string_view body, Declaration& declared) {
  dom::parser parser;
  dom::object object;
  if (parser.parse(body.data(), body.size()).get(object) != simdjson::SUCCESS) {
    return invalid_request("the body is no JSON object");
  }
  std::string_view text;
  if (object["name"].get(text) != simdjson::SUCCESS) return invalid_request("name is missing");
  declared.name = text;
  if (object["description"].get(text) == simdjson::SUCCESS) declared.description = text;
  dom::object extra;
  if (object["metadata"].get(extra) == simdjson::SUCCESS) {
    declared.metadata = simdjson::minify(extra);
  }
  if (object["schema_hints"].get(extra) == simdjson::SUCCESS) {
    declared.hints = simdjson::minify(extra);
  }
  if (object["on_conflict"].get(text) == simdjson::SUCCESS) {
    const auto policy = parse_on_conflict(text);
    if (!policy) return invalid_request("on_conflict is none of reject, keep, refuse");
    declared.on_conflict = *policy;
  }
  dom::array fields;
  if (object["fields"].get(fields) != simdjson::SUCCESS) return std::nullopt;
  declared.fields_json = simdjson::minify(fields);
  for (const dom::element element : fields) {
    if (auto refusal = read_field(element, declared)) return refusal;
  }
  return std::nullopt;
}

std::optional<Refusal> check_fields(const Declaration& declared) {
  std::set<std::string> names;
  for (const Field& column : declared.columns) {
    if (column.name.empty() || column.name.front() == '_') {
      return invalid_fields("\"" + column.name +
                            "\" cannot name a field: it is empty or begins with _");
    }
    if (!names.insert(column.name).second) {
      return invalid_fields("field \"" + column.name + "\" stands there twice");
    }
  }
  if (!declared.has_time) return invalid_fields("time, a required timestamp, is missing");
  if (!declared.has_id) return invalid_fields("id, a required string, is missing");
  return std::nullopt;
}

}  // namespace sluice::server
