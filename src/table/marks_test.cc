#include "table/marks.h"

#include <gtest/gtest.h>

#include "table/fakes_test.h"

namespace sluice::table {
namespace {

Marks some_marks() {
  Marks marks;
  marks.logs = {{id_of<LogId>(1), id_of<OpeningId>(2), {7, {{"2024-01-01", 9}}}},
                {id_of<LogId>(3), id_of<OpeningId>(4), {UINT64_MAX, {}}}};
  marks.sources["a \"file\" % \xff\n"] = {5, {{std::string("p\0q", 3), 6}}};
  return marks;
}

constexpr std::string_view kGolden =
    R"({"format":0,"logs":[{"log":"00000000000000000000000000000001",)"
    R"("opening":"00000000000000000000000000000002","low-water":7,)"
    R"("exceptions":{"2024-01-01":9}},{"log":"00000000000000000000000000000003",)"
    R"("opening":"00000000000000000000000000000004","low-water":18446744073709551615,)"
    R"("exceptions":{}}],"sources":{"a \"file\" %25 %FF%0A":{"low-water":5,)"
    R"("exceptions":{"p%00q":6}}}})";

TEST(Marks, EncodeToTheGoldenTextAndBack) {
  EXPECT_EQ(some_marks().encode(), kGolden);
  const auto decoded = Marks::decode(kGolden);
  ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
  EXPECT_EQ(*decoded, some_marks());
}

TEST(Marks, CoverUpToTheHigherOfLowWaterAndException) {
  const Marks marks = some_marks();
  EXPECT_EQ(marks.flushed(id_of<LogId>(1), "2024-01-01"), 9u);
  EXPECT_EQ(marks.flushed(id_of<LogId>(1), "2024-01-02"), 7u);
  EXPECT_EQ(marks.flushed(id_of<LogId>(9), "2024-01-01"), 0u);
  EXPECT_EQ(marks.position("nobody", ""), 0u);
}

TEST(Coverage, IsRaisedToTheMaximumOfBothEverywhere) {
  Coverage coverage{5, {{"a", 8}, {"b", 6}}};
  coverage.raise({7, {{"c", 9}, {"a", 7}}});
  EXPECT_EQ(coverage, (Coverage{7, {{"a", 8}, {"c", 9}}}));
  coverage.raise({});
  EXPECT_EQ(coverage, (Coverage{7, {{"a", 8}, {"c", 9}}}));
  EXPECT_EQ(coverage.highest(), 9u);
}

TEST(Marks, RefuseANewerFormatAsUnsupported) {
  const auto decoded = Marks::decode(R"({"format":1})");
  EXPECT_EQ(decoded.error().code(), Code::kUnsupported);
  EXPECT_EQ(decoded.error().reason(), Reason::kVersion);
}

TEST(Marks, RefuseLogsOutOfOrder) {
  Marks marks = some_marks();
  std::swap(marks.logs[0], marks.logs[1]);
  EXPECT_EQ(Marks::decode(marks.encode()).error().code(), Code::kCorrupt);
}

TEST(Marks, DecodeEveryTruncationAndFlipToAValueOrAnError) {
  const std::string text(kGolden);
  for (size_t at = 0; at < text.size(); ++at) {
    EXPECT_FALSE(Marks::decode(text.substr(0, at)).ok());
    for (const char flip : {'\x01', '\x20', '\x80'}) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const auto decoded = Marks::decode(damaged);
      EXPECT_TRUE(decoded.ok() || decoded.error().code() != Code::kNotFound);
    }
  }
}

// T3: the lineage rule, case by case.
TEST(Lineage, HoldsForALogThatTheTableDoesNotKnow) {
  EXPECT_TRUE(check_lineage(some_marks(), id_of<LogId>(9), {}, 1).ok());
}

TEST(Lineage, HoldsWhileTheMarksBelongToTheirOpening) {
  const std::vector<Opening> chain = {{id_of<OpeningId>(2), 1}, {id_of<OpeningId>(5), 10}};
  EXPECT_TRUE(check_lineage(some_marks(), id_of<LogId>(1), chain, 11).ok());
}

TEST(Lineage, IsBrokenByAnOpeningThatTheLogDoesNotKnow) {
  const auto status = check_lineage(some_marks(), id_of<LogId>(1), {{id_of<OpeningId>(5), 1}}, 99);
  EXPECT_EQ(status.error().code(), Code::kFenced);
  EXPECT_EQ(status.error().reason(), Reason::kForked);
}

TEST(Lineage, IsBrokenWhenTheNextOpeningBeginsBelowTheMarks) {
  const std::vector<Opening> chain = {{id_of<OpeningId>(2), 1}, {id_of<OpeningId>(5), 9}};
  const auto status = check_lineage(some_marks(), id_of<LogId>(1), chain, 100);
  EXPECT_EQ(status.error().reason(), Reason::kForked);
  EXPECT_EQ(status.error().expected(), 9u);
  EXPECT_EQ(status.error().found(), 9u);
}

TEST(Lineage, IsBrokenByAnLsnThatTheLastOpeningHasNotGivenOut) {
  const std::vector<Opening> chain = {{id_of<OpeningId>(2), 1}};
  EXPECT_TRUE(check_lineage(some_marks(), id_of<LogId>(1), chain, 10).ok());
  EXPECT_EQ(check_lineage(some_marks(), id_of<LogId>(1), chain, 9).error().code(), Code::kFenced);
}

}  // namespace
}  // namespace sluice::table
