#include "table/edit.h"

#include <gtest/gtest.h>

#include "table/fakes_test.h"
#include "table/format.h"

namespace sluice::table {
namespace {

constexpr int64_t kStartMs = 1'700'000'000'000;

Head new_table(const TableSpec& spec = keyed_spec()) {
  return *propose_table(kName, spec, "/lake/db/coll", writer_of(1, 1),
                        {id_of<CommitId>(1), kStartMs, 0})
              .value()
              .head;
}

FlushEdit edit_on(const Head& head, uint64_t lsn, std::vector<part::Meta> parts) {
  FlushEdit edit;
  edit.flush = id_of<FlushId>(1);
  edit.base = std::make_shared<const Head>(head);
  edit.lsns.low_water = lsn;
  edit.parts = std::move(parts);
  return edit;
}

Result<std::optional<Proposal>> flush(const Head& head, const FlushEdit& edit, int64_t now_ms,
                                      uint64_t entropy = 100, CommitterOptions options = {}) {
  return propose_flush(head, edit, writer_of(1, 1), {}, options,
                       {id_of<CommitId>(2), now_ms, entropy});
}

TEST(Edit, RefusesAColumnNamedAsThePartition) {
  TableSpec spec = keyed_spec();
  spec.columns.push_back({"time_day", Type::kInt64});
  const auto made =
      propose_table(kName, spec, "/lake/db/coll", writer_of(1, 1), {id_of<CommitId>(1), 0, 0});
  EXPECT_EQ(made.error().code(), Code::kInvalid);
  EXPECT_EQ(made.error().where(), "time_day");
}

TEST(Edit, MakesTablesOfAllFourKinds) {
  TableSpec spec = keyed_spec();
  EXPECT_NE(new_table(spec).metadata.schema().find("_version"), nullptr);
  EXPECT_EQ(new_table(spec).metadata.partition,
            (std::vector<PartitionSpecField>{{2, 1000, "time_day", Transform::kDay, 0}}));
  spec.time.clear();
  EXPECT_NE(new_table(spec).metadata.schema().find("_version"), nullptr);
  EXPECT_TRUE(new_table(spec).metadata.partition.empty());
  spec.key.clear();
  EXPECT_EQ(new_table(spec).metadata.schema().find("_version"), nullptr);
  EXPECT_TRUE(new_table(spec).metadata.schema().identifier_field_ids.empty());
  spec.time = "time";
  EXPECT_EQ(new_table(spec).metadata.partition[0].name, "time_day");
}

TEST(Edit, GivesAddedColumnsNewFieldIdsAndKeepsTheOldSchema) {
  const Head head = new_table();
  const auto proposal = propose_columns(
      head,
      {{0, "wet", part::PhysicalType::kBool, true}, {0, "_time_ns", part::PhysicalType::kInt32}},
      {id_of<CommitId>(2), kStartMs, 0});
  const Metadata& next = proposal.value().head->metadata;
  EXPECT_EQ(next.schemas.size(), 2u);
  EXPECT_EQ(next.current_schema_id, 1);
  EXPECT_EQ(next.schema().find("wet")->field_id, 5);
  EXPECT_FALSE(next.schema().find("wet")->required);
  EXPECT_EQ(next.schema().find("_time_ns")->field_id, 6);
  EXPECT_EQ(next.last_column_id, 6);
  EXPECT_EQ(next.spec().columns.size(), 4u);
}

// T9: time in the table rises by at least one millisecond.
TEST(Edit, RaisesTheTimeAlsoWhenTheClockStepsBack) {
  const Head head = new_table();
  const auto proposal = flush(head, edit_on(head, 1, {part_of("p")}), kStartMs - 5000);
  EXPECT_EQ((*proposal)->head->metadata.last_updated_ms, kStartMs + 1);
  EXPECT_EQ((*proposal)->head->metadata.snapshots[0].timestamp_ms, kStartMs + 1);
}

TEST(Edit, DrawsASnapshotIdThatIsPositiveAndFree) {
  Head head = new_table();
  head = *(*flush(head, edit_on(head, 1, {part_of("p")}), kStartMs, 14)).value().head;
  EXPECT_EQ(head.metadata.current_snapshot_id, 7);
  head = *(*flush(head, edit_on(head, 2, {part_of("q")}), kStartMs, 14)).value().head;
  EXPECT_EQ(head.metadata.current_snapshot_id, 8);
  head = *(*flush(head, edit_on(head, 3, {part_of("r")}), kStartMs, 0)).value().head;
  EXPECT_EQ(head.metadata.current_snapshot_id, 1);
  head = *(*flush(head, edit_on(head, 4, {part_of("s")}), kStartMs, UINT64_MAX)).value().head;
  EXPECT_EQ(head.metadata.current_snapshot_id, INT64_MAX);
}

// T7: the totals are the parent's and the edit's.
TEST(Edit, AddsTheTotalsUp) {
  Head head = new_table();
  head = *(*flush(head, edit_on(head, 1, {part_of("p", 1, 10, 100)}), kStartMs)).value().head;
  const FlushEdit edit = edit_on(head, 2, {part_of("q", 1, 5, 50), part_of("r", 2, 6, 60)});
  const auto proposal = flush(head, edit, kStartMs);
  const auto& summary = (*proposal)->head->metadata.current_snapshot()->summary;
  EXPECT_EQ(summary.at("operation"), "append");
  EXPECT_EQ(summary.at("added-data-files"), "2");
  EXPECT_EQ(summary.at("added-records"), "11");
  EXPECT_EQ(summary.at("added-files-size"), "110");
  EXPECT_EQ(summary.at("changed-partition-count"), "2");
  EXPECT_EQ(summary.at("total-data-files"), "3");
  EXPECT_EQ(summary.at("total-records"), "21");
  EXPECT_EQ(summary.at("total-files-size"), "210");
}

// T4: parts come in together with marks that move.
TEST(Edit, CommitsMarksWithoutPartsButNoPartsWithoutMarks) {
  const Head head = new_table();
  const auto marks_only = flush(head, edit_on(head, 3, {}), kStartMs);
  ASSERT_TRUE(marks_only.ok() && *marks_only);
  const Head next = *(*marks_only)->head;
  EXPECT_EQ(next.marks.flushed(id_of<LogId>(1), ""), 3u);
  EXPECT_FALSE(next.metadata.current_snapshot_id.has_value());

  const auto nothing = flush(next, edit_on(next, 3, {}), kStartMs);
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(nothing->has_value());
  EXPECT_EQ(flush(next, edit_on(next, 3, {part_of("p")}), kStartMs).error().code(), Code::kInvalid);
}

// T5: marks are only raised; other logs' entries are copied.
TEST(Edit, NeverLowersMarksAndKeepsThoseOfOtherLogs) {
  Head head = new_table();
  head.marks.logs = {{id_of<LogId>(1), id_of<OpeningId>(17), {9, {}}},
                     {id_of<LogId>(2), id_of<OpeningId>(33), {5, {{"day", 6}}}}};
  FlushEdit edit = edit_on(head, 4, {part_of("p")});
  edit.sources["file"].low_water = 2;
  const auto proposal = flush(head, edit, kStartMs);
  ASSERT_TRUE(proposal.ok() && *proposal);
  EXPECT_EQ((*proposal)->head->marks.logs, head.marks.logs);
  EXPECT_EQ((*proposal)->head->marks.position("file", ""), 2u);
}

TEST(Edit, RefusesPartsThatDoNotFitTheTable) {
  const Head head = new_table();
  part::Meta part = part_of("p");
  part.partition.clear();
  EXPECT_EQ(flush(head, edit_on(head, 1, {part}), kStartMs).error().code(), Code::kInvalid);
  part = part_of("p");
  part.key = "db/other/data/p.parquet";
  EXPECT_EQ(flush(head, edit_on(head, 1, {part}), kStartMs).error().code(), Code::kInvalid);
  EXPECT_EQ(flush(head, edit_on(head, 1, {part_of("p"), part_of("p")}), kStartMs).error().code(),
            Code::kInvalid);
}

TEST(Edit, SeesEachRequirementThatMoved) {
  const Head base = new_table();
  const FlushEdit edit = edit_on(base, 1, {});
  const Writer writer = writer_of(1, 1);
  const auto conflicts = [&](const std::function<void(Head&)>& change) {
    Head head = base;
    change(head);
    const Status status = check_base(head, edit, writer);
    return !status.ok() && status.error().code() == Code::kConflict;
  };
  EXPECT_FALSE(conflicts([](Head& head) { head.metadata.version = 9; }));
  EXPECT_FALSE(conflicts([](Head& head) {
    head.marks.logs.push_back({id_of<LogId>(2), id_of<OpeningId>(1), {1, {}}});
  }));
  EXPECT_TRUE(conflicts([](Head& head) { head.metadata.epoch = 2; }));
  EXPECT_TRUE(conflicts([](Head& head) { head.metadata.owner = "other"; }));
  EXPECT_TRUE(conflicts([](Head& head) { head.metadata.current_schema_id = 1; }));
  EXPECT_TRUE(conflicts([](Head& head) { head.metadata.uuid = "other"; }));
  EXPECT_TRUE(conflicts([](Head& head) { head.marks.sources["file"].low_water = 1; }));
  EXPECT_TRUE(conflicts([](Head& head) {
    head.marks.logs.push_back({id_of<LogId>(1), id_of<OpeningId>(17), {1, {}}});
  }));
}

TEST(Edit, KeepsTheLastSnapshotsAndOneAnHourForSevenDays) {
  Head head = new_table();
  CommitterOptions options;
  options.snapshots_kept = 3;
  constexpr int64_t kMinuteMs = 60'000;
  // One every twenty minutes for eight days.
  constexpr int kCommits = 8 * 24 * 3;
  for (int n = 1; n <= kCommits; ++n) {
    const int64_t now = kStartMs + n * 20 * kMinuteMs;
    const FlushEdit edit = edit_on(head, static_cast<uint64_t>(n), {part_of("p")});
    head = *(*flush(head, edit, now, 2u * static_cast<uint64_t>(n), options)).value().head;
  }
  const Metadata& metadata = head.metadata;
  EXPECT_GE(metadata.snapshots.size(), 7u * 24);
  EXPECT_LE(metadata.snapshots.size(), 7u * 24 + 4);
  EXPECT_EQ(metadata.snapshots.back().id, *metadata.current_snapshot_id);
  std::set<int64_t> hours;
  for (const SnapshotEntry& snapshot : metadata.snapshots) {
    hours.insert(snapshot.timestamp_ms / (60 * kMinuteMs));
  }
  EXPECT_GE(hours.size(), 7u * 24);
  // The log begins behind the last snapshot that is gone.
  EXPECT_GE(metadata.snapshot_log.size(), 3u);
  EXPECT_LE(metadata.snapshot_log.size(), 9u);
  EXPECT_EQ(metadata.metadata_log.size(), kMetadataLogMax);
}

ManifestFile manifest_of(uint64_t bytes) {
  ManifestFile file;
  file.bytes = bytes;
  return file;
}

TEST(ChooseMerged, TakesNothingBelowTheLimit) {
  EXPECT_TRUE(choose_merged({manifest_of(1), manifest_of(1)}, 3).empty());
  EXPECT_TRUE(choose_merged({}, 0).empty());
  EXPECT_TRUE(choose_merged({manifest_of(1)}, 0).empty());
}

TEST(ChooseMerged, TakesTheSmallest) {
  EXPECT_EQ(choose_merged({manifest_of(9), manifest_of(1), manifest_of(5), manifest_of(2)}, 4),
            (std::vector<size_t>{1, 2, 3}));
}

TEST(ChooseMerged, RewritesNoMoreThanOneManifestIsAllowedToHold) {
  const uint64_t big = kManifestBytesTarget / 2;
  EXPECT_EQ(choose_merged({manifest_of(big), manifest_of(big), manifest_of(big)}, 2),
            (std::vector<size_t>{0, 1}));
  EXPECT_TRUE(choose_merged({manifest_of(2 * big), manifest_of(2 * big)}, 2).empty());
}

}  // namespace
}  // namespace sluice::table
