#include "server/points.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "server/newcomers.h"
#include "source/json.h"
#include "source/records.h"

namespace sluice::server {
namespace {

namespace ondemand = simdjson::ondemand;
using source::Kind;
using source::RejectReason;

constexpr size_t kParserBytesMin = 64u << 10;
/// A parser takes six times its largest text; one that grew beyond this is given back.
constexpr size_t kParserBytesKept = 4u << 20;
constexpr size_t kNoColumn = SIZE_MAX;
constexpr size_t kId = 0;
constexpr size_t kTime = 1;

std::string_view token_of(ondemand::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') token.remove_suffix(1);
  return token;
}

/// "2026-01-01T00:00:00[.5]Z", or an offset in place of the Z; what is left to check parse_time
/// checks.
bool has_form_of_rfc3339(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T') return false;
  if (text[13] != ':' || text[16] != ':') return false;
  const char sign = text[text.size() - 6];
  return text.back() == 'Z' || sign == '+' || sign == '-';
}

/// A value taken apart as far as its first character tells.
struct Scalar {
  Kind kind = Kind::kNull;
  std::string_view token;
  std::string_view text;  ///< of a string
};

/// kInvalidJson: it is none.
RejectReason read_scalar(ondemand::value& value, Scalar& scalar) {
  scalar.token = token_of(value);
  switch (scalar.token.empty() ? '\0' : scalar.token.front()) {
    case '"':
      scalar.kind = Kind::kString;
      if (scalar.token.size() < 2 || scalar.token.back() != '"') return RejectReason::kInvalidJson;
      scalar.text = scalar.token.substr(1, scalar.token.size() - 2);
      if (std::memchr(scalar.text.data(), '\\', scalar.text.size()) == nullptr) break;
      if (value.get_string().get(scalar.text) != simdjson::SUCCESS) {
        return RejectReason::kInvalidJson;
      }
      break;
    case '{':
    case '[':
      scalar.kind = Kind::kNested;
      break;
    case 't':
    case 'f':
      scalar.kind = Kind::kBool;
      if (scalar.token != "true" && scalar.token != "false") return RejectReason::kInvalidJson;
      break;
    case 'n':
      scalar.kind = Kind::kNull;
      if (scalar.token != "null") return RejectReason::kInvalidJson;
      break;
    default:
      scalar.kind = source::scan_number(scalar.token).kind;
      if (scalar.kind == Kind::kString) return RejectReason::kInvalidJson;
  }
  return RejectReason::kNone;
}

}  // namespace

uint32_t hash_of(std::string_view text, uint32_t hash) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

struct PointReader::State {
  State(PointLimits all, std::optional<OnConflict> of_all) : limits(all), on_conflict(of_all) {}

  void begin(const TableName& name, const LayoutPtr& now);
  bool iterate(std::string_view text, ondemand::document& document);
  void read_one(std::string_view text, uint64_t place);
  void read_batch(std::string_view text);
  void read_points(ondemand::array points);
  void read_lines(std::string_view text, uint64_t first_line);
  void take(ondemand::object object, uint64_t place);
  RejectReason take_members(ondemand::object& object);
  RejectReason take_field(ondemand::field& field);
  RejectReason take_value(size_t index, ondemand::value& value);
  RejectReason append(const Scalar& scalar, const source::Column& column, size_t index);
  RejectReason append_special(const Scalar& scalar, size_t index);
  RejectReason take_newcomer(std::string_view name, ondemand::value& value);
  RejectReason keep(RejectReason why, std::string_view name, const Scalar& scalar,
                    ondemand::value& value);
  RejectReason append_absent();
  size_t find(ondemand::field& field, RejectReason& reason, std::string_view& name);
  void count_group(std::string_view id);
  void add_fault(uint64_t place, RejectReason reason);
  void shape_fault(std::string message);
  Status finish();

  const PointLimits limits;
  const std::optional<OnConflict> on_conflict;
  OnConflict policy = OnConflict::kReject;
  ondemand::parser parser;
  source::JsonProbe probe;
  std::vector<source::JsonField> probed;
  std::string probe_text;

