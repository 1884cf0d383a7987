// Salvage: what can still be read of a damaged log, in a new one. The damaged one is only read.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/wal_check.h"
#include "wal/format.h"
#include "wal/record.h"

namespace sluice::wal {

/// Bytes of a segment, which need not even have a readable header.
struct SalvageSource {
  std::unique_ptr<File> file{};
  std::string name{};
  SegmentHeader header{};  ///< what is known of it: segment, base_lsn, key, numbering
  /// What its successor accepted of it: what follows was cut. 0: all of it.
  uint64_t accepted_end = 0;
  /// Records from here on are not its own, whatever stands there. 0: no such limit.
  Lsn end_lsn = 0;
  bool is_single_file = false;  ///< as for SegmentParser::open_single()
};

/// What was salvaged, and the locks of the log that it was taken from.
struct Salvaged {
  WalSalvage salvage{};
  std::unique_ptr<DiskLock> lock{};
  std::unique_ptr<File> file{};  ///< null: of segments
};

struct SalvagedRecords {
  uint64_t lost_bytes = 0;  ///< not zero, and of no frame, or of a record that was not shown
  /// Of a log that numbers: no LSN above it was given out in the source, as far as any byte of it
  /// tells. The header and each frame say how far it had come, also a frame whose payload is lost;
  /// bytes behind them all count for as many records as can have been there.
  Lsn given_lsn = 0;
};

/// Shows each record of the source that is whole, in the order of the file, but what an opening cut
/// and, in logs whose LSNs rise, what is not above the last one shown. kInvalid (kMissingKey); what
/// `take` fails with.
using RecordTaker = std::function<Status(const LogFrame& record)>;
Result<SalvagedRecords> salvage_records(SalvageSource source, const KeyRing* keys, Lsn& last_lsn,
                                        const RecordTaker& take);

/// Everything of the log in the first disk into a new log in the second, which is empty.
Result<Salvaged> salvage_log(Runtime& runtime, Disk& from, Disk& to,
                             const std::shared_ptr<const KeyRing>& keys);
/// Everything of the log in one file into another file beside it, which does not exist.
Result<Salvaged> salvage_file(Runtime& runtime, Disk& disk, const std::string& from,
                              const std::string& to, const std::shared_ptr<const KeyRing>& keys);

}  // namespace sluice::wal
