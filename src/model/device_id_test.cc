#include "model/device_id.h"

#include <gtest/gtest.h>

namespace sluice::model {
namespace {

std::string id_of(const Batch& batch, size_t row) {
  std::array<char, kNumberIdBytes> space{};
  return std::string(device_id(batch.column(0), row, space));
}

TEST(DeviceId, OfNumbersSortsAsTheyDoAndTellsThem) {
  for (const Type type : {Type::kInt64, Type::kTimestamp}) {
    const std::vector<int64_t> numbers = {INT64_MIN, -256, -1, 0, 1, 255, 256, INT64_MAX};
    BatchBuilder builder(Schema::make({{"id", type}}).value());
    for (const int64_t number : numbers) {
      type == Type::kInt64 ? builder.append_int64(0, number) : builder.append_timestamp(0, number);
    }
    const Batch batch = builder.finish().value();
    for (size_t row = 0; row < numbers.size(); ++row) {
      EXPECT_EQ(device_value(type, id_of(batch, row))->int64, numbers[row]);
      EXPECT_TRUE(row == 0 || id_of(batch, row - 1) < id_of(batch, row));
    }
  }
}

TEST(DeviceId, OfTextsIsTheirBytesAndOfTruthOneByte) {
  BatchBuilder texts(Schema::make({{"id", Type::kBinary}}).value());
  const std::string any("\0a\xff/..:", 7);
  texts.append_bytes(0, any);
  EXPECT_EQ(id_of(texts.finish().value(), 0), any);
  EXPECT_EQ(device_value(Type::kString, any)->bytes, any);
  BatchBuilder truths(Schema::make({{"id", Type::kBool}}).value());
  truths.append_bool(0, false);
  truths.append_bool(0, true);
  const Batch batch = truths.finish().value();
  EXPECT_LT(id_of(batch, 0), id_of(batch, 1));
  EXPECT_TRUE(device_value(Type::kBool, id_of(batch, 1))->boolean);
}

TEST(DeviceId, IsReadFromWhatPeopleWrite) {
  EXPECT_EQ(parse_device(Type::kString, "a b"), "a b");
  EXPECT_EQ(device_value(Type::kInt64, *parse_device(Type::kInt64, "-7"))->int64, -7);
  const std::string noon = *parse_device(Type::kTimestamp, "1970-01-01T12:00:00Z");
  EXPECT_EQ(device_value(Type::kTimestamp, noon)->int64, 12 * 3600 * kSecond);
  EXPECT_EQ(parse_device(Type::kBool, "true"), std::string(1, '\1'));
  for (const Type type : {Type::kInt64, Type::kTimestamp, Type::kBool, Type::kDouble}) {
    EXPECT_EQ(parse_device(type, "x7"), std::nullopt);
    EXPECT_FALSE(device_value(type, "x7").has_value());
  }
  EXPECT_EQ(parse_device(Type::kInt64, "7x"), std::nullopt);
}

}  // namespace
}  // namespace sluice::model
