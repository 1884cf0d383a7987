#include "landing/format.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "table/fakes_test.h"

namespace sluice::landing {
namespace {

using table::id_of;

Plan some_plan() {
  Plan plan;
  plan.flush = id_of<FlushId>(7);
  plan.ticket = 3;
  plan.range = {10, 20, 5};
  plan.created_wall_time = 1'700'000'000 * kSecond;
  plan.with_table = true;
  plan.prefix = "db/coll";
  return plan;
}
IntentName name_of(const Plan& plan) {
  return {plan.ticket, plan.flush, IntentState::kPending};
}
Parts some_parts() {
  Parts parts;
  parts.columns = {{1, "n", part::PhysicalType::kInt64, false}};
  part::Meta meta;
  meta.key = "db/coll/data/x.parquet";
  meta.bytes = 1000;
  meta.rows = 11;
  meta.partition = {model::PartitionValue(19'000), model::PartitionValue(),
                    model::PartitionValue("x")};
  meta.columns = {{1, 80, 11, 1, 0, std::string(8, '\1'), std::nullopt}};
  meta.split_offsets = {4, 500};
  parts.metas = {meta, meta};
  return parts;
}
std::string whole_file() {
  std::string bytes = encode_plan(some_plan());
  const std::string frame = encode_parts(some_plan().flush, some_parts());
  return bytes.replace(parts_offset(some_plan()), frame.size(), frame);
}

TEST(LandingFormat, NamesSayTicketFlushAndState) {
  IntentName name = name_of(some_plan());
  EXPECT_EQ(to_string(name), "0000000000000003-00000000000000000000000000000007.pending");
  for (const IntentState state : kIntentStates) {
    name.state = state;
    EXPECT_EQ(parse_intent_name(to_string(name)), name);
  }
  for (const char* other :
       {"", "identity", "LOCK", "0000000000000003-0000000000000000000000000000000A.pending",
        "0000000000000003-00000000000000000000000000000007", "notes.pending",
        "0000000000000003-00000000000000000000000000000007.pending.tmp"}) {
    EXPECT_FALSE(parse_intent_name(other)) << other;
  }
}

TEST(LandingFormat, AnIntentComesBackWithAndWithoutParts) {
  const Plan plan = some_plan();
  const Intent without = decode_intent(as_bytes(encode_plan(plan)), name_of(plan)).value();
  EXPECT_FALSE(without.parts);
  EXPECT_EQ(without.plan.range, plan.range);
  EXPECT_EQ(without.plan.prefix, plan.prefix);
  const Intent with = decode_intent(as_bytes(whole_file()), name_of(plan)).value();
  ASSERT_TRUE(with.parts);
  const part::Meta& meta = with.parts->metas[1];
  EXPECT_EQ(meta.key, "db/coll/data/x.parquet");
  EXPECT_EQ(meta.partition, some_parts().metas[1].partition);
  EXPECT_EQ(meta.columns[0].lower, std::string(8, '\1'));
  EXPECT_EQ(meta.columns[0].upper, std::nullopt);
  EXPECT_EQ(meta.split_offsets, (std::vector<int64_t>{4, 500}));
}

TEST(LandingFormat, AnyFlippedByteOfThePlanIsFoundAndOfThePartsLeavesThePlan) {
  const std::string whole = whole_file();
  const Plan plan = some_plan();
  const size_t parts_end = parts_offset(plan) + encode_parts(plan.flush, some_parts()).size();
  for (size_t at = 0; at < parts_end; ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ '\x5a');
    const auto intent = decode_intent(as_bytes(bytes), name_of(plan));
    if (intent.ok()) {
      EXPECT_EQ(intent->plan.range, plan.range);
      EXPECT_EQ(intent->parts.has_value(), at < parts_offset(plan)) << at;
    }
  }
}

TEST(LandingFormat, ACutFileIsNoIntentAndNeverReadPastItsEnd) {
  const std::string whole = whole_file();
  const size_t plan_bytes = kFrameHeaderBytes + 69 + some_plan().prefix.size() - 8;
  for (size_t bytes = 0; bytes < plan_bytes; ++bytes) {
    EXPECT_FALSE(decode_intent(as_bytes(whole.substr(0, bytes)), name_of(some_plan())).ok())
        << bytes;
  }
}

TEST(LandingFormat, AnIntentUnderAnotherNameIsForeign) {
  IntentName name = name_of(some_plan());
  name.ticket = 4;
  const auto intent = decode_intent(as_bytes(whole_file()), name);
  ASSERT_FALSE(intent.ok());
  EXPECT_EQ(intent.error().reason(), Reason::kForeign);
}

TEST(LandingFormat, AnIdentityComesBackAndDamageIsFound) {
  Identity identity;
  identity.log = id_of<LogId>(1);
  identity.openings = {{id_of<OpeningId>(2), 1}, {id_of<OpeningId>(3), 9}};
  const std::string bytes = encode_identity(identity);
  EXPECT_EQ(decode_identity(as_bytes(bytes)).value(), identity);
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_FALSE(decode_identity(as_bytes(damaged)).ok()) << at;
    EXPECT_FALSE(decode_identity(as_bytes(bytes.substr(0, at))).ok()) << at;
  }
}

}  // namespace
}  // namespace sluice::landing
