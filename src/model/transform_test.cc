#include "model/transform.h"

#include <gtest/gtest.h>

#include <random>

#include "sluice/time_text.h"

namespace sluice::model {
namespace {

constexpr Nanos kHour = 3'600 * kSecond;
constexpr Nanos kDay = 24 * kHour;

Value time_of(Nanos time) {
  Value value;
  value.type = Type::kTimestamp;
  value.int64 = time;
  return value;
}

Value time_of(std::string_view text) {
  return time_of(parse_time(text).time);
}

Value long_of(int64_t number) {
  Value value;
  value.type = Type::kInt64;
  value.int64 = number;
  return value;
}

Value text_of(std::string bytes, Type type = Type::kString) {
  Value value;
  value.type = type;
  value.bytes = std::move(bytes);
  return value;
}

int64_t number(Transform transform, const Value& value, uint32_t buckets = 0) {
  const PartitionValue found = partition_value({"c", transform, buckets}, value);
  EXPECT_TRUE(found.is_number());
  return found.number;
}

TEST(Transform, BucketsTakeTheHashWithoutItsSign) {
  EXPECT_EQ(number(Transform::kBucket, text_of("iceberg"), 16), 1210000089 % 16);
  EXPECT_EQ(number(Transform::kBucket, long_of(34), 100), 2017239379 % 100);
  EXPECT_EQ(number(Transform::kBucket, text_of(std::string("\0\1\2\3", 4), Type::kBinary), 1000),
            (-188683207 & 0x7fffffff) % 1000);
  EXPECT_EQ(number(Transform::kBucket, time_of("2017-11-16T22:31:08.000000999Z"), 7),
            (-2047944441 & 0x7fffffff) % 7);
  EXPECT_EQ(number(Transform::kBucket, long_of(INT64_MIN), 1), 0);
}

TEST(Transform, TimesAreFlooredOnBothSidesOf1970) {
  const auto all = [](Nanos time) {
    return std::vector<int64_t>{
        number(Transform::kDay, time_of(time)), number(Transform::kHour, time_of(time)),
        number(Transform::kMonth, time_of(time)), number(Transform::kIdentity, time_of(time))};
  };
  using Numbers = std::vector<int64_t>;
  EXPECT_EQ(all(0), (Numbers{0, 0, 0, 0}));
  EXPECT_EQ(all(kDay - 1), (Numbers{0, 23, 0, 86'399'999'999}));
  EXPECT_EQ(all(kDay), (Numbers{1, 24, 0, 86'400'000'000}));
  EXPECT_EQ(all(31 * kDay), (Numbers{31, 744, 1, 2'678'400'000'000}));
  EXPECT_EQ(all(-1), (Numbers{-1, -1, -1, -1}));
  EXPECT_EQ(all(-kDay), (Numbers{-1, -24, -1, -86'400'000'000}));
  EXPECT_EQ(all(-31 * kDay - 1), (Numbers{-32, -745, -2, -2'678'400'000'001}));
  EXPECT_EQ(all(INT64_MIN), (Numbers{-106'752, -2'562'048, -3'508, -9'223'372'036'854'776}));
  EXPECT_EQ(all(INT64_MAX), (Numbers{106'751, 2'562'047, 3'507, 9'223'372'036'854'775}));
}

TEST(Transform, ARangeHoldsTheValuesOfThePartitionAndNoOthers) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20'000; ++round) {
    const auto time = static_cast<Nanos>(random()) >> random() % 64;
    for (const Transform transform :
         {Transform::kIdentity, Transform::kDay, Transform::kHour, Transform::kMonth}) {
      const PartitionField field{"c", transform, 0};
      const PartitionValue value = partition_value(field, time_of(time));
      const auto range = range_of(field, Type::kTimestamp, value);
      ASSERT_TRUE(range);
      ASSERT_LE(range->first.int64, time);
      ASSERT_GE(range->last.int64, time);
      ASSERT_EQ(partition_value(field, range->first), value);
      ASSERT_EQ(partition_value(field, range->last), value);
      if (range->first.int64 > INT64_MIN) {
        ASSERT_LT(partition_value(field, time_of(range->first.int64 - 1)), value);
      }
      if (range->last.int64 < INT64_MAX) {
        ASSERT_GT(partition_value(field, time_of(range->last.int64 + 1)), value);
      }
    }
  }
}

TEST(Transform, ARangeOfWhatNoTimeCanBeIsCutOff) {
  for (const Transform transform :
       {Transform::kIdentity, Transform::kDay, Transform::kHour, Transform::kMonth}) {
    const auto low = range_of({"c", transform, 0}, Type::kTimestamp, INT64_MIN);
    EXPECT_EQ(low->last.int64, INT64_MIN);
    const auto high = range_of({"c", transform, 0}, Type::kTimestamp, INT64_MAX);
    EXPECT_EQ(high->first.int64, INT64_MAX);
  }
}

TEST(Transform, BucketsNullsAndForeignValuesHaveNoRange) {
  EXPECT_FALSE(range_of({"c", Transform::kBucket, 4}, Type::kInt64, int64_t{1}));
  EXPECT_FALSE(range_of({"c", Transform::kDay, 0}, Type::kTimestamp, PartitionValue()));
  EXPECT_FALSE(range_of({"c", Transform::kDay, 0}, Type::kTimestamp, std::string("x")));
  EXPECT_FALSE(range_of({"c", Transform::kIdentity, 0}, Type::kString, int64_t{1}));
}

TEST(Transform, AColumnGivesWhatItsValuesGiveOneByOne) {
  const SchemaPtr schema =
      Schema::make(
          {{"t", Type::kTimestamp}, {"n", Type::kInt64}, {"s", Type::kString}, {"b", Type::kBool}})
          .value();
  BatchBuilder builder(schema);
  std::mt19937_64 random(2);
  for (int row = 0; row < 1000; ++row) {
    const auto time = static_cast<Nanos>(random()) >> (row % 3 == 0 ? 30 : 0);
    builder.append_row(time, static_cast<int64_t>(random()), std::to_string(random() % 50),
                       random() % 2 == 0);
  }
  const Batch batch = builder.finish().value();
  const auto value_at = [&](size_t column, uint32_t row) {
    const ColumnView view = batch.column(column);
    Value value;
    value.type = view.type;
    if (view.type == Type::kBool) {
      value.boolean = view.boolean(row);
    } else if (view.type == Type::kString) {
      value.bytes = view.bytes(row);
    } else {
      value.int64 = view.int64(row);
    }
    return value;
  };
  const std::vector<std::pair<size_t, PartitionField>> fields = {
      {0, {"t", Transform::kDay, 0}},      {0, {"t", Transform::kHour, 0}},
      {0, {"t", Transform::kMonth, 0}},    {0, {"t", Transform::kIdentity, 0}},
      {0, {"t", Transform::kBucket, 9}},   {1, {"n", Transform::kIdentity, 0}},
      {1, {"n", Transform::kBucket, 77}},  {2, {"s", Transform::kBucket, 5}},
      {3, {"b", Transform::kIdentity, 0}},
  };
  std::vector<int64_t> numbers;
  for (const auto& [column, field] : fields) {
    partition_numbers(field, batch.column(column), numbers);
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      ASSERT_EQ(PartitionValue(numbers[row]), partition_value(field, value_at(column, row)));
    }
  }
}

TEST(Transform, ValuesReadAsPeopleWriteThem) {
  const auto text = [](Transform transform, Type type, const PartitionValue& value) {
    return format_value({"c", transform, 4}, type, value);
  };
  EXPECT_EQ(text(Transform::kDay, Type::kTimestamp, int64_t{-1}), "1969-12-31");
  EXPECT_EQ(text(Transform::kHour, Type::kTimestamp, int64_t{25}), "1970-01-02T01");
  EXPECT_EQ(text(Transform::kMonth, Type::kTimestamp, int64_t{-1}), "1969-12");
  EXPECT_EQ(text(Transform::kIdentity, Type::kTimestamp, int64_t{1}),
            "1970-01-01T00:00:00.000001Z");
  EXPECT_EQ(text(Transform::kBucket, Type::kString, int64_t{3}), "3");
  EXPECT_EQ(text(Transform::kIdentity, Type::kBool, int64_t{1}), "true");
  EXPECT_EQ(text(Transform::kIdentity, Type::kInt64, int64_t{-7}), "-7");
  EXPECT_EQ(text(Transform::kIdentity, Type::kString, std::string("a=b/c")), "a=b/c");
  EXPECT_EQ(text(Transform::kIdentity, Type::kBinary, std::string("\0\xff", 2)), "00ff");
  EXPECT_EQ(text(Transform::kIdentity, Type::kString, PartitionValue()), "null");
}

}  // namespace
}  // namespace sluice::model
