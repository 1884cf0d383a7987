#include "sim/disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace sluice::sim {
namespace {

constexpr int kCuts = 200;  // power cuts that a test draws

std::string read(File& file, uint64_t offset, size_t bytes) {
  std::string text(bytes, '?');
  text.resize(file.read_at(offset, std::as_writable_bytes(std::span(text))).value());
  return text;
}

std::string image_text(const Image& image) {
  std::string text(image.bytes, '?');
  image.read_at(0, std::as_writable_bytes(std::span(text)));
  return text;
}

std::string cached(const DiskState& state, std::string_view name) {
  const FileId* id = state.find(name);
  return id == nullptr ? "(absent)" : image_text(state.file(*id).cache());
}

std::string names(const DiskState& state) {
  std::string text;
  for (const auto& [name, id] : state.names()) text += name + " ";
  return text;
}

/// Every distinct outcome of `describe` over many power cuts of `state`.
template <class Describe>
std::set<std::string> after_cuts(const DiskState& state, Describe describe) {
  Random random(1);
  std::set<std::string> outcomes;
  for (int i = 0; i < kCuts; ++i) {
    outcomes.insert(describe(state.crash(random, CrashKind::kPowerCut)));
  }
  return outcomes;
}

using Outcomes = std::set<std::string>;

class SimDiskTest : public testing::Test {
 protected:
  std::unique_ptr<File> durable_file(std::string_view name, std::string_view text) {
    auto file = disk.create(name).value();
    EXPECT_TRUE(file->pwrite_at(0, as_bytes(text)).ok());
    EXPECT_TRUE(file->sync().ok());
    EXPECT_TRUE(disk.sync_dir().ok());
    return file;
  }
  void expect_write(File& file, uint64_t offset, std::string_view text) {
    EXPECT_TRUE(file.pwrite_at(offset, as_bytes(text)).ok());
  }
  Outcomes contents(std::string_view name) {
    return after_cuts(disk.state(), [&](const DiskState& state) { return cached(state, name); });
  }

