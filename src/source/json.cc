#include "source/json.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "source/records.h"

namespace sluice::source {
namespace {

namespace ondemand = simdjson::ondemand;

static_assert(kRecordPaddingBytes >= simdjson::SIMDJSON_PADDING);
constexpr int kDepthMax = 128;
constexpr size_t kParserBytesMin = 64u << 10;
/// A parser takes six times its largest record; one that grew beyond this is given back.
constexpr size_t kParserBytesKept = 4u << 20;
/// Longer names are not predicted, so that a comparison stays within the padding.
constexpr size_t kPredictedNameBytesMax = 255;
static_assert(kPredictedNameBytesMax < kRecordPaddingBytes);

std::string_view token_of(ondemand::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  return token;
}

/// The kind of a scalar or container by its first token; nothing if it is not JSON.
std::optional<Kind> kind_of(std::string_view token) {
  if (token.empty()) return std::nullopt;
  switch (token.front()) {
    case '"':
      return token.size() >= 2 && token.back() == '"' ? std::optional(Kind::kString) : std::nullopt;
    case '{':
    case '[':
      return Kind::kNested;
    case 'n':
      return token == "null" ? std::optional(Kind::kNull) : std::nullopt;
    case 't':
    case 'f':
      return token == "true" || token == "false" ? std::optional(Kind::kBool) : std::nullopt;
    default: {
      const Kind kind = scan_number(token).kind;
      return kind == Kind::kString ? std::nullopt : std::optional(kind);
    }
  }
}

/// The value of a string without copying it, unless it has escapes. Nothing: a bad escape.
std::optional<std::string_view> string_of(std::string_view token, ondemand::value& value) {
  const std::string_view inside = token.substr(1, token.size() - 2);
  if (std::memchr(inside.data(), '\\', inside.size()) == nullptr) return inside;
  std::string_view unescaped;
  if (value.get_string().get(unescaped) != simdjson::SUCCESS) return std::nullopt;
  return unescaped;
}

/// A key as it is written, quotes left out. Stage 1 of the parser has seen its end.
std::string_view raw_key(const ondemand::field& field) {
  const char* begin = field.key().raw();
  const char* end = begin;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return {begin, static_cast<size_t>(end - begin)};
}

/// Checks a value completely and appends it to `text` without white space.
RejectReason write_compact(ondemand::value value, int depth, std::string& text);

RejectReason write_members(ondemand::object object, int depth, std::string& text) {
  text += '{';
  for (auto result : object) {
    ondemand::field field;
    if (std::move(result).get(field) != simdjson::SUCCESS) return RejectReason::kInvalidJson;
    const std::string_view key = raw_key(field);
    if (text.back() != '{') text += ',';
    text.append("\"").append(key).append("\":");
    if (field.unescaped_key().error() != simdjson::SUCCESS) return RejectReason::kInvalidJson;
    const RejectReason reason = write_compact(field.value(), depth, text);
    if (reason != RejectReason::kNone) return reason;
  }
  text += '}';
  return RejectReason::kNone;
}

RejectReason write_elements(ondemand::array array, int depth, std::string& text) {
  text += '[';
  for (auto result : array) {
    ondemand::value element;
    if (std::move(result).get(element) != simdjson::SUCCESS) return RejectReason::kInvalidJson;
    if (text.back() != '[') text += ',';
    const RejectReason reason = write_compact(element, depth, text);
    if (reason != RejectReason::kNone) return reason;
  }
  text += ']';
  return RejectReason::kNone;
}

RejectReason write_compact(ondemand::value value, int depth, std::string& text) {
  if (depth == kDepthMax) return RejectReason::kNestedTooDeep;
  const std::string_view token = token_of(value);
  const std::optional<Kind> kind = kind_of(token);
  if (!kind) return RejectReason::kInvalidJson;
  if (*kind != Kind::kNested) {
    if (*kind == Kind::kString && !string_of(token, value)) return RejectReason::kInvalidJson;
    text += token;
    return RejectReason::kNone;
  }
  ondemand::object object;
  if (token.front() == '{' && value.get_object().get(object) == simdjson::SUCCESS) {
    return write_members(object, depth + 1, text);
  }
  ondemand::array array;
  if (token.front() == '[' && value.get_array().get(array) == simdjson::SUCCESS) {
    return write_elements(array, depth + 1, text);
  }
  return RejectReason::kInvalidJson;
}

RejectReason reason_of(simdjson::error_code error) {
  switch (error) {
    case simdjson::UTF8_ERROR:
      return RejectReason::kInvalidUtf8;
    case simdjson::INCORRECT_TYPE:
      return RejectReason::kNotAnObject;
    default:
      return RejectReason::kInvalidJson;
  }
}

/// Calls `on_field(field) -> Fault` for each field of the object that `record` is.
template <class OnField>
Fault walk(ondemand::parser& parser, std::string_view record, OnField&& on_field) {
  if (record.size() > parser.capacity() &&
      parser.allocate(std::max(record.size() + record.size() / 4, kParserBytesMin)) !=
          simdjson::SUCCESS) {
    return {RejectReason::kRecordTooLong, {}};
  }
  ondemand::document document;
  ondemand::object object;
  simdjson::error_code error =
      parser.iterate(record.data(), record.size(), record.size() + kRecordPaddingBytes)
          .get(document);
  if (error == simdjson::SUCCESS) error = document.get_object().get(object);
  if (error != simdjson::SUCCESS) return {reason_of(error), {}};
  for (auto result : object) {
    ondemand::field field;
    if (std::move(result).get(field) != simdjson::SUCCESS) return {RejectReason::kInvalidJson, {}};
    if (const Fault fault = on_field(field); !fault.ok()) return fault;
  }
  const bool at_end = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  return at_end ? Fault{} : Fault{RejectReason::kInvalidJson, {}};
}

void release_if_large(ondemand::parser& parser) {
  if (parser.capacity() > kParserBytesKept) parser = ondemand::parser();
}

class JsonRows final : public RowParser {
 public:
  JsonRows(const std::vector<Column>& columns, Rest* rest)
      : columns_(columns), rest_(rest), row_of_(columns.size(), 0) {
    for (size_t index = 0; index < columns_.size(); ++index) {
      const std::string& name = columns_[index].source_name;
      const bool plain = name.find_first_of("\"\\") == std::string::npos;
      predicted_.push_back(plain && name.size() < kPredictedNameBytesMax ? name + '"' : "");
      by_name_.emplace_back(name, index);
    }
    std::sort(by_name_.begin(), by_name_.end());
  }

