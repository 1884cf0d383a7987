#include "table/committer.h"

#include <gtest/gtest.h>

#include <set>

#include "table/fakes_test.h"
#include "table/format.h"
#include "table/verify.h"

namespace sluice::table {
namespace {

constexpr Nanos kDay = 24 * 3600 * kSecond;

/// One process: a committer, and a caller that obeys the contract.
class Process {
 public:
  Process(FakeBucket& bucket, Writer writer, uint64_t seed)
      : bucket_(bucket),
        runtime_(seed),
        log_(writer.log),

        committer_(runtime_, bucket, kName, std::move(writer), CommitterOptions{},
                   [&bucket] { return bucket.dead(); }) {}

  Committer& committer() { return committer_; }
  void sleep(Nanos span) { runtime_.now_ += span; }

  /// Puts rows (LSNs up to `lsn`) of one day into the table, unless they are there already.
  Status flush(uint64_t lsn) {
    for (int tries = 0; tries < 8; ++tries) {
      auto head = persist([&] { return committer_.load(); });
      if (head.ok() && !claimed_) head = persist([&] { return committer_.claim(); });
      if (!head.ok()) return head.error();
      claimed_ = true;
      if ((*head)->marks.flushed(log_, "") >= lsn) return ok();
      FlushEdit edit = edit_of(*head, lsn);
      const auto committed = persist([&] { return committer_.commit(edit); });
      if (committed.ok()) return ok();
      if (committed.error().code() != Code::kConflict) return committed.error();
      for (const part::Meta& part : edit.parts) bucket_.objects().erase(part.key);
    }
    return Error(Code::kBusy, "a conflict without end");
  }

  FlushEdit edit_of(const HeadPtr& base, uint64_t lsn) {
    FlushEdit edit;
    edit.flush = FlushId::draw(runtime_);
    edit.base = base;
    edit.lsns.low_water = lsn;
    edit.sources["file"].low_water = lsn;
    edit.parts = {part_of("lsn" + std::to_string(lsn) + "-" + edit.flush.hex())};
    for (const part::Meta& part : edit.parts) {
      bucket_.objects()[part.key] = std::string(part.bytes, 'x');
    }
    return edit;
  }

  /// Repeats what failed without effect.
  Result<HeadPtr> persist(const std::function<Result<HeadPtr>()>& call) {
    for (int tries = 0;; ++tries) {
      auto result = call();
      if (result.ok() || result.error().code() != Code::kIo || bucket_.dead() || tries == 8) {
        return result;
      }
    }
  }

