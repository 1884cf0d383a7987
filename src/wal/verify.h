// Verification of a log directory: reads everything, changes nothing, takes no lock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sluice/inspect.h"
#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/runtime.h"
#include "wal/segments.h"

namespace sluice::wal {

struct SegmentReport {
  std::string name{};
  uint64_t file_bytes = 0;
  std::optional<SegmentHeader> header{};  ///< none: it cannot be read
  SegmentContent content{};               ///< of the frames before the damage
  std::optional<Error> damage{};
  uint64_t restorable_bytes = 0;  ///< of a torn block, read from the side file
};

struct LogReport {
  std::vector<SegmentReport> segments;  ///< oldest first
  std::vector<Finding> findings;        ///< in the order of segments
};

/// An empty directory is an empty log. A log that another process is writing may be verified: what
/// it adds meanwhile is not seen, what it trims is not missed. `visit` (may be empty) is called for
/// each valid frame, in order; those of the newest segment may come twice. An error only if the
/// directory cannot be listed.
/// `keys` may be null where nothing is encrypted.
Result<LogReport> verify_log(Disk& disk, const FrameVisitor& visit = nullptr,
                             const KeyRing* keys = nullptr);

/// The same report, by up to `threads` threads, at least one: each reads a segment at a time,
/// oldest first, in the memory of a SegmentParser.
Result<LogReport> verify_segments_in_parallel(Runtime& runtime, Disk& disk, uint32_t threads,
                                              const KeyRing* keys = nullptr);

}  // namespace sluice::wal
