// Source: text files and streams on their way into batches. This header holds the words that the
// units of the folder share; a program uses them in this order:
//
//   Head head = read_head(input)                       the first 8 MiB, read once
//   Sample sample = sample_head(head, format, ...)     sample.h: columns and types, to be reported
//   HeadedInput whole(head, input)                     the head again, then the rest
//   Decoder decoder(whole, sample, ...)                decoder.h: batches and rejects
//
// Nothing here opens a file: bytes come through Input. One thread per object.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/batch.h"
#include "sluice/result.h"

namespace sluice::source {

/// A stream of bytes, given by the caller. To resume in the middle, the caller positions the stream
/// before it hands it over.
class Input {
 public:
  virtual ~Input() = default;
  /// Up to into.size() bytes; 0 is the end, for good.
  virtual Result<size_t> read(std::span<std::byte> into) = 0;
};

enum class Format : uint8_t {
  kNdjson,        ///< one JSON object a line
  kJsonArray,     ///< one JSON array of objects; cannot be resumed after the file has grown
  kCsv,           ///< RFC 4180, the first row names the columns
  kTsv,           ///< the same with tabs
  kLineProtocol,  ///< line_protocol.h; carries its types, so there is nothing to sample
};
std::string_view to_string(Format format);
constexpr bool is_csv(Format format) {
  return format == Format::kCsv || format == Format::kTsv;
}
constexpr char delimiter_of(Format format) {
  return format == Format::kTsv ? '\t' : ',';
}

/// By the file name's extension (.csv, .tsv, .tab, .json, .ndjson, .jsonl, .lp), else by the first
/// bytes.
Format detect_format(std::string_view file_name, std::string_view first_bytes);

/// The beginning of an input.
struct Head {
  std::string bytes;
  bool complete = false;  ///< the input holds nothing else
};
inline constexpr size_t kHeadBytesMax = 8u << 20;
Result<Head> read_head(Input& input);

/// A head that was read already, then the rest of its input. Both must outlive this.
class HeadedInput final : public Input {
 public:
  HeadedInput(const Head& head, Input& rest) : unread_(head.bytes), rest_(rest) {}
  Result<size_t> read(std::span<std::byte> into) override;

 private:
  std::string_view unread_;
  Input& rest_;
};

/// A place between two records: where a decoder can start again.
struct Position {
  uint64_t offset = 0;  ///< bytes before it
  uint64_t line = 1;    ///< the line it is in, counted from 1
  friend bool operator==(const Position&, const Position&) = default;
};

/// What a whole number in a timestamp column counts, since 1970 UTC.
enum class TimeUnit : uint8_t { kNone, kSeconds, kMillis, kMicros, kNanos };
std::string_view to_string(TimeUnit unit);

/// A column of the source and of the batches made from it.
struct Column {
  std::string source_name;  ///< as the file spells it
  Field field;
  bool required = false;            ///< a key or time column: a row without a value is rejected
  TimeUnit unit = TimeUnit::kNone;  ///< timestamp: what numbers mean; kNone: they are rejected
  bool verbatim = false;            ///< string from JSON: values of any kind, as compact JSON text
};

/// The name a table can have for it: names that begin with '_' belong to Sluice, so `_id` becomes
/// `x_id`; an empty name becomes `unnamed`.
std::string column_name(std::string_view source_name);

/// Why a record is not a row.
enum class RejectReason : uint8_t {
  kNone,
  kInvalidUtf8,
  kInvalidJson,
  kNotAnObject,
  kNestedTooDeep,
  kDuplicateColumn,
  kUnknownColumn,
  kMissingValue,
  kNullValue,
  kTypeMismatch,
  kFractionInLong,
  kOutOfRange,
  kInexact,
  kInvalidTime,
  kNoSuchTime,
  kLeapSecond,
  kTimeOutOfRange,
  kTimeUnitUnknown,
  kRaggedRow,
  kInvalidQuoting,
  kRecordTooLong,
  kColumnNameTooLong,
  kTooManyColumns,
  // of line protocol
  kMissingMeasurement,
  kOtherMeasurement,
  kMeasurementTooLong,
  kInvalidTag,
  kMissingField,
  kInvalidField,
  kInvalidFieldValue,
  kMissingTime,
  kInvalidTimestamp,
  kNameClash,
};
/// One sentence for people.
std::string_view to_string(RejectReason reason);

/// A record that was left out.
struct Reject {
  Position at;         ///< where the record begins
  std::string column;  ///< the column's name in the file; empty: the whole record
  RejectReason reason = RejectReason::kNone;
  std::string raw;          ///< the record's first bytes, as they are: not always UTF-8
  std::string found = {};   ///< the value that does not fit, its beginning; empty: there is none
  Type type = Type::kNull;  ///< of the column, if it has one
};
inline constexpr size_t kRejectFoundBytesMax = 100;
inline constexpr size_t kRejectRawBytesMax = 4096;

inline constexpr uint64_t kRecordBytesMax = 64u << 20;
/// Columns of one source; more are names used as values, not columns.
inline constexpr size_t kColumnsMax = 4096;

}  // namespace sluice::source
