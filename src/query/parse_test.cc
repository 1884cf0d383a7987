#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "query/rows_fixture.h"
#include "sluice/snapshot.h"

namespace sluice::query {
namespace {

using Op = Predicate::Op;

/// Fully in parentheses, literals with their types.
std::string spell(const Predicate& predicate) {
  static const char* kOps[] = {"and", "or", "not", "=",       "<>",         "<",
                               "<=",  ">",  ">=",  "is null", "is not null"};
  const std::string op = kOps[static_cast<size_t>(predicate.op)];
  if (predicate.op == Op::kNot) return "(not " + spell(predicate.operands[0]) + ")";
  if (predicate.op == Op::kAnd || predicate.op == Op::kOr) {
    std::string text;
    for (const Predicate& operand : predicate.operands) {
      text += (text.empty() ? "(" : " " + op + " ") + spell(operand);
    }
    return text + ")";
  }
  std::string text = "[" + predicate.column + "] " + op;
  if (predicate.op != Op::kIsNull && predicate.op != Op::kIsNotNull) {
    text +=
        " " + std::string(to_string(predicate.value.type)) + " " + query::spell(predicate.value);
  }
  return text;
}

std::string parsed(std::string_view text) {
  const auto predicate = parse_predicate(text);
  return predicate.ok() ? spell(*predicate) : predicate.error().to_string();
}

TEST(ParsePredicate, UnderstandsTheGrammar) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {"x=1", "[x] = long 1"},
      {" x\t<>\n-1 ", "[x] <> long -1"},
      {"x != +7", "[x] <> long 7"},
      {"x<1", "[x] < long 1"},
      {"x <=1", "[x] <= long 1"},
      {"x>1", "[x] > long 1"},
      {"x>=1", "[x] >= long 1"},
      {"x = 'it''s'", "[x] = string 'it's'"},
      {"x = ''", "[x] = string ''"},
      {"x = TRUE", "[x] = bool true"},
      {"x = false", "[x] = bool false"},
      {"x is null", "[x] is null"},
      {"x IS NOT Null", "[x] is not null"},
      {"\"and\" = 1", "[and] = long 1"},
      {"\"a \"\"b\"\"\" = 1", "[a \"b\"] = long 1"},
      {"\xc3\xa6.y_2 = 1", "[\xc3\xa6.y_2] = long 1"},
      {"a=1 and b=2 and c=3", "([a] = long 1 and [b] = long 2 and [c] = long 3)"},
      {"a=1 or b=2 and c=3", "([a] = long 1 or ([b] = long 2 and [c] = long 3))"},
      {"(a=1 or b=2) and c=3", "(([a] = long 1 or [b] = long 2) and [c] = long 3)"},
      {"not a=1 and b=2", "((not [a] = long 1) and [b] = long 2)"},
      {"not not (a=1)", "(not (not [a] = long 1))"},
      {"x = 9223372036854775807", "[x] = long 9223372036854775807"},
      {"x = -9223372036854775808", "[x] = long -9223372036854775808"},
  };
  for (const auto& [text, expected] : cases) EXPECT_EQ(parsed(text), expected) << text;
}

TEST(ParsePredicate, ANumberWithFractionOrExponentOrTooLongIsADouble) {
  for (const auto& [text, value] : std::vector<std::pair<const char*, double>>{
           {"x = 1.0", 1.0},
           {"x = -.5", -0.5},
           {"x = 1e3", 1000},
           {"x = 2.5E-1", 0.25},
           {"x = 9223372036854775808", 9223372036854775808.0}}) {
    const Predicate predicate = parse_predicate(text).value();
    EXPECT_EQ(predicate.value.type, Type::kDouble) << text;
    EXPECT_EQ(predicate.value.real, value) << text;
  }
}

TEST(ParsePredicate, AnErrorSaysWhereAndWhatWasExpected) {
  struct Case {
    const char* text;
    uint64_t offset;
    const char* message;
  };
  for (const Case& c : std::vector<Case>{
           {"", 0, "expected the name of a column, found the end"},
           {"  ", 2, "expected the name of a column, found the end"},
           {"and", 0, "expected the name of a column, found `and`"},
           {"\"\" = 1", 0, "expected the name of a column, found `\"\"`"},
           {"1 = x", 0, "expected the name of a column, found `1`"},
           {"x", 1, "expected = != < <= > >= or `is`, found the end"},
           {"x = ", 4, "expected a number, a 'text', true or false, found the end"},
           {"x = y", 4, "expected a number, a 'text', true or false, found `y`"},
           {"x = 1x", 4, "expected a number, a 'text', true or false, found `1x`"},
           {"x = 1e999", 4, "expected a number, a 'text', true or false, found `1e999`"},
           {"x = null", 4, "expected a value (nulls are found by `is null`), found `null`"},
           {"x = 'abc", 4,
            "expected a number, a 'text', true or false, found a quote that is not "
            "closed"},
           {"x is 1", 5, "expected `null`, found `1`"},
           {"x = 1 y = 2", 6, "expected `and`, `or` or the end, found `y`"},
           {"x = 1 and", 9, "expected the name of a column, found the end"},
           {"(x = 1", 6, "expected `and`, `or` or `)`, found the end"},
           {"x = 1)", 5, "expected `and`, `or` or the end, found `)`"},
           {"x = 1; drop", 5,
            "expected `and`, `or` or the end, found a character that means "
            "nothing here"},
           {"x == 1", 3, "expected a number, a 'text', true or false, found `=`"},
       }) {
    const auto predicate = parse_predicate(c.text);
    ASSERT_FALSE(predicate.ok()) << c.text;
    EXPECT_EQ(predicate.error().code(), Code::kInvalid) << c.text;
    EXPECT_EQ(predicate.error().found(), c.offset) << c.text;
    EXPECT_EQ(predicate.error().message(), c.message) << c.text;
  }
}