  Fault append(std::string_view record, BatchBuilder& rows) override {
    ++row_;
    expected_ = 0;
    unknown_.clear();
    size_t found = 0;
    Fault fault = walk(parser_, record,
                       [&](ondemand::field& field) { return append_field(field, rows, found); });
    if (fault.ok() && found < columns_.size()) fault = append_absent(rows);
    if (fault.ok() && has_unknown_twins()) fault.reason = RejectReason::kDuplicateColumn;
    release_if_large(parser_);
    return fault;
  }

 private:
  Fault append_field(ondemand::field& field, BatchBuilder& rows, size_t& found) {
    const std::string_view spelled = rest_ == nullptr ? std::string_view() : raw_key(field);
    std::optional<size_t> index = predict(field);
    if (!index) {
      std::string_view name;
      if (field.unescaped_key().get(name) != simdjson::SUCCESS) {
        return {RejectReason::kInvalidJson, {}};
      }
      index = find(name);
      if (!index) return take_unknown(name, spelled, field);
    }
    const Column& column = columns_[*index];
    if (row_of_[*index] == row_) return {RejectReason::kDuplicateColumn, column.source_name};
    row_of_[*index] = row_;
    expected_ = *index + 1;
    ++found;
    ondemand::value value = field.value();
    const std::string_view token = token_of(value);
    RejectReason reason = append_value(token, value, column, *index, rows);
    if (is_conflict(reason) && rest_ != nullptr && !column.required) {
      reason = keep(reason, spelled, token, value, column.field.type == Type::kTimestamp);
      rows.append_null(*index);
    }
    return {reason, column.source_name, token, column.field.type};
  }

  /// Of a value that does not fit, everything but the escapes of a string was checked; those of one
  /// that was read as a time were, too.
  RejectReason keep(RejectReason why, std::string_view spelled, std::string_view token,
                    ondemand::value& value, bool was_read) {
    if (was_read && token.front() == '"') {
      rest_->add(why, spelled, token);
      return RejectReason::kNone;
    }
    text_.clear();
    const RejectReason reason = write_compact(value, 0, text_);
    if (reason == RejectReason::kNone) rest_->add(why, spelled, text_);
    return reason;
  }

  /// Records of one file mostly have the same columns in the same order.
  std::optional<size_t> predict(const ondemand::field& field) const {
    if (expected_ == columns_.size()) return std::nullopt;
    const std::string& name = predicted_[expected_];
    if (name.empty() || std::memcmp(field.key().raw(), name.data(), name.size()) != 0) {
      return std::nullopt;
    }
    return expected_;
  }

