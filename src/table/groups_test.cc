#include "table/groups.h"

#include <gtest/gtest.h>

#include <set>

#include "table/fakes_test.h"
#include "table/format.h"
#include "table/verify.h"

namespace sluice::table {
namespace {

using Numbers = std::vector<uint32_t>;

/// "d000", "d001", … from `first` on.
std::vector<std::string> devices_from(int first, int count) {
  std::vector<std::string> devices;
  for (int i = first; i < first + count; ++i) {
    const std::string digits = std::to_string(1'000'000 + i);
    devices.push_back("d" + digits.substr(1));
  }
  return devices;
}

std::vector<std::string_view> views(const std::vector<std::string>& devices) {
  return {devices.begin(), devices.end()};
}

class GroupsTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(committer_.create(keyed_spec()).ok()); }

  static Committer make(FakeRuntime& runtime, FakeBucket& bucket, uint8_t opening) {
    return Committer(runtime, bucket, kName, writer_of(1, opening), {},
                     [&bucket] { return bucket.dead(); });
  }
  Numbers assign(const std::vector<std::string>& devices, uint32_t devices_max) {
    return committer_.assign(views(devices), devices_max).value();
  }
  /// As the next process reads them.
  GroupsPtr read() {
    return read_groups(bucket_, load_head(bucket_, kName).value()->metadata, nullptr).value();
  }
  void expect_sound() {
    const auto verdict = verify_table(bucket_, kName);
    for (const Finding& finding : verdict.value().findings) {
      ADD_FAILURE() << finding.error.to_string() << " @ " << finding.object;
    }
  }
  std::string findings() {
    std::string text;
    for (const Finding& finding : verify_table(bucket_, kName).value().findings) {
      text += finding.error.message() + " @ " + finding.object + "\n";
    }
    return text;
  }

  FakeRuntime runtime_;
  FakeBucket bucket_;
  Committer committer_ = make(runtime_, bucket_, 1);
};

TEST_F(GroupsTest, FillsGroupsInTheOrderOfIdsAndThenTheFirstWithRoom) {
  const Numbers first = assign(devices_from(0, 120), 50);
  EXPECT_EQ(first, ([] {
              Numbers groups(50, 0);
              groups.resize(100, 1);
              groups.resize(120, 2);
              return groups;
            }()));
  EXPECT_EQ(assign(devices_from(120, 5), 50), Numbers(5, 2));
  EXPECT_EQ(read()->sizes(), (Numbers{50, 50, 25}));
  const Numbers later = assign(devices_from(125, 40), 50);
  EXPECT_EQ(std::count(later.begin(), later.begin() + 25, 2u), 25);
  EXPECT_EQ(std::count(later.begin() + 25, later.end(), 3u), 15);
  EXPECT_EQ(read()->sizes(), (Numbers{50, 50, 50, 15}));
  // No device ever moves.
  EXPECT_EQ(assign(devices_from(0, 120), 50), first);
  EXPECT_EQ(assign(devices_from(0, 120), 7), first);
  expect_sound();
}

TEST_F(GroupsTest, GivesANewDeviceWhoseIdLiesBetweenOthersTheRoomThatThereIs) {
  EXPECT_EQ(assign({"a", "b", "d"}, 2), (Numbers{0, 0, 1}));
  EXPECT_EQ(assign({"b", "c", "d"}, 2), (Numbers{0, 1, 1}));
  EXPECT_EQ(assign({"", "a", "z"}, 2), (Numbers{2, 0, 2}));
}

TEST_F(GroupsTest, AsksNothingOfTheBucketWhereAllDevicesAreKnown) {
  assign(devices_from(0, 10), 3);
  const uint64_t version = committer_.head()->metadata.version;
  const uint64_t operations = bucket_.operations();
  assign(devices_from(2, 5), 3);
  assign({}, 3);
  EXPECT_EQ(bucket_.operations(), operations);
  EXPECT_EQ(committer_.head()->metadata.version, version);
}

