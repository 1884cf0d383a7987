// Blocks: finished Parquet objects, as the one who keeps a manifest of them sees them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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

/// Where a table's blocks are to live, and so how large they are.
enum class PartitionMode : uint8_t {
  kDoSqlite,    ///< "do-sqlite"
  kStandard,    ///< "standard"; "edge-cache" is the same
  kEnterprise,  ///< "enterprise"
};
struct PartitionSizes {
  PartitionMode mode = PartitionMode::kDoSqlite;
  std::string_view name;
  uint64_t partition_bytes = 0;     ///< the largest partition: what merging aims at
  uint64_t row_group_bytes = 0;     ///< of a block
  uint64_t block_target_bytes = 0;  ///< a block is ended at this size
  uint64_t block_bytes_max = 0;     ///< no block is larger
};
inline constexpr std::array<PartitionSizes, 3> kPartitionModes = {{
    {PartitionMode::kDoSqlite, "do-sqlite", 2ull << 20, 64ull << 10, 2ull << 20, 4ull << 20},
    {PartitionMode::kStandard, "standard", 500ull << 20, 4ull << 20, 128ull << 20, 256ull << 20},
    {PartitionMode::kEnterprise, "enterprise", 5ull << 30, 32ull << 20, 1ull << 30, 2ull << 30},
}};
const PartitionSizes& sizes_of(PartitionMode mode);
std::optional<PartitionMode> parse_partition_mode(std::string_view name);

}  // namespace sluice
