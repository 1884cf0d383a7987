// Line protocol: points as InfluxDB writes them, one a record, into one table for each measurement.
//
//   measurement[,tag=value...] field=value[,field=value...] timestamp
//
//   escapes   `\,` and `\ ` in the measurement, these and `\=` in tags and field keys; before any
//             other byte a backslash is itself. In a string `\"` and `\\`.
//   values    1i long · 1u long if it fits · 1, 1.0, 1e3 double, the nearest one ·
//             t T true True TRUE f F false False FALSE bool · "..." string, newlines allowed
//   time      a whole number since 1970 UTC, counted in the precision the caller gives
//   blank     lines of white space, and comments, whose first character is '#'. Spaces between the
//             parts and at the ends of a line may be many.
// Rejected, each with its reason: no measurement; a tag without '=', key or value; no field; a
// field without '=', key or value; a value of no known kind (NaN and infinities are none); a quote
// that never closes (its first line alone); no timestamp, or one that is no whole number or outside
// of 1677 to 2262; bytes that are not UTF-8; a tag or field named twice, and a tag and a field of
// one name.
//
// A table's columns: `series` (the tags as spelled, sorted by key: a=1,b=2; empty without tags) and
// `time`, which are its key and time; each tag a string, each field by its type; null where a point
// has none. Columns come with the first point that has them. A tag or field named `series` or
// `time` becomes `x_series` or `x_time`, others as column_name() has it; if two names of an input
// would become the same column, points of the later one are rejected. A tag and a string field of
// one name share a column: `series` tells which it was.
// A field of another type than its column, a number that no long or double can hold, a column too
// many or with too long a name is a conflict: OnConflict.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "source/point.h"
#include "source/records.h"
#include "source/rest.h"
#include "source/row_parser.h"
#include "source/source.h"

namespace sluice::source {

inline constexpr std::string_view kSeriesColumn = "series";
inline constexpr std::string_view kTimeColumn = "time";

/// The collection of a measurement: bytes other than A-Z, a-z, 0-9, '_' and '-' as `_xHH` (hex, in
/// small letters), likewise a '-' in front, and a '_' that looks like the beginning of such an
/// escape. So no two measurements share a table. Nothing if it is longer than 100 bytes.
std::optional<std::string> collection_of(std::string_view measurement);

/// What is known of a table before the input is read.
struct KnownTable {
  std::vector<Field> columns;  ///< series and time among them
  uint64_t taken = 0;          ///< points that begin before this offset are in the table already
  std::optional<OnConflict> on_conflict = std::nullopt;  ///< absent: that of all
};

struct LineProtocolOptions {
  TimeUnit precision = TimeUnit::kNanos;
  /// Points of other collections are rejected; empty: every measurement has its own.
  std::string only_collection = {};
  std::map<std::string, KnownTable> tables = {};  ///< by collection
  /// Of tables that say nothing, and of records whose measurement is not known.
  OnConflict on_conflict = OnConflict::kReject;
  uint32_t batch_rows_max = 5000;
  uint64_t batch_bytes_max = 4u << 20;  ///< a point that is larger is a batch of its own
  uint64_t held_bytes_max = 32u << 20;  ///< of the rows of all tables: then the largest is given
  uint64_t record_bytes_max = kRecordBytesMax;
  OpenEnd open_end = OpenEnd::kTake;
  Position start = {};  ///< where the input stands
};

/// What is ready for one table.
struct DecodedPoints {
  std::string collection;
  Batch batch;                  ///< empty: only rejects, and no collection
  std::vector<Reject> rejects;  ///< of any table, in the order of the input
  ConflictCounts kept;          ///< rows with something in `_rest`, by the kind of its first value
  /// Every point of this table that begins before it is in this batch, in one before or rejected.
  Position end;
  /// OnConflict::kRefuse: the rows that were still held when a record was refused, at `end`.
  bool is_last = false;
  std::optional<Reject> refused = {};  ///< that record, with the last of these. Nothing follows
};

/// Decodes line protocol. A batch holds rows of one table under one schema: a point with a column
/// that is new ends the batch before it. The same bytes and known tables give the same rows and
/// rejects, also if the input is read again with what was taken (rejects then come again).
///
/// Memory: the longest record, held_bytes_max, kRejectsMax rejects, and kInputColumnsMax columns.
class LineProtocolDecoder {
 public:
  static constexpr size_t kRejectsMax = 1000;
  static constexpr size_t kMeasurementsMax = 1000;
  static constexpr size_t kInputColumnsMax = 100'000;  ///< of all measurements

  /// `input` must outlive the decoder.
  LineProtocolDecoder(Input& input, LineProtocolOptions options);
  ~LineProtocolDecoder();

  /// The next batch, or nothing at the end. kInvalid (kPayloadTooLarge): more measurements or
  /// columns than the limits above; what was given before stays valid. After an error the decoder
  /// is spent.
  Result<std::optional<DecodedPoints>> next();
  /// At the end: a record was left there.
  bool left_open_end() const { return records_.left_open_end(); }

 private:
  class Table;
  using Tables = std::map<std::string, std::unique_ptr<Table>, std::less<>>;

  Result<Table*> take(const Record& record);
  Result<Table*> table_of(const Record& record);
  Table* largest();
  Result<std::optional<DecodedPoints>> give(Table* table);
  OnConflict policy() const;
  void reject(const Record& record, const Fault& fault, OnConflict policy);

  LineProtocolOptions options_;
  RecordReader records_;
  PointParser parser_;
  Tables tables_;  ///< by measurement
  Tables::value_type* latest_ = nullptr;
  std::vector<Reject> rejects_;
  std::optional<Reject> refused_;
  bool has_ended_ = false;
  uint64_t held_bytes_ = 0;
  size_t columns_left_ = kInputColumnsMax;
};

}  // namespace sluice::source
