// Share: the rows of one batch that lie in one partition.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "model/partition.h"
#include "sluice/batch.h"
#include "sluice/options.h"

namespace sluice::memtable {

struct PartitionId {
  model::PartitionTuple values;
  std::string name;  ///< model::partition_text()
};

struct Share {
  std::shared_ptr<const PartitionId> partition;
  uint32_t rows = 0;
  uint32_t first_row = 0;     ///< of the batch
  Nanos earliest = kForever;  ///< the least time of its rows; kForever without a time column
};

/// Every row of the batch is in one share, in the order in which the partitions are met. The batch
/// fits the table.
std::vector<Share> share_out(const Batch& batch, const TableSpec& spec);

}  // namespace sluice::memtable