TEST_F(GroupsTest, OfATableThatHadNoneBeginWithTheFirstFlushThatWantsThem) {
  EXPECT_TRUE(committer_.head()->metadata.groups_key.empty());
  EXPECT_EQ(read()->devices(), 0u);
  assign({"a"}, 1);
  EXPECT_TRUE(bucket_.objects().contains(committer_.head()->metadata.groups_key));
}

// T16: and neither does the next opening, which reads them.
TEST_F(GroupsTest, StayWhatTheyAreInTheNextOpeningAfterARollbackAndWhenTheTableMoves) {
  const Numbers groups = assign(devices_from(0, 9), 2);
  FlushEdit edit;
  edit.base = committer_.head();
  edit.flush = id_of<FlushId>(9);
  edit.lsns.low_water = 5;
  edit.parts = {part_of("p")};
  bucket_.place(edit.parts[0].key, std::string(edit.parts[0].bytes, 'x'));
  const auto snapshot = committer_.commit(edit).value()->metadata.current_snapshot_id.value();
  const Numbers more = assign(devices_from(9, 4), 2);
  ASSERT_TRUE(committer_.rollback(static_cast<uint64_t>(snapshot)).ok());
  bucket_.root_ = "/elsewhere/";
  ASSERT_TRUE(committer_.relocate().ok());
  Committer next = make(runtime_, bucket_, 2);
  EXPECT_EQ(next.assign(views(devices_from(0, 9)), 2).value(), groups);
  EXPECT_EQ(next.assign(views(devices_from(9, 4)), 2).value(), more);
  EXPECT_TRUE(next.head()->metadata.encode().find("/elsewhere/db/coll/groups/") !=
              std::string::npos);
  expect_sound();
}

TEST_F(GroupsTest, ADeviceIsWrittenAnewOnlyWhenTheirNumberDoubles) {
  constexpr int kDevices = 1000;
  uint64_t written = 0;
  for (int i = 0; i < kDevices; ++i) {
    assign(devices_from(i, 1), 10);
    const auto& rosters = committer_.groups()->rosters();
    written += rosters.back().roster->size();
    EXPECT_LE(rosters.size(), 11u);
    for (size_t at = 1; at < rosters.size(); ++at) {
      EXPECT_GT(rosters[at - 1].roster->size(), rosters[at].roster->size());
    }
  }
  EXPECT_LE(written, kDevices * 11u);
  EXPECT_EQ(read()->devices(), static_cast<uint64_t>(kDevices));
  EXPECT_EQ(read()->sizes(), Numbers(100, 10));
  expect_sound();
}

// T16, T2: whatever fails, and if the process dies: what was once said of a device holds.
TEST_F(GroupsTest, AFaultAtAnyOperationMovesNoDevice) {
  for (const Fault fault : {Fault::kFailBefore, Fault::kAnswerLost, Fault::kTwice, Fault::kLate,
                            Fault::kDeath, Fault::kDeathAfter, Fault::kDeathLate}) {
    for (uint64_t at = 1; at < 40; ++at) {
      FakeRuntime runtime;
      FakeBucket bucket;
      Committer first = make(runtime, bucket, 1);
      ASSERT_TRUE(first.create(keyed_spec()).ok());
      const auto known = first.assign(views({"b", "d", "f"}), 2).value();
      bucket.fail_at(bucket.operations() + at, fault, 3);
      const auto told = first.assign(views({"a", "b", "c"}), 2);
      const bool died = bucket.dead();
      bucket.revive();
      bucket.fail_at(0, fault);
      Committer second = make(runtime, bucket, 2);
      const auto again = second.assign(views({"a", "b", "c"}), 2);
      ASSERT_TRUE(again.ok()) << again.error().to_string();
      EXPECT_TRUE(!told.ok() || *again == *told) << at;
      EXPECT_TRUE(told.ok() || died || at < 10) << "a fault has ended";
      EXPECT_EQ(second.assign(views({"b", "d", "f"}), 2).value(), known);
      const auto verdict = verify_table(bucket, kName);
      EXPECT_TRUE(verdict.value().findings.empty());
      EXPECT_EQ(verdict.value().groups->devices(), 5u);
    }
  }
}

