// PointTable: the rows of one measurement on their way into a batch, and the columns that they
// need.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "source/line_protocol.h"

namespace sluice::source {

/// One thread.
class LineProtocolDecoder::Table {
 public:
  enum class Verdict : uint8_t {
    kTaken,
    kFull,      ///< nothing was taken: finish() first, then append again
    kRejected,  ///< nothing was taken
  };
  struct Answer {
    Verdict verdict = Verdict::kTaken;
    Fault fault = {};  ///< valid as long as the point
  };

  /// `columns_left` is shared by all tables: how many more columns they may have.
  Table(std::string collection, KnownTable known, const LineProtocolOptions& options,
        size_t& columns_left);

  /// Takes a point whose record is so large. kInvalid (kPayloadTooLarge): no columns are left.
  Result<Answer> append(const Point& point, const Record& record);
  /// The rows since the last time, if there are any.
  Result<Batch> finish();

  const std::string& collection() const { return collection_; }
  uint32_t rows() const { return rows_; }
  /// Rows since the last time with something in `_rest`.
  const ConflictCounts& kept() const { return kept_; }
  OnConflict on_conflict() const { return on_conflict_; }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Column {
    Field field;
    std::string key = {};  ///< as the input spells it; empty until it was met
    uint64_t met = 0;      ///< the point that named it last
    uint64_t filled = 0;   ///< the point that gave it a value last
  };
  /// A name that no column is known by yet.
  struct Newcomer {
    std::string_view key;
    Field field;
    size_t column = 0;  ///< of a table that was known: its index. Else the index it will have
  };

  Fault place_all(const Point& point);
  Fault misfit(RejectReason reason, std::string_view key, std::string_view found) const;
  RejectReason place(std::string_view key, Type type, bool in_range);
  RejectReason place_newcomer(std::string_view key, Type type, size_t& column);
  std::optional<size_t> find(std::string_view key);
  bool has_twins() const;
  Status settle();
  Status add_column(Field field);
  uint64_t cost_of(const Point& point, const Record& record) const;
  void append_row(const Point& point);
  void append_field(const PointField& field, size_t column);

  static constexpr size_t kNoColumn = SIZE_MAX;

  const std::string collection_;
  const LineProtocolOptions& options_;
  const uint64_t taken_;
  const OnConflict on_conflict_;
  size_t& columns_left_;
  std::vector<Column> columns_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<std::string, size_t, std::less<>> by_key_;
  size_t series_ = kNoColumn;
  size_t time_ = kNoColumn;
  size_t rest_column_ = kNoColumn;
  std::optional<BatchBuilder> builder_;
  uint32_t rows_ = 0;
  ConflictCounts kept_;
  uint64_t bytes_ = 0;

  // Of the point at hand:
  uint64_t points_ = 0;
  size_t expected_ = 0;        ///< the column that mostly comes next
  std::vector<size_t> cells_;  ///< the columns of its tags, then of its fields; or kNoColumn
  std::vector<Newcomer> newcomers_;
  size_t columns_new_ = 0;
  Rest rest_;
};

}  // namespace sluice::source
