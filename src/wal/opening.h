// What an opening finds in the directory of a log, before it writes anything but a mended tail.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sluice/io.h"
#include "sluice/wal_options.h"
#include "wal/segments.h"
#include "wal/type_set.h"

namespace sluice::wal {

/// All segments, their headers read and linked. The boundary of the newest is not known yet.
Result<std::vector<Segment>> load_segments(Disk& disk, const std::vector<std::string>& names,
                                           const KeyRing* keys);

struct OpeningRules {
  RepairPolicy policy;
  const KeyRing* keys;  ///< may be null
  TypeSet known;        ///< of records that must be, in all that is read
};

/// All segments but the newest must be whole up to where their successors say that they ended.
/// kStrict reads them; otherwise what lies within is left to whoever reads it, so that the time
/// which an opening takes does not grow with the log. kCorrupt, kUnsupported.
Status check_older(Disk& disk, std::span<const Segment> segments, const OpeningRules& rules);

struct Newest {
  SegmentContent content;
  Reason end_reason = Reason::kNone;  ///< why no frame follows
  uint64_t restored_bytes = 0;
};

Result<Newest> load_newest(Disk& disk, const std::string& name, const OpeningRules& rules);

}  // namespace sluice::wal
