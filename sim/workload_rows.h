// The tables and rows of a simulated world. A row is a function of its id, so that whoever reads
// it back can tell whether it is whole; an id is a batch's number and the row's place in the batch.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/random.h"
#include "sluice/batch.h"
#include "sluice/options.h"
#include "sluice/snapshot.h"

namespace sluice::sim {

inline constexpr uint64_t kIdsPerBatch = 64;
inline constexpr uint32_t kBatchRowsLimit = 50;
inline constexpr uint64_t row_id(uint64_t batch, uint64_t row) {
  return batch * kIdsPerBatch + row;
}

struct SimTable {
  TableName name;
  TableSpec spec;  ///< as the table is made: without kExtraColumn
  uint64_t seed = 0;
  uint32_t keys = 1;  ///< distinct values of each key column
  uint32_t note_bytes_max = 0;
  bool has_nanos = false;  ///< some times have a remainder below a microsecond
  bool keyed() const { return !spec.key.empty(); }
  bool timed() const { return !spec.time.empty(); }
};

/// How an operator has altered a table's columns. The column that comes and goes is a long.
struct Shape {
  bool is_memo = false;    ///< "note" is called "memo"
  bool is_unit = false;    ///< "device" is called "unit"
  bool has_longs = false;  ///< "slot" was widened
  uint32_t extra = 0;      ///< generation of the column that comes and goes; 0: there is none
  /// To whom sees the names only.
  bool looks_like(const Shape& seen) const {
    return is_memo == seen.is_memo && is_unit == seen.is_unit && (extra != 0) == (seen.extra != 0);
  }
};
inline constexpr std::string_view kExtraColumn = "extra";
std::string note_name(const Shape& shape);
std::string device_name(const Shape& shape);

/// One of each kind: key and time, key, time, neither; in any order, some left out. Partitioned by
/// what fits the kind, half of them as tables are that do not say it.
std::vector<SimTable> draw_tables(Random& random);

struct Row {
  uint64_t id = 0;
  std::string device;
  int64_t slot = 0;
  Nanos at = 0;
  double level = 0;
  std::optional<std::string> note;
  bool flag = false;
  std::optional<int64_t> extra;
  /// Doubles by their bits.
  friend bool operator==(const Row& a, const Row& b);
  std::string to_string() const;
};

/// Where a row stands in the order of a scan. In a table with a key no two rows share a place.
struct Place {
  std::vector<std::pair<int64_t, std::string>> partition;  ///< numbers, or texts beside 0
  std::string device;
  int64_t slot = 0;
  Nanos at = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};
Place place_of(const SimTable& table, const Row& row);

/// `wide`: the row has a value in kExtraColumn.
Row row_of(const SimTable& table, uint64_t id, bool wide);
Batch batch_of(const SimTable& table, uint64_t batch, uint32_t rows, bool wide, const Shape& shape);

/// Every row of a snapshot, in the order of the scan, and what its columns look like.
struct Reading {
  std::vector<Row> rows;
  Shape shape = {};
};
/// kCorrupt if its columns are not ours.
Result<Reading> read_rows(Snapshot& snapshot);
/// What columns of these names look like; kCorrupt if they are not ours.
Result<Shape> shape_of(const Schema& schema);

}  // namespace sluice::sim
