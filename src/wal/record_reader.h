// RecordReader: WalReader over whatever holds a log's segments.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/wal_reader.h"
#include "wal/log_reader.h"
#include "wal/record_filter.h"
#include "wal/segment_parser.h"
#include "wal/segments.h"

namespace sluice::wal {

/// The segments of a log as they are now, or those from some LSN on.
struct LogView {
  std::vector<Segment> segments{};  ///< linked, oldest first
  /// The boundary of the last one is not known: it ends where its frames end.
  bool is_open_ended = false;
  bool is_single_file = false;
  std::optional<Error> hole{};  ///< why nothing behind the last one can be read
  std::shared_ptr<const KeyRing> keys{};
};
/// Asked when a reader is made, and when it has read to the end after a reset(). Segments that hold
/// nothing from `from` on may be left out, but for the last of them.
using LogSource = std::function<Result<LogView>(Lsn from)>;

/// Asks `source` for the first time; that is called on the reader's thread and lives with it. The
/// source of a log that is open gives segments with what is durable as their boundaries (W16), so
/// that its reader never meets a write under way.
Result<std::unique_ptr<WalReader>> open_reader(Disk& disk, LogSource source,
                                               WalReadOptions options);

/// A disk, and what keeps it alive for the reader; null: the caller does.
struct KeptDisk {
  Disk& disk;
  std::shared_ptr<const void> keeper{};
};
Result<std::unique_ptr<WalReader>> open_directory_reader(KeptDisk disk,
                                                         std::shared_ptr<const KeyRing> keys,
                                                         WalReadOptions options);
Result<std::unique_ptr<WalReader>> open_file_reader(KeptDisk disk, const std::string& name,
                                                    std::shared_ptr<const KeyRing> keys,
                                                    WalReadOptions options);

class RecordReader final : public WalReader {
 public:
  RecordReader(Disk& disk, LogSource source, WalReadOptions options);

  Result<std::optional<WalFrame>> next() override;
  Result<std::optional<WalFrameHeader>> next_header() override;
  Result<ByteView> payload() override;
  Result<bool> has_more() override;
  void reset() override;
  void reset(uint64_t limit) override;
  void seek(Lsn from) override;
  WalReadStats stats() const override;
  Status open();

 private:
  Result<std::optional<WalFrame>> next_frame();
  Result<std::optional<WalFrameHeader>> find_header();
  Result<WalFrame> with_payload(const WalFrameHeader& header);
  Status check(const WalFrame& frame, uint64_t offset) const;
  bool wants_all_that_follows() const;

  Result<bool> has_segment(Access access);
  Status take_view();
  Status open_segment(Access access);
  void close_segment();
  Result<bool> end_segment();
  Status renew();
  Status go_on_behind(Boundary position, Segment last);
  Result<bool> has_moved_on(const Error& failure);
  Result<bool> was_feigned(const Error& failure);
  Error explain(const Error& failure) const;
  const Segment& segment() const { return view_->segments[index_]; }
  std::optional<Boundary> boundary() const;
  Error fail(const Error& failure);

  Disk& disk_;
  const LogSource source_;
  WalReadOptions options_;
  RecordFilter filter_;
  std::optional<LogView> view_;
  size_t index_ = 0;  ///< of the segment that parser_ reads, or that is opened next
  std::unique_ptr<SegmentParser> parser_;
  std::optional<WalFrameHeader> found_;  ///< by has_more(), not yielded yet
  uint64_t yielded_ = 0;                 ///< since the last reset()
  bool is_stale_ = false;                ///< the view was taken before the last reset()
  bool ended_ = false;
  bool is_retrying_ = false;
  int replaced_ = 0;  ///< how often in a row the segment to open was not there any more
  std::optional<Error> failure_;
  WalReadStats stats_;  ///< without those of parser_
};

}  // namespace sluice::wal
