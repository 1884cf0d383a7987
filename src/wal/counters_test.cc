// Records that were appended or refused, by all logs that share the counters.
#include <gtest/gtest.h>

#include "io/thread_runtime.h"
#include "wal/segmented_fixture.h"
#include "wal/wal_file_fixture.h"

namespace sluice::wal {
namespace {

class Counters : public WalFileTest {
 protected:
  void expect_counted(uint64_t appended, uint64_t refused) const {
    EXPECT_EQ(counters_->appended(), appended);
    EXPECT_EQ(counters_->refused(), refused);
  }
  SegmentedWalOptions of_segments() const {
    return {.payload_bytes_max = 10, .counters = counters_};
  }
  WalFileOptions of_file() const { return {.payload_bytes_max = 10, .counters = counters_}; }

  const WalRecord fits_{.head = as_bytes("0123456789")};
  const WalRecord large_{.head = as_bytes("0123456789+")};
  const std::shared_ptr<WalCounters> counters_ = std::make_shared<WalCounters>();
};

TEST_F(Counters, OfSegmentsTellEachRecordThatWasAppendedAndEachThatWasRefused) {
  CrashDisk disk;
  const OpenWal log = open_wal(disk, of_segments()).value();
  expect_counted(0, 0);
  ASSERT_OK(log->append(fits_));
  const std::vector<WalRecord> three(3, fits_);
  ASSERT_OK(log->commit(three));
  expect_counted(4, 0);
  EXPECT_FALSE(log->append(large_).ok());
  const std::vector<WalRecord> mixed = {fits_, large_};
  EXPECT_FALSE(log->append(mixed).ok());
  EXPECT_FALSE(log->commit(mixed).ok());
  expect_counted(4, 5);
  disk.fail(DiskOp::kWrite, Code::kFull);
  EXPECT_FALSE(log->commit(three).ok());
  expect_counted(4, 8);
  GroupCommitter committer(log.runtime(), *log);
  ASSERT_OK(committer.submit(fits_));
  EXPECT_EQ(committer.submit(large_).error().reason(), Reason::kPayloadTooLarge);
  expect_counted(5, 9);
}

TEST_F(Counters, OfFilesAreSharedByAllWhoAreGivenThem) {
  {
    WalWriter log = WalWriter::open(runtime_, disk_, kFile, of_file()).value();
    ASSERT_OK(log.append(fits_));
    EXPECT_FALSE(log.append(large_).ok());
    ASSERT_OK(log.close());
    EXPECT_FALSE(log.append(fits_).ok()) << "a log that is closed refuses, too";
  }
  expect_counted(1, 2);
  WalFsWriter log = WalFsWriter::open(runtime_, disk_, "other.log", {of_file()}).value();
  ASSERT_OK(log.append(5, fits_.head));
  EXPECT_FALSE(log.append(5, fits_.head).ok());
  ASSERT_OK(log.append(6, fits_.head));
  expect_counted(3, 3);
}

TEST_F(Counters, AreNotMovedByASyncThatFails) {
  WalWriter log = WalWriter::open(runtime_, disk_, kFile, of_file()).value();
  ASSERT_OK(log.append(fits_));
  disk_.fail(DiskOp::kSync, Code::kIo);
  EXPECT_FALSE(log.sync().ok());
  EXPECT_FALSE(log.sync().ok());
  expect_counted(1, 0);
  EXPECT_FALSE(log.append(fits_).ok());
  expect_counted(1, 1);
}

TEST_F(Counters, StayAtTheirHighest) {
  WalCounters counters(UINT64_MAX - 2, UINT64_MAX);
  counters.count(1, true);
  EXPECT_EQ(counters.appended(), UINT64_MAX - 1);
  counters.count(5, true);
  counters.count(1, false);
  EXPECT_EQ(counters.appended(), UINT64_MAX);
  EXPECT_EQ(counters.refused(), UINT64_MAX);
}

TEST_F(Counters, MissNothingOfEightThreads) {
  const std::unique_ptr<Runtime> runtime = io::make_thread_runtime();
  std::vector<std::unique_ptr<Thread>> threads;
  for (int number = 0; number < 8; ++number) {
    threads.push_back(runtime->spawn("counting", [&, number] {
      for (int i = 0; i < 2000; ++i) counters_->count(1, number % 2 == 0);
    }));
  }
  for (const auto& thread : threads) thread->join();
  expect_counted(8000, 8000);
}

}  // namespace
}  // namespace sluice::wal
