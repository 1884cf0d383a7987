// What else may lie in a log's directory, or in its place.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "sluice/wal_check.h"
#include "sluice/wal_file.h"
#include "wal/check.h"
#include "wal/segmented_fixture.h"

namespace sluice::wal {
namespace {

class SegmentedDirectory : public SegmentedTest {
 protected:
  void put(const std::string& name, const std::string& text) {
    const auto file = disk_.create(name);
    ASSERT_OK(file);
    ASSERT_OK((*file)->pwrite_at(0, as_bytes(text)));
    ASSERT_OK((*file)->sync());
    ASSERT_OK(disk_.sync_dir());
  }
  std::map<std::string, std::string> content() {
    std::map<std::string, std::string> found;
    for (const DiskEntry& entry : disk_.list().value()) {
      found[entry.name] = as_text(disk_.bytes(entry.name));
    }
    return found;
  }
  /// No way into the log gets past the file, and none changes anything.
  void expect_refused(Code code, Reason reason, const std::string& where) {
    const auto before = content();
    SegmentedWalOptions strict = options();
    strict.repair = RepairPolicy::kStrict;
    for (const SegmentedWalOptions& each : {options(), strict}) {
      const auto log = open(each);
      ASSERT_FALSE(log.ok());
      EXPECT_EQ(log.error().code(), code) << log.error().to_string();
      EXPECT_EQ(log.error().reason(), reason);
      EXPECT_EQ(log.error().where(), where);
    }
    EXPECT_TRUE(content() == before);
  }
};
INSTANTIATE_TEST_SUITE_P(Logs, SegmentedDirectory, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "Encrypted" : "Plain"; });

TEST_P(SegmentedDirectory, FilesOfOthersSurviveAWholeLifeAndCountForNothing) {
  std::map<std::string, std::string> others;
  for (const char* name :
       {"wal.log", "wal-abc.seg", "wal-.seg", "wal-1.seg", "wal-0000000000000000001.seg",
        "wal-00000000000000000000.seg", "wal-99999999999999999999.seg",
        "wal-00000000000000000001.seg.bak", "Wal-00000000000000000001.seg",
        "other-00000000000000000001.seg", "00000000000000000001.log", "side.file", "notes.txt",
        "quarantine.bin"}) {
    others[name] = std::string("the text of ") + name;
    put(name, others[name]);
  }
  const auto expect_others = [&] {
    const auto found = content();
    for (const auto& [name, text] : others) {
      ASSERT_TRUE(found.contains(name)) << name;
      EXPECT_EQ(found.at(name), text);
    }
  };
  for (uint64_t life = 1; life <= 3; ++life) {
    const OpenWal log = open(options(), life).value();
    ASSERT_NO_FATAL_FAILURE(expect_others());
    fill(*log, 20 * life, 5);
    EXPECT_EQ(log->list_segments().front().first_lsn, life == 1 ? 1 : 20 * (life - 1) - 4);
    ASSERT_OK(log->truncate_before(20 * life - 4));
    ASSERT_OK(log->close());
    ASSERT_NO_FATAL_FAILURE(expect_others());
  }
  EXPECT_EQ(survivors(), numbered(56, 60));
  TestRuntime runtime;
  const WalReport report = check_log(runtime, disk_, {.keys = keys()}).value();
  EXPECT_FALSE(report.is_damaged());
  EXPECT_EQ(report.records(), 5u);
}

TEST_P(SegmentedDirectory, OfALogOfFormatVersion0IsRefusedWithItsVersionsAndNotConverted) {
  put("00000000000000000001.wal", std::string(8192, 'v'));
  expect_refused(Code::kUnsupported, Reason::kVersion, "00000000000000000001.wal");
  EXPECT_EQ(open(options()).error().expected(), 1u);
  EXPECT_EQ(open(options()).error().found(), 0u);
  EXPECT_EQ(open_wal_reader(disk_, keys(), {}).error().code(), Code::kUnsupported);
  TestRuntime runtime;
  EXPECT_EQ(check_log(runtime, disk_, {}).error().code(), Code::kUnsupported);
}

// A log in one file stays one, beside segments too: it is read and written as what it is.
TEST_P(SegmentedDirectory, ALogInOneFileStaysALogOfItsOwn) {
  TestRuntime runtime(9);
  const WalFileOptions of_file{.keys = keys()};
  {
    WalWriter file = WalWriter::open(runtime, disk_, "events.log", of_file).value();
    ASSERT_EQ(file.append({.head = as_bytes("in a file")}).value(), 1u);
    ASSERT_OK(file.close());
  }
  const std::string before(as_text(disk_.bytes("events.log")));
  {
    const OpenWal log = open(options()).value();
    EXPECT_EQ(log->next_lsn(), 1u) << "its records are not taken for segments'";
    ASSERT_OK(append(*log, "r1"));
    ASSERT_OK(log->close());
  }
  EXPECT_EQ(as_text(disk_.bytes("events.log")), before);
  EXPECT_EQ(survivors(), numbered(1, 1));
  const auto reader = open_wal_file_reader(disk_, "events.log", keys(), {}).value();
  EXPECT_EQ(as_text(reader->next().value()->payload), "in a file");
  ASSERT_OK(disk_.create("empty.log"));
  ASSERT_OK(open(options(), 2));
  EXPECT_TRUE(disk_.has("empty.log")) << "nor is an empty one removed";
}

TEST_P(SegmentedDirectory, ASegmentOfSeventyBytesThatIsNoLogIsRefusedByEveryone) {
  for (const std::string& text :
       {std::string(70, 'n'), std::string(70, '\0'), "SLUICWAL" + std::string(62, '\1')}) {
    disk_.set_image({});
    put(segment_name(1), text);
    expect_refused(Code::kCorrupt, Reason::kIncompleteHeader, segment_name(1));
    EXPECT_EQ(open_wal_reader(disk_, keys(), {}).error().where(), segment_name(1));
    TestRuntime runtime;
    const WalReport report = check_log(runtime, disk_, {}).value();
    EXPECT_TRUE(report.is_damaged());
  }
}

}  // namespace
}  // namespace sluice::wal