  LayoutPtr layout;
  std::optional<BatchBuilder> rows;
  std::vector<uint64_t> row_of;       ///< the point that last gave the column a value
  std::vector<size_t> next;           ///< the column that followed this one last
  std::vector<std::string> prefixes;  ///< name and closing quote
  size_t last = kNoColumn;
  Newcomers newcomers;
  source::Rest rest;
  bool needs_rest = false;
  std::string culprit;  ///< the field of the fault at hand
  std::string last_id;
  uint32_t prefix_hash = 0;
  std::vector<bool> groups;
  uint64_t point = 0;
  Points points;
};

void PointReader::State::begin(const TableName& name, const LayoutPtr& now) {
  if (layout != now) {
    layout = now;
    next.assign(layout->columns.size(), kNoColumn);
    prefixes.clear();
    for (const source::Column& column : layout->columns) {
      const bool plain = column.field.name.find_first_of("\"\\") == std::string::npos;
      prefixes.push_back(plain ? column.field.name + '"' : "");
    }
  }
  policy = on_conflict.value_or(layout->on_conflict);
  rows.emplace(layout->schema);
  row_of.assign(layout->columns.size(), 0);
  last = kNoColumn;
  point = 0;
  newcomers = Newcomers(layout->columns.size());
  needs_rest = false;
  last_id.clear();
  prefix_hash = hash_of(name.database + ":" + name.collection + ":");
  groups.assign(limits.groups_total, false);
  points = Points();
}

bool PointReader::State::iterate(std::string_view text, ondemand::document& document) {
  if (text.size() > parser.capacity() &&
      parser.allocate(std::max(text.size() + text.size() / 4, kParserBytesMin)) !=
          simdjson::SUCCESS) {
    return false;
  }
  return parser.iterate(text.data(), text.size(), text.size() + source::kRecordPaddingBytes)
             .get(document) == simdjson::SUCCESS;
}

void PointReader::State::shape_fault(std::string message) {
  points.faults = {{0, {}, std::move(message), false, true}};
  points.faults_total = 1;
}

void PointReader::State::add_fault(uint64_t place, RejectReason reason) {
  ++points.faults_total;
  points.refused.count(reason);
  rows->truncate(points.count);
  if (points.faults.size() >= limits.faults_told_max) return;
  const bool is_time = culprit == kTimeColumn && reason == RejectReason::kInvalidTime;
  std::string message(is_time ? "the time is not RFC 3339" : to_string(reason));
  points.faults.push_back(
      {place, culprit, std::move(message), is_time, false, source::kind_of(reason)});
}

void PointReader::State::read_one(std::string_view text, uint64_t place) {
  ondemand::document document;
  ondemand::object object;
  culprit.clear();
  if (!iterate(text, document)) return add_fault(place, RejectReason::kInvalidJson);
  const simdjson::error_code error = document.get_object().get(object);
  if (error != simdjson::SUCCESS) {
    const bool is_other = error == simdjson::INCORRECT_TYPE;
    return add_fault(place, is_other ? RejectReason::kNotAnObject : RejectReason::kInvalidJson);
  }
  const uint64_t faults = points.faults_total;
  const uint32_t count = points.count;
  const bool needed_rest = needs_rest;
  const source::ConflictCounts kept = points.kept;
  take(object, place);
  if (points.faults_total > faults) return;
  if (document.current_location().error() == simdjson::OUT_OF_BOUNDS) return;
  points.count = count;
  points.kept = kept;
  newcomers.forget_point();
  needs_rest = needed_rest;
  add_fault(place, RejectReason::kInvalidJson);
}

void PointReader::State::read_batch(std::string_view text) {
  ondemand::document document;
  ondemand::object object;
  if (!iterate(text, document) || document.get_object().get(object) != simdjson::SUCCESS) {
    return shape_fault("the body is no JSON object");
  }
  bool has_points = false;
  for (auto result : object) {
    ondemand::field field;
    std::string_view name;
    if (std::move(result).get(field) != simdjson::SUCCESS ||
        field.unescaped_key().get(name) != simdjson::SUCCESS) {
      return shape_fault("the body is no valid JSON");
    }
    if (name != "points") continue;
    ondemand::array array;
    if (has_points || field.value().get_array().get(array) != simdjson::SUCCESS) {
      return shape_fault("\"points\" has to be one list");
    }
    has_points = true;
    read_points(array);
    if (points.faults_total > 0) return;
  }
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return shape_fault("the body is no valid JSON");
  }
  if (point == 0) shape_fault(has_points ? "the list of points is empty" : "\"points\" is missing");
}

void PointReader::State::read_points(ondemand::array array) {
  for (auto result : array) {
    ondemand::value element;
    ondemand::object object;
    if (std::move(result).get(element) != simdjson::SUCCESS) {
      return shape_fault("the body is no valid JSON");
    }
    if (point == limits.points_max) return shape_fault("there are more points than a batch takes");
    culprit.clear();
    if (element.get_object().get(object) != simdjson::SUCCESS) {
      return add_fault(point, RejectReason::kNotAnObject);
    }
    take(object, point);
    if (points.faults_total > 0) return;
  }
}

