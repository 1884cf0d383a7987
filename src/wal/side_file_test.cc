#include "wal/side_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/bytes.h"
#include "wal/log_fixture.h"

namespace sluice::wal {
namespace {

constexpr std::string_view kSide = "log.side";

TailImage image_of(uint64_t offset, std::string_view text, uint64_t seed = 1) {
  TestRuntime runtime(seed);
  TailImage image{.segment = SegmentId::draw(runtime), .offset = offset};
  image.bytes.assign(as_bytes(text).begin(), as_bytes(text).end());
  return image;
}

std::optional<TailImage> loaded(CrashDisk& disk) {
  return load_tail_image(disk, kSide).value();
}

TEST(SideFile, HasTheImageStoredLastAlsoAfterAPowerCut) {
  CrashDisk disk;
  SideFile side(disk, std::string(kSide));
  EXPECT_FALSE(loaded(disk));
  ASSERT_OK(side.store(image_of(8192, "first")));
  const TailImage second = image_of(12288, "second");
  ASSERT_OK(side.store(second));
  EXPECT_EQ(side.stores(), 2u);
  Dice dice(1);
  CrashDisk after(crash(disk.image(), CrashKind::kAllLost, dice));
  const std::optional<TailImage> found = loaded(after);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->segment, second.segment);
  EXPECT_EQ(found->offset, second.offset);
  EXPECT_EQ(found->bytes, second.bytes);
}

TEST(SideFile, IsTwoWholeBlocksOfKnownBytes) {
  CrashDisk disk;
  SideFile side(disk, std::string(kSide));
  ASSERT_OK(side.store(image_of(4096, std::string(4096, 'y'))));
  ASSERT_OK(side.store(image_of(2 * 4096, "abc")));
  const std::vector<std::byte>& bytes = disk.bytes(std::string(kSide));
  ASSERT_EQ(bytes.size(), 2 * kBlockBytes);
  EXPECT_EQ(as_text(bytes).substr(0, 8), "SLUICSID");
  EXPECT_EQ(load<uint32_t>(bytes.data() + 8), 1u);
  EXPECT_EQ(load<uint32_t>(bytes.data() + 12), 3u);
  EXPECT_EQ(load<uint64_t>(bytes.data() + 32), 8192u);
  EXPECT_EQ(as_text(bytes).substr(kBlockBytes, 4), std::string_view("abc\0", 4));
  const auto is_zero = [](std::byte byte) { return byte == std::byte{0}; };
  EXPECT_TRUE(std::all_of(bytes.begin() + 40, bytes.begin() + 4092, is_zero));
  EXPECT_TRUE(std::all_of(bytes.begin() + 4096 + 3, bytes.end(), is_zero));
}

TEST(SideFile, SaysNothingIfAnyByteOfItIsWrongOrMissing) {
  CrashDisk disk;
  SideFile side(disk, std::string(kSide));
  ASSERT_OK(side.store(image_of(8192, "durable")));
  const std::vector<std::byte> whole = disk.bytes(std::string(kSide));
  for (size_t at = 0; at < whole.size(); at += at < 64 ? 1 : 61) {
    disk.bytes(std::string(kSide)) = whole;
    disk.bytes(std::string(kSide))[at] ^= std::byte{4};
    disk.settle(std::string(kSide));
    EXPECT_FALSE(loaded(disk)) << at;
  }
  for (const size_t length : {0u, 1u, 4096u, 8191u}) {
    disk.bytes(std::string(kSide)) = whole;
    disk.bytes(std::string(kSide)).resize(length);
    disk.settle(std::string(kSide));
    EXPECT_FALSE(loaded(disk)) << length;
  }
}

TEST(SideFile, RefusesLengthsAndPlacesThatNoImageHas) {
  for (const uint64_t offset : {uint64_t{0}, uint64_t{4097}, uint64_t{1} << 62}) {
    CrashDisk disk;
    SideFile side(disk, std::string(kSide));
    ASSERT_OK(side.store(image_of(offset, "x")));
    EXPECT_FALSE(loaded(disk)) << offset;
  }
}

TEST(SideFile, StoresNothingMoreAfterAFailureUntilItIsAttachedAgain) {
  for (const DiskOp op : {DiskOp::kWrite, DiskOp::kSync}) {
    CrashDisk disk;
    SideFile side(disk, std::string(kSide));
    ASSERT_OK(side.store(image_of(4096, "first")));
    disk.fail(op, Code::kIo);
    EXPECT_FALSE(side.store(image_of(8192, "second")).ok());
    ASSERT_TRUE(side.failure());
    EXPECT_EQ(side.failure()->code(), Code::kIo);
    const size_t before = disk.trace.size();
    EXPECT_FALSE(side.store(image_of(8192, "third")).ok());
    EXPECT_EQ(disk.trace.size(), before) << "nothing is written over what is unknown";
    ASSERT_OK(side.attach());
    EXPECT_FALSE(side.failure());
    ASSERT_OK(side.store(image_of(8192, "fourth")));
    EXPECT_EQ(as_text(loaded(disk)->bytes), "fourth");
    EXPECT_EQ(side.stores(), 2u);
  }
}

TEST(SideFile, AttachingChangesNothingWhereNothingFailed) {
  CrashDisk disk;
  SideFile side(disk, std::string(kSide));
  ASSERT_OK(side.store(image_of(4096, "first")));
  ASSERT_OK(side.attach());
  EXPECT_EQ(as_text(loaded(disk)->bytes), "first");
}

TEST(SideFile, StaysFailedIfItCannotBeMade) {
  CrashDisk disk;
  SideFile side(disk, std::string(kSide));
  disk.fail(DiskOp::kCreate, Code::kFull);
  EXPECT_FALSE(side.store(image_of(4096, "x")).ok());
  disk.fail(DiskOp::kSyncDir, Code::kIo);
  EXPECT_FALSE(side.attach().ok());
  EXPECT_TRUE(side.failure());
  ASSERT_OK(side.attach());
  ASSERT_OK(side.store(image_of(4096, "x")));
}

TEST(SideFile, IsOfNoUseToAnotherSegment) {
  CrashDisk disk;
  ASSERT_OK(open_log(disk));
  SideFile side(disk, std::string(kSide));
  ASSERT_OK(side.store(image_of(4096, "of another segment", 77)));
  const std::string segment = segment_name(1);
  const std::vector<std::byte> before = disk.bytes(segment);
  EXPECT_EQ(mend_tail(disk, segment, kSide, RepairPolicy::kTruncatePartial).value(), 0u);
  EXPECT_EQ(disk.bytes(segment), before);
  EXPECT_EQ(open_mended(disk, segment, kSide).value().damaged_bytes, 0u);
}

}  // namespace
}  // namespace sluice::wal