 private:
  FakeBucket& bucket_;
  FakeRuntime runtime_;
  LogId log_;
  Committer committer_;
  bool claimed_ = false;
};

/// How often the table holds the rows up to each of the LSNs, as "lsn10 ×1 ...".
std::map<std::string, int> flushes_in(FakeBucket& bucket) {
  std::map<std::string, int> counts;
  const auto head = load_head(bucket, kName);
  EXPECT_TRUE(head.ok()) << head.error().to_string();
  if (!head.ok()) return counts;
  const auto parts = read_parts(bucket, (*head)->metadata);
  EXPECT_TRUE(parts.ok()) << parts.error().to_string();
  if (!parts.ok()) return counts;
  for (const part::Meta& part : *parts) {
    const size_t begin = part.key.rfind('/') + 1;
    ++counts[part.key.substr(begin, part.key.find('-') - begin)];
    EXPECT_TRUE(bucket.objects().contains(part.key));
  }
  return counts;
}

const std::map<std::string, int> kEachOnce = {{"lsn10", 1}, {"lsn20", 1}, {"lsn110", 1}};

/// create, claim, commit, commit; then the next opening: claim, commit.
Status first_life(Process& process) {
  const auto created = process.persist([&] { return process.committer().create(keyed_spec()); });
  if (!created.ok()) return created.error();
  TRY(process.flush(10));
  return process.flush(20);
}
Status second_life(Process& process) {
  const auto created = process.persist([&] { return process.committer().create(keyed_spec()); });
  if (!created.ok()) return created.error();
  for (const uint64_t lsn : {10, 20, 110}) TRY(process.flush(lsn));
  return ok();
}

TEST(Committer, MakesATableThatReloadsEqual) {
  FakeBucket bucket;
  Process process(bucket, writer_of(1, 1), 1);
  ASSERT_TRUE(first_life(process).ok());
  const auto head = load_head(bucket, kName);
  ASSERT_TRUE(head.ok()) << head.error().to_string();
  const HeadPtr mine = process.committer().head();
  EXPECT_EQ((*head)->metadata.encode(), mine->metadata.encode());
  EXPECT_EQ((*head)->marks, mine->marks);
  EXPECT_EQ(mine->metadata.version, 3u);
  EXPECT_EQ(bucket.objects()["db/coll/metadata/version-hint.text"], "3");
  EXPECT_EQ(mine->metadata.epoch, 1u);
  EXPECT_EQ(mine->marks.flushed(id_of<LogId>(1), "any"), 20u);
  EXPECT_EQ(mine->marks.position("file", "any"), 20u);
  EXPECT_EQ(list_tables(bucket).value(), std::vector<TableName>{kName});
}

TEST(Committer, CommitsNothingThatCouldNotBeReadAgain) {
  FakeBucket bucket;
  Process process(bucket, writer_of(1, 1), 1);
  ASSERT_TRUE(first_life(process).ok());
  FlushEdit edit;
  edit.base = process.committer().head();
  edit.lsns.low_water = 30;
  edit.sources[std::string(kMarksBytesMax, 's')].low_water = 1;
  EXPECT_EQ(process.committer().commit(edit).error().reason(), Reason::kPayloadTooLarge);
  EXPECT_TRUE(load_head(bucket, kName).ok());
}

TEST(Committer, CreateOfAnExistingTableLoadsIt) {
  FakeBucket bucket;
  Process first(bucket, writer_of(1, 1), 1);
  ASSERT_TRUE(first_life(first).ok());
  Process second(bucket, writer_of(1, 2), 2);
  const auto head = second.committer().create({{{"other", Type::kBool}}, {}, ""});
  ASSERT_TRUE(head.ok());
  EXPECT_EQ((*head)->metadata.version, 3u);
  EXPECT_EQ((*head)->metadata.epoch, 1u);  // not claimed by loading
}

TEST(Committer, LoadOfAnAbsentTableSaysSo) {
  FakeBucket bucket;
  Process process(bucket, writer_of(1, 1), 1);
  EXPECT_EQ(process.committer().load().error().code(), Code::kNotFound);
  EXPECT_EQ(process.committer().claim().error().code(), Code::kNotFound);
}

TEST(Committer, ClaimsOnceInAnOpening) {
  FakeBucket bucket;
  Process first(bucket, writer_of(1, 1), 1);
  ASSERT_TRUE(first_life(first).ok());
  Process second(bucket, writer_of(1, 2), 2);
  EXPECT_EQ(second.committer().claim().value()->metadata.epoch, 2u);
  EXPECT_EQ(second.committer().claim().value()->metadata.epoch, 2u);
  EXPECT_EQ(second.committer().head()->metadata.version, 4u);
}

// T2: every answer but a first-hand success is unknown.
TEST(Committer, HoldsEachFlushOnceWhateverOneAnswerIsLost) {
  FakeBucket calm;
  Process process(calm, writer_of(1, 1), 1);
  ASSERT_TRUE(first_life(process).ok());
  Process next(calm, writer_of(1, 2), 2);
  ASSERT_TRUE(second_life(next).ok());
  ASSERT_EQ(flushes_in(calm), kEachOnce);
  const uint64_t operations = calm.operations();
  for (uint64_t operation = 1; operation <= operations; ++operation) {
    for (const Fault fault :
         {Fault::kFailBefore, Fault::kAnswerLost, Fault::kLate, Fault::kTwice}) {
      for (const uint64_t late_by : {0, 1, 2, 4, 8}) {
        if (fault != Fault::kLate && late_by > 0) break;
        SCOPED_TRACE(testing::Message() << "operation " << operation << " fault "
                                        << static_cast<int>(fault) << " late by " << late_by);
        FakeBucket bucket;
        bucket.fail_at(operation, fault, late_by);
        Process one(bucket, writer_of(1, 1), 1);
        const Status first = first_life(one);
        ASSERT_TRUE(first.ok()) << first.error().to_string();
        Process two(bucket, writer_of(1, 2), 2);
        const Status second = second_life(two);
        ASSERT_TRUE(second.ok()) << second.error().to_string();
        bucket.fail_at(0, fault);
        ASSERT_EQ(flushes_in(bucket), kEachOnce);
        ASSERT_TRUE(two.committer().confirm({110, {}}).ok());
      }
    }
  }
}

// T1: at every moment all that the head names is there.
void expect_whole(FakeBucket bucket) {
  const auto verdict = verify_table(bucket, kName);
  if (!verdict.ok()) {
    EXPECT_EQ(verdict.error().code(), Code::kNotFound);
    return;
  }
  for (const Finding& finding : verdict->findings) {
    ADD_FAILURE() << finding.error.to_string() << " @ " << finding.object;
  }
}

// T4: a flush is in the table once, whenever the process dies and whenever its last request lands.
TEST(Committer, HoldsEachFlushOnceWheneverTheProcessDies) {
  FakeBucket calm;
  Process process(calm, writer_of(1, 1), 1);
  ASSERT_TRUE(first_life(process).ok());
  const uint64_t operations = calm.operations();
  for (uint64_t operation = 1; operation <= operations; ++operation) {
    for (const Fault fault : {Fault::kDeath, Fault::kDeathAfter, Fault::kDeathLate}) {
      for (uint64_t late_by = 0; late_by < 12; ++late_by) {
        if (fault != Fault::kDeathLate && late_by > 0) break;
        SCOPED_TRACE(testing::Message() << "operation " << operation << " fault "
                                        << static_cast<int>(fault) << " late by " << late_by);
        FakeBucket bucket;
        bucket.fail_at(operation, fault, late_by);
        Process one(bucket, writer_of(1, 1), 1);
        // The hint, which is read and put last, may fail.
        ASSERT_FALSE(first_life(one).ok() && operation + 3 < operations);
        bucket.revive();
        if (late_by == 0) expect_whole(bucket);
        Process two(bucket, writer_of(1, 2), 2);
        const Status second = second_life(two);
        ASSERT_TRUE(second.ok()) << second.error().to_string();
        ASSERT_EQ(flushes_in(bucket), kEachOnce);
      }
    }
  }
}

/// Marks, manifests and manifest lists that no snapshot of the head names.
std::vector<std::string> leftovers(FakeBucket& bucket) {
  const HeadPtr head = load_head(bucket, kName).value();
  std::set<std::string> named = {head->metadata.marks_key};
  for (const SnapshotEntry& snapshot : head->metadata.snapshots) {
    named.insert(snapshot.manifest_list);
    named.insert("db/coll/marks/" + snapshot.summary.at("sluice.commit-id") + ".json");
    for (const auto& file : read_manifest_list(bucket, head->metadata, snapshot).value()) {
      named.insert(file.key);
    }
  }
  std::vector<std::string> left;
  for (const auto& [key, bytes] : bucket.objects()) {
    const bool mortal = key.ends_with(".avro") || key.find("/marks/") != std::string::npos;
    if (mortal && !named.contains(key)) left.push_back(key);
  }
  return left;
}

class CommitterTest : public testing::Test {
 protected:
  /// A table with rows up to LSN 20, owned by opening 1 of log 1.
  void SetUp() override { ASSERT_TRUE(first_life(one_).ok()); }

