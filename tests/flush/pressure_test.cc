// Flushes that fail, tables that cannot commit, disks that are full: who waits, and who goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/flush/flush_world.h"

namespace sluice::flushing {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

void as_they_are(EngineOptions&) {}

TEST(Pressure, AFlushThatFailsForTenMinutesIsDoneWithoutAnotherWrite) {
  run([](EngineOptions& options) { options.flush_age = kSecond; },
      [](FlushWorld& world) {
        world.fail_uploads(true);
        ASSERT_TRUE(world.append(kEvents, {1, 2}).ok());
        world.sleep(600 * kSecond);
        EXPECT_GT(world.told->troubles.size(), 10u);
        EXPECT_LT(world.told->troubles.size(), 200u) << "the pauses grow";
        EXPECT_LE(world.status().log_segments, 2u);
        const std::vector<PartitionStatus> pending = world.engine->pending(10);
        ASSERT_EQ(pending.size(), 2u);
        EXPECT_GT(pending[0].failures, 10u);
        ASSERT_TRUE(pending[0].trouble.has_value());
        EXPECT_EQ(pending[0].trouble->code(), Code::kIo);
        EXPECT_GT(world.status().flush_failures.at(Code::kIo), 10u);
        world.fail_uploads(false);
        world.sleep(kMinute);
        EXPECT_THAT(world.pending(), IsEmpty());
        EXPECT_THAT(world.rows(kEvents), ElementsAre(Pair(1, 1), Pair(2, 1)));
      });
}

TEST(Pressure, WhoAsksForAFlushDoesNotWaitForThePauseOfOneThatFailed) {
  run(
      [](EngineOptions& options) {
        options.flush_age = kSecond;
        options.retry_min = options.retry_max = 3600 * kSecond;
      },
      [](FlushWorld& world) {
        world.fail_uploads(true);
        ASSERT_TRUE(world.append(kEvents, {1}).ok());
        world.sleep(kMinute);
        ASSERT_EQ(world.told->troubles.size(), 1u);
        world.fail_uploads(false);
        const Nanos asked = world.runtime.now();
        ASSERT_EQ(world.engine->flush().value().rows, 1u);
        EXPECT_LT(world.runtime.now() - asked, kMinute);
      });
}

TEST(Pressure, APartitionWhosePartsFailHoldsUpNoOther) {
  run([](EngineOptions& options) { options.flush_age = kSecond; },
      [](FlushWorld& world) {
        // The first partition of a flush is the least one: day 1, as long as it is among them.
        world.bucket.set_rule([](std::string_view call, std::string_view key) {
          const bool hit = call == "begin_upload" && key.ends_with("-0.parquet");
          return hit ? FaultyBucket::Verdict::kFailBefore : FaultyBucket::Verdict::kPass;
        });
        ASSERT_TRUE(world.append(kEvents, {1, 2, 3}).ok());
        world.sleep(kMinute);
        EXPECT_THAT(world.pending(), ElementsAre(Pair("demo:events:1970-01-02", 1)));
        EXPECT_EQ(world.status().rows_flushed, 2u);
        world.fail_uploads(false);
        world.sleep(kMinute);
        EXPECT_THAT(world.pending(), IsEmpty());
        EXPECT_THAT(world.rows(kEvents), ElementsAre(Pair(1, 1), Pair(2, 1), Pair(3, 1)));
      });
}

TEST(Pressure, ATableThatCannotCommitStopsItsOwnWritersAlone) {
  run(
      [](EngineOptions& options) {
        options.memory_bytes = 8 << 20;
        options.flush_rows = 100;
        options.row_group_bytes = 64 << 10;
        options.retry_max = kSecond;
      },
      [](FlushWorld& world) {
        world.bucket.set_rule([](std::string_view call, std::string_view key) {
          const bool hit = call == "begin_upload" && key.starts_with("demo/events/");
          return hit ? FaultyBucket::Verdict::kFailBefore : FaultyBucket::Verdict::kPass;
        });
        std::optional<Error> refused;
        uint64_t sent = 0;
        for (; !refused && sent < 10'000; ++sent) {
          const auto ack = world.append(kEvents, {1}, 20'000, kSecond);
          if (!ack.ok()) refused = ack.error();
        }
        ASSERT_TRUE(refused.has_value());
        EXPECT_EQ(refused->code(), Code::kBusy);
        EXPECT_EQ(refused->reason(), Reason::kQuota);
        EXPECT_LT(world.status().memory_bytes_used, world.status().memory_bytes_max / 2);
        for (int i = 0; i < 500; ++i) {
          const auto ack = world.append(kOthers, {2}, 20'000);
          ASSERT_TRUE(ack.ok()) << ack.error().to_string();
        }
        ASSERT_TRUE(world.engine->flush(kOthers).ok());
        world.fail_uploads(false);
        const auto ack = world.append(kEvents, {1}, 0, kMinute);
        ASSERT_TRUE(ack.ok()) << "its writers go on by themselves: " << ack.error().to_string();
        ASSERT_TRUE(world.engine->flush().ok());
        EXPECT_THAT(world.rows(kEvents), ElementsAre(Pair(1, sent)));
        EXPECT_THAT(world.rows(kOthers), ElementsAre(Pair(2, 500)));
      });
}

TEST(Pressure, AFullDiskRefusesWritersAndLeavesRoomForTheFlushThatFreesIt) {
  run([](EngineOptions& options) { options.disk_reserve_bytes = 1 << 20; },
      [](FlushWorld& world) {
        ASSERT_TRUE(world.append(kEvents, {1}).ok());
        world.disk.set_free_bytes(1000);
        const auto refused = world.append(kEvents, {1});
        ASSERT_FALSE(refused.ok());
        EXPECT_EQ(refused.error().code(), Code::kFull);
        EXPECT_TRUE(world.status().full);
        ASSERT_TRUE(world.engine->flush().ok());
        EXPECT_EQ(world.status().log_segments, 1u);
        world.disk.set_free_bytes(std::nullopt);
        world.sleep(2 * kSecond);
        EXPECT_FALSE(world.status().full) << "seen by itself: who asks may write only then";
        ASSERT_TRUE(world.append(kEvents, {1}).ok());
        EXPECT_EQ(world.status().appends_refused, 1u);
      });
}

TEST(Pressure, ADiskThatIsNearlyFullTakesTheFilesThatWaitToBeUsedAgain) {
  run([](EngineOptions& options) { options.disk_reserve_bytes = 1 << 20; },
      [](FlushWorld& world) {
        const auto spares = [&world] {
          size_t count = 0;
          for (const DiskEntry& entry : world.disk.list().value()) {
            count += entry.name.starts_with("spare-");
          }
          return count;
        };
        ASSERT_TRUE(world.append(kEvents, {1}).ok());
        ASSERT_TRUE(world.engine->flush().ok());
        ASSERT_EQ(spares(), 1u);
        world.disk.set_free_bytes(1000);
        ASSERT_FALSE(world.append(kEvents, {1}).ok());
        EXPECT_EQ(spares(), 0u);
      });
}

TEST(Pressure, TenThousandDatesNeedNoThreadEach) {
  run(
      [](EngineOptions& options) {
        options.memory_bytes = 32 << 20;
        options.row_group_bytes = 64 << 10;
      },
      [](FlushWorld& world) {
        std::vector<int64_t> days;
        for (int64_t day = 0; day < 500; ++day) days.push_back(day);
        for (int i = 0; i < 4; ++i) ASSERT_TRUE(world.append(kEvents, days).ok());
        EXPECT_EQ(world.status().pending_partitions, 500u);
        const FlushReport report = world.engine->flush().value();
        EXPECT_EQ(report.rows, 2000u);
        EXPECT_EQ(report.partitions, 500u);
        EXPECT_EQ(world.status().pending_partitions, 0u);
        EXPECT_LE(world.status().flushes, 2u);
      });
}

TEST(Pressure, AReplayThatIsInterruptedTenTimesBringsEachRowOnce) {
  run([](EngineOptions& options) { options.close_flush = 0; },
      [](FlushWorld& world) {
        world.fail_uploads(true);
        for (int i = 0; i < 50; ++i) ASSERT_TRUE(world.append(kEvents, {i % 3}, 2000).ok());
        for (int i = 0; i < 10; ++i) {
          world.fail_uploads(i % 2 == 0);
          ASSERT_TRUE(world.open().ok());
          world.sleep(i * 3 * kMillisecond);
        }
        world.fail_uploads(false);
        ASSERT_TRUE(world.open().ok());
        ASSERT_TRUE(world.engine->flush().ok());
        EXPECT_THAT(world.rows(kEvents), ElementsAre(Pair(0, 17), Pair(1, 17), Pair(2, 16)));
      });
}

TEST(Pressure, AStrictStartReadsTheWholeLogBeforeItAcceptsAnything) {
  run(as_they_are, [](FlushWorld& world) {
    world.fail_uploads(true);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(world.append(kEvents, {1}, 4000).ok());
    world.engine.reset();
    const auto log = world.disk.list().value();
    std::string oldest;
    for (const DiskEntry& entry : log) {
      if (oldest.empty() && entry.name.ends_with(".seg")) oldest = entry.name;
    }
    {
      const auto file = world.disk.open(oldest, OpenMode::kReadWrite).value();
      std::vector<std::byte> byte(1);
      ASSERT_TRUE(file->read_at(20'000, byte).ok());
      byte[0] ^= std::byte{1};
      ASSERT_TRUE(file->pwrite_at(20'000, byte).ok());
      ASSERT_TRUE(file->sync().ok());
    }
    world.options.start_up = StartUp::kStrict;
    const Status strict = world.open();
    ASSERT_FALSE(strict.ok());
    EXPECT_EQ(strict.error().code(), Code::kCorrupt);
    world.options.start_up = StartUp::kInstant;
    ASSERT_TRUE(world.open().ok());
    EXPECT_FALSE(world.engine->snapshot(kEvents).ok()) << "no less than what was accepted";
    ASSERT_TRUE(world.status().failure.has_value());
  });
}

TEST(Pressure, SixtyFourWritersHearYesOrNoWhenTheEngineCloses) {
  run(as_they_are, [](FlushWorld& world) {
    std::vector<std::unique_ptr<Thread>> writers;
    uint64_t accepted = 0;
    uint64_t refused = 0;
    for (int64_t writer = 0; writer < 64; ++writer) {
      writers.push_back(world.runtime.spawn("writer", [&, writer] {
        for (int i = 0; i < 20; ++i) {
          const auto ack = world.append(kEvents, {writer % 3});
          ack.ok() ? ++accepted : ++refused;
          if (!ack.ok()) {
            EXPECT_EQ(ack.error().code(), Code::kCancelled);
          }
        }
      }));
    }
    world.sleep(20 * kMillisecond);
    ASSERT_TRUE(world.engine->close().ok());
    for (const auto& writer : writers) writer->join();
    EXPECT_EQ(accepted + refused, 64u * 20);
    ASSERT_TRUE(world.open().ok());
    uint64_t found = 0;
    for (const auto& [day, rows] : world.rows(kEvents)) found += rows;
    EXPECT_EQ(found, accepted);
  });
}

}  // namespace
}  // namespace sluice::flushing