TEST(ParsePredicate, NestingHasALimitAndChainsHaveNone) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '(') + "x = 1" + std::string(depth, ')');
  };
  EXPECT_TRUE(parse_predicate(nested(63)).ok());
  EXPECT_EQ(parse_predicate(nested(64)).error().found(), 64u);
  EXPECT_FALSE(parse_predicate(nested(1'000'000)).ok());
  std::string negations;
  for (int i = 0; i < 100'000; ++i) negations += "not ";
  EXPECT_FALSE(parse_predicate(negations + "x = 1").ok());
  std::string chain = "x = 1";
  for (int i = 0; i < 10'000; ++i) chain += " or x = 1";
  EXPECT_EQ(parse_predicate(chain).value().operands.size(), 10'001u);
}

TEST(ParsePredicate, AnyTextIsParsedOrRefused) {
  const std::vector<std::string> pieces = {"x", "and", "or", "not", "is",   "null", "(",
                                           ")", "=",   "<",  "'",   "\"",   "1",    "-",
                                           ".", "e",   " ",  "\0",  "\xff", "*"};
  std::mt19937_64 random(7);
  size_t understood = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (uint64_t i = random() % 12; i > 0; --i) text += pieces[random() % pieces.size()] + " ";
    const auto predicate = parse_predicate(text);
    understood += predicate.ok();
    if (!predicate.ok()) {
      EXPECT_LE(predicate.error().found(), text.size());
    }
  }
  EXPECT_GT(understood, 0u);
}

TEST(ParseAggregates, KeepsTheLabelsAsWritten) {
  const auto aggregates = parse_aggregates(
                              " count(*), COUNT( x ),sum(x),avg(\"a,b\") , min(count),max(x),"
                              "first(x),last(x)")
                              .value();
  ASSERT_EQ(aggregates.size(), 8u);
  using Function = Aggregate::Function;
  const std::vector<Function> functions = {Function::kCount, Function::kCount, Function::kSum,
                                           Function::kAvg,   Function::kMin,   Function::kMax,
                                           Function::kFirst, Function::kLast};
  const std::vector<std::string> columns = {"", "x", "x", "a,b", "count", "x", "x", "x"};
  const std::vector<std::string> labels = {"count(*)",   "COUNT( x )", "sum(x)",   "avg(\"a,b\")",
                                           "min(count)", "max(x)",     "first(x)", "last(x)"};
  for (size_t i = 0; i < 8; ++i) {
    EXPECT_EQ(aggregates[i].function, functions[i]);
    EXPECT_EQ(aggregates[i].column, columns[i]);
    EXPECT_EQ(aggregates[i].label, labels[i]);
  }
}

TEST(ParseAggregates, AnErrorSaysWhereAndWhatWasExpected) {
  for (const auto& [text, offset] :
       std::vector<std::pair<const char*, uint64_t>>{{"", 0},
                                                     {"median(x)", 0},
                                                     {"count", 5},
                                                     {"count()", 6},
                                                     {"sum(*)", 4},
                                                     {"sum(x", 5},
                                                     {"count(*) x", 9},
                                                     {"count(*),", 9},
                                                     {"avg(x,y)", 5},
                                                     {"min(null)", 4}}) {
    const auto aggregates = parse_aggregates(text);
    ASSERT_FALSE(aggregates.ok()) << text;
    EXPECT_EQ(aggregates.error().code(), Code::kInvalid);
    EXPECT_EQ(aggregates.error().found(), offset) << text << aggregates.error().message();
  }
}

TEST(ParseOrder, IsColumnsAndLabelsWithDirections) {
  constexpr auto kUp = OrderTerm::Direction::kAscending;
  constexpr auto kDown = OrderTerm::Direction::kDescending;
  EXPECT_EQ(
      parse_order("time:desc, temp ,\"a,b:c\":asc,avg( x ):DESC,count(*)").value(),
      (std::vector<OrderTerm>{
          {"time", kDown}, {"temp", kUp}, {"a,b:c", kUp}, {"avg( x )", kDown}, {"count(*)", kUp}}));
  for (const auto& [text, offset] : std::vector<std::pair<const char*, uint64_t>>{
           {"", 0}, {"a:", 2}, {"a:down", 2}, {"a b", 2}, {"a,", 2}, {"a:desc:asc", 6}, {"5", 0}}) {
    const auto order = parse_order(text);
    ASSERT_FALSE(order.ok()) << text;
    EXPECT_EQ(order.error().code(), Code::kInvalid);
    EXPECT_EQ(order.error().found(), offset) << text << order.error().message();
  }
}

TEST(ParseAsOf, IsATimeOrAnId) {
  EXPECT_EQ(parse_as_of("18446744073709551615")->snapshot_id, UINT64_MAX);
  EXPECT_EQ(parse_as_of("tag:release 1")->tag, "release 1");
  const AsOf as_of = parse_as_of("1970-01-01T00:00:01Z").value();
  EXPECT_FALSE(as_of.snapshot_id);
  EXPECT_EQ(as_of.time, 1'000'000'000);
  for (const char* text : {"", "yesterday", "-1", "18446744073709551616", "2020-13-01"}) {
    EXPECT_EQ(parse_as_of(text).error().code(), Code::kInvalid) << text;
  }
}

}  // namespace
}  // namespace sluice::query