  std::optional<size_t> find(std::string_view name) const {
    const auto at = std::lower_bound(
        by_name_.begin(), by_name_.end(), name,
        [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
    if (at == by_name_.end() || at->first != name) return std::nullopt;
    return at->second;
  }

  Fault take_unknown(std::string_view name, std::string_view spelled, ondemand::field& field) {
    unknown_.emplace_back(name);
    constexpr RejectReason kWhy = RejectReason::kUnknownColumn;
    ondemand::value value = field.value();
    const std::string_view token = token_of(value);
    if (rest_ == nullptr) return {kWhy, unknown_.back(), token};
    return {keep(kWhy, spelled, token, value, false), unknown_.back(), token};
  }

  bool has_unknown_twins() {
    std::sort(unknown_.begin(), unknown_.end());
    return std::adjacent_find(unknown_.begin(), unknown_.end()) != unknown_.end();
  }

  RejectReason append_value(std::string_view token, ondemand::value& value, const Column& column,
                            size_t index, BatchBuilder& rows) {
    const char first = token.empty() ? '\0' : token.front();
    if (first == '"') return append_string(token, value, column, index, rows);
    if (first != '{' && first != '[' && column.field.type != Type::kString && first != 't' &&
        first != 'f' && first != 'n') {
      return append_json_number(token, column, index, rows);
    }
    const std::optional<Kind> kind = kind_of(token);
    if (!kind) return RejectReason::kInvalidJson;
    if (*kind == Kind::kNull) return append_null(column, index, rows);
    if (column.field.type == Type::kString && column.verbatim) {
      text_.clear();
      const RejectReason reason = write_compact(value, 0, text_);
      if (reason == RejectReason::kNone) rows.append_bytes(index, text_);
      return reason;
    }
    if (*kind != Kind::kBool || column.field.type != Type::kBool) {
      return RejectReason::kTypeMismatch;
    }
    rows.append_bool(index, first == 't');
    return RejectReason::kNone;
  }

  static RejectReason append_string(std::string_view token, ondemand::value& value,
                                    const Column& column, size_t index, BatchBuilder& rows) {
    if (!kind_of(token)) return RejectReason::kInvalidJson;
    const bool is_time = column.field.type == Type::kTimestamp;
    if (!is_time && column.field.type != Type::kString) return RejectReason::kTypeMismatch;
    const std::optional<std::string_view> text = string_of(token, value);
    if (!text) return RejectReason::kInvalidJson;
    if (is_time) return append_time(*text, index, rows);
    rows.append_bytes(index, *text);
    return RejectReason::kNone;
  }

  static RejectReason append_null(const Column& column, size_t index, BatchBuilder& rows) {
    if (column.required) return RejectReason::kNullValue;
    rows.append_null(index);
    return RejectReason::kNone;
  }

  Fault append_absent(BatchBuilder& rows) const {
    for (size_t index = 0; index < columns_.size(); ++index) {
      if (row_of_[index] == row_) continue;
      const Column& column = columns_[index];
      if (column.required) {
        return {RejectReason::kMissingValue, column.source_name, {}, column.field.type};
      }
      rows.append_null(index);
    }
    return {};
  }

  const std::vector<Column> columns_;
  Rest* const rest_;
  std::vector<std::string> predicted_;  ///< name and closing quote; empty: do not predict
  std::vector<std::pair<std::string, size_t>> by_name_;
  ondemand::parser parser_;
  uint64_t row_ = 0;
  std::vector<uint64_t> row_of_;  ///< the row that last gave the column a value
  size_t expected_ = 0;
  std::vector<std::string> unknown_;  ///< the record's names that no column has
  std::string text_;
};

}  // namespace

std::unique_ptr<RowParser> make_json_rows(const std::vector<Column>& columns, Rest* rest) {
  return std::make_unique<JsonRows>(columns, rest);
}

struct JsonProbe::State {
  ondemand::parser parser;
  std::vector<std::string_view> names;
};

JsonProbe::JsonProbe() : state_(std::make_unique<State>()) {}
JsonProbe::~JsonProbe() = default;

namespace {

RejectReason read_field(ondemand::field& field, JsonField& read) {
  std::string_view name;
  if (field.unescaped_key().get(name) != simdjson::SUCCESS) return RejectReason::kInvalidJson;
  read.name = name;
  ondemand::value value = field.value();
  const std::string_view token = token_of(value);
  const std::optional<Kind> kind = kind_of(token);
  if (!kind) return RejectReason::kInvalidJson;
  read.kind = *kind;
  if (*kind != Kind::kString) return write_compact(value, 0, read.text);
  const std::optional<std::string_view> text = string_of(token, value);
  if (!text) return RejectReason::kInvalidJson;
  read.text = *text;
  return RejectReason::kNone;
}

}  // namespace

Fault JsonProbe::read(std::string_view record, std::vector<JsonField>& fields) {
  fields.clear();
  Fault fault = walk(state_->parser, record, [&](ondemand::field& field) -> Fault {
    return {read_field(field, fields.emplace_back()), {}};
  });
  release_if_large(state_->parser);
  std::vector<std::string_view>& names = state_->names;
  names.clear();
  for (const JsonField& field : fields) names.push_back(field.name);
  std::sort(names.begin(), names.end());
  const bool unique = std::adjacent_find(names.begin(), names.end()) == names.end();
  if (fault.ok() && !unique) fault.reason = RejectReason::kDuplicateColumn;
  return fault;
}

}  // namespace sluice::source
