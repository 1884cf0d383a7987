#include "base/check.h"
#include "sluice/block.h"

namespace sluice {

const PartitionSizes& sizes_of(PartitionMode mode) {
  const auto index = static_cast<size_t>(mode);
  CHECK(index < kPartitionModes.size() && kPartitionModes[index].mode == mode);
  return kPartitionModes[index];
}

std::optional<PartitionMode> parse_partition_mode(std::string_view name) {
  if (name == "edge-cache") return PartitionMode::kStandard;
  for (const PartitionSizes& sizes : kPartitionModes) {
    if (sizes.name == name) return sizes.mode;
  }
  return std::nullopt;
}

}  // namespace sluice
