// JSON for the table's objects: a writer of our own, and checked access to what simdjson parsed.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/result.h"

namespace sluice::table {

/// Writes one compact document. The caller nests the calls rightly and passes UTF-8.
class JsonWriter {
 public:
  JsonWriter& open_object() { return open('{'); }
  JsonWriter& close_object() { return close('}'); }
  JsonWriter& open_array() { return open('['); }
  JsonWriter& close_array() { return close(']'); }
  JsonWriter& name(std::string_view name);
  JsonWriter& text(std::string_view value);
  JsonWriter& number(int64_t value) { return raw(std::to_string(value)); }
  JsonWriter& number(uint64_t value) { return raw(std::to_string(value)); }
  JsonWriter& boolean(bool value) { return raw(value ? "true" : "false"); }
  /// A value that is JSON already.
  JsonWriter& raw(std::string_view json);
  std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();
  void quote(std::string_view text);

  std::string text_;
  bool comma_ = false;  ///< the next value follows another one
};

class JsonValue;
using JsonMember = std::pair<std::string_view, JsonValue>;

/// A value of a parsed document; valid as long as its JsonDocument. What is absent, of another type
/// or out of range is kCorrupt (kDecodeFailure), and the message names it.
class JsonValue {
 public:
  explicit JsonValue(simdjson::dom::element element) : element_(element) {}

  // Members of this object, by name.
  Result<int64_t> int64(std::string_view name) const;
  Result<int32_t> int32(std::string_view name) const;
  Result<uint64_t> uint64(std::string_view name) const;
  Result<bool> boolean(std::string_view name) const;
  Result<std::string> text(std::string_view name) const;
  Result<JsonValue> object(std::string_view name) const;
  Result<std::vector<JsonValue>> array(std::string_view name) const;
  /// Nothing if it is absent or null.
  std::optional<JsonValue> find(std::string_view name) const;

  // This value itself; `what` is its name in messages.
  Result<int32_t> as_int32(std::string_view what) const;
  Result<uint64_t> as_uint64(std::string_view what) const;
  Result<std::string> as_text(std::string_view what) const;
  Result<std::vector<JsonValue>> as_array(std::string_view what) const;
  Result<std::vector<JsonMember>> as_members(std::string_view what) const;
  /// As compact JSON.
  std::string to_json() const { return simdjson::minify(element_); }
  bool is_object() const { return element_.is_object(); }
  bool is_text() const { return element_.is_string(); }

 private:
  template <class T>
  Result<T> as(std::string_view what) const;
  Result<JsonValue> member(std::string_view name) const;

  simdjson::dom::element element_;
};

class JsonDocument {
 public:
  /// kCorrupt (kDecodeFailure) unless `text` is one JSON document.
  static Result<JsonDocument> parse(std::string_view text);
  JsonValue root() const { return JsonValue(root_); }

 private:
  std::unique_ptr<simdjson::dom::parser> parser_;  ///< values point into it, so it does not move
  simdjson::dom::element root_;
};

}  // namespace sluice::table
