// LogReader: the user's frames of a range of LSNs, in order, across segments.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"
#include "wal/format.h"
#include "wal/record.h"
#include "wal/segment_parser.h"
#include "wal/segments.h"

namespace sluice::wal {

/// LSNs from and to, both included.
struct LsnRange {
  Lsn from = 0;
  Lsn to = UINT64_MAX;
};

struct ParserOptions {
  std::optional<Boundary> boundary{};
  const KeyRing* keys = nullptr;
  Access access = Access::kWhole;
};
/// Of a segment of a log that reads on from `wanted`. kNotFound (kMissingSegment): it was trimmed;
/// kCorrupt (kForked): another one has its name.
Result<std::unique_ptr<SegmentParser>> open_parser(Disk& disk, const Segment& segment,
                                                   const ParserOptions& options, Lsn wanted);
/// Of a log in one file.
Result<std::unique_ptr<SegmentParser>> open_single_parser(Disk& disk, const Segment& segment,
                                                          const ParserOptions& options);
/// kNotFound: a trim took it before it was read.
Error missing_segment(const Segment& segment, Lsn wanted);

/// Reads what was durable when it was made; later rolls and appends do not concern it. Memory: as a
/// SegmentParser. One thread, but any; must not outlive the Disk.
class LogReader {
 public:
  /// `segments`: linked, oldest first. `keys` may be null where nothing is encrypted.
  LogReader(Disk& disk, std::vector<Segment> segments, LsnRange range,
            std::shared_ptr<const KeyRing> keys);

  /// The next frame, or nothing at the end. After an error every call returns that error: kCorrupt,
  /// kUnsupported, kIo as the parser's; kNotFound (kMissingSegment) if a trim took a segment that
  /// the range needs before the reader came to it.
  Result<std::optional<LogFrame>> next();

 private:
  Result<std::optional<LogFrame>> read();
  Error explain(const Error& failure) const;

  Disk& disk_;
  std::vector<Segment> segments_;
  LsnRange range_;
  const std::shared_ptr<const KeyRing> keys_;
  size_t index_ = 0;  ///< of the segment that parser_ reads, or that is opened next
  std::unique_ptr<SegmentParser> parser_;
  bool ended_ = false;
  std::optional<Error> failure_;
};

}  // namespace sluice::wal
