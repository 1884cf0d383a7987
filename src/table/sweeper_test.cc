#include "table/sweeper.h"

#include <gtest/gtest.h>

#include <set>

#include "table/fakes_test.h"
#include "table/format.h"
#include "table/verify.h"

namespace sluice::table {
namespace {

constexpr Nanos kHour = 3600 * kSecond;
constexpr Nanos kGrace = 24 * kHour;

using KeySet = std::set<std::string>;

KeySet keys_of(FakeBucket& bucket) {
  KeySet keys;
  for (const auto& [key, bytes] : bucket.objects()) keys.insert(key);
  return keys;
}

/// One process after another on one clock, which a test moves.
class SweeperTest : public testing::Test {
 protected:
  void SetUp() override { begin(bucket_); }

  void begin(FakeBucket& bucket) {
    bucket.keep_time([this] { return runtime_.wall_now() + store_ahead_; });
  }
  Committer make(FakeBucket& bucket, uint8_t opening, uint32_t snapshots_kept = 100) {
    CommitterOptions options;
    options.snapshots_kept = snapshots_kept;
    Writer writer = writer_of(1, opening);
    for (Opening& link : writer.chain) link.base_lsn *= 10;  // room for the rows of a test
    return Committer(runtime_, bucket, kName, std::move(writer), options,
                     [&bucket] { return bucket.dead(); });
  }
  part::Meta put_part(FakeBucket& bucket) {
    part::Meta part = part_of(FlushId::draw(runtime_).hex() + "-0123abcd-0");
    bucket.place(part.key, std::string(part.bytes, 'x'));
    return part;
  }
  Result<HeadPtr> flush(FakeBucket& bucket, Committer& committer) {
    FlushEdit edit;
    edit.base = TRY(committer.claim());
    edit.flush = FlushId::draw(runtime_);
    edit.put_at = runtime_.now();
    edit.parts = {put_part(bucket)};
    edit.lsns.low_water = ++lsn_;
    return committer.commit(edit);
  }
  void pass(Nanos span) { runtime_.now_ += span; }
  Result<SweepReport> sweep(FakeBucket& bucket, Committer& committer,
                            const SweepRequest& request = {}) {
    Survey found = TRY(survey(runtime_, bucket, committer, request));
    if (!request.dry_run) TRY(carry_out(bucket, found));
    return std::move(found.report);
  }
  SweepReport swept(Committer& committer, const SweepRequest& request = {}) {
    auto report = sweep(bucket_, committer, request);
    EXPECT_TRUE(report.ok()) << report.error().to_string();
    return report.ok() ? *std::move(report) : SweepReport{};
  }
  /// All versions that are there name only what is there.
  static void expect_whole(FakeBucket& bucket) {
    const auto verdict = verify_table(bucket, kName);
    ASSERT_TRUE(verdict.ok()) << verdict.error().to_string();
    for (const Finding& finding : verdict->findings) {
      ADD_FAILURE() << finding.error.to_string() << " @ " << finding.object;
    }
    const auto parts = read_parts(bucket, load_head(bucket, kName).value()->metadata);
    for (const part::Meta& part : parts.value()) EXPECT_TRUE(bucket.objects().contains(part.key));
    EXPECT_TRUE(count_orphans(bucket, "db/coll").ok());
  }

