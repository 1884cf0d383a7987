// Blocks: finished Parquet objects, as the one who keeps a manifest of them sees them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sluice/snapshot.h"

namespace sluice {

/// What a block holds of one column. Bounds hold for every value: lower <= value <= upper. They are
/// null when there is no value, when a double column holds a NaN, and when a long string's upper
/// bound cannot be cut; those of strings and binary are cut to 16 bytes.
struct ColumnSummary {
  std::string name;
  Type type = Type::kNull;
  uint64_t null_count = 0;
  Value lower;
  Value upper;
};

/// One object in the bucket. Immutable.
struct BlockMetadata {
  std::string id;        ///< `<flush id>-<n>`: never another block's
  std::string key;       ///< of the object
  std::string flush_id;  ///< the flush that made it
  uint64_t rows = 0;
  uint64_t bytes = 0;
  uint64_t min_lsn = 0;  ///< of its flush
  uint64_t max_lsn = 0;
  uint64_t seq = 0;             ///< of its flush
  Nanos created_wall_time = 0;  ///< when the flush was prepared, UTC since 1970
  bool compacted = false;       ///< merged from others
  std::vector<ColumnSummary> columns;
};

}  // namespace sluice
