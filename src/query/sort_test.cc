#include "query/sort.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "query/table_fixture.h"

namespace sluice::query {
namespace {

constexpr Nanos kDay = 86'400 * kSecond;
using Texts = std::vector<std::string>;

TableSpec telemetry() {
  return {{{"id", Type::kString},
           {"time", Type::kTimestamp},
           {"x", Type::kDouble},
           {"s", Type::kString}},
          {"id"},
          "time"};
}
TableSpec without_key() {
  TableSpec spec = telemetry();
  spec.key.clear();
  return spec;
}
TableSpec without_time() {
  TableSpec spec = telemetry();
  spec.time.clear();
  return spec;
}
TableSpec without_both() {
  TableSpec spec = without_key();
  spec.time.clear();
  return spec;
}

/// About 24000 rows of three days, in parts that overlap, and some that are not flushed.
void fill(TestTable& table, uint32_t seed) {
  std::mt19937 random(seed);
  table.part_rows = 4000;
  for (int round = 0; round < 4; ++round) {
    std::vector<Row> rows;
    for (int i = 0; i < 6000; ++i) {
      const Value x = random() % 5 == 0 ? null_value() : make_value(double(random() % 50));
      rows.push_back({make_value("device " + std::to_string(random() % 40)),
                      make_time(random() % (3 * 86'400) * kSecond), x,
                      make_value(std::string(random() % 30, 'a'))});
    }
    table.append(rows);
    if (round < 3) table.flush();
  }
}

ScanOptions ordered(std::string_view order, uint64_t limit = UINT64_MAX,
                    uint64_t limit_per_key = UINT64_MAX) {
  ScanOptions options;
  if (!order.empty()) options.order = parse_order(order).value();
  options.limit = limit;
  options.limit_per_key = limit_per_key;
  return options;
}

/// All rows in the order of the scan, sorted stably: what the library must yield.
Texts naively_sorted(TestTable& table, const ScanOptions& options) {
  struct Full {
    std::string id;
    std::vector<std::pair<bool, std::string>> terms;  // is null, value as ordered text
    std::string text;
  };
  std::vector<Full> rows;
  const auto snapshot = table.snapshot();
  for (const Batch& batch : read_batches(snapshot->scan({})).value()) {
    Texts texts;
    spell_rows(batch, texts);
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      Full& full = rows.emplace_back();
      full.id = batch.column(0).bytes(row);
      full.text = texts[row];
      for (const OrderTerm& term : options.order) {
        const ColumnView view = batch.column(*batch.schema()->find(
            term.column == "key" ? std::string_view("id") : std::string_view(term.column)));
        std::string value;
        if (view.type == Type::kDouble) value = std::to_string(1'000'000 + view.real(row));
        if (view.type == Type::kTimestamp) value = std::to_string(INT64_MAX / 2 + view.int64(row));
        if (view.type == Type::kString) value = view.bytes(row);
        full.terms.push_back({view.is_null(row), value});
      }
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const Full& a, const Full& b) {
    for (size_t at = 0; at < options.order.size(); ++at) {
      if (a.terms[at] == b.terms[at]) continue;
      if (a.terms[at].first || b.terms[at].first) return b.terms[at].first && !a.terms[at].first;
      const bool less = a.terms[at].second < b.terms[at].second;
      return (options.order[at].direction == OrderTerm::Direction::kAscending) == less;
    }
    return false;
  });
  std::map<std::string, uint64_t> taken;
  Texts texts;
  for (const Full& row : rows) {
    if (texts.size() < options.limit && taken[row.id]++ < options.limit_per_key) {
      texts.push_back(row.text);
    }
  }
  return texts;
}

/// A table, and its partition or "".
using Sortable = std::pair<TableSpec (*)(), const char*>;
class Sorted : public testing::TestWithParam<Sortable> {};
INSTANTIATE_TEST_SUITE_P(Tables, Sorted,
                         testing::Values(Sortable{telemetry, ""}, Sortable{without_key, ""},
                                         Sortable{without_time, ""}, Sortable{without_both, ""},
                                         Sortable{telemetry, "none"}, Sortable{telemetry, "id"},
                                         Sortable{telemetry, "day(time),bucket(3,id)"},
                                         Sortable{without_key, "bucket(2,id),month(time)"},
                                         Sortable{without_key, "hour(time)"},
                                         Sortable{without_time, "bucket(5,id)"},
                                         Sortable{without_both, "s,day(time)"}));

TEST_P(Sorted, RowsAreThoseOfAStableSortWhateverTheMemory) {
  TableSpec spec = GetParam().first();
  const std::string_view partition = GetParam().second;
  if (!partition.empty()) spec.partition = parse_partition(partition).value();
  TestTable table(spec);
  fill(table, 11);
  std::vector<ScanOptions> all = {
      ordered("x"),    ordered("x:desc,s", 100),     ordered("id:desc", 9000),
      ordered("time"), ordered("time:desc,x", 7000), ordered("s,time:desc", 1),
      ordered("x", 0)};
  if (!spec.key.empty()) {
    for (const char* order : {"", "time:desc", "x,time", "key:desc,s"}) {
      for (const uint64_t per_key : {0, 1, 100}) all.push_back(ordered(order, UINT64_MAX, per_key));
      all.push_back(ordered(order, 1000, 30));
    }
  }
  for (ScanOptions& options : all) {
    const Texts expected = naively_sorted(table, options);
    for (const uint64_t memory_bytes : {kQueryMemoryDefault, kQueryMemoryMin}) {
      options.memory_bytes = memory_bytes;
      ASSERT_EQ(table.rows(options), expected);
    }
  }
}

TEST(Sort, AShortLimitNeedsOneReadingAndFewDaysIfTimeLeads) {
  TestTable table(telemetry());
  fill(table, 3);
  table.flush();
  const auto opened = [&](ScanOptions options) {
    options.memory_bytes = kQueryMemoryMin;
    table.bucket.parts_opened = 0;
    table.rows(options);
    return table.bucket.parts_opened;
  };
  const uint64_t once = opened(ordered(""));
  EXPECT_EQ(opened(ordered("x:desc,s", 100)), once);
  EXPECT_LT(opened(ordered("time:desc", 100)), once);
  EXPECT_GT(opened(ordered("x:desc")), 2 * once);
  EXPECT_EQ(opened(ordered("time:desc", UINT64_MAX, 1)), once);
}

TEST(Sort, AnOrderThatTheScanHasAnywayIsNotSorted) {
  TestTable table(without_key());
  fill(table, 3);
  table.flush();
  ScanOptions options = ordered("time");
  options.memory_bytes = kQueryMemoryMin;
  table.bucket.parts_opened = 0;
  const Texts rows = table.rows(options);
  const uint64_t opened = table.bucket.parts_opened;
  table.bucket.parts_opened = 0;
  EXPECT_EQ(table.rows(), rows);
  EXPECT_EQ(table.bucket.parts_opened, opened);
}

TEST(Sort, ColumnsOfTheOrderNeedNotBeAskedFor) {
  TestTable table(without_both());
  table.append({{make_value("a"), make_time(1), make_value(2.0), make_value("q")},
                {make_value("b"), make_time(2), make_value(1.0), make_value("r")}});
  ScanOptions options = ordered("x");
  options.columns = {"s"};
  EXPECT_EQ(table.rows(options), (Texts{"'r'", "'q'"}));
}

TEST(Sort, ALimitPerKeyNeedsAKeyAndMemoryForTheKeys) {
  TestTable keyless(without_key());
  const auto refused = keyless.snapshot();
  EXPECT_EQ(refused->scan(ordered("", UINT64_MAX, 1)).error().reason(), Reason::kMissingColumn);
  TestTable table(telemetry());
  std::vector<Row> rows;
  for (int i = 0; i < 20'000; ++i) {
    rows.push_back({make_value("device " + std::to_string(i)), make_time(i % 2 * kDay),
                    make_value(1.0), make_value("s")});
  }
  table.append(rows);
  ScanOptions options = ordered("time", UINT64_MAX, 1);
  const auto snapshot = table.snapshot();
  EXPECT_EQ(read_rows(*snapshot, options)->size(), 20'000u);
  options.memory_bytes = kQueryMemoryMin;
  const auto error = read_rows(*snapshot, options).error();
  EXPECT_EQ(error.code(), Code::kInvalid);
  EXPECT_EQ(error.reason(), Reason::kOutOfRange);
}

TEST(Sort, OrdersNameColumnsOfTheTable) {
  TestTable table(without_both());
  const auto snapshot = table.snapshot();
  for (const char* order : {"nope", "time,key"}) {
    EXPECT_EQ(snapshot->scan(ordered(order)).error().reason(), Reason::kUnknownColumn) << order;
  }
  EXPECT_TRUE(snapshot->scan(ordered("time")).ok()) << "a column of that name";
}

}  // namespace
}  // namespace sluice::query
