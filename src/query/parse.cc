// The texts of a query (sluice/snapshot.h).
//
//   predicate  := both { 'or' both }
//   both       := one { 'and' one }
//   one        := 'not' one | '(' predicate ')' | column test
//   test       := 'is' ['not'] 'null' | ('=' | '!=' | '<>' | '<' | '<=' | '>' | '>=') literal
//   literal    := number | text | 'true' | 'false'
//   column     := word that is no keyword | name
//   aggregates := aggregate { ',' aggregate }
//   aggregate  := 'count' '(' '*' ')' | function '(' column ')'
//   function   := 'count' | 'sum' | 'avg' | 'min' | 'max' | 'first' | 'last'
//   order      := term { ',' term }
//   term       := (column | aggregate) [':' ('asc' | 'desc')]
#include <array>
#include <charconv>
#include <utility>

#include "query/lexer.h"
#include "sluice/snapshot.h"
#include "sluice/time_text.h"

namespace sluice {

namespace {

using query::Lexer;
using query::Token;
using Op = Predicate::Op;

constexpr int kNestingMax = 64;

constexpr std::array<std::string_view, 7> kKeywords = {"and",  "or",   "not",  "is",
                                                       "null", "true", "false"};
constexpr std::array<std::pair<std::string_view, Op>, 7> kComparisons = {{
    {"=", Op::kEq},
    {"!=", Op::kNe},
    {"<>", Op::kNe},
    {"<", Op::kLt},
    {"<=", Op::kLe},
    {">", Op::kGt},
    {">=", Op::kGe},
}};
constexpr std::array<std::pair<std::string_view, Aggregate::Function>, 7> kFunctions = {{
    {"count", Aggregate::Function::kCount},
    {"sum", Aggregate::Function::kSum},
    {"avg", Aggregate::Function::kAvg},
    {"min", Aggregate::Function::kMin},
    {"max", Aggregate::Function::kMax},
    {"first", Aggregate::Function::kFirst},
    {"last", Aggregate::Function::kLast},
}};

Result<std::string> parse_column(Lexer& lexer) {
  bool is_column = lexer.token().kind == Token::Kind::kName;
  if (lexer.token().kind == Token::Kind::kWord) {
    is_column = true;
    for (const std::string_view keyword : kKeywords) is_column &= !lexer.at_keyword(keyword);
  }
  if (!is_column || lexer.token().text.empty()) return lexer.expected("the name of a column");
  std::string column = lexer.token().text;
  lexer.advance();
  return column;
}

/// The whole text as one number; nothing if it is none, or too large or too small.
template <class T>
std::optional<T> number_of(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<Value> parse_literal(Lexer& lexer) {
  Value value;
  const Token& token = lexer.token();
  if (token.kind == Token::Kind::kText) {
    value.type = Type::kString;
    value.bytes = token.text;
  } else if (lexer.at_keyword("true") || lexer.at_keyword("false")) {
    value.type = Type::kBool;
    value.boolean = lexer.at_keyword("true");
  } else if (lexer.at_keyword("null")) {
    return lexer.expected("a value (nulls are found by `is null`)");
  } else if (const auto whole = number_of<int64_t>(token.text);
             whole && token.kind == Token::Kind::kNumber) {
    value.type = Type::kInt64;
    value.int64 = *whole;
  } else if (const auto real = number_of<double>(token.text);
             real && token.kind == Token::Kind::kNumber) {
    value.type = Type::kDouble;
    value.real = *real;
  } else {
    return lexer.expected("a number, a 'text', true or false");
  }
  lexer.advance();
  return value;
}

class PredicateParser {
 public:
  explicit PredicateParser(std::string_view text) : lexer_(text) {}

  Result<Predicate> parse() {
    Predicate predicate = TRY(parse_any(0));
    if (!lexer_.at_end()) return lexer_.expected("`and`, `or` or the end");
    return predicate;
  }

 private:
  Result<Predicate> parse_any(int depth) {
    std::vector<Predicate> operands;
    do {
      operands.push_back(TRY(parse_both(depth)));
    } while (lexer_.take_keyword("or"));
    return join(Op::kOr, std::move(operands));
  }

  Result<Predicate> parse_both(int depth) {
    std::vector<Predicate> operands;
    do {
      operands.push_back(TRY(parse_one(depth)));
    } while (lexer_.take_keyword("and"));
    return join(Op::kAnd, std::move(operands));
  }

  Result<Predicate> parse_one(int depth) {
    if (depth == kNestingMax) return lexer_.expected("fewer parentheses and `not`s");
    if (lexer_.take_keyword("not")) {
      Predicate negation;
      negation.op = Op::kNot;
      negation.operands.push_back(TRY(parse_one(depth + 1)));
      return negation;
    }
    if (!lexer_.take_sign("(")) return parse_test();
    Predicate predicate = TRY(parse_any(depth + 1));
    if (!lexer_.take_sign(")")) return lexer_.expected("`and`, `or` or `)`");
    return predicate;
  }

  Result<Predicate> parse_test() {
    Predicate test;
    test.column = TRY(parse_column(lexer_));
    if (lexer_.take_keyword("is")) {
      test.op = lexer_.take_keyword("not") ? Op::kIsNotNull : Op::kIsNull;
      if (!lexer_.take_keyword("null")) return lexer_.expected("`null`");
      return test;
    }
    for (const auto& [sign, op] : kComparisons) {
      if (!lexer_.take_sign(sign)) continue;
      test.op = op;
      test.value = TRY(parse_literal(lexer_));
      return test;
    }
    return lexer_.expected("= != < <= > >= or `is`");
  }

  static Predicate join(Op op, std::vector<Predicate> operands) {
    if (operands.size() == 1) return std::move(operands.front());
    Predicate predicate;
    predicate.op = op;
    predicate.operands = std::move(operands);
    return predicate;
  }

  Lexer lexer_;
};

Result<Aggregate> parse_aggregate(std::string_view text, Lexer& lexer) {
  Aggregate aggregate;
  const size_t begin = lexer.token().offset;
  bool known = false;
  for (const auto& [name, function] : kFunctions) {
    if (known || !lexer.take_keyword(name)) continue;
    aggregate.function = function;
    known = true;
  }
  if (!known) return lexer.expected("count, sum, avg, min, max, first or last");
  if (!lexer.take_sign("(")) return lexer.expected("`(`");
  if (aggregate.function != Aggregate::Function::kCount || !lexer.take_sign("*")) {
    aggregate.column = TRY(parse_column(lexer));
  }
  if (!lexer.at_sign(")")) return lexer.expected("`)`");
  aggregate.label = text.substr(begin, lexer.token().end - begin);
  lexer.advance();
  return aggregate;
}

bool begins_aggregate(Lexer lexer) {
  lexer.advance();
  return lexer.at_sign("(");
}

Result<OrderTerm> parse_term(std::string_view text, Lexer& lexer) {
  OrderTerm term;
  if (begins_aggregate(lexer)) {
    term.column = TRY(parse_aggregate(text, lexer)).label;
  } else {
    term.column = TRY(parse_column(lexer));
  }
  if (!lexer.take_sign(":")) return term;
  if (lexer.take_keyword("desc")) {
    term.direction = OrderTerm::Direction::kDescending;
  } else if (!lexer.take_keyword("asc")) {
    return lexer.expected("asc or desc");
  }
  return term;
}

}  // namespace

Result<Predicate> parse_predicate(std::string_view text) {
  return PredicateParser(text).parse();
}

Result<std::vector<Aggregate>> parse_aggregates(std::string_view text) {
  Lexer lexer(text);
  std::vector<Aggregate> aggregates;
  do {
    aggregates.push_back(TRY(parse_aggregate(text, lexer)));
  } while (lexer.take_sign(","));
  if (!lexer.at_end()) return lexer.expected("`,` or the end");
  return aggregates;
}

Result<std::vector<OrderTerm>> parse_order(std::string_view text) {
  Lexer lexer(text);
  std::vector<OrderTerm> order;
  do {
    order.push_back(TRY(parse_term(text, lexer)));
  } while (lexer.take_sign(","));
  if (!lexer.at_end()) return lexer.expected("`:desc`, `,` or the end");
  return order;
}

Result<AsOf> parse_as_of(std::string_view text) {
  AsOf as_of;
  as_of.snapshot_id = number_of<uint64_t>(text);
  if (as_of.snapshot_id) return as_of;
  constexpr std::string_view kTag = "tag:";
  if (text.starts_with(kTag) && text.size() > kTag.size()) {
    as_of.tag = text.substr(kTag.size());
    return as_of;
  }
  const ParsedTime parsed = parse_time(text);
  as_of.time = parsed.time;
  if (parsed.fault == TimeFault::kNone) return as_of;
  return Error(Code::kInvalid,
               std::string(to_string(parsed.fault)) +
                   "; write 2026-11-21T10:00:00Z, the id of a snapshot, or tag:NAME");
}

}  // namespace sluice
