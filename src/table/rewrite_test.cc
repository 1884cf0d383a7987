#include "table/rewrite.h"

#include <gtest/gtest.h>

#include <set>

#include "table/committer.h"
#include "table/fakes_test.h"
#include "table/verify.h"

namespace sluice::table {
namespace {

/// A table with four parts of ten rows.
struct Table {
  FakeBucket bucket;
  FakeRuntime runtime;
  Committer committer{runtime, bucket, kName, writer_of(1, 1), {}, [] { return false; }};
  HeadPtr head = committer.create(keyed_spec()).value();

  Table() {
    for (uint64_t n = 1; n <= 4; ++n) flush(n);
  }
  part::Meta put(part::Meta part) {
    bucket.objects()[part.key] = std::string(part.bytes, 'x');
    return part;
  }
  void flush(uint64_t lsn) {
    FlushEdit edit;
    edit.flush = FlushId::draw(runtime);
    edit.base = head;
    edit.lsns.low_water = lsn;
    edit.parts = {put(part_of("p" + std::to_string(lsn)))};
    head = committer.commit(edit).value();
  }
  RewriteEdit rewrite_of(std::vector<std::string> names, uint64_t rows) {
    RewriteEdit edit;
    edit.rewrite = FlushId::draw(runtime);
    edit.base = head;
    for (const std::string& name : names)
      edit.inputs.push_back("db/coll/data/" + name + ".parquet");
    edit.outputs = {put(part_of("out" + edit.rewrite.hex(), 19'000, rows, 150))};
    return edit;
  }
  std::set<std::string> live() {
    std::set<std::string> names;
    const HeadPtr now = load_head(bucket, kName).value();
    for (const part::Meta& part : read_parts(bucket, now->metadata).value()) {
      const std::string name = part.key.substr(part.key.rfind('/') + 1);
      names.insert(name.substr(0, name.starts_with("out") ? 3 : name.find('.')));
    }
    return names;
  }
};

using Names = std::set<std::string>;

// T7, T8
TEST(Rewrite, PutsPartsInThePlaceOfOthersAndKeepsTheTotalsExact) {
  Table table;
  const HeadPtr before = table.head;
  const auto head = table.committer.rewrite(table.rewrite_of({"p1", "p2"}, 15));
  ASSERT_TRUE(head.ok()) << head.error().to_string();
  EXPECT_EQ(table.live(), (Names{"out", "p3", "p4"}));
  const SnapshotEntry& snapshot = *(*head)->metadata.current_snapshot();
  EXPECT_EQ(snapshot.parent, before->metadata.current_snapshot_id);
  EXPECT_EQ(snapshot.summary.at("operation"), "replace");
  EXPECT_EQ(snapshot.summary.at("total-data-files"), "3");
  EXPECT_EQ(snapshot.summary.at("total-records"), "35");
  EXPECT_EQ(snapshot.summary.at("total-files-size"), "350");
  EXPECT_EQ(snapshot.summary.at("deleted-records"), "20");
  EXPECT_EQ((*head)->marks, before->marks);
  EXPECT_EQ((*head)->metadata.marks_key, before->metadata.marks_key);
  size_t deleted = 0;
  for (const ManifestFile& file :
       read_manifest_list(table.bucket, (*head)->metadata, snapshot).value()) {
    for (const ManifestEntry& entry :
         read_manifest(table.bucket, (*head)->metadata, file).value()) {
      deleted += entry.status == EntryStatus::kDeleted && entry.snapshot_id == snapshot.id &&
                 *entry.sequence_number < snapshot.sequence_number;
    }
  }
  EXPECT_EQ(deleted, 2u);
  EXPECT_TRUE(verify_table(table.bucket, kName)->findings.empty());
  // The next commits and rewrites go on from there.
  table.head = *head;
  table.flush(5);
  const auto all = table.committer.rewrite(table.rewrite_of({"p3", "p4", "p5"}, 30));
  ASSERT_TRUE(all.ok()) << all.error().to_string();
  EXPECT_EQ(read_parts(table.bucket, (*all)->metadata)->size(), 2u);
  EXPECT_EQ((*all)->metadata.current_snapshot()->summary.at("total-records"), "45");
  EXPECT_TRUE(verify_table(table.bucket, kName)->findings.empty());
}

TEST(Rewrite, IsRefusedWhenAnInputIsGoneOrTheTableMoved) {
  Table table;
  const RewriteEdit stale = table.rewrite_of({"p1", "p2"}, 20);
  table.flush(5);  // a flush meanwhile takes no input away
  table.head = table.committer.rewrite(stale).value();
  EXPECT_EQ(table.committer.rewrite(table.rewrite_of({"p2", "p3"}, 20)).error().code(),
            Code::kConflict);
  const RewriteEdit before_drop = table.rewrite_of({"p3", "p4"}, 20);
  ASSERT_TRUE(table.committer.alter({{SchemaChange::Kind::kDrop, "temp"}}).ok());
  EXPECT_EQ(table.committer.rewrite(before_drop).error().code(), Code::kConflict);
  EXPECT_EQ(table.committer.rewrite(table.rewrite_of({}, 20)).error().code(), Code::kInvalid);
  EXPECT_EQ(table.committer.rewrite(table.rewrite_of({"p3", "p3"}, 20)).error().code(),
            Code::kInvalid);
}

// T15: a compaction may take long, and another opening may sweep meanwhile.
TEST(Rewrite, IsRefusedWhenItsOutputsAreOlderThanHalfAGrace) {
  Table table;
  RewriteEdit edit = table.rewrite_of({"p1", "p2"}, 20);
  edit.put_at = table.runtime.now();
  table.runtime.now_ += CommitterOptions().grace / 2 + 1;
  const auto late = table.committer.rewrite(edit);
  EXPECT_EQ(late.error().code(), Code::kConflict);
  EXPECT_EQ(late.error().reason(), Reason::kDeadline);
  EXPECT_EQ(table.live(), (Names{"p1", "p2", "p3", "p4"}));
  edit.put_at = table.runtime.now();
  ASSERT_TRUE(table.committer.rewrite(edit).ok());
  EXPECT_EQ(table.live(), (Names{"out", "p3", "p4"}));
}

TEST(Rewrite, HappensOnceWhateverHappensToItsAnswers) {
  for (const Fault fault : {Fault::kFailBefore, Fault::kAnswerLost, Fault::kLate, Fault::kTwice}) {
    for (uint64_t at = 1; at < 40; ++at) {
      SCOPED_TRACE(std::to_string(static_cast<int>(fault)) + " at " + std::to_string(at));
      Table table;
      const RewriteEdit edit = table.rewrite_of({"p1", "p3"}, 15);
      table.bucket.fail_at(table.bucket.operations() + at, fault, 3);
      auto head = table.committer.rewrite(edit);
      if (!head.ok() && head.error().code() == Code::kIo) head = table.committer.rewrite(edit);
      table.bucket.fail_at(0, fault);
      ASSERT_TRUE(head.ok()) << head.error().to_string();
      EXPECT_EQ(table.live(), (Names{"out", "p2", "p4"}));
      EXPECT_EQ((*head)->metadata.current_snapshot()->summary.at("total-records"), "35");
    }
  }
}

}  // namespace
}  // namespace sluice::table
