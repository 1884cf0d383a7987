// What every Disk does.
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/interface/suites.h"

namespace sluice::interface {
namespace {

constexpr OpenMode kModes[] = {OpenMode::kRead, OpenMode::kReadDevice, OpenMode::kReadWrite};
constexpr OpenMode kReadModes[] = {OpenMode::kRead, OpenMode::kReadDevice};

std::string read(File& file, uint64_t offset, size_t bytes) {
  std::string text(bytes, '?');
  text.resize(file.read_at(offset, std::as_writable_bytes(std::span(text))).value());
  return text;
}

std::unique_ptr<File> create(Disk& disk, std::string_view name, std::string_view text) {
  auto file = disk.create(name).value();
  EXPECT_OK(file->pwrite_at(0, as_bytes(text)));
  return file;
}

std::string whole(Disk& disk, std::string_view name) {
  const auto file = disk.open(name, OpenMode::kRead).value();
  return read(*file, 0, file->size().value() + 1);
}

std::vector<std::string> names(Disk& disk) {
  std::vector<std::string> found;
  const std::vector<DiskEntry> entries = disk.list().value();
  for (const DiskEntry& entry : entries) found.push_back(entry.name);
  return found;
}

SEAM_TEST(DiskSuite, ACreatedFileIsEmpty) {
  const auto file = platform.disk->create("a").value();
  EXPECT_EQ(file->size().value(), 0u);
  EXPECT_EQ(read(*file, 0, 10), "");
  EXPECT_OK(file->sync());
  EXPECT_EQ(whole(*platform.disk, "a"), "");
}

SEAM_TEST(DiskSuite, CreateRefusesATakenNameAndLeavesItsBytes) {
  create(*platform.disk, "a", "first");
  EXPECT_EQ(code_of(platform.disk->create("a")), Code::kExists);
  EXPECT_EQ(whole(*platform.disk, "a"), "first");
}

SEAM_TEST(DiskSuite, OpenCreatesNothing) {
  for (const OpenMode mode : kModes) {
    EXPECT_EQ(code_of(platform.disk->open("absent", mode)), Code::kNotFound);
  }
  EXPECT_TRUE(platform.disk->list().value().empty());
}

SEAM_TEST(DiskSuite, AFileOpenedForWritingKeepsItsBytes) {
  create(*platform.disk, "a", "0123456789");
  const auto file = platform.disk->open("a", OpenMode::kReadWrite).value();
  EXPECT_OK(file->pwrite_at(3, as_bytes("xyz")));
  EXPECT_EQ(read(*file, 0, 100), "012xyz6789");
  EXPECT_EQ(file->size().value(), 10u);
}

SEAM_TEST(DiskSuite, AReadIsShortOnlyAtTheEnd) {
  EXPECT_OK(create(*platform.disk, "a", "0123456789")->sync());
  for (const OpenMode mode : kModes) {
    const auto file = platform.disk->open("a", mode).value();
    EXPECT_EQ(read(*file, 2, 3), "234");
    EXPECT_EQ(read(*file, 7, 3), "789");
    EXPECT_EQ(read(*file, 7, 4), "789");
    EXPECT_EQ(read(*file, 10, 1), "");
    EXPECT_EQ(read(*file, 1 << 20, 1), "");
    EXPECT_EQ(read(*file, 3, 0), "");
    EXPECT_EQ(file->size().value(), 10u);
  }
}

SEAM_TEST(DiskSuite, LargeReadsAreWholeAtAnyOffset) {
  const std::string text = pattern(1'000'003);
  EXPECT_OK(create(*platform.disk, "a", text)->sync());
  for (const OpenMode mode : kReadModes) {
    const auto file = platform.disk->open("a", mode).value();
    for (const size_t offset : {0, 1, 511, 4095, 4096, 4097, 262'143, 262'145, 999'999}) {
      EXPECT_TRUE(read(*file, offset, text.size() - offset) == text.substr(offset)) << offset;
      EXPECT_TRUE(read(*file, offset, 5000) == text.substr(offset, 5000)) << offset;
      EXPECT_TRUE(read(*file, offset, text.size()) == text.substr(offset)) << offset;
    }
  }
}

SEAM_TEST(DiskSuite, AFileThatEndsOnABlockEndsThereForEveryReader) {
  const std::string text = pattern(8192);
  EXPECT_OK(create(*platform.disk, "a", text)->sync());
  for (const OpenMode mode : kReadModes) {
    const auto file = platform.disk->open("a", mode).value();
    EXPECT_TRUE(read(*file, 0, 10'000) == text);
    EXPECT_EQ(read(*file, 8192, 1), "");
  }
}

SEAM_TEST(DiskSuite, AnOpenReaderSeesLaterWrites) {
  const auto writer = create(*platform.disk, "a", "old");
  const auto reader = platform.disk->open("a", OpenMode::kRead).value();
  EXPECT_OK(writer->pwrite_at(0, as_bytes("newer")));
  EXPECT_EQ(read(*reader, 0, 10), "newer");
}

SEAM_TEST(DiskSuite, AWriteBeyondTheEndLeavesZerosBetween) {
  const auto file = create(*platform.disk, "a", "x");
  EXPECT_OK(file->pwrite_at(5, as_bytes("y")));
  EXPECT_EQ(read(*file, 0, 10), std::string("x\0\0\0\0y", 6));
}

SEAM_TEST(DiskSuite, AnEmptyWriteChangesNothing) {
  const auto file = create(*platform.disk, "a", "x");
  EXPECT_OK(file->pwrite_at(5, {}));
  EXPECT_EQ(whole(*platform.disk, "a"), "x");
}

SEAM_TEST(DiskSuite, AllocatedBytesAreZerosUntilTheyAreOverwritten) {
  const auto file = create(*platform.disk, "a", "0123456789");
  EXPECT_OK(file->allocate(5, 1'000'000));
  EXPECT_EQ(file->size().value(), 1'000'005u);
  EXPECT_TRUE(whole(*platform.disk, "a") == "01234" + std::string(1'000'000, '\0'));
  EXPECT_OK(file->pwrite_at(500'000, as_bytes("here")));
  EXPECT_EQ(read(*file, 499'999, 6), std::string("\0here\0", 6));
  EXPECT_EQ(file->size().value(), 1'000'005u);
}

SEAM_TEST(DiskSuite, AllocatingNothingChangesNothing) {
  const auto file = create(*platform.disk, "a", "x");
  EXPECT_OK(file->allocate(5, 0));
  EXPECT_EQ(whole(*platform.disk, "a"), "x");
}

SEAM_TEST(DiskSuite, TruncateCutsAndRegrowsWithZeros) {
  const auto file = create(*platform.disk, "a", "0123456789");
  EXPECT_OK(file->truncate(4));
  EXPECT_EQ(whole(*platform.disk, "a"), "0123");
  EXPECT_OK(file->truncate(6));
  EXPECT_EQ(whole(*platform.disk, "a"), std::string("0123\0\0", 6));
}

SEAM_TEST(DiskSuite, DeviceReadersSeeWhatWasSynced) {
  const auto file = create(*platform.disk, "a", pattern(10'000, 1));
  EXPECT_OK(file->sync());
  EXPECT_OK(file->pwrite_at(5000, as_bytes("again")));
  EXPECT_OK(file->sync());
  const auto device = platform.disk->open("a", OpenMode::kReadDevice).value();
  std::string expected = pattern(10'000, 1);
  expected.replace(5000, 5, "again");
  EXPECT_TRUE(read(*device, 0, 20'000) == expected);
}

SEAM_TEST(DiskSuite, DeviceReadersFillMemoryOfAnyAlignmentFromAnyOffset) {
  const std::string bytes = pattern(50'000, 7);
  EXPECT_OK(create(*platform.disk, "a", bytes)->sync());
  const auto device = platform.disk->open("a", OpenMode::kReadDevice).value();
  struct alignas(4096) Page {
    char bytes[4096];
  };
  for (const size_t memory : {0, 1, 4095}) {
    for (const uint64_t offset : {0, 1, 4096, 45'056, 49'999}) {
      for (const size_t wanted : {1, 4096, 8192, 20'001}) {
        std::vector<Page> pages(8);
        const std::span<char> out(reinterpret_cast<char*>(pages.data()) + memory, wanted);
        const size_t got = device->read_at(offset, std::as_writable_bytes(out)).value();
        EXPECT_EQ(std::string_view(out.data(), got),
                  std::string_view(bytes).substr(offset, wanted));
      }
    }
  }
}

SEAM_TEST(DiskSuite, AFileMayBeWrittenWhileItIsSynced) {
  const auto file = platform.disk->create("a").value();
  run_threads(*platform.runtime, 2, [&](size_t thread) {
    for (uint64_t i = 0; i < 50; ++i) {
      if (thread == 0) EXPECT_OK(file->sync());
      if (thread == 1) EXPECT_OK(file->pwrite_at(i * 100, as_bytes(std::string(100, 'x'))));
    }
  });
  EXPECT_EQ(whole(*platform.disk, "a"), std::string(5000, 'x'));
}

SEAM_TEST(DiskSuite, RenameReplacesTheTarget) {
  create(*platform.disk, "a", "moved");
  create(*platform.disk, "b", "replaced");
  EXPECT_OK(platform.disk->rename("a", "b"));
  EXPECT_OK(platform.disk->sync_dir());
  EXPECT_EQ(names(*platform.disk), std::vector<std::string>({"b"}));
  EXPECT_EQ(whole(*platform.disk, "b"), "moved");
}

SEAM_TEST(DiskSuite, AnOpenFileFollowsItsRename) {
  const auto file = create(*platform.disk, "a", "old");
  EXPECT_OK(platform.disk->rename("a", "b"));
  EXPECT_OK(file->pwrite_at(0, as_bytes("new")));
  EXPECT_OK(file->sync());
  EXPECT_EQ(whole(*platform.disk, "b"), "new");
}

SEAM_TEST(DiskSuite, RenameOfAnAbsentFileFailsAndKeepsTheTarget) {
  create(*platform.disk, "b", "kept");
  EXPECT_EQ(code_of(platform.disk->rename("absent", "b")), Code::kNotFound);
  EXPECT_EQ(whole(*platform.disk, "b"), "kept");
}

SEAM_TEST(DiskSuite, ARemovedNameIsGoneAndFree) {
  create(*platform.disk, "a", "old");
  EXPECT_OK(platform.disk->remove("a"));
  EXPECT_OK(platform.disk->sync_dir());
  EXPECT_EQ(code_of(platform.disk->open("a", OpenMode::kRead)), Code::kNotFound);
  EXPECT_EQ(code_of(platform.disk->remove("a")), Code::kNotFound);
  EXPECT_EQ(platform.disk->create("a").value()->size().value(), 0u);
}

SEAM_TEST(DiskSuite, ListNamesEveryFileInOrderWithItsSize) {
  for (const char* name : {"b", "a.x", "a", "a-", "A", "10", "9"}) {
    create(*platform.disk, name, std::string(name[0] % 7, 'x'));
  }
  EXPECT_EQ(names(*platform.disk),
            std::vector<std::string>({"10", "9", "A", "a", "a-", "a.x", "b"}));
  const std::vector<DiskEntry> entries = platform.disk->list().value();
  for (const DiskEntry& entry : entries) {
    EXPECT_EQ(entry.bytes, static_cast<uint64_t>(entry.name[0] % 7)) << entry.name;
  }
}

SEAM_TEST(DiskSuite, ListTellsWhenAFileWasWrittenLast) {
  const auto written = [&] { return platform.disk->list().value().at(0).written_wall_time; };
  constexpr Nanos kCoarse = kSecond;
  const Nanos before = platform.runtime->wall_now();
  const auto file = create(*platform.disk, "a", "x");
  EXPECT_GE(written(), before - kCoarse);
  EXPECT_LE(written(), platform.runtime->wall_now() + kCoarse);
  const Nanos first = written();
  platform.runtime->sleep_until(platform.runtime->now() + 20 * kMillisecond);
  EXPECT_OK(platform.disk->rename("a", "b"));
  EXPECT_EQ(written(), first) << "another name is no writing";
  EXPECT_OK(file->pwrite_at(0, as_bytes("y")));
  EXPECT_GT(written(), first);
}

SEAM_TEST(DiskSuite, BadNamesAreInvalidEverywhere) {
  Disk& disk = *platform.disk;
  create(disk, "good", "x");
  const std::string names_with_fault[] = {"",
                                          ".",
                                          "..",
                                          ".hidden",
                                          "a/b",
                                          "/a",
                                          "../a",
                                          "a b",
                                          "a~",
                                          "a+",
                                          "a=",
                                          "ä",
                                          std::string("a\0b", 3),
                                          std::string(201, 'a')};
  for (const std::string& name : names_with_fault) {
    EXPECT_EQ(code_of(disk.create(name)), Code::kInvalid) << name;
    for (const OpenMode mode : kModes) {
      EXPECT_EQ(code_of(disk.open(name, mode)), Code::kInvalid) << name;
    }
    EXPECT_EQ(code_of(disk.rename("good", name)), Code::kInvalid) << name;
    EXPECT_EQ(code_of(disk.rename(name, "good")), Code::kInvalid) << name;
    EXPECT_EQ(code_of(disk.remove(name)), Code::kInvalid) << name;
    EXPECT_EQ(code_of(disk.lock(name)), Code::kInvalid) << name;
  }
  EXPECT_EQ(names(disk), std::vector<std::string>({"good"}));
}

SEAM_TEST(DiskSuite, EveryNameOfTheRuleIsAccepted) {
  for (const std::string& name :
       {std::string(200, 'a'), std::string("-"), std::string("_"), std::string("a..b."),
        std::string("abcdefghijklmnopqrstuvwxyz"), std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        std::string("0123456789")}) {
    create(*platform.disk, name, name);
    EXPECT_EQ(whole(*platform.disk, name), name);
  }
  EXPECT_EQ(platform.disk->list().value().size(), 7u);
}

SEAM_TEST(DiskSuite, ALockExcludesASecondOneUntilItIsDestroyed) {
  auto held = platform.disk->lock("LOCK").value();
  const auto refused = platform.disk->lock("LOCK");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kBusy);
  EXPECT_EQ(refused.error().reason(), Reason::kLocked);
  held.reset();
  EXPECT_OK(platform.disk->lock("LOCK"));
}

SEAM_TEST(DiskSuite, AFileThatIsLockedIsLockedUnderItsNextNameTooAndKeepsItsBytes) {
  Disk& disk = *platform.disk;
  auto held = create(disk, "a", "0123");
  const auto other = disk.open("a", OpenMode::kReadWrite).value();
  EXPECT_OK(held->lock());
  EXPECT_OK(held->lock());  // it has it already
  EXPECT_OK(disk.rename("a", "b"));
  const auto third = disk.open("b", OpenMode::kReadWrite).value();
  for (File* file : {other.get(), third.get()}) {
    const Status refused = file->lock();
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), Code::kBusy);
    EXPECT_EQ(refused.error().reason(), Reason::kLocked);
  }
  EXPECT_EQ(whole(disk, "b"), "0123") << "readers need no lock";
  held.reset();
  EXPECT_OK(third->lock());
  EXPECT_EQ(names(disk), std::vector<std::string>({"b"}));
}

SEAM_TEST(DiskSuite, ALockLeavesAFileOfItsNameAsItIs) {
  create(*platform.disk, "a", "0123 is no lock's");
  EXPECT_OK(platform.disk->lock("a"));
  EXPECT_EQ(whole(*platform.disk, "a"), "0123 is no lock's");
}

SEAM_TEST(DiskSuite, FreeSpaceIsKnown) {
  EXPECT_GT(platform.disk->free_bytes().value(), 0u);
}

}  // namespace
}  // namespace sluice::interface
