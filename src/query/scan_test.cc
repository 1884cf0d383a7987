#include "query/scan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "model/partition.h"
#include "model/transform.h"
#include "query/stream.h"
#include "query/table_fixture.h"

namespace sluice::query {
namespace {

using Op = Predicate::Op;
using testing::Test;

constexpr Nanos kDay = 86'400 * kSecond;

TableSpec telemetry() {
  return {
      {{"id", Type::kString}, {"time", Type::kTimestamp}, {"x", Type::kDouble}}, {"id"}, "time"};
}

Row reading(const char* id, Nanos time, double x) {
  return {make_value(id), make_time(time), make_value(x)};
}

// ---- a model that knows nothing of parts, runs and order

enum class Truth { kFalse, kUnknown, kTrue };

template <class T>
bool holds(Op op, const T& a, const T& b) {
  switch (op) {
    case Op::kEq:
      return a == b;
    case Op::kNe:
      return a != b;
    case Op::kLt:
      return a < b;
    case Op::kLe:
      return a <= b;
    case Op::kGt:
      return a > b;
    default:
      return a >= b;
  }
}

Truth test_row(const Predicate& predicate, const std::vector<Field>& columns, const Row& row) {
  if (predicate.op == Op::kNot) {
    const Truth truth = test_row(predicate.operands[0], columns, row);
    if (truth == Truth::kUnknown) return truth;
    return truth == Truth::kTrue ? Truth::kFalse : Truth::kTrue;
  }
  if (predicate.op == Op::kAnd || predicate.op == Op::kOr) {
    std::set<Truth> truths;
    for (const auto& operand : predicate.operands) truths.insert(test_row(operand, columns, row));
    return predicate.op == Op::kAnd ? *truths.begin() : *truths.rbegin();
  }
  size_t column = 0;
  while (columns[column].name != predicate.column) ++column;
  const Value& a = row[column];
  const Value& b = predicate.value;
  bool truth = false;
  if (predicate.op == Op::kIsNull || predicate.op == Op::kIsNotNull) {
    truth = a.is_null() == (predicate.op == Op::kIsNull);
  } else if (a.is_null()) {
    return Truth::kUnknown;
  } else if (a.type == Type::kBool) {
    truth = holds(predicate.op, a.boolean, b.boolean);
  } else if (a.type == Type::kDouble) {
    truth = holds(predicate.op, a.real, b.real);
  } else if (a.type == Type::kString || a.type == Type::kBinary) {
    truth = holds(predicate.op, a.bytes, b.bytes);
  } else if (b.type == Type::kDouble) {
    truth = holds(predicate.op, static_cast<long double>(a.int64), (long double){b.real});
  } else {
    truth = holds(predicate.op, a.int64, b.int64);
  }
  return truth ? Truth::kTrue : Truth::kFalse;
}

class Model {
 public:
  explicit Model(TableSpec spec) : spec_(std::move(spec)) {}

  void append(const std::vector<Row>& rows) { rows_.insert(rows_.end(), rows.begin(), rows.end()); }
  void add_column(const Field& column) {
    spec_.columns.push_back(column);
    for (Row& row : rows_) row.push_back(null_value());
  }

  std::vector<std::string> scan(const ScanOptions& options) const {
    std::vector<const Row*> rows = live();
    std::stable_sort(rows.begin(), rows.end(),
                     [&](const Row* a, const Row* b) { return place(*a) < place(*b); });
    std::vector<std::string> spelled;
    for (const Row* row : rows) {
      if (spelled.size() == options.limit) break;
      if (passes(*row, options)) spelled.push_back(spell_columns(*row, options.columns));
    }
    return spelled;
  }

