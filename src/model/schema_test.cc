#include "model/schema.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

namespace sluice::model {
namespace {

const std::vector<Field> kColumns = {
    {"city", Type::kString}, {"at", Type::kTimestamp}, {"temp", Type::kDouble}};

TableSpec weather() {
  return {kColumns, {"city"}, "at"};
}

SchemaPtr schema_of(std::vector<Field> fields) {
  return Schema::make(std::move(fields)).value();
}

void expect_refused(const Status& status, Reason reason, std::string_view where) {
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code(), Code::kInvalid);
  EXPECT_EQ(status.error().reason(), reason) << status.error().to_string();
  EXPECT_EQ(status.error().where(), where);
}

template <class T>
Status status_of(const Result<T>& result) {
  return result.ok() ? ok() : Status(result.error());
}

TEST(Type, IsReadFromTheNameItPrints) {
  for (uint8_t i = 0; i <= static_cast<uint8_t>(Type::kTimestamp); ++i) {
    EXPECT_EQ(parse_type(to_string(static_cast<Type>(i))), static_cast<Type>(i));
  }
  EXPECT_EQ(to_string(Type::kInt64), "long");
  EXPECT_EQ(parse_type("int"), std::nullopt);
}

TEST(Schema, FindsColumnsByName) {
  const SchemaPtr schema = schema_of(kColumns);
  EXPECT_EQ(schema->find("temp"), 2u);
  EXPECT_EQ(schema->find("Temp"), std::nullopt);
}

TEST(Schema, RefusesNamesThatAreEmptyLongTwiceOrNotUtf8) {
  EXPECT_TRUE(Schema::make({{std::string(255, 'x'), Type::kBool}}).ok());
  const std::string long_name(256, 'x');
  expect_refused(status_of(Schema::make({{long_name, Type::kBool}})), Reason::kPayloadTooLarge,
                 long_name);
  expect_refused(status_of(Schema::make({{"", Type::kBool}})), Reason::kNone, "");
  expect_refused(status_of(Schema::make({{"\xff", Type::kBool}})), Reason::kNone, "\xff");
  expect_refused(
      status_of(Schema::make({{"b", Type::kBool}, {"a", Type::kBool}, {"b", Type::kNull}})),
      Reason::kNone, "b");
}

TEST(Schema, RefusesATypeThatDoesNotExist) {
  expect_refused(status_of(Schema::make({{"a", static_cast<Type>(7)}})), Reason::kOutOfRange, "a");
}

TEST(TableName, IsReadFromWhatItPrints) {
  const TableName name = TableName::parse("my_db.Events-2").value();
  EXPECT_EQ(name.database, "my_db");
  EXPECT_EQ(name.collection, "Events-2");
  EXPECT_EQ(TableName::parse(name.to_string()).value(), name);
  const std::string longest(100, 'x');
  EXPECT_TRUE(TableName::parse(longest + "." + longest).ok());
}

TEST(TableName, RefusesWhatIsNotTwoPlainNames) {
  for (const std::string text :
       {"", ".", "a", "a.", ".a", "a.b.c", "-a.b", "a.-b", "a b.c", "a./", "\xc3\xa9.b"}) {
    EXPECT_FALSE(TableName::parse(text).ok()) << text;
  }
  EXPECT_FALSE(TableName::parse(std::string(101, 'x') + ".b").ok());
  EXPECT_FALSE(TableName::parse(std::string_view("a.b\0", 4)).ok());
}

TEST(MergeColumns, AddsWhatIsNewInItsOrder) {
  const std::vector<Field> want = {
      {"wind", Type::kDouble}, {"temp", Type::kDouble}, {"rain", Type::kBool}};
  const std::vector<Field> added = {{"wind", Type::kDouble}, {"rain", Type::kBool}};
  EXPECT_EQ(merge_columns(kColumns, want).value(), added);
  EXPECT_TRUE(merge_columns(kColumns, kColumns).value().empty());
}

TEST(MergeColumns, LeavesColumnsWithoutATypeAlone) {
  EXPECT_TRUE(
      merge_columns(kColumns, {{"temp", Type::kNull}, {"new", Type::kNull}}).value().empty());
}

TEST(MergeColumns, RefusesAnotherTypeAndReservedNames) {
  expect_refused(status_of(merge_columns(kColumns, {{"temp", Type::kInt64}})),
                 Reason::kTypeMismatch, "temp");
  expect_refused(status_of(merge_columns(kColumns, {{"_x", Type::kString}})), Reason::kNone, "_x");
  expect_refused(status_of(merge_columns(kColumns, {{"new", Type::kBool}, {"new", Type::kInt64}})),
                 Reason::kNone, "new");
}

TEST(MergeColumns, LetsExactlyRestThroughAndOnlyAsAString) {
  const Field rest{"_rest", Type::kString};
  EXPECT_EQ(merge_columns(kColumns, {rest}).value(), std::vector<Field>{rest});
  expect_refused(status_of(merge_columns(kColumns, {{"_rest", Type::kInt64}})),
                 Reason::kTypeMismatch, "_rest");
  expect_refused(status_of(merge_columns(kColumns, {{"_rest2", Type::kString}})), Reason::kNone,
                 "_rest2");
}

TEST(TableSpec, MayHaveKeyAndTimeOrNeither) {
  EXPECT_TRUE(check_table_spec(weather()).ok());
  EXPECT_TRUE(check_table_spec({kColumns, {}, "at"}).ok());
  EXPECT_TRUE(check_table_spec({kColumns, {"at", "city"}, ""}).ok());
  EXPECT_TRUE(check_table_spec({kColumns, {}, ""}).ok());
}

TEST(TableSpec, RefusesColumnsThatATableCannotHave) {
  expect_refused(check_table_spec({}), Reason::kNone, "");
  expect_refused(check_table_spec({{{"_time_ns", Type::kInt64}}, {}, ""}), Reason::kNone,
                 "_time_ns");
  expect_refused(check_table_spec({{{"a", Type::kNull}}, {}, ""}), Reason::kTypeMismatch, "a");
  expect_refused(check_table_spec({{{"a", Type::kBool}, {"a", Type::kBool}}, {}, ""}),
                 Reason::kNone, "a");
}

TEST(TableSpec, RefusesAWrongKey) {
  expect_refused(check_table_spec({kColumns, {"town"}, ""}), Reason::kMissingColumn, "town");
  expect_refused(check_table_spec({kColumns, {"temp"}, ""}), Reason::kTypeMismatch, "temp");
  expect_refused(check_table_spec({kColumns, {"city", "city"}, ""}), Reason::kNone, "city");
  expect_refused(check_table_spec({kColumns, {"city", "at"}, "at"}), Reason::kNone, "at");
}

TEST(TableSpec, RefusesAWrongTime) {
  expect_refused(check_table_spec({kColumns, {}, "when"}), Reason::kMissingColumn, "when");
  expect_refused(check_table_spec({kColumns, {}, "temp"}), Reason::kTypeMismatch, "temp");
}

TEST(TableSpec, MayStoreLongsAndDoublesInFourBytes) {
  EXPECT_TRUE(check_table_spec({kColumns, {}, "", {}, {"temp"}}).ok());
  expect_refused(check_table_spec({kColumns, {}, "", {}, {"city"}}), Reason::kTypeMismatch, "city");
  expect_refused(check_table_spec({kColumns, {}, "", {}, {"wind"}}), Reason::kMissingColumn,
                 "wind");
  expect_refused(check_table_spec({kColumns, {}, "", {}, {"temp", "temp"}}), Reason::kNone, "temp");
}

/// One batch of `fields` in which column i of row r is null where nulls[r][i] == 'n'.
Batch batch_of(const std::vector<Field>& fields, const std::vector<std::string>& nulls) {
  BatchBuilder builder(schema_of(fields));
  for (const std::string& row : nulls) {
    for (size_t i = 0; i < fields.size(); ++i) {
      const Type type = fields[i].type;
      if (row[i] == 'n' || type == Type::kNull) {
        builder.append_null(i);
      } else if (type == Type::kString) {
        builder.append_bytes(i, "x");
      } else if (type == Type::kTimestamp) {
        builder.append_timestamp(i, 1);
      } else {
        builder.append_double(i, 1);
      }
    }
  }
  return builder.finish().value();
}

TEST(BatchFits, WithFewerColumnsInAnyOrderAndNullsBesideTheKey) {
  EXPECT_TRUE(check_batch_fits(weather(), batch_of(kColumns, {"...", "..n"})).ok());
  EXPECT_TRUE(check_batch_fits(
                  weather(), batch_of({{"at", Type::kTimestamp}, {"city", Type::kString}}, {".."}))
                  .ok());
  EXPECT_TRUE(check_batch_fits(weather(), batch_of({{"temp", Type::kNull},
                                                    {"city", Type::kString},
                                                    {"at", Type::kTimestamp}},
                                                   {"..."}))
                  .ok());
}

TEST(BatchFits, NotWithAnUnknownColumnOrAnotherType) {
  std::vector<Field> fields = kColumns;
  fields[2] = {"wind", Type::kDouble};
  expect_refused(check_batch_fits(weather(), batch_of(fields, {"..."})), Reason::kUnknownColumn,
                 "wind");
  fields[2] = {"temp", Type::kString};
  expect_refused(check_batch_fits(weather(), batch_of(fields, {"..."})), Reason::kTypeMismatch,
                 "temp");
}

TEST(BatchFits, NotWithoutKeyOrTime) {
  expect_refused(check_batch_fits(weather(), batch_of({{"city", Type::kString}}, {"."})),
                 Reason::kMissingColumn, "at");
  expect_refused(check_batch_fits(weather(), batch_of({{"at", Type::kTimestamp}}, {"."})),
                 Reason::kMissingColumn, "city");
}

TEST(BatchFits, NotWithANullInKeyOrTime) {
  const Status in_key = check_batch_fits(weather(), batch_of(kColumns, {"...", "...", "n.."}));
  expect_refused(in_key, Reason::kNullKey, "city");
  EXPECT_EQ(in_key.error().found(), 2u);
  const Status in_time = check_batch_fits(weather(), batch_of(kColumns, {"...", ".n."}));
  expect_refused(in_time, Reason::kNullKey, "at");
  EXPECT_EQ(in_time.error().found(), 1u);
  const std::vector<Field> untyped = {{"city", Type::kNull}, {"at", Type::kTimestamp}};
  expect_refused(check_batch_fits(weather(), batch_of(untyped, {".."})), Reason::kNullKey, "city");
}

TEST(BatchFits, NotWithAValueThatFourBytesDoNotHold) {
  const TableSpec narrow{{{"n", Type::kInt64}, {"f", Type::kDouble}}, {}, "", {}, {"n", "f"}};
  const auto fits = [&](int64_t whole, double real) {
    BatchBuilder builder(schema_of(narrow.columns));
    builder.append_row(std::nullopt, std::nullopt);
    builder.append_row(whole, real);
    return check_batch_fits(narrow, builder.finish().value());
  };
  EXPECT_TRUE(fits(INT32_MAX, std::numeric_limits<float>::max()).ok());
  EXPECT_TRUE(fits(INT32_MIN, -INFINITY).ok());
  EXPECT_TRUE(fits(0, std::nan("")).ok());
  EXPECT_TRUE(fits(0, static_cast<double>(0.1f)).ok());
  for (const int64_t whole : {int64_t{INT32_MAX} + 1, int64_t{INT32_MIN} - 1, INT64_MAX}) {
    expect_refused(fits(whole, 0), Reason::kOutOfRange, "n");
    EXPECT_EQ(fits(whole, 0).error().found(), 1u);
  }
  for (const double real : {0.1, 1e39, -1e300, 16777217.0}) {
    expect_refused(fits(0, real), Reason::kOutOfRange, "f");
  }
}

}  // namespace
}  // namespace sluice::model
