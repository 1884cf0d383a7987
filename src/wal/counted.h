// Appends, counted for those who want that.
#pragma once

#include <span>
#include <utility>

#include "sluice/wal_options.h"
#include "wal/record.h"

namespace sluice::wal {

/// The verdict on an append of the records.
inline Result<Lsn> counted(const std::shared_ptr<WalCounters>& counters,
                           std::span<const RecordView> records, Result<Lsn> verdict) {
  if (counters != nullptr) counters->count(records.size(), verdict.ok());
  return verdict;
}

}  // namespace sluice::wal
