// Point: one record of Influx line protocol, taken apart. What is legal, and what every illegal
// record is told, is specified in line_protocol.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/batch.h"
#include "source/source.h"

namespace sluice::source {

struct PointTag {
  std::string_view key;
  std::string_view value;
  std::string_view spelled;  ///< key=value as the record has them
};

struct PointField {
  std::string_view key;
  Type type = Type::kNull;  ///< bool, long, double or string
  /// Of a string the value, else the literal without suffix and plus sign.
  std::string_view text = {};
  bool boolean = false;
  int64_t integer = 0;
  double real = 0;
  bool in_range = true;  ///< false: a number that no value of its type can be; it has no value
};

struct Point {
  std::string_view measurement;
  std::string_view series;     ///< the tags as spelled, sorted by key, apart by commas
  std::vector<PointTag> tags;  ///< sorted by key
  std::vector<PointField> fields;
  Nanos time = 0;
};

/// Takes points apart. One thread.
class PointParser {
 public:
  explicit PointParser(TimeUnit precision) : precision_(precision) {}
  /// kNone, or why the record is no point, which has its measurement if that was read. The point's
  /// views are valid as long as `record`, until the next call.
  RejectReason parse(std::string_view record);
  const Point& point() const { return point_; }
  /// Of a record that is no point: its text from where it was not understood.
  std::string_view unread() const { return unread_; }

 private:
  RejectReason read_measurement();
  RejectReason read_tags();
  RejectReason read_tag();
  RejectReason sort_tags();
  RejectReason read_fields();
  RejectReason read_field();
  RejectReason read_string(PointField& field);
  RejectReason read_time();
  bool at(char c) const { return !unread_.empty() && unread_.front() == c; }
  std::string_view take(size_t count);
  std::string_view take_word(uint8_t stops);
  std::string_view without_escapes(std::string_view word, uint8_t escapable);
  std::string_view without_escapes_in_quotes(std::string_view inside);

  const TimeUnit precision_;
  std::string_view unread_;
  Point point_;
  bool has_backslash_ = false;  ///< the record
  std::string unescaped_;       ///< texts that had escapes inside; never moves within a record
  std::string series_;          ///< of a record whose tags were not sorted
};

/// A field's value as JSON that keeps its kind: a long has neither fraction nor exponent, a double
/// has one of them.
void append_json(const PointField& field, std::string& json);

}  // namespace sluice::source
