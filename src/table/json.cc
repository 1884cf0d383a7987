#include "table/json.h"

#include <algorithm>
#include <limits>

namespace sluice::table {
namespace {

Error undecodable(std::string message) {
  return Error(Code::kCorrupt, Reason::kDecodeFailure, std::move(message));
}

}  // namespace

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  text_.push_back(bracket);
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  text_.push_back(bracket);
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::name(std::string_view name) {
  separate();
  quote(name);
  text_.push_back(':');
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::text(std::string_view value) {
  separate();
  quote(value);
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  text_.append(json);
  return *this;
}

void JsonWriter::separate() {
  if (comma_) text_.push_back(',');
  comma_ = true;
}

void JsonWriter::quote(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  const auto is_special = [](char c) {
    return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
  };
  text_.push_back('"');
  while (!text.empty()) {
    const auto plain_end = std::find_if(text.begin(), text.end(), is_special);
    const auto plain = static_cast<size_t>(plain_end - text.begin());
    text_.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const auto byte = static_cast<unsigned char>(text.front());
    if (byte < 0x20) {
      text_.append("\\u00").append({kDigits[byte >> 4], kDigits[byte & 15]});
    } else {
      text_.append({'\\', text.front()});
    }
    text.remove_prefix(1);
  }
  text_.push_back('"');
}

template <class T>
Result<T> JsonValue::as(std::string_view what) const {
  T value;
  if (element_.get(value) != simdjson::SUCCESS) {
    return undecodable("'" + std::string(what) + "' has another type or is out of range");
  }
  return value;
}

Result<JsonValue> JsonValue::member(std::string_view name) const {
  const auto value = find(name);
  if (!value) return undecodable("'" + std::string(name) + "' is missing");
  return *value;
}

std::optional<JsonValue> JsonValue::find(std::string_view name) const {
  simdjson::dom::object object;
  simdjson::dom::element value;
  if (element_.get(object) != simdjson::SUCCESS) return std::nullopt;
  if (object.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return JsonValue(value);
}

Result<int64_t> JsonValue::int64(std::string_view name) const {
  return TRY(member(name)).as<int64_t>(name);
}
Result<int32_t> JsonValue::int32(std::string_view name) const {
  return TRY(member(name)).as_int32(name);
}
Result<uint64_t> JsonValue::uint64(std::string_view name) const {
  return TRY(member(name)).as_uint64(name);
}
Result<bool> JsonValue::boolean(std::string_view name) const {
  return TRY(member(name)).as<bool>(name);
}
Result<std::string> JsonValue::text(std::string_view name) const {
  return TRY(member(name)).as_text(name);
}
Result<JsonValue> JsonValue::object(std::string_view name) const {
  const JsonValue value = TRY(member(name));
  TRY(value.as<simdjson::dom::object>(name));
  return value;
}
Result<std::vector<JsonValue>> JsonValue::array(std::string_view name) const {
  return TRY(member(name)).as_array(name);
}

Result<int32_t> JsonValue::as_int32(std::string_view what) const {
  const int64_t value = TRY(as<int64_t>(what));
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
    return undecodable("'" + std::string(what) + "' is out of range");
  }
  return static_cast<int32_t>(value);
}

Result<uint64_t> JsonValue::as_uint64(std::string_view what) const {
  return as<uint64_t>(what);
}

Result<std::string> JsonValue::as_text(std::string_view what) const {
  return std::string(TRY(as<std::string_view>(what)));
}

Result<std::vector<JsonValue>> JsonValue::as_array(std::string_view what) const {
  const auto array = TRY(as<simdjson::dom::array>(what));
  std::vector<JsonValue> values;
  for (const simdjson::dom::element element : array) values.emplace_back(element);
  return values;
}

Result<std::vector<JsonMember>> JsonValue::as_members(std::string_view what) const {
  const auto object = TRY(as<simdjson::dom::object>(what));
  std::vector<JsonMember> members;
  for (const auto& field : object) members.emplace_back(field.key, JsonValue(field.value));
  return members;
}

Result<JsonDocument> JsonDocument::parse(std::string_view text) {
  JsonDocument document;
  document.parser_ = std::make_unique<simdjson::dom::parser>();
  // The text need not be padded: simdjson copies it then.
  const auto error = document.parser_->parse(text.data(), text.size(), true).get(document.root_);
  if (error != simdjson::SUCCESS) {
    // The parser names no place. A text that is cut is the likeliest, and its end is known.
    return Error({Code::kCorrupt, Reason::kDecodeFailure,
                  std::string("not JSON: ") + simdjson::error_message(error), std::string(), 0,
                  text.size()});
  }
  return document;
}

}  // namespace sluice::table
