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
  TableSpec spec;  ///< as the table is made: without kLaterColumn
  uint64_t seed = 0;
  uint32_t keys = 1;  ///< distinct values of each key column
  uint32_t note_bytes_max = 0;
  bool has_nanos = false;  ///< some times have a remainder below a microsecond
  bool keyed() const { return !spec.key.empty(); }
  bool timed() const { return !spec.time.empty(); }
};
inline constexpr std::string_view kLaterColumn = "extra";  ///< long, added to a living table

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

/// `wide`: the row has a value in kLaterColumn.
Row row_of(const SimTable& table, uint64_t id, bool wide);
Batch batch_of(const SimTable& table, uint64_t batch, uint32_t rows, bool wide);
/// Every row of the snapshot, in the order of the scan. kCorrupt if its columns are not ours.
Result<std::vector<Row>> read_rows(Snapshot& snapshot);

}  // namespace sluice::sim
