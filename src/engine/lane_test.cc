#include "engine/lane.h"

#include <gtest/gtest.h>

#include "table/edit.h"

namespace sluice::engine {
namespace {

const TableName kName{"demo", "events"};

table::HeadPtr first_head() {
  return table::propose_table(kName, {{{"n", Type::kInt64}}, {}, ""}, "here", {}, {}).value().head;
}

table::HeadPtr with_note(const table::Head& head) {
  part::Column note{0, "note", part::PhysicalType::kString, false};
  return table::propose_columns(head, {note}, {}).value().head;
}

memtable::Run run_of_one_row(uint64_t lsn) {
  BatchBuilder builder(Schema::make({{"n", Type::kInt64}}).value());
  builder.append_int64(0, 1);
  Batch batch = builder.finish().value();
  auto shares = memtable::share_out(batch, {{{"n", Type::kInt64}}, {}, ""});
  return {std::move(batch), lsn, nullptr, 0, std::move(shares)};
}

bool is_any(const memtable::Pending&) {
  return true;
}

// The loop hears of a flush after its commit turn has ended: a change of columns may come between.
TEST(Lane, KeepsColumnsThatWereAddedBeforeTheNewsOfAFlushArrives) {
  Lane lane(kName, {}, {}, nullptr);
  const table::HeadPtr flushed = first_head();
  lane.set_head(flushed);
  ASSERT_TRUE(lane.apply(run_of_one_row(1), 0, INT64_MIN));
  const Cut* cut = lane.freeze(1, is_any);
  ASSERT_NE(cut, nullptr);
  lane.set_head(with_note(*flushed));
  lane.release(cut->number, flushed, {});
  EXPECT_EQ(lane.unflushed_rows(), 0u);
  EXPECT_EQ(lane.spec()->columns.size(), 2u);
  EXPECT_EQ(lane.head()->metadata.version, 2u);
}

// E10: a change of the table brings a head that knows more than the one that rows were held for.
TEST(Lane, DropsWhatAHeadCoversThatCameBesideTheFlushes) {
  Lane lane(kName, {}, {}, nullptr);
  const table::HeadPtr made = first_head();
  lane.set_head(made);
  ASSERT_TRUE(lane.apply(run_of_one_row(1), 0, INT64_MIN));
  ASSERT_TRUE(lane.apply(run_of_one_row(2), 0, INT64_MIN));
  auto moved = std::make_shared<table::Head>(*made);
  ++moved->metadata.version;
  moved->marks.logs.push_back({});
  moved->marks.logs.back().lsns.low_water = 1;
  lane.set_head(moved);
  const Cut* cut = lane.freeze(2, is_any);
  ASSERT_NE(cut, nullptr);
  EXPECT_EQ(cut->runs.size(), 1u);
}

// ---- partitions

const TableSpec kByDay{{{"time", Type::kTimestamp}, {"n", Type::kInt64}}, {}, "time"};
constexpr Nanos kDay = 24 * 3600 * kSecond;

/// A row for each of the days.
memtable::Run run_of_days(uint64_t lsn, const std::vector<int>& days,
                          const std::string& source = "", uint64_t position = 0) {
  BatchBuilder builder(Schema::make(kByDay.columns).value());
  for (const int day : days) builder.append_row(day * kDay, int64_t{day});
  Batch batch = builder.finish().value();
  auto shares = memtable::share_out(batch, kByDay);
  auto name = source.empty() ? nullptr : std::make_shared<const std::string>(source);
  return {std::move(batch), lsn, std::move(name), position, std::move(shares)};
}

class LaneOfDays : public testing::Test {
 protected:
  LaneOfDays() { lane.set_head(table::propose_table(kName, kByDay, "here", {}, {}).value().head); }
  bool apply(memtable::Run run) {
    applied_ = run.lsn;
    return lane.apply(std::move(run), 0, INT64_MIN);
  }
  const Cut* freeze(uint64_t lsn, const std::string& day) {
    return lane.freeze(
        lsn, [&](const memtable::Pending& pending) { return pending.partition->name == day; });
  }
  /// The head after the cut was committed.
  table::HeadPtr commit(uint64_t cut, const std::map<std::string, Error>& left = {}) {
    const MarksOfFlush flushed = lane.marks_after(cut, left, applied_);
    auto head = std::make_shared<table::Head>(*lane.head());
    ++head->metadata.version;
    if (head->marks.logs.empty()) head->marks.logs.push_back({});
    head->marks.logs.back().lsns.raise(flushed.lsns);
    for (const auto& [source, coverage] : flushed.sources) {
      head->marks.sources[source].raise(coverage);
    }
    return head;
  }
  void flush(uint64_t lsn, const std::string& day) {
    const Cut* cut = freeze(lsn, day);
    ASSERT_NE(cut, nullptr);
    const uint64_t number = cut->number;
    lane.release(number, commit(number), {});
  }
  Lane lane{kName, {}, {}, nullptr};
  uint64_t applied_ = 0;
};

// E12: the row of the other day has no mark of its own.
TEST_F(LaneOfDays, MarksOfOnePartitionDoNotCoverAnother) {
  ASSERT_TRUE(apply(run_of_days(1, {0, 1})));
  ASSERT_TRUE(apply(run_of_days(2, {1})));
  flush(2, "1970-01-02");
  EXPECT_EQ(lane.unflushed_rows(), 1u);
  EXPECT_EQ(lane.oldest_unflushed(), 1u);
  const table::Coverage& marks = lane.head()->marks.logs.back().lsns;
  EXPECT_EQ(marks.low_water, 0u);
  EXPECT_EQ(marks.of("1970-01-02"), 2u);
  flush(2, "1970-01-01");
  EXPECT_EQ(lane.unflushed_rows(), 0u);
  EXPECT_EQ(lane.head()->marks.logs.back().lsns, (table::Coverage{2, {}}));
}

TEST_F(LaneOfDays, ARunThatComesAgainBringsOnlyTheRowsOfPartitionsThatLackIt) {
  ASSERT_TRUE(apply(run_of_days(1, {0, 1, 1})));
  flush(1, "1970-01-02");
  Lane again(kName, {}, {}, nullptr);
  again.set_head(lane.head());
  ASSERT_TRUE(again.apply(run_of_days(1, {0, 1, 1}), 0, INT64_MIN));
  EXPECT_EQ(again.unflushed_rows(), 1u);
  EXPECT_TRUE(again.active().partitions().contains("1970-01-01"));
}

TEST_F(LaneOfDays, AFlushOfOnePartitionLeavesTheOthersFree) {
  ASSERT_TRUE(apply(run_of_days(1, {0, 1})));
  const Cut* first = freeze(1, "1970-01-01");
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(apply(run_of_days(2, {0, 1})));
  EXPECT_EQ(freeze(2, "1970-01-01"), nullptr) << "one flush of a partition at a time";
  const Cut* second = freeze(2, "1970-01-02");
  ASSERT_NE(second, nullptr);
  const uint64_t number = second->number;
  EXPECT_EQ(lane.marks_after(number, {}, applied_).lsns, (table::Coverage{0, {{"1970-01-02", 2}}}));
  lane.release(number, commit(number), {});
  EXPECT_EQ(lane.marks_after(first->number, {}, applied_).lsns,
            (table::Coverage{1, {{"1970-01-01", 1}}}));
  lane.release(first->number, commit(first->number), {});
  EXPECT_EQ(lane.unflushed_rows(), 1u) << "the row that came after the cut";
  EXPECT_EQ(lane.oldest_unflushed(), 2u);
}

// E11, E12: the loop hears of the first commit after the second one was made.
TEST_F(LaneOfDays, LowWaterCoversWhatAnotherCutHasCommittedAndNotReleased) {
  ASSERT_TRUE(apply(run_of_days(1, {0})));
  const Cut* first = freeze(1, "1970-01-01");
  ASSERT_TRUE(apply(run_of_days(2, {1})));
  const Cut* second = freeze(2, "1970-01-02");
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  lane.set_head(commit(second->number));
  EXPECT_EQ(lane.head()->marks.logs.back().lsns, (table::Coverage{0, {{"1970-01-02", 2}}}));
  EXPECT_EQ(lane.marks_after(first->number, {}, applied_).lsns.low_water, 2u);
}

TEST_F(LaneOfDays, APartitionWhosePartsFailedStaysInTheCut) {
  ASSERT_TRUE(apply(run_of_days(1, {0})));
  ASSERT_TRUE(apply(run_of_days(2, {1})));
  const Cut* cut = lane.freeze(2, is_any);
  ASSERT_NE(cut, nullptr);
  const uint64_t number = cut->number;
  const std::map<std::string, Error> left{{"1970-01-01", Error(Code::kIo, "no")}};
  lane.release(number, commit(number, left), left);
  ASSERT_NE(lane.find(number), nullptr);
  EXPECT_EQ(lane.unflushed_rows(), 1u);
  EXPECT_EQ(lane.head()->marks.logs.back().lsns, (table::Coverage{0, {{"1970-01-02", 2}}}));
  lane.release(number, commit(number), {});
  EXPECT_EQ(lane.find(number), nullptr);
  EXPECT_EQ(lane.head()->marks.logs.back().lsns, (table::Coverage{2, {}}));
}

// E12: a source goes on behind the least row that is not in the table.
TEST_F(LaneOfDays, APositionOfASourceWaitsForEveryPartitionOfItsBatches) {
  ASSERT_TRUE(apply(run_of_days(1, {0}, "file", 10)));
  ASSERT_TRUE(apply(run_of_days(2, {0, 1}, "file", 20)));
  ASSERT_TRUE(apply(run_of_days(3, {1}, "file", 30)));
  flush(3, "1970-01-02");
  EXPECT_EQ(lane.head()->marks.sources.at("file"), (table::Coverage{0, {{"1970-01-02", 30}}}));
  Lane fresh(kName, LogId{}, OpeningId{}, nullptr);
  auto head = std::make_shared<table::Head>(*lane.head());
  head->marks.logs.clear();  // another log
  fresh.set_head(head);
  ASSERT_TRUE(fresh.apply(run_of_days(1, {0, 1}, "file", 20), 0, INT64_MIN));
  EXPECT_EQ(fresh.unflushed_rows(), 1u);
  flush(3, "1970-01-01");
  EXPECT_EQ(lane.head()->marks.sources.at("file"), (table::Coverage{30, {}}));
}

TEST_F(LaneOfDays, ACutThatMetOtherMarksComesBackWithItsAge) {
  ASSERT_TRUE(apply(run_of_days(1, {0, 1})));
  const Cut* cut = freeze(1, "1970-01-01");
  ASSERT_NE(cut, nullptr);
  ASSERT_TRUE(apply(run_of_days(2, {0})));
  auto head = std::make_shared<table::Head>(*lane.head());
  ++head->metadata.version;
  lane.rebase(cut->number, head);
  EXPECT_TRUE(lane.cuts().empty());
  ASSERT_EQ(lane.active().runs().size(), 2u);
  EXPECT_EQ(lane.active().runs().front().rows(), 2u);
  EXPECT_EQ(lane.active().partitions().at("1970-01-01").rows, 2u);
}

TEST_F(LaneOfDays, ColdRowsHurryTheirPartitionAlone) {
  ASSERT_TRUE(lane.apply(run_of_days(1, {5}), 0, 10 * kDay));
  ASSERT_TRUE(lane.apply(run_of_days(2, {20}), 0, 10 * kDay));
  EXPECT_LE(lane.active().partitions().at("1970-01-06").due, kSecond);
  EXPECT_EQ(lane.active().partitions().at("1970-01-21").due, kForever);
}

}  // namespace
}  // namespace sluice::engine
