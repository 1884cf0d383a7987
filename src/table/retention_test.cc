#include "table/retention.h"

#include <gtest/gtest.h>

#include "table/committer.h"
#include "table/fakes_test.h"

namespace sluice::table {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kStartMs = 1'700'000'000'000;

/// A table with the snapshots 1 to `count`, one a minute.
Head table_of(int64_t count) {
  Stamp stamp;
  stamp.commit = id_of<CommitId>(1);
  stamp.now_ms = kStartMs;
  Head head = *propose_table(kName, keyed_spec(), "/lake/db/coll", writer_of(1, 1), stamp)->head;
  Metadata& metadata = head.metadata;
  for (int64_t id = 1; id <= count; ++id) {
    SnapshotEntry snapshot;
    snapshot.id = id;
    if (id > 1) snapshot.parent = id - 1;
    snapshot.sequence_number = ++metadata.last_sequence_number;
    snapshot.timestamp_ms = kStartMs + id * kMinuteMs;
    snapshot.manifest_list = "db/coll/metadata/snap-" + std::to_string(id) + ".avro";
    snapshot.summary = {{"operation", "append"}};
    metadata.snapshot_log.emplace_back(snapshot.timestamp_ms, id);
    metadata.last_updated_ms = snapshot.timestamp_ms;
    metadata.snapshots.push_back(std::move(snapshot));
    metadata.current_snapshot_id = id;
  }
  return head;
}

Stamp stamp_at(int64_t minute) {
  Stamp stamp;
  stamp.commit = id_of<CommitId>(9);
  stamp.now_ms = kStartMs + minute * kMinuteMs;
  return stamp;
}

Nanos minute(int64_t number) {
  return (kStartMs + number * kMinuteMs) * kMillisecond;
}

Head tagged(const Head& head, const Tag& tag) {
  const auto proposal = propose_tag(head, tag, stamp_at(20));
  EXPECT_TRUE(proposal.ok() && *proposal);
  return *(*proposal)->head;
}

std::vector<int64_t> ids_of(const Metadata& metadata) {
  std::vector<int64_t> ids;
  for (const SnapshotEntry& snapshot : metadata.snapshots) ids.push_back(snapshot.id);
  return ids;
}

int64_t found(const Metadata& metadata, const AsOf& as_of) {
  const auto snapshot = find_snapshot(metadata, as_of);
  EXPECT_TRUE(snapshot.ok()) << snapshot.error().to_string();
  return snapshot.ok() ? (*snapshot)->id : 0;
}

Metadata expired(const Head& head, const ExpireOptions& options, int64_t at_minute = 20) {
  const auto expiry = propose_expiry(head, options, stamp_at(at_minute));
  EXPECT_TRUE(expiry.ok() && expiry->proposal) << expiry.error().to_string();
  return expiry->proposal->head->metadata;
}

TEST(Retention, ExpiresByAgeAndCountAndNeverTheCurrentOrATaggedSnapshot) {
  const Head head = tagged(table_of(10), {"release", 3});
  ExpireOptions old;
  old.older_than = minute(6);
  EXPECT_EQ(ids_of(expired(head, old)), (std::vector<int64_t>{3, 6, 7, 8, 9, 10}));
  ExpireOptions few;
  few.keep_last = 2;
  EXPECT_EQ(ids_of(expired(head, few)), (std::vector<int64_t>{3, 9, 10}));
  ExpireOptions both;
  both.older_than = minute(100);
  both.keep_last = 4;
  EXPECT_EQ(ids_of(expired(head, both)), (std::vector<int64_t>{3, 7, 8, 9, 10}));
  EXPECT_EQ(propose_expiry(head, {}, stamp_at(20)).error().code(), Code::kInvalid);
  Head back = head;
  back.metadata.current_snapshot_id = 5;
  EXPECT_EQ(ids_of(expired(back, few)), (std::vector<int64_t>{3, 5, 9, 10}));
}

TEST(Retention, SaysWhatExpires) {
  const Head head = tagged(table_of(4), {"old", 1, kMillisecond});
  ExpireOptions options;
  options.keep_last = 3;
  const auto expiry = propose_expiry(head, options, stamp_at(20));
  ASSERT_TRUE(expiry.ok());
  ASSERT_EQ(expiry->report.expired.size(), 1u);
  EXPECT_EQ(expiry->report.expired[0].id, 1u);
  EXPECT_EQ(expiry->report.expired[0].wall_time, minute(1));
  EXPECT_EQ(expiry->report.tags, std::vector<std::string>{"old"});
  EXPECT_EQ(expiry->report.kept, 3u);
  options.keep_last = 100;
  const auto nothing = propose_expiry(table_of(4), options, stamp_at(20));
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(nothing->proposal);
}

TEST(Retention, ATagKeepsItsSnapshotOverTheDefaultExpiry) {
  Head head = tagged(table_of(200), {"release", 7});
  head = tagged(head, {"short", 8, kMinuteMs * kMillisecond});
  expire_by_default(head.metadata, 3);
  const std::vector<int64_t> ids = ids_of(head.metadata);
  EXPECT_NE(std::find(ids.begin(), ids.end(), 7), ids.end());
  EXPECT_EQ(std::find(ids.begin(), ids.end(), 8), ids.end());
  EXPECT_FALSE(head.metadata.refs.contains("short"));
}

TEST(Retention, RefusesTagsThatAreNone) {
  const Head head = tagged(table_of(3), {"release", 2});
  const auto code_of = [&](const Tag& tag) {
    return propose_tag(head, tag, stamp_at(20)).error().code();
  };
  EXPECT_EQ(code_of({"", 1}), Code::kInvalid);
  EXPECT_EQ(code_of({"main", 1}), Code::kInvalid);
  EXPECT_EQ(code_of({"a\nb", 1}), Code::kInvalid);
  EXPECT_EQ(code_of({"\xff", 1}), Code::kInvalid);
  EXPECT_EQ(code_of({"x", 1, 0}), Code::kInvalid);
  EXPECT_EQ(code_of({"x", 99}), Code::kNotFound);
  EXPECT_EQ(code_of({"release", 3}), Code::kExists);
  const auto again = propose_tag(head, {"release", 2}, stamp_at(20));
  ASSERT_TRUE(again.ok());
  EXPECT_FALSE(*again);  // nothing to do
  EXPECT_EQ(propose_untag(head, "main", stamp_at(20)).error().code(), Code::kNotFound);
  EXPECT_EQ(propose_untag(head, "x", stamp_at(20)).error().code(), Code::kNotFound);
  const auto removed = propose_untag(head, "release", stamp_at(20));
  ASSERT_TRUE(removed.ok());
  EXPECT_TRUE(removed->head->metadata.refs.empty());
}

TEST(Retention, KeepsReferencesThatOthersMadeWithEverythingTheySay) {
  Head head = table_of(10);
  head.metadata.refs["main"].others = {{"min-snapshots-to-keep", "5"}};
  head.metadata.refs["audit"] = {4, "branch", std::nullopt, {{"max-snapshot-age-ms", "77"}}};
  head.metadata.refs["odd"] = {2, "stash", std::nullopt, {{"of", R"({"a":[1,"x"]})"}}};
  const std::string text = head.metadata.encode();
  const auto read = Metadata::decode(text, head.metadata.version, head.metadata.prefix);
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->encode(), text);
  EXPECT_EQ(read->refs.at("odd").others.at("of"), R"({"a":[1,"x"]})");
  EXPECT_EQ(found(*read, {{}, 0, "audit"}), 4);
  EXPECT_EQ(propose_untag(head, "audit", stamp_at(20)).error().code(), Code::kInvalid);
  ExpireOptions few;
  few.keep_last = 1;
  // A branch keeps its ancestors.
  EXPECT_EQ(ids_of(expired(head, few)), (std::vector<int64_t>{1, 2, 3, 4, 10}));
}

