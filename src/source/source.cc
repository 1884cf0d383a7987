#include "source/source.h"

#include <algorithm>
#include <cctype>

#include "base/bytes.h"
#include "sluice/time_text.h"

namespace sluice::source {

std::string_view to_string(Format format) {
  switch (format) {
    case Format::kNdjson:
      return "NDJSON";
    case Format::kJsonArray:
      return "JSON array";
    case Format::kCsv:
      return "CSV";
    case Format::kTsv:
      return "TSV";
    case Format::kLineProtocol:
      return "line protocol";
  }
  return "unknown";
}

std::string_view to_string(TimeUnit unit) {
  switch (unit) {
    case TimeUnit::kNone:
      return "text";
    case TimeUnit::kSeconds:
      return "seconds";
    case TimeUnit::kMillis:
      return "milliseconds";
    case TimeUnit::kMicros:
      return "microseconds";
    case TimeUnit::kNanos:
      return "nanoseconds";
  }
  return "unknown";
}

namespace {

/// The reasons that only line protocol has.
std::string_view reason_of_point(RejectReason reason) {
  switch (reason) {
    case RejectReason::kMissingMeasurement:
      return "the point has no measurement";
    case RejectReason::kOtherMeasurement:
      return "of another measurement; name only the database (--table DB) to give each measurement "
             "its table";
    case RejectReason::kMeasurementTooLong:
      return "the measurement's name is too long for a table: shorten it to 100 bytes, each one "
             "other than A-Z, a-z, 0-9, _ and - counted four times";
    case RejectReason::kInvalidTag:
      return "a tag is not key=value, with commas, spaces and equals signs escaped";
    case RejectReason::kMissingField:
      return "the point has no field";
    case RejectReason::kInvalidField:
      return "a field is not key=value";
    case RejectReason::kInvalidFieldValue:
      return "the value is no number, boolean or text in quotes";
    case RejectReason::kMissingTime:
      return "the point has no timestamp, so each reading would give it another; add one";
    case RejectReason::kInvalidTimestamp:
      return "the timestamp is not a whole number";
    case RejectReason::kNameClash:
      return "another name in the input has become the column of this one; rename one";
    default:
      return "unknown";
  }
}

}  // namespace

std::string_view to_string(RejectReason reason) {
  switch (reason) {
    case RejectReason::kNone:
      return "none";
    case RejectReason::kInvalidUtf8:
      return "the text is not UTF-8";
    case RejectReason::kInvalidJson:
      return "the JSON is not valid";
    case RejectReason::kNotAnObject:
      return "the record is not a JSON object";
    case RejectReason::kNestedTooDeep:
      return "the value is nested too deeply";
    case RejectReason::kDuplicateColumn:
      return "the record names this column twice";
    case RejectReason::kUnknownColumn:
      return "the table has no such column";
    case RejectReason::kMissingValue:
      return "a key or time column is missing";
    case RejectReason::kNullValue:
      return "a key or time column has no value";
    case RejectReason::kTypeMismatch:
      return "the value is of another kind than its column";
    case RejectReason::kFractionInLong:
      return "a number with fraction or exponent in a long column";
    case RejectReason::kOutOfRange:
      return "the number is outside the range of its column";
    case RejectReason::kInexact:
      return "a double cannot hold this whole number exactly";
    case RejectReason::kInvalidTime:
      return to_string(TimeFault::kInvalid);
    case RejectReason::kNoSuchTime:
      return to_string(TimeFault::kNoSuchTime);
    case RejectReason::kLeapSecond:
      return to_string(TimeFault::kLeapSecond);
    case RejectReason::kTimeOutOfRange:
      return to_string(TimeFault::kOutOfRange);
    case RejectReason::kTimeUnitUnknown:
      return "a number in a column whose times are text";
    case RejectReason::kRaggedRow:
      return "the row has another number of fields than the header";
    case RejectReason::kInvalidQuoting:
      return "a quote is misplaced or never closed";
    case RejectReason::kRecordTooLong:
      return "the record is too long";
    case RejectReason::kColumnNameTooLong:
      return "a column's name is longer than 255 bytes";
    case RejectReason::kTooManyColumns:
      return "the table would have more than 4096 columns; are its names values?";
    default:
      return reason_of_point(reason);
  }
}

std::string column_name(std::string_view source_name) {
  if (source_name.empty()) return "unnamed";
  return source_name.front() == '_' ? "x" + std::string(source_name) : std::string(source_name);
}

namespace {

std::string lower_extension(std::string_view file_name) {
  const size_t dot = file_name.rfind('.');
  if (dot == std::string_view::npos) return {};
  std::string extension(file_name.substr(dot + 1));
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

std::string_view without_mark_and_space(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
}

}  // namespace

Format detect_format(std::string_view file_name, std::string_view first_bytes) {
  const std::string extension = lower_extension(file_name);
  if (extension == "csv") return Format::kCsv;
  if (extension == "tsv" || extension == "tab") return Format::kTsv;
  if (extension == "lp") return Format::kLineProtocol;
  const std::string_view text = without_mark_and_space(first_bytes);
  if (text.starts_with('[')) return Format::kJsonArray;
  if (extension == "json" || extension == "ndjson" || extension == "jsonl" ||
      text.starts_with('{')) {
    return Format::kNdjson;
  }
  const std::string_view header = text.substr(0, text.find('\n'));
  const bool tabs_only = header.find('\t') != header.npos && header.find(',') == header.npos;
  return tabs_only ? Format::kTsv : Format::kCsv;
}

namespace {

constexpr size_t kHeadStep = 64u << 10;

}  // namespace

Result<Head> read_head(Input& input) {
  Head head;
  size_t size = 0;
  while (size < kHeadBytesMax) {
    // Most inputs are small: the buffer grows with what comes.
    if (size == head.bytes.size())
      head.bytes.resize(std::clamp(2 * size, kHeadStep, kHeadBytesMax));
    const size_t got = TRY(input.read(std::as_writable_bytes(std::span(head.bytes).subspan(size))));
    if (got == 0) {
      head.complete = true;
      break;
    }
    size += got;
  }
  head.bytes.resize(size);
  return head;
}

Result<size_t> HeadedInput::read(std::span<std::byte> into) {
  if (unread_.empty()) return rest_.read(into);
  const size_t size = std::min(into.size(), unread_.size());
  std::copy_n(as_bytes(unread_).begin(), size, into.begin());
  unread_.remove_prefix(size);
  return size;
}

}  // namespace sluice::source