 private:
  // Orders like the values: integers as big-endian text.
  static std::string order_text(const Value& value) {
    if (value.type == Type::kString || value.type == Type::kBinary) {
      std::string text;  // no value may be a prefix of what follows it
      for (const char c : value.bytes) text += c == 0 ? std::string("\0\1", 2) : std::string(1, c);
      return text + std::string("\0\0", 2);
    }
    const int64_t number = value.type == Type::kBool ? value.boolean : value.int64;
    const uint64_t word = __builtin_bswap64(static_cast<uint64_t>(number) ^ (1ull << 63));
    return std::string(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  const Value& at(const Row& row, const std::string& name) const {
    size_t column = 0;
    while (spec_.columns[column].name != name) ++column;
    return row[column];
  }
  std::string identity(const Row& row) const {
    std::string text;
    for (const std::string& name : spec_.key) text += order_text(at(row, name));
    if (!spec_.time.empty()) text += order_text(at(row, spec_.time));
    return text;
  }
  std::pair<model::PartitionTuple, std::string> place(const Row& row) const {
    model::PartitionTuple partition;
    for (const PartitionField& field : model::partition_of(spec_)) {
      partition.push_back(model::partition_value(field, at(row, field.column)));
    }
    return {std::move(partition), identity(row)};
  }
  std::vector<const Row*> live() const {
    std::map<std::string, size_t> last;
    for (size_t row = 0; row < rows_.size(); ++row) last[identity(rows_[row])] = row;
    std::vector<const Row*> rows;
    for (size_t row = 0; row < rows_.size(); ++row) {
      if (spec_.key.empty() || last[identity(rows_[row])] == row) rows.push_back(&rows_[row]);
    }
    return rows;
  }
  bool passes(const Row& row, const ScanOptions& options) const {
    if (options.from && at(row, spec_.time).int64 < *options.from) return false;
    if (options.to && at(row, spec_.time).int64 >= *options.to) return false;
    return !options.where || test_row(*options.where, spec_.columns, row) == Truth::kTrue;
  }
  std::string spell_columns(const Row& row, std::vector<std::string> columns) const {
    if (columns.empty()) {
      for (const Field& field : spec_.columns) columns.push_back(field.name);
    }
    std::string text;
    for (const auto& name : columns) text += (text.empty() ? "" : " ") + spell(at(row, name));
    return text;
  }

  TableSpec spec_;
  std::vector<Row> rows_;
};

// ---- random tables, rows and scans

class Chance {
 public:
  explicit Chance(uint64_t seed) : random_(seed) {}
  uint64_t below(uint64_t end) { return random_() % end; }
  bool one_in(uint64_t n) { return below(n) == 0; }

  Value value(Type type) {
    static const double kReals[] = {0.0,
                                    -0.0,
                                    1.5,
                                    -2.25,
                                    1e300,
                                    std::numeric_limits<double>::infinity(),
                                    std::numeric_limits<double>::quiet_NaN()};
    static const std::string kTexts[] = {"",
                                         "a",
                                         "ab",
                                         std::string("a\0b", 3),
                                         "\xc3\xa6",
                                         "a long text beyond sixteen bytes",
                                         "a long text beyond sixteen bytes too"};
    switch (type) {
      case Type::kBool:
        return make_value(one_in(2));
      case Type::kInt64:
        return one_in(20) ? make_value(one_in(2) ? INT64_MIN : INT64_MAX)
                          : make_value(static_cast<int64_t>(below(12)) - 4);
      case Type::kDouble:
        return make_value(one_in(3) ? kReals[below(std::size(kReals))]
                                    : static_cast<double>(below(10)) / 2);
      case Type::kTimestamp:
        return make_time(time());
      default:
        return make_value(kTexts[below(std::size(kTexts))], type);
    }
  }
  // A few instants a day, some apart by nanoseconds only, on both sides of 1970.
  Nanos time() {
    const auto day = static_cast<Nanos>(below(4)) - 2;
    const Nanos instants[] = {0, 1, kDay - 1, kMicrosecond, 999, 1001, 12 * 3600 * kSecond};
    return day * kDay + instants[below(nanos ? std::size(instants) : 1)] +
           static_cast<Nanos>(below(4)) * kSecond;
  }
  bool nanos = true;

  std::vector<Row> rows(const TableSpec& spec, size_t count) {
    std::vector<Row> rows(count);
    for (Row& row : rows) {
      for (const Field& field : spec.columns) {
        const bool required =
            field.name == spec.time || std::count(spec.key.begin(), spec.key.end(), field.name) > 0;
        row.push_back(!required && one_in(5) ? null_value() : value(field.type));
      }
    }
    return rows;
  }

  Predicate predicate(const std::vector<Field>& columns, int depth) {
    Predicate predicate;
    if (depth > 0 && !one_in(3)) {
      const Op ops[] = {Op::kAnd, Op::kOr, Op::kNot};
      predicate.op = ops[below(3)];
      const size_t operands = predicate.op == Op::kNot ? 1 : 2 + below(2);
      for (size_t i = 0; i < operands; ++i) {
        predicate.operands.push_back(this->predicate(columns, depth - 1));
      }
      return predicate;
    }
    const Op ops[] = {Op::kEq, Op::kNe, Op::kLt,     Op::kLe,
                      Op::kGt, Op::kGe, Op::kIsNull, Op::kIsNotNull};
    const Field& column = columns[below(columns.size())];
    predicate.op = ops[below(std::size(ops))];
    predicate.column = column.name;
    predicate.value = value(column.type);
    if (column.type == Type::kInt64 && one_in(4)) {
      const double reals[] = {2.5,
                              -0.5,
                              3.0,
                              1e19,
                              -1e19,
                              9223372036854775808.0,
                              -std::numeric_limits<double>::infinity(),
                              std::numeric_limits<double>::quiet_NaN()};
      predicate.value = make_value(reals[below(std::size(reals))]);
    }
    return predicate;
  }

  ScanOptions scan(const TableSpec& spec) {
    ScanOptions options;
    if (!one_in(3)) options.where = predicate(spec.columns, 3);
    if (!spec.time.empty() && one_in(3)) options.from = time();
    if (!spec.time.empty() && one_in(3)) options.to = time();
    if (one_in(4)) options.limit = below(8);
    for (const Field& field : spec.columns) {
      if (one_in(2)) options.columns.push_back(field.name);
    }
    std::shuffle(options.columns.begin(), options.columns.end(), random_);
    return options;
  }

 private:
  std::mt19937_64 random_;
};

TableSpec random_spec(Chance& chance) {
  TableSpec spec;
  spec.columns = {{"time", Type::kTimestamp}, {"s", Type::kString}, {"n", Type::kInt64},
                  {"x", Type::kDouble},       {"b", Type::kBool},   {"raw", Type::kBinary}};
  static const std::vector<std::string> kKeys[] = {{},    {},           {"s"},
                                                   {"n"}, {"b", "raw"}, {"raw", "n"}};
  spec.key = kKeys[chance.below(std::size(kKeys))];
  if (chance.one_in(2)) spec.time = "time";
  if (chance.one_in(3)) return spec;
  spec.partition.emplace();
  for (uint64_t tries = chance.below(12); tries > 0 && spec.partition->size() < 3; --tries) {
    PartitionField field;
    field.column = spec.columns[chance.below(spec.columns.size())].name;
    field.transform = static_cast<Transform>(chance.below(5));
    if (field.transform == Transform::kBucket) {
      field.buckets = static_cast<uint32_t>(1 + chance.below(5));
    }
    spec.partition->push_back(field);
    if (!model::check_partition(spec).ok()) spec.partition->pop_back();
  }
  return spec;
}

void compare_with_model(uint64_t seed) {
  Chance chance(seed);
  chance.nanos = !chance.one_in(3);
  const TableSpec spec = random_spec(chance);
  TestTable table(spec, {.manifests_merged_at = static_cast<uint32_t>(2 + chance.below(4))});
  table.part_rows = chance.one_in(2) ? SIZE_MAX : 1 + chance.below(30);
  table.writer.row_group_bytes = chance.one_in(2) ? 16u << 20 : 300;
  Model model(spec);
  for (uint64_t round = chance.below(8); round > 0; --round) {
    if (chance.one_in(4) && table.spec().columns.size() == spec.columns.size()) {
      table.add_columns({{"late", Type::kDouble}});
      model.add_column({"late", Type::kDouble});
    }
    for (uint64_t batches = 1 + chance.below(3); batches > 0; --batches) {
      const std::vector<Row> rows = chance.rows(table.spec(), 1 + chance.below(60));
      table.append(rows);
      model.append(rows);
    }
    if (chance.one_in(2)) table.flush();
  }
  const auto snapshot = table.snapshot();
  for (int scan = 0; scan < 25; ++scan) {
    const ScanOptions options = chance.scan(table.spec());
    const auto rows = read_rows(*snapshot, options);
    ASSERT_TRUE(rows.ok()) << rows.error().to_string();
    ASSERT_EQ(*rows, model.scan(options)) << "seed " << seed << " scan " << scan;
  }
}

TEST(Scan, AgreesWithANaiveModelOnRandomTablesAndScans) {
  for (uint64_t seed = 1; seed <= 60 && !Test::HasFatalFailure(); ++seed) compare_with_model(seed);
}

// ---- one by one

TEST(Scan, TheLastWriteWinsOverPartsAndUnflushedRows) {
  TestTable table(telemetry());
  table.append({reading("a", 1000, 1), reading("b", 1000, 1), reading("c", 1000, 1)});
  table.flush();
  table.append({reading("b", 1000, 2), reading("c", 1000, 2)});
  table.flush();
  table.append({reading("c", 1000, 3), reading("c", 1000, 4)});
  ScanOptions options;
  options.columns = {"x", "id"};
  EXPECT_EQ(table.rows(options), (std::vector<std::string>{spell(make_value(1.0)) + " 'a'",
                                                           spell(make_value(2.0)) + " 'b'",
                                                           spell(make_value(4.0)) + " 'c'"}));
}

TEST(Scan, AFilterOnAValueNeverBringsAReplacedRowBack) {
  TestTable table(telemetry());
  table.append({reading("a", 0, 1)});
  table.flush();
  table.append({reading("a", 0, 100)});
  table.flush();
  EXPECT_TRUE(table.rows("x < 50").empty());
  EXPECT_EQ(table.rows("x > 50").size(), 1u);
}

TEST(Scan, SystemColumnsAreNeitherShownNorFound) {
  TestTable table(telemetry());
  table.append({reading("a", 1, 1)});
  table.flush();
  EXPECT_EQ(table.rows()[0], "'a' 1 " + spell(make_value(1.0)));
  for (const char* name : {"_version", "_time_ns", "nothing"}) {
    ScanOptions options;
    options.columns = {name};
    const auto cursor = table.snapshot()->scan(options);
    ASSERT_FALSE(cursor.ok());
    EXPECT_EQ(cursor.error().reason(), Reason::kUnknownColumn);
    EXPECT_EQ(cursor.error().where(), name);
  }
}

TEST(Scan, FromAndToNeedATimeColumn) {
  TestTable table({{{"id", Type::kString}}, {}, {}});
  ScanOptions options;
  options.from = 0;
  EXPECT_EQ(table.snapshot()->scan(options).error().reason(), Reason::kMissingColumn);
}

TEST(Scan, DaysAndPartsThatCannotPassAreNotOpened) {
  TestTable table(telemetry());
  table.part_rows = 10;
  std::vector<Row> rows;
  for (int day = 0; day < 3; ++day) {
    for (int device = 0; device < 30; ++device) {
      const std::string id = "d" + std::to_string(100 + device);
      rows.push_back(reading(id.c_str(), day * kDay, device));
    }
  }
  table.append(rows);
  table.flush();
  ScanOptions options;
  options.from = kDay;
  options.to = 2 * kDay;
  options.where = parse_predicate("id = 'd105'").value();
  EXPECT_EQ(table.rows(options).size(), 1u);
  const uint64_t opened = table.bucket.parts_opened;
  options.where = parse_predicate("x = 5").value();
  EXPECT_EQ(table.rows(options).size(), 1u);
  EXPECT_EQ(table.bucket.parts_opened - opened, 3 * opened);
}

TEST(Scan, WithoutKeyEveryColumnPrunes) {
  TestTable table({{{"x", Type::kInt64}}, {}, {}});
  for (int part = 0; part < 5; ++part) {
    table.append({{make_value(part)}});
    table.flush();
  }
  EXPECT_EQ(table.rows("x = 3"), std::vector<std::string>{"3"});
  const uint64_t one = table.bucket.parts_opened;
  EXPECT_EQ(table.rows().size(), 5u);
  EXPECT_EQ(table.bucket.parts_opened - one, 5 * one);
}

TEST(Scan, ALimitEndsTheReading) {
  TestTable table({{{"x", Type::kInt64}}, {}, {}});
  for (int part = 0; part < 5; ++part) {
    table.append({{make_value(part)}, {make_value(part)}});
    table.flush();
  }
  ScanOptions options;
  options.limit = 3;
  EXPECT_EQ(table.rows(options), (std::vector<std::string>{"0", "0", "1"}));
  const uint64_t two_parts = table.bucket.parts_opened;
  options.limit = 0;
  EXPECT_TRUE(table.rows(options).empty());
  EXPECT_EQ(table.bucket.parts_opened, two_parts);
  options.limit = UINT64_MAX;
  EXPECT_EQ(table.rows(options).size(), 10u);
  EXPECT_GT(table.bucket.parts_opened - two_parts, two_parts);
}

TEST(Scan, WithoutKeyAndTimeRowsComeInTheOrderOfCommits) {
  TestTable table({{{"x", Type::kInt64}}, {}, {}}, {.manifests_merged_at = 4});
  table.part_rows = 1;
  std::vector<std::string> expected;
  for (const int rows : {1, 1, 20, 1, 1, 1}) {  // the long manifest is not merged
    std::vector<Row> added;
    for (int row = 0; row < rows; ++row) {
      added.push_back({make_value(static_cast<int>(expected.size()))});
      expected.push_back(std::to_string(expected.size()));
    }
    table.append(added);
    table.flush();
  }
  EXPECT_EQ(table.rows(), expected);
}

TEST(Scan, LongRowsComeInBatchesThatFit) {
  TestTable table({{{"id", Type::kInt64}, {"text", Type::kString}}, {"id"}, {}});
  const std::string text(3u << 20, 'x');
  for (int part = 0; part < 12; ++part) {
    table.append(
        {{make_value(part), make_value(text)}, {make_value(100 - part), make_value(text)}});
    table.flush();
  }
  table.append({{make_value(50), make_value(text)}});
  const auto snapshot = table.snapshot();
  const auto cursor = snapshot->scan({}).value();
  uint32_t rows = 0;
  while (const auto batch = cursor->next().value()) {
    EXPECT_LT(batch->bytes().size(), 8u << 20);
    rows += batch->rows();
  }
  EXPECT_EQ(rows, 25u);
}

TEST(Scan, BucketsAndValuesThatCannotPassAreNotOpened) {
  TableSpec spec = {{{"id", Type::kString}, {"region", Type::kString}, {"n", Type::kInt64}},
                    {},
                    {},
                    {{{"region", Transform::kIdentity, 0}, {"id", Transform::kBucket, 8}}}};
  TestTable table(spec, {.manifests_merged_at = 100});
  const std::vector<std::string> regions = {"", "007", "a/b", "null", "=%2F"};
  for (size_t region = 0; region <= regions.size(); ++region) {
    std::vector<Row> rows;
    for (int id = 0; id < 50; ++id) {
      rows.push_back({make_value("id" + std::to_string(id)),
                      region < regions.size() ? make_value(regions[region]) : null_value(),
                      make_value(id)});
    }
    table.append(rows);
    table.flush();  // a manifest of eight parts
  }
  const auto opened = [&](std::string_view where, size_t rows) {
    table.bucket.parts_opened = table.bucket.manifests_opened = 0;
    EXPECT_EQ(table.rows(where).size(), rows) << where;
    return std::pair(table.bucket.manifests_opened, table.bucket.parts_opened);
  };
  using Opened = std::pair<uint64_t, uint64_t>;
  EXPECT_EQ(opened("region = 'a/b' and id = 'id7'", 1), (Opened{1, 1}));
  EXPECT_EQ(opened("region = '' and (id = 'id7' or id = 'id7x')", 1).first, 1u);
  EXPECT_EQ(opened("region is null", 50), (Opened{1, 8}));
  EXPECT_EQ(opened("region is not null and id = 'id7'", 5), (Opened{5, 5}));
  EXPECT_EQ(opened("region = 'b'", 0), (Opened{0, 0}));
  EXPECT_EQ(opened("not (region <> 'null')", 50), (Opened{1, 8}));
  EXPECT_EQ(opened("region <> '007' and id = 'id7'", 4), (Opened{4, 4}));
}

TEST(Scan, HundredPartsOfOnePartitionAreMerged) {
  TestTable table(telemetry());
  for (int part = 0; part < 100; ++part) {
    table.append({reading("same", 0, part), reading(("d" + std::to_string(part)).c_str(), 0, 0)});
    table.flush();
  }
  EXPECT_EQ(table.rows().size(), 101u);
  EXPECT_EQ(table.rows("id = 'same'"),
            std::vector<std::string>{"'same' 0 " + spell(make_value(99.0))});
}

TEST(Scan, PartsShareWhatTheyHold) {
  EXPECT_EQ(share_of(1, 4).ahead_bytes, part::ReadOptions().ahead_bytes);
  EXPECT_EQ(share_of(1, 4).batch_rows, part::ReadOptions().batch_rows);
  for (const size_t parts : {10u, 300u, 1000u, 4000u}) {
    for (const size_t columns : {1u, 2u}) {
      const part::ReadOptions share = share_of(parts, columns);
      EXPECT_LE(parts * columns * share.ahead_bytes, 32u << 20) << parts;
      EXPECT_LE(parts * share.batch_rows, 262'144u) << parts;
      EXPECT_LE(parts * share.batch_text_bytes, 32u << 20) << parts;
      EXPECT_GE(share.batch_rows, 64u) << parts;
    }
  }
}

TEST(Scan, AnErrorStays) {
  TestTable table({{{"x", Type::kInt64}}, {}, {}});
  table.append({{make_value(1)}});
  table.flush();
  const auto snapshot = table.snapshot();
  EXPECT_EQ(read_rows(*snapshot, {}).value().size(), 1u);
  const auto cursor = snapshot->scan({}).value();
  table.bucket.broken = true;
  EXPECT_EQ(cursor->next().error().code(), Code::kIo);
  table.bucket.broken = false;
  EXPECT_EQ(cursor->next().error().code(), Code::kIo);
}

TEST(Scan, ADamagedPartIsNamed) {
  TestTable table(telemetry());
  table.append({reading("a", 1, 1)});
  table.flush();
  for (auto& [key, bytes] : table.bucket.objects) {
    if (key.ends_with(".parquet")) bytes.back() ^= 0x40;
  }
  const auto rows = read_rows(*table.snapshot(), {});
  ASSERT_FALSE(rows.ok());
  EXPECT_TRUE(rows.error().where().ends_with(".parquet")) << rows.error().to_string();
}

}  // namespace
}  // namespace sluice::query
