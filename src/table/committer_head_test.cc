// T2: what a committer holds for the head, and how it asks.
#include <gtest/gtest.h>

#include "table/committer.h"
#include "table/fakes_test.h"
#include "table/format.h"

namespace sluice::table {
namespace {

const Nanos kGrace = CommitterOptions().grace;

/// A process that knows the head, version 2, of a table that it has claimed.
class HeadTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(ours_.create(keyed_spec()).ok());
    ASSERT_TRUE(ours_.touch().ok());
    bucket_.lists_ = 0;
  }
  Committer committer(FakeRuntime& runtime, uint8_t opening) {
    return {runtime, bucket_, kName, writer_of(1, opening), {}, [] { return false; }};
  }
  uint64_t version() { return ours_.head()->metadata.version; }
  std::string slot(uint64_t version) { return metadata_key("db/coll", version); }

  FakeBucket bucket_;
  FakeRuntime runtime_;
  Committer ours_ = committer(runtime_, 1);
};

TEST_F(HeadTest, IsAskedByNamesWhileItWasSeenLately) {
  const uint64_t before = bucket_.operations();
  ASSERT_TRUE(ours_.load().ok());
  // The next slot is empty; ours is there, and so is what we followed.
  EXPECT_EQ(bucket_.operations() - before, 3u);
  ASSERT_TRUE(ours_.load().ok());
  EXPECT_EQ(bucket_.operations() - before, 5u);
  for (int n = 0; n < 5; ++n) {
    runtime_.now_ += kGrace / 4;
    ASSERT_TRUE(ours_.touch().ok());
  }
  EXPECT_EQ(version(), 7u);
  EXPECT_EQ(bucket_.lists_, 0u);
}

TEST_F(HeadTest, IsListedAgainHalfAGraceAfterTheLastLook) {
  runtime_.now_ += kGrace / 2 + 1;
  ASSERT_TRUE(ours_.load().ok());
  EXPECT_EQ(bucket_.lists_, 1u);
  ASSERT_TRUE(ours_.load().ok());
  EXPECT_EQ(bucket_.lists_, 1u);
}

// Between the look and the put it may have slept.
TEST_F(HeadTest, IsNoYoungerForACommitOfOurs) {
  bucket_.before(bucket_.operations() + 4, [&] { runtime_.now_ += kGrace / 2 + 1; });
  ASSERT_TRUE(ours_.touch().ok());
  EXPECT_EQ(bucket_.lists_, 0u);
  ASSERT_TRUE(ours_.load().ok());
  EXPECT_EQ(bucket_.lists_, 1u);
}

TEST_F(HeadTest, IsAnothersAsSoonAsItIsThere) {
  FakeRuntime runtime(2);
  Committer next = committer(runtime, 2);
  ASSERT_TRUE(next.claim().ok());
  EXPECT_EQ(ours_.touch().error().code(), Code::kFenced);
  EXPECT_FALSE(bucket_.objects().contains(slot(4)));
}

// Whatever removed the versions: what it saw last is gone, and so it lists.
TEST_F(HeadTest, IsNotFoundInASlotThatExpiredUnderIt) {
  FakeRuntime runtime(2);
  Committer next = committer(runtime, 2);
  bucket_.before(bucket_.operations() + 4, [&] {  // between our look and our put
    for (int n = 0; n < 3; ++n) ASSERT_TRUE(next.touch().ok());
    for (uint64_t v = 1; v <= 4; ++v) bucket_.objects().erase(slot(v));
  });
  static_cast<void>(ours_.touch());
  ASSERT_TRUE(bucket_.objects().contains(slot(3)));
  EXPECT_EQ(ours_.confirm({}).error().code(), Code::kFenced);
}

// The slot behind what it knows is empty by then, and what it knows was put once more.
TEST_F(HeadTest, IsNotTakenForTheOldOneByWhoeverHasSleptTooLong) {
  FakeRuntime runtime(2);
  Committer next = committer(runtime, 2);
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(next.touch().ok());
  const std::string known = bucket_.objects()[slot(2)];
  for (uint64_t v = 1; v <= 4; ++v) bucket_.objects().erase(slot(v));
  bucket_.objects()[slot(2)] = known;
  runtime_.now_ += kGrace;
  EXPECT_EQ(ours_.confirm({}).error().code(), Code::kFenced);
  EXPECT_EQ(ours_.touch().error().code(), Code::kFenced);
  EXPECT_FALSE(bucket_.objects().contains(slot(3)));
}

TEST_F(HeadTest, IsListedAfterAnAnswerThatWasNotFirstHand) {
  bucket_.fail_puts_of(slot(3), Fault::kAnswerLost, 1, nullptr);
  ASSERT_TRUE(ours_.touch().ok());
  const uint64_t lists = bucket_.lists_;
  ASSERT_TRUE(ours_.load().ok());
  EXPECT_EQ(bucket_.lists_, lists + 1);
  EXPECT_EQ(version(), 3u);
}

// T11: whoever has seen a head needs no hint to miss it.
TEST_F(HeadTest, IsMissedByWhoeverHasSeenIt) {
  bucket_.objects().erase(hint_key("db/coll"));
  bucket_.objects().erase(slot(2));
  const auto touched = ours_.touch();
  ASSERT_EQ(touched.error().code(), Code::kCorrupt);
  EXPECT_EQ(touched.error().where(), slot(2));
  EXPECT_FALSE(bucket_.objects().contains(slot(3)));
}

TEST_F(HeadTest, NeedsNoLookForAClaimThatWasMade) {
  const uint64_t before = bucket_.operations();
  ASSERT_TRUE(ours_.claim().ok());
  EXPECT_EQ(bucket_.operations(), before);
}

}  // namespace
}  // namespace sluice::table