void PointReader::State::read_lines(std::string_view text, uint64_t first_line) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const uint64_t place = first_line + points.lines++;
    if (line.find_first_not_of(" \t\r") != std::string_view::npos) read_one(line, place);
    points.is_refused = policy == OnConflict::kRefuse && points.faults_total > 0;
    if (points.is_refused) return;
  }
}

void PointReader::State::take(ondemand::object object, uint64_t place) {
  ++point;
  rest.clear();
  culprit.clear();
  newcomers.begin_point();
  const bool needed_rest = needs_rest;
  RejectReason reason = take_members(object);
  if (reason == RejectReason::kNone) reason = append_absent();
  if (reason != RejectReason::kNone) {
    newcomers.forget_point();
    needs_rest = needed_rest;
    return add_fault(place, reason);
  }
  ++points.count;
  if (!rest.empty()) points.kept.count(rest.reason());
}

RejectReason PointReader::State::take_members(ondemand::object& object) {
  for (auto result : object) {
    ondemand::field field;
    if (std::move(result).get(field) != simdjson::SUCCESS) {
      culprit.clear();
      return RejectReason::kInvalidJson;
    }
    const RejectReason reason = take_field(field);
    if (reason != RejectReason::kNone) return reason;
  }
  return RejectReason::kNone;
}

/// Points of one client mostly have the same fields in the same order.
size_t PointReader::State::find(ondemand::field& field, RejectReason& reason,
                                std::string_view& name) {
  const size_t likely = last == kNoColumn ? kId : next[last];
  if (likely != kNoColumn) {
    const std::string& prefix = prefixes[likely];
    if (!prefix.empty() && std::memcmp(field.key().raw(), prefix.data(), prefix.size()) == 0) {
      return likely;
    }
  }
  if (field.unescaped_key().get(name) != simdjson::SUCCESS) {
    reason = RejectReason::kInvalidJson;
    return kNoColumn;
  }
  const auto known = layout->by_name.find(name);
  return known == layout->by_name.end() ? kNoColumn : known->second;
}

RejectReason PointReader::State::take_field(ondemand::field& field) {
  RejectReason reason = RejectReason::kNone;
  std::string_view name;
  const size_t index = find(field, reason, name);
  if (reason != RejectReason::kNone) return reason;
  ondemand::value value = field.value();
  if (index == kNoColumn) {
    culprit = name;
    return take_newcomer(name, value);
  }
  if (last != kNoColumn) next[last] = index;
  last = index;
  reason = take_value(index, value);
  if (reason != RejectReason::kNone) culprit = layout->columns[index].field.name;
  return reason;
}

RejectReason PointReader::State::take_value(size_t index, ondemand::value& value) {
  if (row_of[index] == point) return RejectReason::kDuplicateColumn;
  if (layout->rest == index) return RejectReason::kUnknownColumn;  // Sluice's own
  row_of[index] = point;
  const source::Column& column = layout->columns[index];
  Scalar scalar;
  RejectReason reason = read_scalar(value, scalar);
  if (reason != RejectReason::kNone) return reason;
  if (index <= kTime) return append_special(scalar, index);
  if (scalar.kind == Kind::kNull) {
    rows->append_null(index);
    return RejectReason::kNone;
  }
  reason = append(scalar, column, index);
  if (policy != OnConflict::kKeep || !source::is_conflict(reason)) return reason;
  rows->append_null(index);
  return keep(reason, column.field.name, scalar, value);
}

RejectReason PointReader::State::append(const Scalar& scalar, const source::Column& column,
                                        size_t index) {
  switch (scalar.kind) {
    case Kind::kString:
      if (column.field.type == Type::kTimestamp) {
        return source::append_time(scalar.text, index, *rows);
      }
      if (column.field.type != Type::kString) return RejectReason::kTypeMismatch;
      rows->append_bytes(index, scalar.text);
      return RejectReason::kNone;
    case Kind::kBool:
      if (column.field.type != Type::kBool) return RejectReason::kTypeMismatch;
      rows->append_bool(index, scalar.token.front() == 't');
      return RejectReason::kNone;
    case Kind::kNested:
      return RejectReason::kTypeMismatch;
    default:
      if (column.field.type != Type::kInt64 && column.field.type != Type::kDouble) {
        return RejectReason::kTypeMismatch;
      }
      return source::append_json_number(scalar.token, column, index, *rows);
  }
}

