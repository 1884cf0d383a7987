// Readers of a log that is open.
#include <gtest/gtest.h>

#include "wal/segmented_fixture.h"

namespace sluice::wal {
namespace {

/// Lets a test look whenever a monitor is let go.
class WatchedRuntime : public TestRuntime {
 public:
  std::function<void()> on_unlock;
  std::unique_ptr<Monitor> monitor() override { return std::make_unique<Watched>(*this); }

 private:
  class Watched : public Monitor {
   public:
    explicit Watched(WatchedRuntime& runtime) : runtime_(runtime) {}
    void lock() override {}
    void unlock() override {
      const auto look = std::exchange(runtime_.on_unlock, nullptr);
      if (look) look();
      if (look) runtime_.on_unlock = look;
    }
    void wait_until(Nanos) override {}
    void notify_all() override {}

   private:
    WatchedRuntime& runtime_;
  };
};

TEST(SegmentedReading, EverySegmentThatIsShownIsWholeWhileTheNextOneTakesItsPlace) {
  CrashDisk disk;
  WatchedRuntime runtime;
  const auto log = SegmentedWal::open(runtime, disk, {}).value();
  size_t looks = 0;
  runtime.on_unlock = [&] {
    ++looks;
    ASSERT_FALSE(log->list_segments().empty());
    for (const WalSegment& segment : log->list_segments()) ASSERT_GE(segment.bytes, kBlockBytes);
  };
  ASSERT_OK(log->set_keys(test_ring(1, 9)));
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->roll());
  ASSERT_OK(log->set_keys(nullptr));
  EXPECT_GT(looks, 10u);
  runtime.on_unlock = nullptr;
}

TEST(SegmentedReading, AReaderGoesOnInTheShorterSegmentThatTookThePlaceOfAnEmptyOne) {
  CrashDisk disk;
  const OpenWal log = open_wal(disk, {}).value();
  ASSERT_OK(append(*log, "r1"));
  ASSERT_OK(log->roll());
  ASSERT_OK(log->truncate_before(2));
  const uint64_t bytes_before = log->list_segments().back().bytes;
  const std::unique_ptr<WalReader> reader = log->read({}).value();
  ASSERT_OK(log->set_keys(test_ring(1, 9)));
  ASSERT_OK(log->close());
  ASSERT_LT(disk.bytes(segment_name(2)).size(), bytes_before);
  const Result<std::optional<WalFrame>> frame = reader->next();
  ASSERT_TRUE(frame.ok()) << frame.error().to_string();
  EXPECT_FALSE(frame->has_value());
}

TEST(SegmentedReading, RefusesARecordThatIsNotEncryptedWhereEachMustBe) {
  CrashDisk disk;
  const auto keys = test_ring(1, 9);
  {
    const OpenWal log = open_wal(disk, {.keys = keys}).value();
    ASSERT_OK(append(*log, "sealed"));
    ASSERT_OK(log->set_keys(nullptr));
    ASSERT_OK(append(*log, "plain"));
    ASSERT_OK(log->close());
  }
  WalReadOptions refusing{.plaintext = Plaintext::kRefused};
  const auto whole = open_wal_reader(disk, keys, refusing).value();
  EXPECT_EQ(as_text(whole->next().value()->payload), "sealed");
  const Error error = whole->next().error();
  EXPECT_EQ(error.code(), Code::kCorrupt);
  EXPECT_EQ(error.reason(), Reason::kDecodeFailure);
  EXPECT_EQ(error.where(), segment_name(2));
  refusing.filter.tenants = {7};
  const auto filtered = open_wal_reader(disk, keys, refusing).value();
  ASSERT_OK(filtered->next());
  ASSERT_OK(filtered->next_header());
  EXPECT_EQ(filtered->payload().error().code(), Code::kCorrupt);
  EXPECT_EQ(as_text(open_wal_reader(disk, keys, {.from = 2}).value()->next().value()->payload),
            "plain");
}

class SegmentedRead : public SegmentedTest {
 protected:
  /// What the reader has left to say.
  static TestFrames rest_of(WalReader& reader) {
    TestFrames found;
    for (;;) {
      const Result<std::optional<WalFrame>> frame = reader.next();
      EXPECT_TRUE(frame.ok()) << frame.error().to_string();
      if (!frame.ok() || !frame->has_value()) return found;
      found.emplace_back((*frame)->lsn, as_text((*frame)->payload));
    }
  }
};

TEST_P(SegmentedRead, SeesWhatIsDurableAndNothingElse) {
  const OpenWal log = open(options()).value();
  fill(*log, 3, 100);
  ASSERT_OK(append(*log, "r4"));
  const auto reader = log->read({}).value();
  EXPECT_EQ(rest_of(*reader), numbered(1, 3));
}

TEST_P(SegmentedRead, FollowsOverRollsWhenItIsReset) {
  const OpenWal log = open(options()).value();
  const auto reader = log->read({}).value();
  EXPECT_EQ(rest_of(*reader), TestFrames());
  fill(*log, 5, 2);
  EXPECT_EQ(rest_of(*reader), TestFrames()) << "what has ended stays ended";
  reader->reset();
  EXPECT_EQ(rest_of(*reader), numbered(1, 5));
  fill(*log, 9, 2);
  reader->reset();
  EXPECT_EQ(rest_of(*reader), numbered(6, 9));
}

TEST_P(SegmentedRead, StartsAtAnLsnAndStopsAtALimitThatSpansSegments) {
  const OpenWal log = open(options()).value();
  fill(*log, 10, 3);
  const auto reader = log->read({.from = 6, .limit = 2}).value();
  EXPECT_EQ(rest_of(*reader), numbered(6, 7));
  EXPECT_TRUE(reader->has_more().value());
  reader->reset(100);
  EXPECT_EQ(rest_of(*reader), numbered(8, 10));
  EXPECT_FALSE(reader->has_more().value());
}

TEST_P(SegmentedRead, StartsWithTheOldestRecordThatIsLeft) {
  const OpenWal log = open(options()).value();
  fill(*log, 8, 2);
  ASSERT_OK(log->truncate_before(5));
  EXPECT_EQ(rest_of(*log->read({.from = 1}).value()), numbered(5, 8));
}

TEST_P(SegmentedRead, MissesNothingOfATruncatedSegmentThatHeldNoneOfWhatItWants) {
  const OpenWal log = open(options()).value();
  fill(*log, 3, 4);
  const auto waits = log->read({.from = 5}).value();
  EXPECT_EQ(rest_of(*waits), TestFrames());
  const auto begins = log->read({.from = 5}).value();
  fill(*log, 8, 4);
  ASSERT_EQ(log->truncate_before(5)->segments, 1u);
  waits->reset();
  EXPECT_EQ(rest_of(*waits), numbered(5, 8));
  EXPECT_EQ(rest_of(*begins), numbered(5, 8));
}

TEST_P(SegmentedRead, FromOutsideGoesBackToTheSegmentInWhichAnUndoneRollGoesOn) {
  const OpenWal log = open(options()).value();
  fill(*log, 2, 3);
  const auto reader = open_wal_reader(disk_, keys(), {}).value();
  EXPECT_EQ(rest_of(*reader), numbered(1, 2));
  disk_.after_operation = [&] {
    if (!disk_.trace.back().starts_with("rename")) return;
    reader->reset();
    EXPECT_EQ(rest_of(*reader), TestFrames());
  };
  disk_.fail(DiskOp::kSyncDir, Code::kIo);
  EXPECT_EQ(log->roll().error().code(), Code::kIo);
  disk_.after_operation = nullptr;
  fill(*log, 5, 6);
  reader->reset();
  EXPECT_EQ(rest_of(*reader), numbered(3, 5));
}

TEST_P(SegmentedRead, FiltersByTenant) {
  const OpenWal log = open(options()).value();
  for (uint32_t tenant : {1, 2, 1, 3}) {
    ASSERT_OK(log->append({.tenant = tenant, .head = as_bytes("t")}));
    ASSERT_OK(log->sync());
  }
  WalReadOptions only;
  only.filter.tenants = {1};
  EXPECT_EQ(rest_of(*log->read(only).value()), (TestFrames{{1, "t"}, {3, "t"}}));
}

INSTANTIATE_TEST_SUITE_P(, SegmentedRead, ::testing::Bool(),
                         [](const auto& kind) { return kind.param ? "Encrypted" : "Plain"; });

}  // namespace
}  // namespace sluice::wal