  SimRuntime runtime{{.switch_permille = 0}};
  SimDisk disk{runtime};
};

TEST_F(SimDiskTest, KeepsWhatWasSyncedAcrossPowerCuts) {
  durable_file("a", "kept");
  EXPECT_EQ(contents("a"), Outcomes({"kept"}));
}

TEST_F(SimDiskTest, LosesWhatWasNotSyncedInSomePowerCuts) {
  const auto file = durable_file("a", "old");
  expect_write(*file, 0, "new");
  const Outcomes seen = contents("a");
  EXPECT_TRUE(seen.contains("old"));
  EXPECT_TRUE(seen.contains("new"));
  EXPECT_GT(seen.size(), 2u);  // and garbage
}

TEST_F(SimDiskTest, TearsAWriteBetweenSectors) {
  const auto file = durable_file("a", std::string(kBlockBytes, 'o'));
  expect_write(*file, 0, std::string(kBlockBytes, 'n'));
  const Outcomes seen = contents("a");
  EXPECT_TRUE(seen.contains(std::string(kBlockBytes, 'o')));
  EXPECT_TRUE(seen.contains(std::string(kBlockBytes, 'n')));
  size_t torn = 0;
  for (const std::string& text : seen) {
    if (text.find_first_not_of("on") != std::string::npos) continue;
    const auto changes = std::adjacent_find(text.begin(), text.end(), std::not_equal_to<>());
    if (changes == text.end()) continue;
    ++torn;
    EXPECT_EQ((changes + 1 - text.begin()) % static_cast<ptrdiff_t>(kSectorBytes), 0);
  }
  EXPECT_GT(torn, 10u);
}

TEST_F(SimDiskTest, MayRuinSyncedBytesOnlyInTheBlockUnderWrite) {
  const auto file = durable_file("a", std::string(2 * kBlockBytes, 'o'));
  expect_write(*file, 0, "n");
  bool ruined = false;
  for (const std::string& text : contents("a")) {
    EXPECT_EQ(text.substr(kBlockBytes), std::string(kBlockBytes, 'o'));
    ruined |= text.substr(kSectorBytes, 3 * kSectorBytes) != std::string(3 * kSectorBytes, 'o');
  }
  EXPECT_TRUE(ruined);
}

TEST_F(SimDiskTest, ReordersWritesBetweenSyncs) {
  const auto file = durable_file("a", std::string(2 * kBlockBytes, 'o'));
  expect_write(*file, 0, std::string(kBlockBytes, '1'));
  expect_write(*file, kBlockBytes, std::string(kBlockBytes, '2'));
  const Outcomes seen = after_cuts(disk.state(), [&](const DiskState& state) {
    const std::string text = cached(state, "a");
    return std::string{text[0], text[kBlockBytes]};
  });
  EXPECT_TRUE(seen.contains("1o"));
  EXPECT_TRUE(seen.contains("o2"));
}

TEST_F(SimDiskTest, LosesAnUnsyncedTruncationWholeOrNotAtAll) {
  const auto file = durable_file("a", std::string(10'000, 'x'));
  EXPECT_TRUE(file->truncate(3000).ok());
  EXPECT_EQ(contents("a"), Outcomes({std::string(10'000, 'x'), std::string(3000, 'x')}));
  EXPECT_TRUE(file->sync().ok());
  EXPECT_EQ(contents("a"), Outcomes({std::string(3000, 'x')}));
}

TEST_F(SimDiskTest, SyncCoversOnlyWritesThatReturnedBeforeIt) {
  const auto file = durable_file("a", "");
  const RunReport report = runtime.run([&] {
    const auto writer = runtime.spawn("writer", [&] {
      for (uint64_t i = 0; i < 1000; ++i) expect_write(*file, i, "x");
    });
    EXPECT_TRUE(file->sync().ok());
    EXPECT_LT(disk.state().file(*disk.state().find("a")).device().bytes, 1000u);
    writer->join();
  });
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(file->size().value(), 1000u);
}

TEST_F(SimDiskTest, ReadsTheDeviceWithoutPendingWrites) {
  const auto file = durable_file("a", "old");
  expect_write(*file, 0, "newer");
  const auto device = disk.open("a", OpenMode::kReadDevice).value();
  EXPECT_EQ(read(*device, 0, 10), "old");
  EXPECT_EQ(device->size().value(), 3u);
  EXPECT_TRUE(file->sync().ok());
  EXPECT_EQ(read(*device, 0, 10), "newer");
}

TEST_F(SimDiskTest, LosesUnsyncedNamesInAnyCombination) {
  durable_file("old", "");
  for (const char* name : {"a", "b"}) EXPECT_TRUE(disk.create(name).ok());
  EXPECT_TRUE(disk.remove("old").ok());
  EXPECT_EQ(after_cuts(disk.state(), names),
            Outcomes({"old ", "a old ", "b old ", "a b old ", "", "a ", "b ", "a b "}));
  EXPECT_TRUE(disk.sync_dir().ok());
  EXPECT_EQ(after_cuts(disk.state(), names), Outcomes({"a b "}));
}

TEST_F(SimDiskTest, KeepsTheBytesOfAFileThatLivesOnlyInAPowerCut) {
  auto file = disk.create("a").value();
  expect_write(*file, 0, "bytes");
  EXPECT_TRUE(disk.remove("a").ok());
  file.reset();
  const auto describe = [](const DiskState& state) { return names(state) + cached(state, "a"); };
  const Outcomes seen = after_cuts(disk.state(), describe);
  EXPECT_TRUE(seen.contains("a bytes"));
  EXPECT_TRUE(seen.contains("(absent)"));
}

TEST_F(SimDiskTest, SyncDirCoversOnlyNamesThatWereThereBeforeIt) {
  const RunReport report = runtime.run([&] {
    const auto creator = runtime.spawn("creator", [&] { EXPECT_TRUE(disk.create("late").ok()); });
    EXPECT_TRUE(disk.create("early").ok());
    EXPECT_TRUE(disk.state().find("late") == nullptr);
    EXPECT_TRUE(disk.sync_dir().ok());
    EXPECT_TRUE(disk.state().find("late") != nullptr);
    creator->join();
  });
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(after_cuts(disk.state(), names), Outcomes({"early ", "early late "}));
}

TEST_F(SimDiskTest, RenamesAtomically) {
  durable_file("a", "new");
  durable_file("b", "old");
  EXPECT_TRUE(disk.rename("a", "b").ok());
  const auto describe = [](const DiskState& state) { return names(state) + cached(state, "b"); };
  EXPECT_EQ(after_cuts(disk.state(), describe), Outcomes({"a b old", "b new"}));
}

TEST_F(SimDiskTest, LiesAfterAFailedSync) {
  const auto file = durable_file("a", std::string(8 * kBlockBytes, 'o'));
  const std::string fresh(8 * kBlockBytes, 'n');
  disk.set_faults({.sync_permille = 1000});
  bool lied = false;
  for (int i = 0; i < 10 && !lied; ++i) {
    expect_write(*file, 0, fresh);
    EXPECT_FALSE(file->sync().ok());
    disk.set_faults({});
    EXPECT_TRUE(file->sync().ok());  // a later success proves nothing
    disk.set_faults({.sync_permille = 1000});
    EXPECT_EQ(read(*file, 0, fresh.size()), fresh);
    const auto device = disk.open("a", OpenMode::kReadDevice).value();
    lied = read(*device, 0, fresh.size()) != fresh;
  }
  ASSERT_TRUE(lied);
  Random random(1);
  const DiskState next = disk.state().crash(random, CrashKind::kProcessDeath);
  EXPECT_EQ(cached(next, "a"), fresh);
  EXPECT_FALSE(contents("a").contains(fresh));
}

TEST_F(SimDiskTest, LeavesZerosWhereAFailedSyncLostBlocks) {
  const std::string text(4 * kBlockBytes, 'x');
  bool lost = false;
  for (int i = 0; i < 20; ++i) {
    const auto file = durable_file("a" + std::to_string(i), "");
    expect_write(*file, 0, text);
    disk.set_faults({.sync_permille = 1000});
    EXPECT_FALSE(file->sync().ok());
    disk.set_faults({});
    expect_write(*file, 0, "x");
    EXPECT_TRUE(file->sync().ok());
    const std::string device =
        image_text(disk.state().file(*disk.state().find("a" + std::to_string(i))).device());
    EXPECT_EQ(device.size(), text.size());
    EXPECT_EQ(device.find_first_not_of(std::string("x\0", 2)), std::string::npos);
    lost |= device != text;
  }
  EXPECT_TRUE(lost);
}

TEST_F(SimDiskTest, ProcessDeathKeepsTheCacheWhichAPowerCutThenLoses) {
  const auto file = durable_file("a", "old");
  expect_write(*file, 0, "new");
  EXPECT_TRUE(disk.create("b").ok());
  Random random(1);
  const DiskState next = disk.state().crash(random, CrashKind::kProcessDeath);
  EXPECT_EQ(cached(next, "a"), "new");
  EXPECT_EQ(names(next), "a b ");
  const Outcomes seen =
      after_cuts(next, [](const DiskState& state) { return names(state) + cached(state, "a"); });
  EXPECT_TRUE(seen.contains("a old"));
  EXPECT_TRUE(seen.contains("a b new"));
}

TEST_F(SimDiskTest, ClonesDoNotSeeEachOther) {
  const auto file = durable_file("a", "one");
  const DiskState clone = disk.state();
  expect_write(*file, 0, "two");
  EXPECT_TRUE(disk.create("b").ok());
  EXPECT_EQ(cached(clone, "a"), "one");
  EXPECT_EQ(names(clone), "a ");

  SimRuntime other_runtime({});
  SimDisk other(other_runtime, clone);
  const auto other_file = other.open("a", OpenMode::kReadWrite).value();
  expect_write(*other_file, 0, "six");
  EXPECT_EQ(cached(disk.state(), "a"), "two");
  EXPECT_EQ(cached(clone, "a"), "one");
}

TEST_F(SimDiskTest, FreesItsLocksWithTheProcess) {
  const auto held = disk.lock("LOCK").value();
  SimRuntime other_runtime({});
  SimDisk other(other_runtime, disk.state());
  EXPECT_TRUE(other.lock("LOCK").ok());
  EXPECT_EQ(disk.lock("LOCK").error().reason(), Reason::kLocked);
}

TEST_F(SimDiskTest, IsFullAtItsCapacityAfterWritingAPrefix) {
  disk.set_faults({.capacity_bytes = 2 * kBlockBytes});
  const auto file = disk.create("a").value();
  const std::string text(3 * kBlockBytes, 'x');
  EXPECT_EQ(file->pwrite_at(0, as_bytes(text)).error().code(), Code::kFull);
  EXPECT_EQ(file->size().value(), 2 * kBlockBytes);
  EXPECT_EQ(disk.free_bytes().value(), 0u);
  EXPECT_EQ(file->allocate(2 * kBlockBytes, 1).error().code(), Code::kFull);
  expect_write(*file, 5, "overwriting needs no room");
  EXPECT_TRUE(disk.remove("a").ok());
  EXPECT_EQ(disk.free_bytes().value(), 2 * kBlockBytes);
}

TEST_F(SimDiskTest, FailsAsOftenAsItsFaultsSay) {
  const auto file = durable_file("a", "x");
  disk.set_faults({.full_permille = 1000});
  EXPECT_EQ(file->pwrite_at(0, as_bytes("y")).error().code(), Code::kFull);
  EXPECT_EQ(file->allocate(0, 9).error().code(), Code::kFull);
  disk.set_faults({.write_permille = 1000, .read_permille = 1000, .name_permille = 1000});
  EXPECT_EQ(file->pwrite_at(0, as_bytes("y")).error().code(), Code::kIo);
  EXPECT_EQ(disk.list().error().code(), Code::kIo);
  EXPECT_EQ(disk.create("b").error().code(), Code::kIo);
  EXPECT_EQ(disk.remove("a").error().code(), Code::kIo);
  EXPECT_EQ(disk.rename("a", "b").error().code(), Code::kIo);
  EXPECT_EQ(names(disk.state()), "a ");
}

TEST_F(SimDiskTest, RetriesAFailedDirectorySync) {
  EXPECT_TRUE(disk.create("a").ok());
  disk.set_faults({.sync_dir_permille = 1000});
  EXPECT_EQ(disk.sync_dir().error().code(), Code::kIo);
  EXPECT_EQ(after_cuts(disk.state(), names), Outcomes({"", "a "}));
  disk.set_faults({});
  EXPECT_TRUE(disk.sync_dir().ok());
  EXPECT_EQ(after_cuts(disk.state(), names), Outcomes({"a "}));
}

TEST_F(SimDiskTest, RotsOneBit) {
  durable_file("a", std::string(5000, '\0'));
  Random random(1);
  DiskState rotten = disk.state();
  EXPECT_TRUE(rotten.rot("a", 4321, random));
  EXPECT_FALSE(rotten.rot("a", 5000, random));
  EXPECT_FALSE(rotten.rot("absent", 0, random));
  const std::string text = cached(rotten, "a");
  EXPECT_EQ(__builtin_popcount(static_cast<uint8_t>(text[4321])), 1);
  EXPECT_EQ(text.substr(0, 4321) + text.substr(4322), std::string(4999, '\0'));
  EXPECT_EQ(cached(disk.state(), "a"), std::string(5000, '\0'));
}

TEST_F(SimDiskTest, DoesNothingForADeadProcess) {
  const auto file = durable_file("a", "alive");
  runtime.kill();
  EXPECT_EQ(file->pwrite_at(0, as_bytes("d")).error().code(), Code::kCancelled);
  EXPECT_EQ(file->sync().error().code(), Code::kCancelled);
  EXPECT_EQ(disk.create("b").error().code(), Code::kCancelled);
  EXPECT_EQ(disk.remove("a").error().code(), Code::kCancelled);
  EXPECT_EQ(disk.sync_dir().error().code(), Code::kCancelled);
  EXPECT_EQ(cached(disk.state(), "a"), "alive");
  EXPECT_EQ(names(disk.state()), "a ");
}

TEST_F(SimDiskTest, TracesWhatMattersAtACrash) {
  std::vector<std::string> trace;
  runtime.trace = &trace;
  const auto file = disk.create("x").value();
  expect_write(*file, 0, std::string(10, 'x'));
  EXPECT_TRUE(file->allocate(10, 90).ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_TRUE(disk.rename("x", "y").ok());
  EXPECT_TRUE(disk.sync_dir().ok());
  EXPECT_TRUE(file->truncate(50).ok());
  EXPECT_TRUE(disk.list().ok());
  EXPECT_TRUE(disk.remove("y").ok());
  EXPECT_EQ(trace,
            std::vector<std::string>({"create x", "write x 0+10", "allocate x 10+90", "sync x",
                                      "rename x y", "sync_dir", "truncate y 50+0", "remove y"}));
}

TEST_F(SimDiskTest, ForgetsRemovedFilesOnlyWhenNothingNamesThem) {
  const auto file = durable_file("a", "bytes");
  EXPECT_TRUE(disk.remove("a").ok());
  EXPECT_TRUE(after_cuts(disk.state(), names).contains("a "));
  EXPECT_TRUE(disk.sync_dir().ok());
  EXPECT_EQ(read(*file, 0, 5), "bytes");
  expect_write(*file, 0, "still");
  EXPECT_EQ(read(*file, 0, 5), "still");
}

}  // namespace
}  // namespace sluice::sim
