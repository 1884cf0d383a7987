#include "model/partitioner.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

#include "model/transform.h"

namespace sluice::model {
namespace {

const SchemaPtr kSchema =
    Schema::make({{"s", Type::kString}, {"t", Type::kTimestamp}, {"n", Type::kInt64}}).value();

TEST(Partitioner, WithoutFieldsThereIsOnePartition) {
  Partitioner partitioner({});
  EXPECT_EQ(partitioner.tuples(), (std::vector<PartitionTuple>{{}}));
  BatchBuilder builder(kSchema);
  builder.append_row("a", 1, 2);
  builder.append_row("b", 1, 2);
  std::vector<uint32_t> numbers = {7};
  partitioner.number_rows(builder.finish().value(), numbers);
  EXPECT_EQ(numbers, (std::vector<uint32_t>{0, 0}));
}

TEST(Partitioner, AColumnThatABatchLacksIsNull) {
  Partitioner partitioner({{"n", Transform::kIdentity, 0}});
  BatchBuilder builder(Schema::make({{"s", Type::kString}}).value());
  builder.append_row("a");
  std::vector<uint32_t> numbers;
  partitioner.number_rows(builder.finish().value(), numbers);
  EXPECT_EQ(partitioner.tuples().at(numbers.at(0)), (PartitionTuple{PartitionValue()}));
}

TEST(Partitioner, GivesEachRowTheTupleOfItsValues) {
  const std::vector<PartitionField> fields = {{"s", Transform::kIdentity, 0},
                                              {"t", Transform::kMonth, 0},
                                              {"n", Transform::kBucket, 3},
                                              {"s", Transform::kBucket, 2}};
  std::mt19937_64 random(3);
  Partitioner partitioner(fields);
  std::map<PartitionTuple, uint32_t> seen;
  for (int round = 0; round < 20; ++round) {
    BatchBuilder builder(kSchema);
    std::vector<PartitionTuple> wanted;
    for (int row = 0; row < 100; ++row) {
      std::optional<std::string> text;
      if (random() % 5 != 0) text = std::string(random() % 3, static_cast<char>('a' + row % 2));
      std::optional<int64_t> time;
      if (random() % 5 != 0) time = static_cast<int64_t>(random() % 90) * 86'400 * kSecond;
      const auto n = static_cast<int64_t>(random() % 4);
      builder.append_row(text, time, n);
      const auto of_text = [&](const PartitionField& field) {
        Value value;
        if (text) value.type = Type::kString;
        value.bytes = text.value_or("");
        return partition_value(field, value);
      };
      Value at;
      if (time) at.type = Type::kTimestamp;
      at.int64 = time.value_or(0);
      Value number;
      number.type = Type::kInt64;
      number.int64 = n;
      wanted.push_back({of_text(fields[0]), partition_value(fields[1], at),
                        partition_value(fields[2], number), of_text(fields[3])});
    }
    std::vector<uint32_t> numbers;
    partitioner.number_rows(builder.finish().value(), numbers);
    const std::vector<PartitionTuple> tuples = partitioner.tuples();
    for (size_t row = 0; row < numbers.size(); ++row) {
      ASSERT_EQ(tuples.at(numbers[row]), wanted[row]);
      const auto [known, is_new] = seen.try_emplace(wanted[row], numbers[row]);
      ASSERT_EQ(known->second, numbers[row]) << "one partition has two numbers";
    }
  }
  EXPECT_EQ(partitioner.tuples().size(), seen.size());
}

}  // namespace
}  // namespace sluice::model