TEST(Retention, FindsTheSnapshotThatWasCurrentAtATime) {
  Head head = table_of(3);
  const auto rolled = propose_rollback(head, 1, writer_of(1, 1), stamp_at(5));
  ASSERT_TRUE(rolled.ok() && *rolled);
  const Metadata& metadata = (*rolled)->head->metadata;
  EXPECT_EQ(found(metadata, {{}, minute(1)}), 1);
  EXPECT_EQ(found(metadata, {{}, minute(3) - 1}), 2);
  EXPECT_EQ(found(metadata, {{}, minute(4)}), 3);
  EXPECT_EQ(found(metadata, {{}, minute(5)}), 1);  // rolled back
  EXPECT_EQ(found(metadata, {3, 0}), 3);
  EXPECT_EQ(found(metadata, {{}, 0, "main"}), 1);
  EXPECT_EQ(find_snapshot(metadata, {{}, minute(1) - 1}).error().code(), Code::kNotFound);
  EXPECT_EQ(find_snapshot(metadata, {{}, 0, "none"}).error().code(), Code::kNotFound);
}

TEST(Retention, NeverTakesAnotherSnapshotForOneThatHasExpired) {
  const Head head = tagged(table_of(10), {"release", 3});
  ExpireOptions few;
  few.keep_last = 4;
  const Metadata metadata = expired(head, few);
  EXPECT_EQ(metadata.snapshot_log.size(), 4u);  // behind the last gap
  EXPECT_EQ(found(metadata, {{}, minute(8)}), 8);
  const auto gone = find_snapshot(metadata, {{}, minute(5)});
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code(), Code::kNotFound);
  EXPECT_NE(gone.error().message().find("has expired; the last one kept from before it is 3 of"),
            std::string::npos)
      << gone.error().message();
  // Snapshots 2 and 3 are neighbours: what was current between them is known without the log.
  const Metadata pair = expired(tagged(head, {"before", 2}), few);
  EXPECT_EQ(found(pair, {{}, minute(3) - 1}), 2);
}

