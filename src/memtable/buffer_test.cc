#include "memtable/buffer.h"

#include <gtest/gtest.h>

namespace sluice::memtable {
namespace {

Batch batch_of(uint32_t rows) {
  BatchBuilder builder(Schema::make({{"n", Type::kInt64}}).value());
  for (uint32_t row = 0; row < rows; ++row) builder.append_int64(0, row);
  return builder.finish().value();
}

TEST(Buffer, CountsRowsAndBytesOfItsRuns) {
  Buffer buffer;
  EXPECT_TRUE(buffer.empty());
  const Batch three = batch_of(3);
  const Batch one = batch_of(1);
  buffer.append({three, 4, nullptr, 0}, 100);
  buffer.append({one, 9, nullptr, 0}, 200);
  EXPECT_FALSE(buffer.empty());
  EXPECT_EQ(buffer.rows(), 4u);
  EXPECT_EQ(buffer.bytes(), charge(three) + charge(one));
  EXPECT_EQ(buffer.first_lsn(), 4u);
  EXPECT_EQ(buffer.last_lsn(), 9u);
  EXPECT_EQ(buffer.oldest(), 100);
}

TEST(Buffer, ARunIsChargedForItsBytesAndForItsIndex) {
  const Batch batch = batch_of(1000);
  EXPECT_EQ(charge(batch), batch.bytes().size() + 1000 * kIndexBytesPerRow + kRunBytes);
}

TEST(Buffer, DropKeepsOrderAndAgeOfWhatRemains) {
  Buffer buffer;
  for (uint64_t lsn = 1; lsn <= 5; ++lsn) buffer.append({batch_of(2), lsn, nullptr, lsn * 10}, 7);
  buffer.drop([](const memtable::Run& run) { return run.lsn % 2 == 1; });
  ASSERT_EQ(buffer.runs().size(), 2u);
  EXPECT_EQ(buffer.first_lsn(), 2u);
  EXPECT_EQ(buffer.last_lsn(), 4u);
  EXPECT_EQ(buffer.runs()[1].position, 40u);
  EXPECT_EQ(buffer.rows(), 4u);
  EXPECT_EQ(buffer.bytes(), 2 * charge(batch_of(2)));
  EXPECT_EQ(buffer.oldest(), 7);
  buffer.drop([](const memtable::Run&) { return true; });
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.bytes(), 0u);
  buffer.append({batch_of(1), 1, nullptr, 0}, 50);
  EXPECT_EQ(buffer.oldest(), 50);
}

TEST(BufferDeathTest, NumbersMustRise) {
  Buffer buffer;
  buffer.append({batch_of(1), 5, nullptr, 0}, 0);
  EXPECT_DEATH(buffer.append({batch_of(1), 5, nullptr, 0}, 0), "lsn");
}

}  // namespace
}  // namespace sluice::memtable
