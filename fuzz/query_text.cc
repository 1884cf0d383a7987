// Any text as a predicate, a list of aggregates, an order or a moment: an error at a place within
// it, or what can be used.
//
// Input: a byte that chooses, the text.
#include "base/check.h"
#include "fuzz/target.h"
#include "query/predicate.h"
#include "query/rows_fixture.h"

namespace {

using namespace sluice;

const Batch& rows() {
  static const Batch batch = query::make_batch(
      {{"a", Type::kInt64},
       {"b", Type::kDouble},
       {"c", Type::kString},
       {"d", Type::kTimestamp},
       {"e", Type::kBool},
       {"f", Type::kBinary}},
      {{query::make_value(1), query::make_value(0.5), query::make_value("x"), query::make_time(7),
        query::make_value(true), query::make_value("y", Type::kBinary)},
       {query::null_value(), query::null_value(), query::null_value(), query::null_value(),
        query::null_value(), query::null_value()}});
  return batch;
}

void try_predicate(std::string_view text) {
  const auto predicate = parse_predicate(text);
  if (!predicate.ok()) {
    CHECK(predicate.error().found() <= text.size());
    return;
  }
  const auto bound = query::bind_predicate(*predicate, rows().schema()->fields());
  if (bound.ok()) CHECK(query::passing_rows(*bound, rows()).size() <= rows().rows());
}

template <class List>
void check_list(const Result<List>& list, std::string_view text) {
  CHECK(list.ok() ? !list->empty() : list.error().found() <= text.size());
}

void try_as_of(std::string_view text) {
  const auto moment = parse_as_of(text);
  if (moment.ok() && moment->snapshot_id) CHECK(moment->time == 0);
}

}  // namespace

std::vector<std::string> seeds() {
  return {"0a > 20 and (c = 'Oslo''s' or not e = true) and b is not null",
          "0\"a\" <> -1.5e3 or d >= '2000-01-01T00:00:00Z' or f = 'y'",
          "0not not (a = 9223372036854775807 and a < 1e400)",
          "1count(*),avg(b),min(\"a b\"),max(c), sum(a),first(c)",
          "2time:desc,temp,\"odd name\":asc,avg(b):desc",
          "38120934",
          "32024-01-01T00:00:00Z"};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  switch (bytes[0] % 4) {
    case 0:
      try_predicate(text);
      break;
    case 1:
      check_list(parse_aggregates(text), text);
      break;
    case 2:
      check_list(parse_order(text), text);
      break;
    default:
      try_as_of(text);
  }
  return 0;
}