TEST(Retention, RaisesTheTimeOfTheLogAlsoWhenTheClockStepsBack) {
  const Head head = table_of(3);
  const auto rolled = propose_rollback(head, 2, writer_of(1, 1), stamp_at(-100));
  ASSERT_TRUE(rolled.ok() && *rolled);
  const auto& log = (*rolled)->head->metadata.snapshot_log;
  EXPECT_GT(log.back().first, log[log.size() - 2].first);
}

FlushEdit edit_on(const HeadPtr& base, uint64_t lsn, FakeRuntime& runtime) {
  FlushEdit edit;
  edit.flush = FlushId::draw(runtime);
  edit.base = base;
  edit.lsns.low_water = lsn;
  edit.sources["file"].low_water = lsn;
  edit.parts = {part_of("lsn" + std::to_string(lsn))};
  return edit;
}

// T5, T7, T13
TEST(Rollback, MovesTheCurrentSnapshotAndNothingElse) {
  FakeBucket bucket;
  FakeRuntime runtime;
  Committer committer(runtime, bucket, kName, writer_of(1, 1), {}, [] { return false; });
  HeadPtr head = committer.create(keyed_spec()).value();
  head = committer.commit(edit_on(head, 10, runtime)).value();
  const int64_t first = *head->metadata.current_snapshot_id;
  const HeadPtr second = committer.commit(edit_on(head, 20, runtime)).value();
  const FlushEdit late = edit_on(second, 30, runtime);
  head = committer.rollback(static_cast<uint64_t>(first)).value();
  EXPECT_EQ(head->metadata.current_snapshot_id, first);
  EXPECT_EQ(head->marks, second->marks);
  EXPECT_EQ(head->metadata.epoch, second->metadata.epoch + 1);
  EXPECT_EQ(head->metadata.snapshots.size(), 2u);
  EXPECT_EQ(read_parts(bucket, head->metadata)->size(), 1u);
  // What was cut before is void; what is cut now goes on from the snapshot rolled back to.
  EXPECT_EQ(committer.commit(late).error().code(), Code::kConflict);
  EXPECT_EQ(committer.commit(edit_on(head, 20, runtime)).error().code(), Code::kInvalid);
  head = committer.commit(edit_on(head, 30, runtime)).value();
  const SnapshotEntry& next = *head->metadata.current_snapshot();
  EXPECT_EQ(next.parent, first);
  EXPECT_EQ(next.summary.at("total-data-files"), "2");
  EXPECT_EQ(next.summary.at("total-records"), "20");
  EXPECT_EQ(read_parts(bucket, head->metadata)->size(), 2u);
  EXPECT_EQ(head->metadata.snapshot_log.size(), 4u);
  EXPECT_EQ(committer.rollback(12345).error().code(), Code::kNotFound);
  // Also to what was taken back: it is kept.
  const auto forward =
      committer.rollback(static_cast<uint64_t>(*second->metadata.current_snapshot_id));
  ASSERT_TRUE(forward.ok());
  EXPECT_EQ(read_parts(bucket, (*forward)->metadata)->size(), 2u);
}

// T13: whatever happens to its answers, it happens once, and its owner is not fenced by itself.
TEST(Rollback, HappensOnceWhateverHappensToItsAnswers) {
  for (const Fault fault : {Fault::kFailBefore, Fault::kAnswerLost, Fault::kLate, Fault::kTwice}) {
    for (uint64_t at = 1; at < 16; ++at) {
      SCOPED_TRACE(std::to_string(static_cast<int>(fault)) + " at " + std::to_string(at));
      FakeBucket bucket;
      FakeRuntime runtime;
      Committer committer(runtime, bucket, kName, writer_of(1, 1), {}, [] { return false; });
      HeadPtr head = committer.create(keyed_spec()).value();
      head = committer.commit(edit_on(head, 10, runtime)).value();
      const auto first = static_cast<uint64_t>(*head->metadata.current_snapshot_id);
      head = committer.commit(edit_on(head, 20, runtime)).value();
      bucket.fail_at(bucket.operations() + at, fault, 3);
      auto rolled = committer.rollback(first);
      if (!rolled.ok() && rolled.error().code() == Code::kIo) rolled = committer.rollback(first);
      bucket.fail_at(0, fault);
      ASSERT_TRUE(rolled.ok()) << rolled.error().to_string();
      EXPECT_EQ((*rolled)->metadata.epoch, 2u);
      EXPECT_EQ((*rolled)->metadata.snapshot_log.size(), 3u);
      EXPECT_TRUE(committer.commit(edit_on(*rolled, 30, runtime)).ok());
    }
  }
}

}  // namespace
}  // namespace sluice::table
