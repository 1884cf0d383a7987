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
  return {builder.finish().value(), lsn, nullptr, 0};
}

// The loop hears of a flush after its commit turn has ended: a change of columns may come between.
TEST(Lane, KeepsColumnsThatWereAddedBeforeTheNewsOfAFlushArrives) {
  Lane lane(kName, {}, {}, nullptr);
  const table::HeadPtr flushed = first_head();
  lane.set_head(flushed);
  ASSERT_TRUE(lane.apply(run_of_one_row(1), 0));
  lane.freeze(1);
  lane.set_head(with_note(*flushed));
  EXPECT_GT(lane.release(flushed), 0u);
  EXPECT_EQ(lane.spec()->columns.size(), 2u);
  EXPECT_EQ(lane.head()->metadata.version, 2u);
}

// E10: a change of the table brings a head that knows more than the one that rows were held for.
TEST(Lane, DropsWhatAHeadCoversThatCameBesideTheFlushes) {
  Lane lane(kName, {}, {}, nullptr);
  const table::HeadPtr made = first_head();
  lane.set_head(made);
  ASSERT_TRUE(lane.apply(run_of_one_row(1), 0));
  ASSERT_TRUE(lane.apply(run_of_one_row(2), 0));
  EXPECT_EQ(lane.drop_covered(), 0u);
  auto moved = std::make_shared<table::Head>(*made);
  ++moved->metadata.version;
  moved->marks.logs.push_back({});
  moved->marks.logs.back().lsns.low_water = 1;
  lane.set_head(moved);
  EXPECT_GT(lane.drop_covered(), 0u);
  EXPECT_EQ(lane.freeze(2).runs.size(), 1u);
}

}  // namespace
}  // namespace sluice::engine
