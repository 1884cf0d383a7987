#include "part/encoding/hybrid.h"

#include <gtest/gtest.h>

#include <random>

namespace sluice::part {
namespace {

Bytes encode(const std::vector<uint32_t>& values, int width) {
  Bytes bytes;
  encode_hybrid(std::span<const uint32_t>(values), width, bytes);
  return bytes;
}

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(Hybrid, ARunIsACountAndAValue) {
  EXPECT_EQ(encode(std::vector<uint32_t>(100, 5), 3), bytes_of({0xc8, 0x01, 0x05}));
  EXPECT_EQ(encode(std::vector<uint32_t>(8, 0x1234), 13), bytes_of({0x10, 0x34, 0x12}));
}

TEST(Hybrid, OtherValuesArePackedByEightsLowestBitFirst) {
  EXPECT_EQ(encode({0, 1, 2, 3, 4, 5, 6, 7}, 3), bytes_of({0x03, 0x88, 0xc6, 0xfa}));
  EXPECT_EQ(encode({1, 0, 1}, 1), bytes_of({0x03, 0x05}));
  EXPECT_EQ(encode({}, 1), Bytes());
}

TEST(Hybrid, EveryWidthAndMixtureOfRunsComesBackEqual) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 3000; ++round) {
    const int width = 1 + static_cast<int>(random() % 32);
    const auto mask = static_cast<uint32_t>((uint64_t{1} << width) - 1);
    std::vector<uint32_t> values;
    for (uint64_t runs = random() % 12; runs > 0; --runs) {
      const auto value = static_cast<uint32_t>(random()) & mask;
      const uint64_t length = 1 + random() % (random() % 3 == 0 ? 40 : 3);
      values.insert(values.end(), length, value);
    }
    const Bytes bytes = encode(values, width);
    HybridReader reader(bytes, width);
    std::vector<uint32_t> read(values.size());
    for (size_t at = 0; at < read.size();) {
      const size_t count = std::min<size_t>(1 + random() % 20, read.size() - at);
      ASSERT_TRUE(reader.read(std::span(read).subspan(at, count)));
      at += count;
    }
    ASSERT_EQ(read, values);
    std::vector<uint32_t> more(8);
    EXPECT_FALSE(reader.read(more));
  }
}

TEST(Hybrid, EveryTruncationIsRefused) {
  std::vector<uint32_t> values(50, 7);
  for (uint32_t i = 0; i < 30; ++i) values.push_back(i);
  const Bytes bytes = encode(values, 9);
  for (size_t size = 0; size < bytes.size(); ++size) {
    HybridReader reader(ByteView(bytes).first(size), 9);
    std::vector<uint32_t> read(values.size());
    EXPECT_FALSE(reader.read(read)) << size;
  }
}

TEST(Hybrid, EmptyRunsAndEndlessLengthsAreRefused) {
  std::vector<uint32_t> read(1);
  EXPECT_FALSE(HybridReader(bytes_of({0, 1, 0, 1, 2, 1}), 1).read(read));
  EXPECT_FALSE(HybridReader(bytes_of({1, 1, 2, 1}), 1).read(read));
  EXPECT_FALSE(HybridReader(bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), 1).read(read));
}

TEST(Hybrid, AWidthOfZeroIsAllZeros) {
  std::vector<uint32_t> read(12, 9);
  const Bytes bytes = bytes_of({0x05});  // two groups
  EXPECT_TRUE(HybridReader(bytes, 0).read(read));
  EXPECT_EQ(read, std::vector<uint32_t>(12, 0));
}

}  // namespace
}  // namespace sluice::part
