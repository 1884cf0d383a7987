// SideFile: the tail block of a log as it last was durable, beside the log, while the log's own
// block is written again (TornWrites::kDoubleWrite).
//
// Frames that a sync has confirmed never change, so an image of them is true for as long as its
// segment lives: to put it back where the segment differs adds nothing that the log did not have,
// and takes nothing away.
//
// A side file, two blocks; integers are little-endian:
//
//   offset  bytes  field
//        0      8  magic "SLUICSID"
//        8      4  version, 1
//       12      4  image bytes, 1 to 4096: how much of the block was durable
//       16     16  segment id
//       32      8  offset of the block in the segment, a multiple of 4096
//       40   4052  zero
//     4092      4  CRC-32C of bytes 0 to 4091 and of the block that follows
//     4096   4096  the block, zeros behind the image
//
// One that is absent, torn or of another segment says nothing: it is written only while everything
// in the segment is durable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/wal_options.h"
#include "wal/format.h"

namespace sluice::wal {

/// Of a log in a directory.
inline constexpr std::string_view kSideFileName = "wal-tail.side";
/// Of a log in one file.
std::string side_file_name(std::string_view file);

/// What a block of a segment held, durably, from its start on.
struct TailImage {
  SegmentId segment{};
  uint64_t offset = 0;
  std::vector<std::byte> bytes{};  ///< 1 to kBlockBytes
};

/// One thread. The disk outlives it.
class SideFile {
 public:
  SideFile(Disk& disk, std::string name) : disk_(disk), name_(std::move(name)) {}

  /// Durable on return. After any error nothing can be stored before attach().
  Status store(const TailImage& image);
  /// Why nothing can be stored; none: it can.
  const std::optional<Error>& failure() const { return failure_; }
  /// Goes on with a new file after a failure. What the old one held must not be needed.
  Status attach();
  uint64_t stores() const { return stores_; }

 private:
  Status write(const TailImage& image);
  Status make();

  Disk& disk_;
  const std::string name_;
  std::unique_ptr<File> file_;
  std::optional<Error> failure_;
  uint64_t stores_ = 0;
};

/// kInvalid (kOutOfRange) if logs that are encrypted cannot share blocks in this mode: what was
/// sealed is never written again.
Status check_sharing(TornWrites torn_writes);
/// The answer to whoever asks for the side file of a log without one.
Error no_side_file();

/// The image in the file, read from the device; none: absent or torn.
Result<std::optional<TailImage>> load_tail_image(Disk& disk, std::string_view side_file);
/// How many bytes differ in the segment's file from an image of it; 0 also for another segment's.
Result<uint64_t> count_damage(File& segment, const TailImage& image);
/// W20: at an opening, before the segment is parsed: writes the image over the segment's block if
/// that differs, durably; how many bytes did. The side file is not needed any more. kCorrupt: it
/// differs, and the policy is kStrict.
Result<uint64_t> mend_tail(Disk& disk, const std::string& segment, std::string_view side_file,
                           RepairPolicy policy);
/// A segment to be read from the device as it will be once its image has been restored.
struct MendedSegment {
  std::unique_ptr<File> file;
  uint64_t damaged_bytes = 0;  ///< that the image mends
};
Result<MendedSegment> open_mended(Disk& disk, const std::string& segment,
                                  std::string_view side_file);

}  // namespace sluice::wal
