// Verification of a log directory: reads everything, changes nothing, takes no lock.
#pragma once

#include <string>
#include <vector>

#include "sluice/inspect.h"
#include "sluice/io.h"
#include "sluice/result.h"
#include "wal/format.h"

namespace sluice::wal {

struct SegmentReport {
  std::string name;
  Lsn base_lsn = 0;
  Lsn last_lsn = 0;  ///< base_lsn - 1 if it holds no user frame
  uint64_t user_frames = 0;
  uint64_t bytes = 0;       ///< valid, header included
  uint64_t torn_bytes = 0;  ///< behind the end of the newest segment; not damage
};

struct LogReport {
  std::vector<SegmentReport> segments;  ///< readable ones, oldest first
  std::vector<Finding> findings;        ///< in the order of segments
};

/// An empty directory is an empty log. A log that another process is writing may be verified: what
/// it adds meanwhile is not seen, what it trims is not missed. An error only if the directory
/// cannot be listed.
Result<LogReport> verify_log(Disk& disk);

}  // namespace sluice::wal