/// The id and the time: text, and never absent.
RejectReason PointReader::State::append_special(const Scalar& scalar, size_t index) {
  if (scalar.kind == Kind::kNull) return RejectReason::kNullValue;
  if (scalar.kind != Kind::kString) {
    return index == kTime ? RejectReason::kInvalidTime : RejectReason::kTypeMismatch;
  }
  if (scalar.text.empty()) return RejectReason::kNullValue;
  if (index == kTime) {
    if (!has_form_of_rfc3339(scalar.text)) return RejectReason::kInvalidTime;
    return source::append_time(scalar.text, index, *rows);
  }
  if (scalar.text.size() > kIdBytesMax) return RejectReason::kRecordTooLong;
  count_group(scalar.text);
  rows->append_bytes(index, scalar.text);
  return RejectReason::kNone;
}

void PointReader::State::count_group(std::string_view id) {
  if (points.groups > 0 && id == last_id) return;
  last_id = id;
  const uint32_t group = hash_of(id, prefix_hash) % limits.groups_total;
  if (points.groups == 0) points.first_group = group;
  if (!groups[group]) ++points.groups;
  groups[group] = true;
}

RejectReason PointReader::State::take_newcomer(std::string_view name, ondemand::value& value) {
  Scalar scalar;
  const std::string kept(name);  // the parser's memory of it ends with the next text
  RejectReason reason = read_scalar(value, scalar);
  if (reason != RejectReason::kNone) return reason;
  reason = newcomers.take(kept, scalar.kind, scalar.token);
  if (policy != OnConflict::kKeep || !source::is_conflict(reason)) return reason;
  return keep(reason, kept, scalar, value);
}

/// Puts what has no place into the point's rest.
RejectReason PointReader::State::keep(RejectReason why, std::string_view name, const Scalar& scalar,
                                      ondemand::value& value) {
  needs_rest = needs_rest || !layout->rest;
  if (scalar.kind != Kind::kNested) {
    rest.add_named(why, name) += scalar.token;
    return RejectReason::kNone;
  }
  std::string_view raw;
  if (simdjson::to_json_string(value).get(raw) != simdjson::SUCCESS) {
    return RejectReason::kInvalidJson;
  }
  probe_text.assign("{\"v\":").append(raw).append("}");
  probe_text.reserve(probe_text.size() + source::kRecordPaddingBytes);
  const source::Fault fault = probe.read(probe_text, probed);
  if (fault.ok()) rest.add_named(why, name) += probed.front().text;
  return fault.reason;
}

RejectReason PointReader::State::append_absent() {
  for (size_t index = 0; index < row_of.size(); ++index) {
    if (layout->rest == index) {
      rest.empty() ? rows->append_null(index) : rows->append_bytes(index, rest.finish());
    } else if (row_of[index] != point) {
      culprit = layout->columns[index].field.name;
      if (index <= kTime) return RejectReason::kMissingValue;
      rows->append_null(index);
    }
  }
  return RejectReason::kNone;
}

Status PointReader::State::finish() {
  points.missing = newcomers.fields();
  if (needs_rest) points.missing.push_back({std::string(source::kRestColumn), Type::kString});
  const bool is_whole = points.missing.empty() && layout->exists;
  if (is_whole && points.count > 0) {
    points.batch = TRY(rows->finish());
  }
  rows.reset();
  if (parser.capacity() > kParserBytesKept) parser = ondemand::parser();
  return ok();
}

PointReader::PointReader(PointLimits limits, std::optional<OnConflict> on_conflict)
    : state_(std::make_unique<State>(limits, on_conflict)) {}
PointReader::~PointReader() = default;
PointReader::PointReader(PointReader&&) noexcept = default;

Result<Points> PointReader::read(const TableName& name, const LayoutPtr& layout,
                                 std::string_view text, Form form, uint64_t first_line) {
  State& state = *state_;
  state.begin(name, layout);
  switch (form) {
    case Form::kOne:
      state.read_one(text, 0);
      break;
    case Form::kBatch:
      state.read_batch(text);
      break;
    case Form::kLines:
      state.read_lines(text, first_line);
      break;
  }
  if (form != Form::kLines && state.points.faults_total > 0) {
    state.rows.reset();
    return std::move(state.points);
  }
  TRY(state.finish());
  return std::move(state.points);
}

}  // namespace sluice::server
