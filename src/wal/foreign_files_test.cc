// Files that lie beside a log and are none of its own.
#include <gtest/gtest.h>

#include "wal/salvage.h"
#include "wal/side_file.h"
#include "wal/wal_file_fixture.h"

namespace sluice::wal {
namespace {

constexpr const char* kForeign[] = {"letter.new",     "notes.txt",        "wal-x.seg.new",
                                    "wal-42.seg.new", "spare-1.new",      "quarantine-a-1.bin.new",
                                    "zeros",          "my-zeros.new",     "events.log.new",
                                    "a.side",         "wal-tail.side.new"};

void put_file(CrashDisk& disk, const std::string& name, std::string_view text) {
  const auto file = disk.create(name).value();
  ASSERT_OK(file->pwrite_at(0, as_bytes(text)));
  ASSERT_OK(file->sync());
  ASSERT_OK(disk.sync_dir());
}

std::string text_of(CrashDisk& disk, const std::string& name) {
  return disk.has(name) ? std::string(as_text(disk.bytes(name))) : "gone";
}

class ForeignFiles : public WalFileTest {
 protected:
  void SetUp() override {
    for (const char* name : kForeign) put_file(disk_, name, std::string("of ") + name);
  }
  void expect_untouched() {
    for (const char* name : kForeign) EXPECT_EQ(text_of(disk_, name), std::string("of ") + name);
  }
  static WalFileOptions mending() { return {.repair = RepairPolicy::kTruncatePartial}; }
};

TEST_F(ForeignFiles, InTheDirectoryOfALogSurviveItsOpenings) {
  for (uint64_t life = 1; life <= 3; ++life) {
    const OpenLog log = open_log(disk_, life).value();
    ASSERT_OK(append(*log, {"one"}));
    ASSERT_OK(log->roll({}));
    ASSERT_OK(append(*log, {"two"}));
    if (life == 2) {
      ASSERT_OK(log->close());
    }
    expect_untouched();
  }
}

TEST_F(ForeignFiles, InTheDirectoryOfALogSurviveARepairAndASalvage) {
  {
    const OpenLog log = open_log(disk_).value();
    ASSERT_OK(append(*log, {"one"}));
    ASSERT_OK(log->sync());
  }
  std::vector<std::byte>& bytes = disk_.bytes(segment_name(1));
  bytes.at(2 * kBlockBytes + 32) ^= std::byte{1};
  disk_.settle(segment_name(1));
  {
    const OpenLog log = open_log(disk_, 2).value();
    ASSERT_GT(log->recovered().repair.torn_bytes, 0u);
  }
  expect_untouched();
  CrashDisk to;
  ASSERT_OK(salvage_log(runtime_, disk_, to, nullptr));
  expect_untouched();
}

TEST_F(ForeignFiles, GoNotWithTheLogsOwnThatACrashLeft) {
  const std::string own[] = {temporary_name(segment_name(7)), spare_name(7), zeros_name(),
                             temporary_name(quarantine_name(7, 8192)), std::string(kSideFileName)};
  for (const bool is_fresh : {true, false}) {
    for (const std::string& name : own) put_file(disk_, name, "left");
    ASSERT_OK(open_log(disk_, is_fresh ? 1 : 2));
    for (const std::string& name : own) EXPECT_FALSE(disk_.has(name)) << name;
    expect_untouched();
  }
}

TEST_F(ForeignFiles, BesideALogInOneFileSurviveItsMakingItsRepairAndItsSalvage) {
  {
    WalWriter log = WalWriter::open(runtime_, disk_, kFile, mending()).value();
    expect_untouched();
    put_synced(log, 2);
    ASSERT_OK(log.close());
  }
  add("torn");
  {
    WalWriter log = WalWriter::open(runtime_, disk_, kFile, mending()).value();
    ASSERT_EQ(log.repair().torn_bytes, 4u);
    ASSERT_OK(log.close());
  }
  expect_untouched();
  ASSERT_OK(salvage_file(runtime_, disk_, kFile, "salvaged.log", nullptr));
  expect_untouched();
}

TEST_F(ForeignFiles, OfWhichOneIsALogToo) {
  const std::string other = kFile + ".new";
  ASSERT_OK(disk_.remove(other));
  {
    WalWriter log = WalWriter::open(runtime_, disk_, other, mending()).value();
    put_synced(log, 3);
    ASSERT_OK(log.close());
  }
  const std::string before = text_of(disk_, other);
  for (int life = 0; life < 2; ++life) {
    WalWriter log = WalWriter::open(runtime_, disk_, kFile, mending()).value();
    put_synced(log, 1);
    EXPECT_EQ(text_of(disk_, other), before);
  }
}

TEST_F(ForeignFiles, AreNoLogsUnderTheNameThatALogHasWhileItIsMade) {
  const std::string unborn = unborn_name(kFile);
  EXPECT_TRUE(fails_with(WalWriter::open(runtime_, disk_, unborn, {}), Code::kInvalid));
  EXPECT_TRUE(fails_with(WalWriter::create(runtime_, disk_, unborn, 1, {}), Code::kInvalid));
  EXPECT_TRUE(fails_with(WalFsWriter::open(runtime_, disk_, unborn, {}), Code::kInvalid));
  for (const bool is_there : {false, true}) {
    put_file(disk_, unborn, "left by a crash");
    EXPECT_EQ(disk_.has(kFile), is_there);
    ASSERT_OK(WalWriter::open(runtime_, disk_, kFile, {}));
    EXPECT_FALSE(disk_.has(unborn));
  }
}

TEST_F(ForeignFiles, ThatAreLogsAreNotTakenForASideFile) {
  const std::string side = side_file_name(kFile);
  {
    WalWriter log = WalWriter::open(runtime_, disk_, side, mending()).value();
    put_synced(log, 3);
    ASSERT_OK(log.close());
  }
  const std::string log_of_others = text_of(disk_, side);
  for (const std::string& taken : {log_of_others, log_of_others.substr(0, kBlockBytes),
                                   std::string(2 * kBlockBytes + 1, 'x')}) {
    disk_.bytes(side).assign(as_bytes(taken).begin(), as_bytes(taken).end());
    disk_.settle(side);
    WalWriter log = WalWriter::open(runtime_, disk_, kFile,
                                    {.repair = RepairPolicy::kTruncatePartial,
                                     .torn_writes = TornWrites::kDoubleWrite})
                        .value();
    put_synced(log, 3);
    EXPECT_EQ(log.durable_lsn(), log.current_lsn());
    ASSERT_TRUE(log.protection().failure);
    EXPECT_EQ(log.protection().failure->code(), Code::kExists);
    EXPECT_TRUE(fails_with(log.attach_side_file(), Code::kExists));
    EXPECT_EQ(text_of(disk_, side), taken);
  }
  for (const char* torn : {"", "SLUICSID", "garbage"}) {
    disk_.bytes(side).assign(as_bytes(std::string_view(torn)).begin(),
                             as_bytes(std::string_view(torn)).end());
    WalWriter log = WalWriter::open(runtime_, disk_, kFile,
                                    {.repair = RepairPolicy::kTruncatePartial,
                                     .torn_writes = TornWrites::kDoubleWrite})
                        .value();
    put_synced(log, 3);
    EXPECT_FALSE(log.protection().failure) << torn;
  }
}

}  // namespace
}  // namespace sluice::wal