TEST_F(GroupsTest, ADamagedOrMissingRosterIsNamedAndNoDeviceIsDrawnAnew) {
  assign(devices_from(0, 5), 2);
  assign(devices_from(5, 1), 2);
  ASSERT_EQ(read()->rosters().size(), 2u);
  const FakeBucket::Objects healthy = bucket_.objects();
  for (const auto& [key, bytes] : healthy) {
    if (object_kind("db/coll", key) != ObjectKind::kGroups) continue;
    bucket_.objects() = healthy;
    bucket_.objects()[key].back() ^= 1;
    EXPECT_NE(findings().find(key), std::string::npos);
    EXPECT_EQ(make(runtime_, bucket_, 2).assign(views({"new"}), 2).error().code(), Code::kCorrupt);
    bucket_.objects().erase(key);
    EXPECT_NE(findings().find("the object is missing"), std::string::npos);
    EXPECT_EQ(make(runtime_, bucket_, 2).assign(views({"new"}), 2).error().code(), Code::kCorrupt);
  }
}

TEST(GroupsGrown, AreNotIfADeviceMovedLeftOrIsThereTwice) {
  const auto groups_of = [](uint8_t commit, const std::vector<Membership>& devices) {
    const CommitId id = id_of<CommitId>(commit);
    const std::string key = groups_key("db/coll", id);
    auto roster = std::make_shared<const Roster>(
        Roster::decode(encode_roster({}, devices, 9, key), key).value());
    return Groups::make({}, {id, roster}).value();
  };
  const Groups before = groups_of(1, {{"a", 0}, {"b", 1}});
  EXPECT_TRUE(check_grown(before, before).ok());
  EXPECT_TRUE(check_grown(before, groups_of(2, {{"a", 0}, {"b", 1}, {"c", 1}})).ok());
  EXPECT_EQ(check_grown(before, groups_of(2, {{"a", 0}, {"b", 2}})).error().message(),
            "a device has another group than in the version before");
  EXPECT_EQ(check_grown(before, groups_of(2, {{"b", 1}})).error().message(),
            "a device lost its group");
  const std::string key = groups_key("db/coll", id_of<CommitId>(2));
  const auto& below = before.rosters()[0];
  const std::vector<Membership> again = {{"b", 1}};
  const auto top = std::make_shared<const Roster>(
      Roster::decode(encode_roster({{below.commit, below.roster->bytes(), 2}}, again, 9, key), key)
          .value());
  const Groups twice = Groups::make({below}, {id_of<CommitId>(2), top}).value();
  EXPECT_EQ(check_grown(before, twice).error().message(), "a device is in two rosters");
  EXPECT_FALSE(Groups::make({}, {id_of<CommitId>(2), top}).ok()) << "what it stands on is missing";
}

// A million devices make no text of the metadata longer, and little memory is held for them.
TEST_F(GroupsTest, AMillionDevicesAreKeptOutOfTheMetadata) {
  constexpr int kDevices = 1'000'000;
  constexpr int kStep = 100'000;
  assign(devices_from(0, 1), 50);
  const size_t small = committer_.head()->metadata.encode().size();
  uint64_t largest = 0;
  for (int first = 0; first < kDevices; first += kStep) {
    assign(devices_from(first, kStep), 50);
    largest = std::max(largest, committer_.groups()->bytes());
  }
  EXPECT_LE(committer_.head()->metadata.encode().size(), small + 200 * (kDevices / kStep));
  const GroupsPtr groups = read();
  EXPECT_EQ(groups->devices(), static_cast<uint64_t>(kDevices));
  EXPECT_EQ(groups->sizes(), Numbers(kDevices / 50, 50));
  // An id of seven bytes, eight bytes for its group and end, four for each group.
  EXPECT_LE(largest, static_cast<uint64_t>(kDevices) * 16);
  const std::vector<std::string> some = devices_from(kDevices - 3, 3);
  EXPECT_EQ(groups->find(some[0]), uint32_t{kDevices / 50 - 1});
  EXPECT_EQ(groups->find("nobody"), std::nullopt);
}

}  // namespace
}  // namespace sluice::table
