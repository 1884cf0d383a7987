#include "sim/bucket.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace sluice::sim {
namespace {

constexpr uint64_t kLimit = 1 << 20;
constexpr int kManyCalls = 3000;  // by then every request in flight has landed

class SimBucketTest : public testing::Test {
 protected:
  std::string whole(std::string_view key) {
    const auto text = get_object(bucket, key, kLimit);
    return text.ok() ? *text : "(" + std::string(to_string(text.error().code())) + ")";
  }
  void let_requests_land() {
    bucket.set_faults({});
    for (int i = 0; i < kManyCalls && !bucket.state().in_flight.empty(); ++i) {
      EXPECT_TRUE(bucket.list("").ok());
    }
    EXPECT_TRUE(bucket.state().in_flight.empty());
  }

  SimRuntime runtime{RuntimeOptions{}};
  SimBucket bucket{runtime};
};

TEST_F(SimBucketTest, ALostRequestHasNoEffect) {
  bucket.set_faults({.lost_permille = 1000});
  const Status status = bucket.put_if_absent("v1", as_bytes("x"));
  EXPECT_EQ(status.error().code(), Code::kIo);
  EXPECT_EQ(status.error().reason(), Reason::kUnknownOutcome);
  bucket.set_faults({});
  EXPECT_EQ(whole("v1"), "(not_found)");
}

TEST_F(SimBucketTest, ALostAnswerHidesAnEffect) {
  bucket.set_faults({.answer_lost_permille = 1000});
  EXPECT_EQ(bucket.put_if_absent("v1", as_bytes("x")).error().reason(), Reason::kUnknownOutcome);
  EXPECT_EQ(whole("v1"), "x");
  bucket.set_faults({});
  EXPECT_EQ(bucket.put_if_absent("v1", as_bytes("x")).error().code(), Code::kExists);
}

TEST_F(SimBucketTest, ALostAnswerHidesAFinishedUpload) {
  const auto upload = bucket.begin_upload("part").value();
  EXPECT_TRUE(upload->write(as_bytes("rows")).ok());
  bucket.set_faults({.answer_lost_permille = 1000});
  EXPECT_EQ(upload->finish().error().reason(), Reason::kUnknownOutcome);
  EXPECT_EQ(upload->finish().error().reason(), Reason::kClosed);
  EXPECT_EQ(whole("part"), "rows");
}

TEST_F(SimBucketTest, ALatePutLandsAfterItsError) {
  bucket.set_faults({.late_permille = 1000});
  EXPECT_EQ(bucket.put_if_absent("v1", as_bytes("late")).error().reason(), Reason::kUnknownOutcome);
  EXPECT_FALSE(bucket.state().objects.contains("v1"));
  let_requests_land();
  EXPECT_EQ(whole("v1"), "late");
}

TEST_F(SimBucketTest, ALatePutLosesAgainstAnEarlierOne) {
  bucket.set_faults({.late_permille = 1000});
  EXPECT_FALSE(bucket.put_if_absent("v1", as_bytes("late")).ok());
  bucket.mutable_state().in_flight[0].land_permille = 0;
  bucket.set_faults({});
  EXPECT_TRUE(bucket.put_if_absent("v1", as_bytes("winner")).ok());
  bucket.mutable_state().in_flight[0].land_permille = 1000;
  EXPECT_EQ(whole("v1"), "winner");
  EXPECT_TRUE(bucket.state().in_flight.empty());
}

TEST_F(SimBucketTest, ALatePutOutlivesItsProcess) {
  bucket.set_faults({.late_permille = 1000});
  EXPECT_FALSE(bucket.put_if_absent("v1", as_bytes("zombie")).ok());
  const BucketState clone = bucket.state();
  runtime.kill();

  SimRuntime next_runtime({.seed = 2});
  SimBucket next(next_runtime, clone);
  for (int i = 0; i < kManyCalls && !next.state().in_flight.empty(); ++i) (void)next.list("");
  EXPECT_EQ(get_object(next, "v1", kLimit).value(), "zombie");
  EXPECT_FALSE(bucket.state().objects.contains("v1"));
}

TEST_F(SimBucketTest, ADuplicatedPutIfAbsentFillsASlotThatWasEmptied) {
  bucket.set_faults({.duplicated_permille = 1000});
  EXPECT_TRUE(bucket.put_if_absent("v1", as_bytes("twice")).ok());
  bucket.mutable_state().in_flight[0].land_permille = 0;
  bucket.set_faults({});
  EXPECT_TRUE(bucket.remove("v1").ok());
  EXPECT_EQ(whole("v1"), "(not_found)");
  bucket.mutable_state().in_flight[0].land_permille = 1000;
  EXPECT_EQ(whole("v1"), "twice");
}

TEST_F(SimBucketTest, ADuplicatedPutBringsBackOldBytes) {
  bucket.set_faults({.duplicated_permille = 1000});
  EXPECT_TRUE(bucket.put("hint", as_bytes("1")).ok());
  bucket.mutable_state().in_flight[0].land_permille = 0;
  bucket.set_faults({});
  EXPECT_TRUE(bucket.put("hint", as_bytes("2")).ok());
  bucket.mutable_state().in_flight[0].land_permille = 1000;
  EXPECT_EQ(whole("hint"), "1");
}

TEST_F(SimBucketTest, IsBusyInBurstsThatEnd) {
  bucket.set_faults({.busy_permille = 20});
  int busy = 0;
  int longest = 0;
  for (int i = 0, burst = 0; i < 500; ++i) {
    const bool refused = !bucket.list("").ok();
    burst = refused ? burst + 1 : 0;
    busy += refused;
    longest = std::max(longest, burst);
  }
  EXPECT_GT(busy, 10);
  EXPECT_LT(busy, 250);
  EXPECT_GT(longest, 3);
  EXPECT_EQ(bucket.state().objects.size(), 0u);
}

TEST_F(SimBucketTest, FailsReadsAsOftenAsItsFaultsSay) {
  EXPECT_TRUE(bucket.put("a", as_bytes("x")).ok());
  bucket.set_faults({.read_permille = 1000});
  EXPECT_EQ(bucket.head("a").error().code(), Code::kIo);
  EXPECT_EQ(bucket.list("").error().code(), Code::kIo);
}

class StaleLists : public SimBucketTest {
 protected:
  /// How many of 100 lists of `prefix` are empty.
  int empty_lists(std::string_view prefix) {
    int empty = 0;
    for (int i = 0; i < 100; ++i) empty += bucket.list(prefix).value().empty();
    return empty;
  }
  static constexpr BucketFaults kFaults{
      .stale_permille = 1000, .stale_nanos_max = 1000 * kSecond, .nanos_max = 0};
};

TEST_F(StaleLists, MayLackNewObjectsThatCanBeRead) {
  bucket.set_faults(kFaults);
  EXPECT_TRUE(bucket.put_if_absent("v1", as_bytes("x")).ok());
  const int without = empty_lists("v");
  EXPECT_GT(without, 20);
  EXPECT_LT(without, 80);
  EXPECT_EQ(whole("v1"), "x");
  EXPECT_TRUE(bucket.head("v1").ok());
  EXPECT_EQ(bucket.put_if_absent("v1", as_bytes("y")).error().code(), Code::kExists);
}

TEST_F(StaleLists, MayShowObjectsThatAreRemoved) {
  EXPECT_TRUE(bucket.put_if_absent("v1", as_bytes("x")).ok());
  bucket.set_faults(kFaults);
  EXPECT_TRUE(bucket.remove("v1").ok());
  const int without = empty_lists("v");
  EXPECT_GT(without, 20);
  EXPECT_LT(without, 80);
  EXPECT_EQ(whole("v1"), "(not_found)");
}

TEST_F(StaleLists, KnowEveryChangeAfterAWhile) {
  bucket.set_faults(kFaults);
  EXPECT_TRUE(bucket.put_if_absent("v1", as_bytes("x")).ok());
  runtime.sleep_until(runtime.now() + kFaults.stale_nanos_max);
  EXPECT_EQ(empty_lists("v"), 0);
}

TEST_F(StaleLists, KnowEverythingOnceTheirFaultsAreOver) {
  bucket.set_faults(kFaults);
  EXPECT_TRUE(bucket.put_if_absent("v1", as_bytes("x")).ok());
  SimBucket next(runtime, bucket.state());
  EXPECT_EQ(next.list("v").value().size(), 1u);
}

TEST_F(StaleLists, KnowOfAnObjectNoChangeBehindOneThatTheyDoNotKnow) {
  bucket.set_faults(kFaults);
  EXPECT_TRUE(bucket.put("hint", as_bytes("1")).ok());
  EXPECT_TRUE(bucket.put("hint", as_bytes("22")).ok());
  EXPECT_TRUE(bucket.remove("hint").ok());
  std::set<uint64_t> seen;  // 0: no object
  for (int i = 0; i < 100; ++i) {
    const auto entries = bucket.list("hint").value();
    seen.insert(entries.empty() ? 0 : entries[0].bytes);
  }
  EXPECT_EQ(seen, (std::set<uint64_t>{0, 1, 2}));
}

TEST_F(SimBucketTest, ClonesDoNotSeeEachOther) {
  EXPECT_TRUE(bucket.put("a", as_bytes("one")).ok());
  const BucketState clone = bucket.state();
  EXPECT_TRUE(bucket.put("a", as_bytes("two")).ok());
  EXPECT_TRUE(bucket.put("b", as_bytes("new")).ok());
  SimBucket other(runtime, clone);
  EXPECT_EQ(get_object(other, "a", kLimit).value(), "one");
  EXPECT_EQ(other.list("").value().size(), 1u);
}

TEST_F(SimBucketTest, DoesNothingForADeadProcess) {
  const auto upload = bucket.begin_upload("part").value();
  runtime.kill();
  EXPECT_EQ(bucket.put_if_absent("v1", as_bytes("x")).error().code(), Code::kCancelled);
  EXPECT_EQ(upload->finish().error().code(), Code::kCancelled);
  EXPECT_TRUE(bucket.state().objects.empty());
}

TEST_F(SimBucketTest, CountsAndTracesItsChangesLikeTheDisk) {
  std::vector<std::string> trace;
  runtime.trace = &trace;
  EXPECT_TRUE(bucket.put_if_absent("t/v1", as_bytes("x")).ok());
  EXPECT_FALSE(bucket.put_if_absent("t/v1", as_bytes("y")).ok());
  const auto upload = bucket.begin_upload("t/part").value();
  EXPECT_TRUE(upload->write(as_bytes("rows")).ok());
  EXPECT_TRUE(upload->finish().ok());
  EXPECT_TRUE(bucket.remove("t/part").ok());
  EXPECT_EQ(trace, std::vector<std::string>({"put_if_absent t/v1", "put_if_absent t/v1 fails",
                                             "upload t/part", "delete t/part"}));
  EXPECT_EQ(runtime.operations(), 4u);
}

class PutAll : public SimBucketTest {
 protected:
  static constexpr std::string_view kKeys[] = {"a", "b", "c"};
  Status put_all() {
    std::vector<ObjectBytes> objects;
    for (const std::string_view key : kKeys) objects.push_back({key, as_bytes("whole")});
    return bucket.put_all(objects);
  }
};

TEST_F(PutAll, MayLeaveAnySubsetOfItsObjects) {
  std::set<std::string> subsets;
  runtime.after_operation = [&](uint64_t) {
    std::string subset;
    for (const auto& [key, object] : bucket.state().objects) subset += key;
    subsets.insert(subset);
  };
  for (int i = 0; i < 200; ++i) {
    bucket.mutable_state() = {};
    EXPECT_TRUE(put_all().ok());
  }
  EXPECT_EQ(subsets, (std::set<std::string>{"a", "b", "c", "ab", "ac", "bc", "abc"}));
}

TEST_F(PutAll, IsLostOrTornByAPowerCutBeforeItsAnswer) {
  std::vector<BucketState> clones;
  runtime.after_operation = [&](uint64_t) { clones.push_back(bucket.state()); };
  EXPECT_TRUE(put_all().ok());
  ASSERT_EQ(clones.size(), 3u);
  Random random(1);
  int gone = 0;
  int torn = 0;
  int whole = 0;
  for (int i = 0; i < 300; ++i) {
    BucketState cut = clones.back();
    cut.power_cut(random);
    EXPECT_TRUE(cut.unsynced.empty());
    for (const std::string_view key : kKeys) {
      const auto at = cut.objects.find(key);
      const bool is_whole =
          at != cut.objects.end() && *at->second.bytes == *bucket.state().objects.at("a").bytes;
      ++(at == cut.objects.end() ? gone : is_whole ? whole : torn);
    }
  }
  EXPECT_GT(gone, 100);
  EXPECT_GT(torn, 100);
  EXPECT_GT(whole, 100);
}

TEST_F(PutAll, IsDurableOnceItHasAnswered) {
  EXPECT_TRUE(put_all().ok());
  BucketState cut = bucket.state();
  Random random(1);
  cut.power_cut(random);
  for (const std::string_view key : kKeys) {
    ASSERT_TRUE(cut.objects.contains(key));
    EXPECT_EQ(*cut.objects.find(key)->second.bytes, *bucket.state().objects.at("a").bytes);
  }
}

TEST_F(PutAll, GoesOnOrNotBehindAnObjectThatFails) {
  std::set<size_t> counts;
  for (int i = 0; i < 200; ++i) {
    bucket.mutable_state() = {};
    bucket.set_faults({.answer_lost_permille = 300});
    const Status put = put_all();
    counts.insert(bucket.state().objects.size());
    if (put.ok()) continue;
    EXPECT_EQ(put.error().reason(), Reason::kUnknownOutcome);
    EXPECT_FALSE(bucket.state().unsynced.empty());
  }
  EXPECT_EQ(counts, (std::set<size_t>{1, 2, 3}));
}

TEST_F(SimBucketTest, KeepsItsOwnClockOverCrashes) {
  EXPECT_TRUE(bucket.put("a", as_bytes("x")).ok());
  const Nanos before = bucket.head("a").value().put_wall_time;
  EXPECT_EQ(before / kSecond, RuntimeOptions().wall / kSecond);
  runtime.step_wall_clock(-1000 * kSecond);
  EXPECT_TRUE(bucket.put("b", as_bytes("x")).ok());
  EXPECT_GT(bucket.head("b").value().put_wall_time, before);
  BucketState state = bucket.state();
  state.wall += 50 * kSecond;
  SimRuntime next_runtime({.seed = 2, .wall = 1});
  SimBucket next(next_runtime, state);
  EXPECT_TRUE(next.put("c", as_bytes("x")).ok());
  EXPECT_GT(next.head("c").value().put_wall_time, before + 50 * kSecond);
}

TEST_F(SimBucketTest, ACallMayHang) {
  bucket.set_faults({.hang_permille = 1000, .hang_nanos_max = 1000 * kSecond});
  const Nanos start = runtime.now();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.put("a", as_bytes("x")).ok());
  EXPECT_GT(runtime.now(), start + 1000 * kSecond);
}

TEST_F(SimBucketTest, TakesTime) {
  const Nanos start = runtime.now();
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(bucket.put("a", as_bytes("x")).ok());
  EXPECT_GT(runtime.now(), start + 100 * kMillisecond);
}

}  // namespace
}  // namespace sluice::sim
