// What makes a partition due, and what leaves it alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/flush/flush_world.h"

namespace sluice::flushing {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

void as_they_are(EngineOptions&) {}

TEST(Triggers, AnEndedSegmentIsToldOnceAndItsPartitionsAreFlushed) {
  run(as_they_are, [](FlushWorld& world) {
    uint64_t sent = 0;
    for (; world.told->segments.empty() && sent < 100; ++sent) {
      ASSERT_TRUE(world.append(kEvents, {static_cast<int64_t>(sent % 2)}, 4000).ok());
    }
    world.sleep(kSecond);
    ASSERT_EQ(world.told->segments.size(), 1u);
    const WriteNotification& segment = world.told->segments[0];
    EXPECT_EQ(segment.segment, "wal-00000000000000000001.seg");
    EXPECT_THAT(segment.partitions, ElementsAre(PartitionName{kEvents, "1970-01-01"},
                                                PartitionName{kEvents, "1970-01-02"}));
    uint64_t flushed = 0;
    for (const FlushCompleteEvent& flush : world.told->flushes) flushed += flush.rows;
    EXPECT_GE(flushed, segment.last_lsn - 1) << "a row a frame, and one frame of the schema";
    EXPECT_EQ(world.status().log_segments, 1u) << "the segment has gone";
  });
}

TEST(Triggers, SegmentsThatStayPinnedMakeTheirOldestPartitionsDue) {
  run([](EngineOptions& options) { options.pinned_segments_max = 2; },
      [](FlushWorld& world) {
        world.fail_uploads(true);
        ASSERT_TRUE(world.append(kEvents, {7}).ok());
        for (int i = 0; i < 60; ++i) ASSERT_TRUE(world.append(kOthers, {1}, 4000).ok());
        ASSERT_GE(world.status().pinned_segments, 4u);
        world.fail_uploads(false);
        // Another process: nothing that the first one was told is known to it.
        ASSERT_TRUE(world.open().ok());
        world.sleep(kSecond);
        EXPECT_LE(world.status().pinned_segments, 2u);
        EXPECT_EQ(world.pending().count("demo:events:1970-01-08"), 0u);
        EXPECT_THAT(world.rows(kEvents), ElementsAre(Pair(7, 1)));
      });
}

TEST(Triggers, ThatManyRowsFlushTheirPartitionAlone) {
  run([](EngineOptions& options) { options.flush_rows = 10; },
      [](FlushWorld& world) {
        ASSERT_TRUE(world.append(kEvents, {1, 2, 2}).ok());
        for (int i = 0; i < 9; ++i) ASSERT_TRUE(world.append(kEvents, {1}).ok());
        world.sleep(kSecond);
        EXPECT_THAT(world.pending(), ElementsAre(Pair("demo:events:1970-01-03", 2)));
        ASSERT_EQ(world.told->flushes.size(), 1u);
        EXPECT_THAT(world.told->flushes[0].partitions, ElementsAre("1970-01-02"));
        EXPECT_THAT(world.rows(kEvents), ElementsAre(Pair(1, 10), Pair(2, 2)));
      });
}

TEST(Triggers, TheOldestRowOfAPartitionWaitsForItsIntervalAndNoLonger) {
  run([](EngineOptions& options) { options.flush_age = kMinute; },
      [](FlushWorld& world) {
        ASSERT_TRUE(world.append(kEvents, {1}).ok());
        world.sleep(40 * kSecond);
        ASSERT_TRUE(world.append(kEvents, {2}).ok());
        EXPECT_GT(world.status().oldest_unflushed_age, 30 * kSecond);
        world.sleep(25 * kSecond);
        EXPECT_THAT(world.pending(), ElementsAre(Pair("demo:events:1970-01-03", 1)));
        world.sleep(40 * kSecond);
        EXPECT_THAT(world.pending(), IsEmpty());
        EXPECT_EQ(world.status().oldest_unflushed_age, 0);
      });
}

TEST(Triggers, WithNothingPendingNothingHappens) {
  run([](EngineOptions& options) { options.flush_age = kSecond; },
      [](FlushWorld& world) {
        ASSERT_TRUE(world.append(kEvents, {1}).ok());
        world.sleep(kMinute);
        const uint64_t operations = world.runtime.operations();
        world.sleep(600 * kSecond);
        EXPECT_EQ(world.runtime.operations(), operations);
      });
}

TEST(Triggers, ColdRowsAreFlushedPromptlyAndLeaveTheOthersWaiting) {
  run([](EngineOptions& options) { options.cold_age = 2 * 3600 * kSecond; },
      [](FlushWorld& world) {
        const int64_t today = world.runtime.wall_now() / kDay;
        ASSERT_TRUE(world.append(kEvents, {today + 1, today - 5 * 365}).ok());
        world.sleep(5 * kSecond);
        ASSERT_EQ(world.pending().size(), 1u);
        EXPECT_THAT(world.rows(kEvents),
                    UnorderedElementsAre(Pair(today + 1, 1), Pair(today - 5 * 365, 1)));
      });
}

TEST(Triggers, AFlushThatIsWaitedForSaysWhatItDidAndLeavesNoFrame) {
  run(as_they_are, [](FlushWorld& world) {
    ASSERT_TRUE(world.append(kEvents, {1, 2, 3}).ok());
    ASSERT_TRUE(world.append(kOthers, {1}).ok());
    const FlushReport report = world.engine->flush().value();
    EXPECT_EQ(report.rows, 4u);
    EXPECT_EQ(report.partitions, 4u);
    EXPECT_EQ(report.parts, 4u);
    EXPECT_EQ(world.status().log_segments, 1u);
    EXPECT_EQ(world.status().pinned_segments, 0u);
    EXPECT_EQ(world.told->segments.size(), 1u) << "the segment that held them";
  });
}

TEST(Triggers, WithNothingPendingAFlushIsCheapAndEndsNoSegment) {
  run(as_they_are, [](FlushWorld& world) {
    ASSERT_TRUE(world.append(kEvents, {1}).ok());
    ASSERT_TRUE(world.engine->flush().ok());
    const uint64_t operations = world.runtime.operations();
    EXPECT_EQ(world.engine->flush().value().rows, 0u);
    EXPECT_EQ(world.engine->flush(kEvents).value().partitions, 0u);
    EXPECT_EQ(world.runtime.operations(), operations);
  });
}

TEST(Triggers, FlushesAskedForTogetherAreOne) {
  run(as_they_are, [](FlushWorld& world) {
    for (int64_t day = 0; day < 5; ++day) ASSERT_TRUE(world.append(kEvents, {day}).ok());
    std::vector<std::unique_ptr<Thread>> callers;
    for (int i = 0; i < 8; ++i) {
      callers.push_back(world.runtime.spawn("caller", [&world] {
        const Result<FlushReport> report = world.engine->flush();
        ASSERT_TRUE(report.ok()) << report.error().to_string();
      }));
    }
    for (const auto& caller : callers) caller->join();
    EXPECT_EQ(world.status().flushes, 1u);
    EXPECT_EQ(world.told->segments.size(), 1u);
  });
}

TEST(Triggers, AClockThatStepsBackChangesNothing) {
  run([](EngineOptions& options) { options.flush_age = kMinute; },
      [](FlushWorld& world) {
        ASSERT_TRUE(world.append(kEvents, {1}).ok());
        world.runtime.step_wall_clock(-365 * kDay);
        ASSERT_TRUE(world.append(kEvents, {1}).ok());
        world.sleep(2 * kMinute);
        EXPECT_THAT(world.pending(), IsEmpty());
        EXPECT_THAT(world.rows(kEvents), ElementsAre(Pair(1, 2)));
      });
}

TEST(Triggers, AShutdownFlushesWhatIsLeft) {
  run(as_they_are, [](FlushWorld& world) {
    ASSERT_TRUE(world.append(kEvents, {1, 2}).ok());
    ASSERT_TRUE(world.engine->close().ok());
    ASSERT_TRUE(world.engine->close().ok()) << "a second one does nothing";
    ASSERT_TRUE(world.open().ok());
    EXPECT_THAT(world.pending(), IsEmpty());
    EXPECT_THAT(world.rows(kEvents), ElementsAre(Pair(1, 1), Pair(2, 1)));
  });
}

}  // namespace
}  // namespace sluice::flushing
