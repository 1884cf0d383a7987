#include "base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sluice {
namespace {

bool is_aligned(ByteView bytes) {
  return reinterpret_cast<uintptr_t>(bytes.data()) % AlignedBuffer::kAlignment == 0;
}

TEST(AlignedBuffer, AddressAndCapacityAreAlignedHoweverItGrows) {
  AlignedBuffer buffer;
  std::string expected;
  for (const size_t bytes : {1, 5, 4090, 1, 20'000, 3, 300'000, 3'000'000}) {
    const std::string piece(bytes, static_cast<char>('a' + bytes % 7));
    buffer.append(as_bytes(piece));
    expected += piece;
    EXPECT_TRUE(is_aligned(buffer.bytes()));
    EXPECT_EQ(buffer.capacity() % AlignedBuffer::kAlignment, 0u);
    EXPECT_EQ(as_text(buffer.bytes()), expected);
  }
}

TEST(AlignedBuffer, AShortWriteIsPaddedWithZerosToOneBlock) {
  AlignedBuffer buffer;
  EXPECT_TRUE(buffer.padded().empty());
  buffer.append(as_bytes("hello"));
  EXPECT_EQ(as_text(buffer.padded()), "hello" + std::string(4091, '\0'));
  EXPECT_EQ(as_text(buffer.bytes()), "hello");
}

TEST(AlignedBuffer, ClearKeepsTheMemoryAndPaddingIsZeroForAShorterBatch) {
  AlignedBuffer buffer;
  buffer.append(as_bytes(std::string(9000, 'x')));
  const size_t capacity = buffer.capacity();
  const std::byte* const address = buffer.bytes().data();
  buffer.clear();
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), capacity);
  buffer.append(as_bytes("ab"));
  EXPECT_EQ(buffer.bytes().data(), address);
  EXPECT_EQ(as_text(buffer.padded()), "ab" + std::string(4094, '\0'));
}

TEST(AlignedBuffer, WhatAResizeAddsIsZero) {
  AlignedBuffer buffer;
  buffer.append(as_bytes(std::string(100, 'x')));
  buffer.resize(10);
  buffer.resize(5000);
  EXPECT_EQ(as_text(buffer.bytes()), std::string(10, 'x') + std::string(4990, '\0'));
}

TEST(AlignedBuffer, MovesItsMemory) {
  AlignedBuffer from;
  from.append(as_bytes("moved"));
  AlignedBuffer to(std::move(from));
  EXPECT_EQ(as_text(to.bytes()), "moved");
  to = AlignedBuffer();
  EXPECT_TRUE(to.empty());
  EXPECT_EQ(to.capacity(), 0u);
}

}  // namespace
}  // namespace sluice