  FakeBucket bucket_;
  Process one_{bucket_, writer_of(1, 1), 1};
};

// T6: of two commits on one base exactly one is in the table, and the other knows that it is not.
TEST_F(CommitterTest, OneOfTwoRacingCommitsWinsAndTheOtherIsTold) {
  const FakeBucket before = bucket_;
  for (uint64_t operation = 1;; ++operation) {
    SCOPED_TRACE(testing::Message() << "operation " << operation);
    FakeBucket bucket = before;
    Process one(bucket, writer_of(1, 1), 3);
    Process two(bucket, writer_of(1, 1), 4);
    const FlushEdit edit = one.edit_of(one.committer().claim().value(), 30);
    const FlushEdit rival = two.edit_of(two.committer().claim().value(), 31);
    bool raced = false;
    Status rival_verdict = ok();
    bucket.before(bucket.operations() + operation, [&] {
      raced = true;
      const auto committed = two.committer().commit(rival);
      if (!committed.ok()) rival_verdict = committed.error();
    });
    const auto committed = one.committer().commit(edit);
    if (!raced) break;
    ASSERT_NE(committed.ok(), rival_verdict.ok());
    const Error error = committed.ok() ? rival_verdict.error() : committed.error();
    ASSERT_EQ(error.code(), Code::kConflict) << error.to_string();
    const auto counts = flushes_in(bucket);
    ASSERT_EQ(counts.contains("lsn30"), committed.ok());
    ASSERT_EQ(counts.contains("lsn31"), rival_verdict.ok());
    ASSERT_TRUE(leftovers(bucket).empty());
  }
}

// T3: who has lost the table commits nothing more, at whatever moment it is lost.
TEST_F(CommitterTest, AZombieIsFencedAtEveryStepOfItsCommit) {
  const FakeBucket before = bucket_;
  for (uint64_t operation = 1;; ++operation) {
    SCOPED_TRACE(testing::Message() << "operation " << operation);
    FakeBucket bucket = before;
    Process zombie(bucket, writer_of(1, 1), 3);
    const FlushEdit edit = zombie.edit_of(zombie.committer().claim().value(), 30);
    bool raced = false;
    std::map<std::string, int> at_claim;
    bucket.before(bucket.operations() + operation, [&] {
      raced = true;
      Process next(bucket, writer_of(1, 2), 5);
      ASSERT_TRUE(next.committer().claim().ok());
      at_claim = flushes_in(bucket);
    });
    const auto committed = zombie.committer().commit(edit);
    if (!raced) break;
    ASSERT_EQ(flushes_in(bucket), at_claim);
    ASSERT_EQ(committed.ok(), at_claim.contains("lsn30"));
    if (committed.ok()) continue;
    ASSERT_EQ(committed.error().code(), Code::kFenced);
    EXPECT_EQ(zombie.committer().claim().error().code(), Code::kFenced);
    EXPECT_EQ(zombie.committer().load().error().code(), Code::kFenced);
    EXPECT_EQ(zombie.committer().confirm({}).error().code(), Code::kFenced);
  }
}

TEST_F(CommitterTest, AnotherLogTakesTheTableAndKeepsTheMarks) {
  Process other(bucket_, writer_of(2, 1), 2);
  ASSERT_TRUE(other.flush(7).ok());
  const Marks marks = other.committer().head()->marks;
  EXPECT_EQ(marks.flushed(id_of<LogId>(1), ""), 20u);
  EXPECT_EQ(marks.flushed(id_of<LogId>(2), ""), 7u);
  EXPECT_EQ(one_.flush(30).error().code(), Code::kFenced);
}

// T3: a copied log and a restored log are forks.
TEST_F(CommitterTest, RefusesALogThatIsACopyOrWentBackInTime) {
  Process two(bucket_, writer_of(1, 2), 2);
  ASSERT_TRUE(two.flush(110).ok());

  Writer copy = writer_of(1, 3);
  copy.chain.erase(copy.chain.begin() + 1);  // it was copied before opening 2
  Process copied(bucket_, copy, 3);
  EXPECT_EQ(copied.committer().load().error().reason(), Reason::kForked);
  EXPECT_EQ(copied.committer().claim().error().code(), Code::kFenced);

  Writer old = writer_of(1, 3);
  old.chain.back().base_lsn = 105;  // it has lost the rows 105 to 110 of opening 2
  Process restored(bucket_, old, 4);
  EXPECT_EQ(restored.committer().claim().error().reason(), Reason::kForked);
  EXPECT_EQ(restored.committer().create(keyed_spec()).error().code(), Code::kFenced);
  EXPECT_EQ(load_head(bucket_, kName).value()->metadata.epoch, 2u);
}

TEST_F(CommitterTest, CommittingAnEditAgainChangesNothing) {
  const FlushEdit edit = one_.edit_of(one_.committer().head(), 30);
  ASSERT_TRUE(one_.committer().commit(edit).ok());
  const uint64_t version = one_.committer().head()->metadata.version;
  EXPECT_EQ(one_.committer().commit(edit).value()->metadata.version, version);
  EXPECT_EQ(flushes_in(bucket_)["lsn30"], 1);
}

TEST_F(CommitterTest, PutsTheSameBytesUntilTheOutcomeIsKnown) {
  const FlushEdit edit = one_.edit_of(one_.committer().head(), 30);
  bucket_.fail_puts_of(metadata_key("db/coll", 4), Fault::kFailBefore, 200, nullptr);
  const auto committed = one_.committer().commit(edit);
  ASSERT_TRUE(committed.ok()) << committed.error().to_string();
  EXPECT_EQ((*committed)->metadata.version, 4u);
  EXPECT_TRUE(leftovers(bucket_).empty());
}

// What can be read after a failed put need not be durable: only an answer says so.
TEST_F(CommitterTest, PutsOnceMoreWhenOnlyReadingSaysThatTheCommitIsThere) {
  const FlushEdit edit = one_.edit_of(one_.committer().head(), 30);
  bool again = false;
  bucket_.fail_puts_of(metadata_key("db/coll", 4), Fault::kAnswerLost, 1, [&] {
    bucket_.fail_puts_of(metadata_key("db/coll", 4), Fault::kTwice, 1, [&] { again = true; });
  });
  ASSERT_TRUE(one_.committer().commit(edit).ok());
  EXPECT_TRUE(again);
  EXPECT_EQ(flushes_in(bucket_)["lsn30"], 1);
}

TEST_F(CommitterTest, EndsAsCancelledWhileTheOutcomeIsUnknown) {
  const FlushEdit edit = one_.edit_of(one_.committer().head(), 30);
  bucket_.fail_puts_of(metadata_key("db/coll", 4), Fault::kDeath, UINT64_MAX,
                       [&] { bucket_.fail_at(bucket_.operations() + 1, Fault::kDeath); });
  const auto committed = one_.committer().commit(edit);
  EXPECT_EQ(committed.error().code(), Code::kCancelled);
  EXPECT_EQ(committed.error().reason(), Reason::kUnknownOutcome);
}

// T2: a slot that is missing below the head is never empty.
TEST_F(CommitterTest, NeverPutsIntoASlotThatIsGoneBelowTheHead) {
  for (const Fault fault : {Fault::kFailBefore, Fault::kAnswerLost}) {
    FakeBucket bucket = bucket_;
    Process sleeper(bucket, writer_of(1, 1), 3);
    Process twin(bucket, writer_of(1, 1), 4);
    const FlushEdit edit = sleeper.edit_of(sleeper.committer().claim().value(), 30);
    bucket.fail_puts_of(metadata_key("db/coll", 4), fault, 1, [&] {
      ASSERT_TRUE(twin.flush(40).ok());
      ASSERT_TRUE(twin.flush(50).ok());
      bucket.objects().erase(metadata_key("db/coll", 4));
    });
    const auto committed = sleeper.committer().commit(edit);
    EXPECT_FALSE(bucket.objects().contains(metadata_key("db/coll", 4)));
    // T6: its own commit had landed in one case, another's in the other.
    EXPECT_EQ(committed.ok(), fault == Fault::kAnswerLost);
    EXPECT_EQ(flushes_in(bucket)["lsn30"], fault == Fault::kAnswerLost ? 1 : 0);
  }
}

// T11: other readers go by the hint alone.
TEST_F(CommitterTest, APutThatComesLateIntoAnExpiredSlotDoesNotLowerTheHint) {
  const FakeBucket before = bucket_;
  const std::string slot = metadata_key("db/coll", 4);
  bool came_late = false;
  for (uint64_t operation = 1;; ++operation) {
    SCOPED_TRACE(testing::Message() << "operation " << operation);
    FakeBucket bucket = before;
    Process zombie(bucket, writer_of(1, 1), 3);
    const FlushEdit edit = zombie.edit_of(zombie.committer().claim().value(), 30);
    uint64_t head = 0;
    bucket.before(bucket.operations() + operation, [&] {
      if (bucket.objects().contains(slot)) return;
      Process next(bucket, writer_of(1, 2), 5);
      ASSERT_TRUE(next.flush(110).ok());
      head = next.committer().head()->metadata.version;
      for (uint64_t v = 1; v < head; ++v) bucket.objects().erase(metadata_key("db/coll", v));
      zombie.sleep(kDay);
    });
    const auto committed = zombie.committer().commit(edit);
    if (head == 0) break;
    came_late = came_late || bucket.objects().contains(slot);
    ASSERT_EQ(bucket.objects()["db/coll/metadata/version-hint.text"], std::to_string(head));
    ASSERT_EQ(zombie.committer().confirm(edit.lsns).error().code(), Code::kFenced);
  }
  EXPECT_TRUE(came_late);
}

// T2: such a listing proves neither another owner nor an end.
TEST_F(CommitterTest, WaitsForAListingThatShowsWhatItHasSeen) {
  const uint64_t version = one_.committer().load().value()->metadata.version;
  bucket_.unlisted_ = {metadata_key("db/coll", version)};
  one_.sleep(kDay);
  // The hint tells of it.
  EXPECT_EQ(one_.committer().load().value()->metadata.version, version);
  bucket_.objects().erase("db/coll/metadata/version-hint.text");
  one_.sleep(kDay);
  EXPECT_EQ(one_.committer().load().error().code(), Code::kBusy);
  EXPECT_EQ(one_.committer().confirm({20, {}}).error().code(), Code::kBusy);
  for (uint64_t v = 1; v < version; ++v) bucket_.unlisted_.insert(metadata_key("db/coll", v));
  EXPECT_EQ(one_.committer().load().error().code(), Code::kBusy);
  bucket_.unlisted_.clear();
  EXPECT_TRUE(one_.committer().confirm({20, {}}).ok());
  EXPECT_TRUE(one_.flush(30).ok());
}

// T11: and when it is no stale listing the version has been lost.
TEST_F(CommitterTest, SaysThatAVersionWhichItHasSeenIsGone) {
  const uint64_t version = one_.committer().load().value()->metadata.version;
  bucket_.objects().erase("db/coll/metadata/version-hint.text");
  bucket_.objects().erase(metadata_key("db/coll", version));
  const Error error = one_.committer().load().error();
  EXPECT_EQ(error.code(), Code::kCorrupt);
  EXPECT_EQ(error.where(), metadata_key("db/coll", version));
}

TEST_F(CommitterTest, ConfirmsOnlyWhatTheHeadCovers) {
  EXPECT_TRUE(one_.committer().confirm({20, {}}).ok());
  EXPECT_TRUE(one_.committer().confirm({0, {{"day", 20}}}).ok());
  EXPECT_EQ(one_.committer().confirm({21, {}}).error().code(), Code::kConflict);
  EXPECT_EQ(one_.committer().confirm({0, {{"day", 21}}}).error().code(), Code::kConflict);
  Process two(bucket_, writer_of(1, 2), 2);
  EXPECT_EQ(two.committer().confirm({20, {}}).error().code(), Code::kConflict);
  ASSERT_TRUE(two.committer().claim().ok());
  EXPECT_TRUE(two.committer().confirm({20, {}}).ok());
}

TEST_F(CommitterTest, AddsColumnsOnceAndVoidsFlushesOfTheOldSchema) {
  const FlushEdit edit = one_.edit_of(one_.committer().head(), 30);
  const std::vector<Field> wanted = {{"temp", Type::kDouble}, {"wet", Type::kBool}};
  const std::vector<part::Column> nanos = {{0, "_time_ns", part::PhysicalType::kInt32, false},
                                           {0, "_seen_ns", part::PhysicalType::kInt32, false}};
  ASSERT_TRUE(one_.committer().add_columns(wanted).ok());
  ASSERT_TRUE(one_.committer().add_system_columns(nanos).ok());
  const uint64_t version = one_.committer().head()->metadata.version;
  EXPECT_EQ(version, 5u);
  EXPECT_EQ(one_.committer().add_columns(wanted).value()->metadata.version, version);
  ASSERT_TRUE(one_.committer().add_system_columns(nanos).ok());
  EXPECT_EQ(one_.committer().head()->metadata.version, version);
  EXPECT_EQ(one_.committer().head()->metadata.spec().columns.size(), 4u);
  EXPECT_EQ(one_.committer().add_columns({{"temp", Type::kBool}}).error().reason(),
            Reason::kTypeMismatch);
  EXPECT_EQ(one_.committer().commit(edit).error().code(), Code::kConflict);
  EXPECT_TRUE(one_.flush(30).ok());
  EXPECT_EQ(flushes_in(bucket_)["lsn30"], 1);
}

TEST_F(CommitterTest, TellsOfEachTryThatItRepeats) {
  FakeRuntime runtime(9);
  std::vector<std::string> told;
  CommitterOptions options;
  options.on_retry = [&](const Error& failure) { told.push_back(failure.message()); };
  Committer committer(runtime, bucket_, kName, writer_of(1, 1), options, [] { return false; });
  const uint64_t version = one_.committer().head()->metadata.version;
  bucket_.fail_puts_of(metadata_key(table_prefix(kName), version + 1), Fault::kFailBefore, 2,
                       nullptr);
  EXPECT_TRUE(committer.add_columns({{"extra", Type::kInt64}}).ok());
  EXPECT_EQ(told, (std::vector<std::string>{"no answer", "no answer"}));
}

// T8: merging moves entries and changes none.
TEST_F(CommitterTest, MergesManifestsWithoutLosingOrDoublingAPart) {
  FakeRuntime runtime(9);
  CommitterOptions options;
  options.manifests_merged_at = 4;
  options.snapshots_kept = 2;
  Committer committer(runtime, bucket_, kName, writer_of(1, 1), options, [] { return false; });
  HeadPtr head = committer.claim().value();
  std::map<std::string, int64_t> sequence_numbers;
  for (uint64_t lsn = 21; lsn <= 60; ++lsn) {
    FlushEdit edit;
    edit.base = head;
    edit.lsns.low_water = lsn;
    edit.parts = {part_of("m" + std::to_string(lsn), static_cast<int32_t>(lsn % 5))};
    head = committer.commit(edit).value();
    sequence_numbers[edit.parts[0].key] = head->metadata.last_sequence_number;
  }
  const auto files =
      read_manifest_list(bucket_, head->metadata, *head->metadata.current_snapshot()).value();
  EXPECT_LE(files.size(), 4u);
  std::map<std::string, int64_t> found;
  for (const ManifestFile& file : files) {
    for (const ManifestEntry& entry : read_manifest(bucket_, head->metadata, file).value()) {
      EXPECT_TRUE(found.emplace(entry.part.key, *entry.sequence_number).second);
      EXPECT_LE(file.min_sequence_number, *entry.sequence_number);
    }
  }
  EXPECT_EQ(found.size(), 42u);
  for (const auto& [key, number] : sequence_numbers) EXPECT_EQ(found[key], number) << key;
  const auto live = read_parts(bucket_, head->metadata);
  EXPECT_EQ(std::count_if(live->begin(), live->end(),
                          [](const part::Meta& part) { return part.partition[0].number == 2; }),
            8);
}

TEST_F(CommitterTest, OpensAndContinuesAMovedTable) {
  FakeBucket moved;
  moved.root_ = "s3://elsewhere/";
  for (const auto& [key, bytes] : bucket_.objects()) {
    moved.objects()["db2/other" + key.substr(std::string("db/coll").size())] = bytes;
  }
  FakeRuntime runtime(9);
  const TableName name{"db2", "other"};
  Committer committer(runtime, moved, name, writer_of(1, 2), {}, [] { return false; });
  const HeadPtr head = committer.claim().value();
  FlushEdit edit;
  edit.base = head;
  edit.lsns.low_water = 110;
  edit.parts = {part_of("new")};
  edit.parts[0].key = "db2/other/data/new.parquet";
  ASSERT_TRUE(committer.commit(edit).ok());
  const auto parts = read_parts(moved, committer.head()->metadata);
  ASSERT_TRUE(parts.ok()) << parts.error().to_string();
  ASSERT_EQ(parts->size(), 3u);
  for (const part::Meta& part : *parts) EXPECT_TRUE(part.key.starts_with("db2/other/data/"));
  // Every recorded address, old or new, begins with the recorded location.
  EXPECT_EQ(committer.head()->metadata.location, "/lake/db/coll");
}

TEST_F(CommitterTest, ListsTablesByTheirMetadataOnly) {
  bucket_.objects()["a/b/metadata/v1.metadata.json"] = "";
  bucket_.objects()["a/lost/metadata/version-hint.text"] = "1";
  bucket_.objects()["a/no-table/data/p.parquet"] = "";
  bucket_.objects()["a/b/c/metadata/v1.metadata.json"] = "";
  bucket_.objects()["a/not.a.name/metadata/v1.metadata.json"] = "";
  bucket_.objects()["FORMAT"] = "";
  EXPECT_EQ(list_tables(bucket_).value(),
            (std::vector<TableName>{{"a", "b"}, {"a", "lost"}, kName}));
}

// T11: whoever has seen a head needs no hint to miss it.
TEST_F(CommitterTest, MissesAHeadThatItHasSeen) {
  bucket_.objects().erase(hint_key("db/coll"));
  bucket_.objects().erase(metadata_key("db/coll", 3));
  const FlushEdit edit = one_.edit_of(one_.committer().head(), 30);
  const auto committed = one_.committer().commit(edit);
  ASSERT_EQ(committed.error().code(), Code::kCorrupt);
  EXPECT_EQ(committed.error().where(), metadata_key("db/coll", 3));
  EXPECT_FALSE(bucket_.objects().contains(metadata_key("db/coll", 4)));
}

TEST_F(CommitterTest, CallsAMissingObjectOfTheHeadCorruptNotAbsent) {
  bucket_.objects().erase(one_.committer().head()->metadata.marks_key);
  EXPECT_EQ(load_head(bucket_, kName).error().code(), Code::kCorrupt);
}

}  // namespace
}  // namespace sluice::table