  FakeRuntime runtime_;
  FakeBucket bucket_;
  Nanos store_ahead_ = 0;
  uint64_t lsn_ = 0;
};

// T14: named, young, pending and foreign objects stay; the rest goes, once.
TEST_F(SweeperTest, DeletesOnlyWhatNothingNamesAndIsPastItsGrace) {
  Committer committer = make(bucket_, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  ASSERT_TRUE(flush(bucket_, committer).ok());
  const std::string dead_part = put_part(bucket_).key;
  const std::string pending_part = put_part(bucket_).key;
  const std::string id = CommitId::draw(runtime_).hex();
  const KeySet dead = {dead_part, "db/coll/metadata/" + id + "-m0.avro",
                       "db/coll/metadata/snap-77-" + id + ".avro", "db/coll/marks/" + id + ".json"};
  const KeySet foreign = {"db/coll/data/theirs.parquet", "db/coll/README",
                          "db/coll/metadata/" + id + "-m0.avro.bak", "db/coll2/data/x",
                          "db/coll/data/" + id + "-0123abcd-0.parquet.crc"};
  for (const std::string& key : dead) bucket_.place(key, "dead");
  for (const std::string& key : foreign) bucket_.place(key, "foreign");
  pass(kGrace / 2);
  const std::string young = put_part(bucket_).key;
  KeySet expected = keys_of(bucket_);
  SweepRequest request;
  request.pending = [&] { return Keys{pending_part}; };
  EXPECT_TRUE(swept(committer, request).swept.empty());
  EXPECT_EQ(keys_of(bucket_), expected);
  pass(kGrace / 2 + kSecond);
  const SweepReport report = swept(committer, request);
  EXPECT_EQ(report.swept.size(), dead.size());
  EXPECT_EQ(report.young, 1u);
  EXPECT_EQ(report.pending, 1u);
  EXPECT_EQ(report.foreign, foreign.size() - 1);
  EXPECT_TRUE(report.touched);
  for (const std::string& key : dead) expected.erase(key);
  expected.insert(metadata_key("db/coll", report.version));
  EXPECT_EQ(keys_of(bucket_), expected);
  EXPECT_TRUE(expected.contains(young));
  EXPECT_EQ(swept(committer, request).swept.size(), 0u);
  expect_whole(bucket_);
}

// T14: rosters that a newer one has taken in go with the versions that named them, no others.
TEST_F(SweeperTest, KeepsEveryRosterThatAKeptVersionStandsOn) {
  Committer committer = make(bucket_, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  std::string name = "device-";
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    const std::vector<std::string> devices = {name + letter, name + letter + letter};
    const std::vector<std::string_view> ids(devices.begin(), devices.end());
    ASSERT_TRUE(committer.assign(std::span(ids).first(letter % 2 == 0 ? 1 : 2), 3).ok());
    pass(kGrace / 4);
  }
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(committer.touch().ok());
  pass(2 * kGrace);
  EXPECT_FALSE(swept(committer).swept.empty());
  expect_whole(bucket_);
  EXPECT_EQ(verify_table(bucket_, kName)->groups->devices(), 39u);
  KeySet rosters;
  for (const std::string& key : keys_of(bucket_)) {
    if (object_kind("db/coll", key) == ObjectKind::kGroups) rosters.insert(key);
  }
  const auto named = list_rosters(bucket_, committer.head()->metadata).value();
  EXPECT_GT(named.size(), 1u);
  EXPECT_LT(rosters.size(), 26u);
  for (const std::string& key : named) EXPECT_TRUE(rosters.contains(key)) << key;
}

TEST(PartGroup, IsToldByTheNameOfThePart) {
  EXPECT_EQ(part_group("db/coll/data/0-1-2-g37.parquet"), 37u);
  EXPECT_EQ(part_group("db/coll/data/0-1-2.parquet"), std::nullopt);
  EXPECT_EQ(part_group("db/coll/data/0-1-2-gx.parquet"), std::nullopt);
  EXPECT_EQ(part_group("db/co-g3/data/0-1-2.parquet"), std::nullopt);
  EXPECT_EQ(part_group("db/coll/data/0-1-2-g99999999999.parquet"), std::nullopt);
}

TEST_F(SweeperTest, AnIdleTableWithNothingToDeleteGetsNoCommit) {
  Committer committer = make(bucket_, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  ASSERT_TRUE(flush(bucket_, committer).ok());
  const KeySet before = keys_of(bucket_);
  for (int day = 0; day < 5; ++day) {
    pass(kGrace);
    EXPECT_FALSE(swept(committer).touched);
  }
  EXPECT_EQ(keys_of(bucket_), before);
}

TEST_F(SweeperTest, ADryRunSaysWhatItWouldDoAndChangesNothing) {
  Committer committer = make(bucket_, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  const std::string dead = put_part(bucket_).key;
  pass(kGrace + kHour);
  const FakeBucket before = bucket_;
  Committer reader = make(bucket_, 2);
  SweepRequest request;
  request.dry_run = true;
  const SweepReport report = swept(reader, request);
  ASSERT_EQ(report.swept.size(), 1u);
  EXPECT_EQ(report.swept[0].key, dead);
  EXPECT_EQ(report.swept[0].bytes, 100u);
  EXPECT_EQ(report.swept[0].age, kGrace + kHour);
  EXPECT_FALSE(reader.claimed());
  EXPECT_EQ(bucket_.objects(), const_cast<FakeBucket&>(before).objects());
}

TEST_F(SweeperTest, AReadersHeadKeepsItsObjectsHoweverOldItIs) {
  Committer committer = make(bucket_, 1, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  HeadPtr pinned = flush(bucket_, committer).value();
  for (int i = 0; i < 130; ++i) {
    pass(kHour * 8);
    ASSERT_TRUE(flush(bucket_, committer).ok());
  }
  pass(kGrace * 2);
  const std::string list = pinned->metadata.current_snapshot()->manifest_list;
  SweepRequest request;
  request.pinned = {pinned};
  EXPECT_FALSE(swept(committer, request).swept.empty());
  EXPECT_TRUE(bucket_.objects().contains(list));
  expect_whole(bucket_);
  EXPECT_TRUE(read_parts(bucket_, pinned->metadata).ok());
  request.pinned.clear();
  EXPECT_FALSE(swept(committer, request).swept.empty());
  EXPECT_FALSE(bucket_.objects().contains(list));
  expect_whole(bucket_);
}

// T14: 100 versions or a day, whichever is longer.
TEST_F(SweeperTest, KeepsAHundredVersionsAndThoseOfADay) {
  Committer committer = make(bucket_, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  for (int i = 0; i < 150; ++i) ASSERT_TRUE(committer.touch().ok());
  pass(kGrace + kHour);
  for (int i = 0; i < 149; ++i) ASSERT_TRUE(committer.touch().ok());
  ASSERT_EQ(committer.head()->metadata.version, 300u);
  // v151 was followed within the day.
  EXPECT_EQ(swept(committer).swept.size(), 150u);
  EXPECT_EQ(list_versions(bucket_, "db/coll").value().front(), 151u);
  pass(kGrace + kHour);
  // Behind an empty commit, which is v301.
  EXPECT_EQ(swept(committer).swept.size(), 50u);
  EXPECT_EQ(list_versions(bucket_, "db/coll").value().front(), 201u);
  for (int i = 0; i < 20; ++i) {
    pass(kGrace + kHour);
    EXPECT_TRUE(swept(committer).swept.empty());
  }
  EXPECT_EQ(committer.head()->metadata.version, 301u);
}

// T14: versions go by the store's clock as well.
TEST_F(SweeperTest, AClockThatIsAheadMakesNoVersionLookOlder) {
  store_ahead_ = -30 * kHour;
  Committer committer = make(bucket_, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  for (int i = 0; i < 150; ++i) ASSERT_TRUE(committer.touch().ok());
  pass(kGrace - kHour);
  EXPECT_TRUE(swept(committer).swept.empty());
  EXPECT_EQ(list_versions(bucket_, "db/coll").value().front(), 1u);
}

// T14: what only the newest versions name looks unnamed in a listing that lacks them.
TEST_F(SweeperTest, AListingThatLacksOurOwnHeadSweepsNothing) {
  Committer committer = make(bucket_, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  ASSERT_TRUE(flush(bucket_, committer).ok());
  pass(2 * kGrace);
  const KeySet before = keys_of(bucket_);
  bucket_.unlisted_ = {metadata_key("db/coll", 2), metadata_key("db/coll", 3)};
  EXPECT_EQ(sweep(bucket_, committer).error().code(), Code::kBusy);
  for (const std::string& key : before) EXPECT_TRUE(bucket_.objects().contains(key)) << key;
  bucket_.unlisted_.clear();
  EXPECT_TRUE(swept(committer).swept.empty());
  expect_whole(bucket_);
}

// T14: our own commit, built later, has filled every slot that a late put could aim at.
TEST_F(SweeperTest, AZombiesCommitCannotNameWhatWasSwept) {
  Committer zombie = make(bucket_, 1);
  ASSERT_TRUE(zombie.create(keyed_spec()).ok());
  FlushEdit edit;
  edit.base = zombie.claim().value();
  edit.flush = FlushId::draw(runtime_);
  edit.parts = {put_part(bucket_)};
  edit.lsns.low_water = 50;
  // Its metadata is under way for two days.
  constexpr uint64_t kLateBy = 200;
  bucket_.fail_at(0, Fault::kLate, kLateBy);
  const uint64_t before = bucket_.operations();
  bucket_.fail_puts_of(metadata_key("db/coll", 2), Fault::kLate, 1, [&] {
    pass(2 * kGrace);
    Committer next = make(bucket_, 2);
    EXPECT_EQ(swept(next).swept.size(), 4u);  // part, manifest, manifest list, marks
    EXPECT_LT(bucket_.operations(), before + kLateBy);
  });
  EXPECT_EQ(zombie.commit(edit).error().code(), Code::kFenced);
  while (bucket_.operations() < before + 2 * kLateBy) ASSERT_TRUE(load_head(bucket_, kName).ok());
  EXPECT_EQ(load_head(bucket_, kName).value()->metadata.epoch, 2u);
  expect_whole(bucket_);
}

// T14: it names what is gone, and so must stop no sweep.
TEST_F(SweeperTest, AVersionThatCameLateIntoASweptSlotIsSwept) {
  Committer committer = make(bucket_, 1, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  for (int i = 0; i < 130; ++i) ASSERT_TRUE(flush(bucket_, committer).ok());
  const std::string slot = metadata_key("db/coll", 5);
  const std::string late = bucket_.objects()[slot];
  pass(kGrace + kHour);
  EXPECT_FALSE(swept(committer).swept.empty());
  ASSERT_FALSE(bucket_.objects().contains(slot));
  const KeySet before = keys_of(bucket_);
  bucket_.place(slot, late);
  const SweepReport report = swept(committer);
  ASSERT_EQ(report.swept.size(), 1u);
  EXPECT_EQ(report.swept[0].key, slot);
  EXPECT_EQ(keys_of(bucket_), before);
  expect_whole(bucket_);
}

// A listing may lack the version before the newest for a while.
TEST_F(SweeperTest, AGapBelowAYoungVersionLetsNoVersionGo) {
  Committer committer = make(bucket_, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(committer.touch().ok());
  pass(kGrace + kHour);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(committer.touch().ok());
  bucket_.objects().erase(metadata_key("db/coll", 12));
  const KeySet before = keys_of(bucket_);
  EXPECT_TRUE(swept(committer).swept.empty());
  EXPECT_EQ(keys_of(bucket_), before);
}

TEST_F(SweeperTest, WhoLostTheTableDeletesNothing) {
  Committer loser = make(bucket_, 1);
  ASSERT_TRUE(loser.create(keyed_spec()).ok());
  put_part(bucket_);
  pass(2 * kGrace);
  Committer winner = make(bucket_, 2);
  ASSERT_TRUE(winner.claim().ok());
  const KeySet before = keys_of(bucket_);
  EXPECT_EQ(sweep(bucket_, loser).error().code(), Code::kFenced);
  EXPECT_EQ(keys_of(bucket_), before);
}

TEST_F(SweeperTest, LeavesATableAloneOfWhichSomethingCannotBeRead) {
  Committer committer = make(bucket_, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(flush(bucket_, committer).ok());
  put_part(bucket_);
  pass(2 * kGrace);
  const FakeBucket before = bucket_;
  const HeadPtr head = committer.head();
  KeySet needed = {metadata_key("db/coll", 2), metadata_key("db/coll", 4)};
  for (const SnapshotEntry& snapshot : head->metadata.snapshots) {
    needed.insert(snapshot.manifest_list);
    for (const auto& file : read_manifest_list(bucket_, head->metadata, snapshot).value()) {
      needed.insert(file.key);
    }
  }
  for (const std::string& key : needed) {
    SCOPED_TRACE(key);
    FakeBucket bucket = before;
    begin(bucket);
    bucket.objects()[key][20] ^= 1;
    const KeySet keys = keys_of(bucket);
    Committer next = make(bucket, 2);
    EXPECT_EQ(sweep(bucket, next).error().code(), Code::kCorrupt);
    for (const std::string& kept : keys) EXPECT_TRUE(bucket.objects().contains(kept)) << kept;
  }
}

// T15: parts that wait too long for their commit are put anew.
TEST_F(SweeperTest, ACommitNamesNoPartOlderThanHalfAGrace) {
  Committer committer = make(bucket_, 1);
  FlushEdit edit;
  edit.base = committer.create(keyed_spec()).value();
  edit.flush = FlushId::draw(runtime_);
  edit.put_at = runtime_.now();
  edit.parts = {put_part(bucket_)};
  edit.lsns.low_water = 9;
  pass(kGrace / 2 + kSecond);
  EXPECT_EQ(committer.commit(edit).error().code(), Code::kConflict);
  EXPECT_EQ(committer.head()->metadata.version, 1u);
  edit.put_at = runtime_.now() - kGrace / 2;
  EXPECT_TRUE(committer.commit(edit).ok());
  // It is there already: that is no matter of age.
  pass(kGrace);
  EXPECT_TRUE(committer.commit(edit).ok());
}

// The store's clock decides what is old, wherever the process's own stands.
TEST_F(SweeperTest, ClocksThatDifferMakeNothingLookOlder) {
  for (const Nanos ahead : {-30 * kHour, 30 * kHour}) {
    store_ahead_ = ahead;
    FakeBucket bucket;
    begin(bucket);
    Committer committer = make(bucket, 1);
    ASSERT_TRUE(committer.create(keyed_spec()).ok());
    const std::string key = put_part(bucket).key;
    pass(kGrace - kHour);
    ASSERT_TRUE(sweep(bucket, committer).ok());
    EXPECT_TRUE(bucket.objects().contains(key));
    ASSERT_TRUE(committer.touch().ok());
    ASSERT_TRUE(sweep(bucket, committer).ok());
    EXPECT_TRUE(bucket.objects().contains(key));
    pass(2 * kHour);
    ASSERT_TRUE(sweep(bucket, committer).ok());
    EXPECT_FALSE(bucket.objects().contains(key));
  }
}

// T14: whenever the process dies, what is there is whole, and the next sweep goes on.
TEST_F(SweeperTest, LeavesAWholeTableWheneverTheProcessDies) {
  Committer committer = make(bucket_, 1, 1);
  ASSERT_TRUE(committer.create(keyed_spec()).ok());
  for (int i = 0; i < 124; ++i) {
    pass(kHour);
    ASSERT_TRUE(flush(bucket_, committer).ok());
  }
  put_part(bucket_);
  pass(2 * kGrace);
  const FakeBucket before = bucket_;
  FakeBucket calm = before;
  Committer undisturbed = make(calm, 2, 1);
  EXPECT_GT(sweep(calm, undisturbed)->swept.size(), 30u);
  const uint64_t count = calm.operations() - before.operations();
  std::set<uint64_t> deaths = {1, 2, 5, count / 2};
  for (uint64_t back = 0; back < 72; back += 4) deaths.insert(count - back);
  for (const uint64_t operation : deaths) {
    SCOPED_TRACE(testing::Message() << "operation " << operation << " of " << count);
    FakeBucket bucket = before;
    bucket.fail_at(before.operations() + operation, Fault::kDeathAfter);
    Committer next = make(bucket, 2, 1);
    EXPECT_FALSE(sweep(bucket, next).ok());
    bucket.revive();
    expect_whole(bucket);
    Committer last = make(bucket, 3, 1);
    ASSERT_TRUE(sweep(bucket, last).ok());
    expect_whole(bucket);
    EXPECT_EQ(count_orphans(bucket, "db/coll")->objects, 0u);
  }
}

TEST(ObjectKind, IsToldByTheNameAlone) {
  const std::string id = "0123456789abcdef0123456789abcdef";
  const auto kind = [](const std::string& rest) {
    return object_kind("db/coll", "db/coll/" + rest);
  };
  EXPECT_EQ(kind("metadata/v12.metadata.json"), ObjectKind::kMetadata);
  EXPECT_EQ(kind("metadata/version-hint.text"), ObjectKind::kHint);
  EXPECT_EQ(kind("metadata/" + id + "-m12.avro"), ObjectKind::kManifest);
  EXPECT_EQ(kind("metadata/snap-9223372036854775807-" + id + ".avro"), ObjectKind::kManifestList);
  EXPECT_EQ(kind("marks/" + id + ".json"), ObjectKind::kMarks);
  EXPECT_EQ(kind("groups/" + id + ".bin"), ObjectKind::kGroups);
  EXPECT_EQ(kind("data/" + id + "-89abcdef-0.parquet"), ObjectKind::kPart);
  EXPECT_EQ(kind("data/" + id + "-89abcdef-0-g12.parquet"), ObjectKind::kPart);
  const std::vector<std::string> foreign = {"metadata/00001-" + id + ".metadata.json",
                                            "metadata/" + id + "-m.avro",
                                            "metadata/" + id + "-m1.avro.tmp",
                                            "metadata/x" + id + "-m1.avro",
                                            "marks/" + id,
                                            "marks/deep/" + id + ".json",
                                            "data/" + id + "-89abcdef-0.orc",
                                            "groups/" + id + ".json",
                                            "data/part-0.parquet",
                                            "data/" + id + "-89abcdef-0-g.parquet",
                                            "data/" + id + "-89abcdef-0-h1.parquet",
                                            "data/" + id + "-89ABCDEF-0.parquet",
                                            "data/x/" + id + "-89abcdef-0.parquet",
                                            ""};
  for (const std::string& rest : foreign) {
    EXPECT_EQ(kind(rest), ObjectKind::kForeign) << rest;
  }
  EXPECT_EQ(object_kind("db/col", "db/coll/marks/" + id + ".json"), ObjectKind::kForeign);
}

}  // namespace
}  // namespace sluice::table
