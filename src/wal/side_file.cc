#include "wal/side_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "wal/segments.h"

namespace sluice::wal {
namespace {

constexpr std::string_view kSideMagic = "SLUICSID";
constexpr uint32_t kSideVersion = 1;
constexpr size_t kCrcOffset = kBlockBytes - sizeof(uint32_t);
constexpr size_t kSideFileBytes = 2 * kBlockBytes;

/// Aligned, so that a device takes it as it is.
struct alignas(kBlockBytes) SideBlocks {
  std::array<std::byte, kSideFileBytes> bytes{};
};

uint32_t checksum(const SideBlocks& blocks) {
  const ByteView bytes(blocks.bytes);
  return crc32c(bytes.subspan(kBlockBytes), crc32c(bytes.first(kCrcOffset)));
}

void encode(const TailImage& image, SideBlocks& blocks) {
  std::byte* const at = blocks.bytes.data();
  std::memcpy(at, kSideMagic.data(), kSideMagic.size());
  store(at + 8, kSideVersion);
  store(at + 12, static_cast<uint32_t>(image.bytes.size()));
  std::copy(image.segment.bytes().begin(), image.segment.bytes().end(), at + 16);
  store(at + 32, image.offset);
  std::copy(image.bytes.begin(), image.bytes.end(), at + kBlockBytes);
  store(at + kCrcOffset, checksum(blocks));
}

std::optional<TailImage> decode(const SideBlocks& blocks) {
  const std::byte* const at = blocks.bytes.data();
  if (std::memcmp(at, kSideMagic.data(), kSideMagic.size()) != 0) return std::nullopt;
  if (load<uint32_t>(at + kCrcOffset) != checksum(blocks)) return std::nullopt;
  const auto bytes = load<uint32_t>(at + 12);
  TailImage image{.offset = load<uint64_t>(at + 32)};
  const bool is_sound = load<uint32_t>(at + 8) == kSideVersion && bytes > 0 &&
                        bytes <= kBlockBytes && image.offset % kBlockBytes == 0 &&
                        image.offset >= kBlockBytes && image.offset < (uint64_t{1} << 62);
  if (!is_sound) return std::nullopt;
  image.segment = SegmentId::from_bytes(std::span<const std::byte, 16>(at + 16, 16));
  image.bytes.assign(at + kBlockBytes, at + kBlockBytes + bytes);
  return image;
}

/// Whether a new side file may take the place of what has the name. A crash may have left anything
/// of an old one, but no more than its bytes, and nothing that begins like a log.
Result<bool> may_replace(Disk& disk, const std::string& name) {
  const Result<std::unique_ptr<File>> file = disk.open(name, OpenMode::kRead);
  if (!file.ok() && file.error().code() == Code::kNotFound) return true;
  if (!file.ok()) return file.error();
  std::array<std::byte, kMagic.size()> start{};
  TRY((*file)->read_at(0, start));
  const uint64_t bytes = TRY((*file)->size());
  return bytes <= kSideFileBytes && as_text(start) != kMagic;
}

/// Whether the file holds the segment that the image is of.
Result<bool> is_of(File& segment, const TailImage& image) {
  std::array<std::byte, kBlockBytes> block;
  const size_t got_bytes = TRY(segment.read_at(0, block));
  const auto header = decode_segment_header(ByteView(block).first(got_bytes), "");
  return header.ok() && header->segment == image.segment;
}

/// The file, and over it the image.
class MendedFile final : public File {
 public:
  MendedFile(std::unique_ptr<File> file, TailImage image)
      : file_(std::move(file)), image_(std::move(image)) {}

  Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override;
  Result<uint64_t> size() override {
    const uint64_t bytes = TRY(file_->size());
    return std::max<uint64_t>(bytes, image_.offset + image_.bytes.size());
  }
  Status pwrite_at(uint64_t, ByteView) override { return read_only(); }
  Status sync() override { return read_only(); }
  Status truncate(uint64_t) override { return read_only(); }
  Status allocate(uint64_t, uint64_t) override { return read_only(); }

 private:
  static Error read_only() { return {Code::kInvalid, "the file is only read"}; }

  const std::unique_ptr<File> file_;
  const TailImage image_;
};

Result<size_t> MendedFile::read_at(uint64_t offset, std::span<std::byte> out) {
  size_t got_bytes = TRY(file_->read_at(offset, out));
  const uint64_t start = std::max(offset, image_.offset);
  const uint64_t end = std::min(offset + out.size(), image_.offset + image_.bytes.size());
  if (start >= end) return got_bytes;
  const std::span<std::byte> gap = out.subspan(got_bytes);
  std::fill(gap.begin(), gap.end(), std::byte{0});
  std::copy_n(image_.bytes.begin() + static_cast<ptrdiff_t>(start - image_.offset), end - start,
              out.begin() + static_cast<ptrdiff_t>(start - offset));
  return std::max<size_t>(got_bytes, end - offset);
}

}  // namespace

std::string side_file_name(std::string_view file) {
  return std::string(file) + ".side";
}

Status SideFile::store(const TailImage& image) {
  CHECK(!image.bytes.empty() && image.bytes.size() <= kBlockBytes);
  if (failure_) return *failure_;
  const Status written = write(image);
  if (written.ok()) {
    ++stores_;
  } else {
    failure_ = written.error();
    file_.reset();
  }
  return written;
}

Status SideFile::write(const TailImage& image) {
  if (file_ == nullptr) TRY(make());
  SideBlocks blocks;
  encode(image, blocks);
  TRY(file_->pwrite_at(0, blocks.bytes));
  return file_->sync();
}

/// Its name is durable before anything relies on what it holds.
Status SideFile::make() {
  const bool is_free = TRY(may_replace(disk_, name_));
  if (!is_free) {
    return Error(Code::kExists, "another file has the name of the log's side file; move it away",
                 name_);
  }
  TRY(remove_if_present(disk_, name_));
  file_ = TRY(disk_.create(name_));
  return disk_.sync_dir();
}

Status SideFile::attach() {
  if (!failure_) return ok();
  file_.reset();
  const Status made = make();
  if (!made.ok()) {
    failure_ = made.error();
    return made;
  }
  failure_.reset();
  return ok();
}

Status check_sharing(TornWrites torn_writes) {
  if (torn_writes == TornWrites::kPad) return ok();
  return Error(Code::kInvalid, Reason::kOutOfRange,
               "an encrypted log fills its blocks up; leave the torn writes to pads");
}

Error no_side_file() {
  return Error(Code::kInvalid, Reason::kNone, "in this mode of torn writes there is no side file");
}

Result<std::optional<TailImage>> load_tail_image(Disk& disk, std::string_view side_file) {
  const Result<std::unique_ptr<File>> file = disk.open(side_file, OpenMode::kReadDevice);
  if (!file.ok()) {
    if (file.error().code() == Code::kNotFound) return std::optional<TailImage>();
    return file.error();
  }
  SideBlocks blocks;
  const size_t got_bytes = TRY((*file)->read_at(0, blocks.bytes));
  return got_bytes == kSideFileBytes ? decode(blocks) : std::nullopt;
}

Result<uint64_t> count_damage(File& segment, const TailImage& image) {
  if (!TRY(is_of(segment, image))) return uint64_t{0};
  std::vector<std::byte> found(image.bytes.size());
  const size_t got_bytes = TRY(segment.read_at(image.offset, found));
  uint64_t damaged_bytes = found.size() - got_bytes;
  for (size_t i = 0; i < got_bytes; ++i) damaged_bytes += found[i] != image.bytes[i] ? 1 : 0;
  return damaged_bytes;
}

Result<uint64_t> mend_tail(Disk& disk, const std::string& segment, std::string_view side_file,
                           RepairPolicy policy) {
  const std::optional<TailImage> image = TRY(load_tail_image(disk, side_file));
  if (!image) return uint64_t{0};
  const std::unique_ptr<File> device = TRY(disk.open(segment, OpenMode::kReadDevice));
  const uint64_t damaged_bytes = TRY(count_damage(*device, *image));
  if (damaged_bytes == 0) return uint64_t{0};
  if (policy == RepairPolicy::kStrict) {
    return corruption(Reason::kCrcMismatch,
                      "the block in which the log ended is torn, but its image is in " +
                          std::string(side_file) + "; a policy that cuts a torn end restores it",
                      segment, image->offset);
  }
  const std::unique_ptr<File> file = TRY(disk.open(segment, OpenMode::kReadWrite));
  TRY(file->pwrite_at(image->offset, image->bytes));
  TRY(file->sync());
  return damaged_bytes;
}

Result<MendedSegment> open_mended(Disk& disk, const std::string& segment,
                                  std::string_view side_file) {
  MendedSegment mended{TRY(disk.open(segment, OpenMode::kReadDevice))};
  std::optional<TailImage> image = TRY(load_tail_image(disk, side_file));
  if (!image) return mended;
  mended.damaged_bytes = TRY(count_damage(*mended.file, *image));
  if (mended.damaged_bytes > 0) {
    mended.file = std::make_unique<MendedFile>(std::move(mended.file), *std::move(image));
  }
  return mended;
}

}  // namespace sluice::wal
