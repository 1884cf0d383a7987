#include "io/direct_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace sluice::io {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlock = AlignedBuffer::kAlignment;

class DirectFileTest : public testing::Test {
 protected:
  void SetUp() override { fs::remove(path_); }
  void TearDown() override { fs::remove(path_); }

  /// A new file whose writes go through `write`.
  std::unique_ptr<DirectFile> make(DirectCalls calls) {
    return std::make_unique<DirectFile>(open_path(path_.string(), O_RDWR | O_CREAT).value(),
                                        path_.string(), std::move(calls), [this] { ++refusals_; });
  }
  std::unique_ptr<DirectFile> make() { return make(system_calls()); }

  static std::string content(DirectFile& file) {
    std::string text(file.size().value() + 1, '?');
    const size_t got = file.read_at(0, std::as_writable_bytes(std::span(text))).value();
    EXPECT_EQ(got, text.size() - 1);
    return text.substr(0, got);
  }

  const fs::path path_ =
      fs::path(testing::TempDir()) /
      (std::string("direct_file_") + testing::UnitTest::GetInstance()->current_test_info()->name());
  int refusals_ = 0;
};

/// As if every file system took direct transfers.
DirectCalls willing_calls() {
  DirectCalls calls = system_calls();
  calls.set_direct = [](int, bool) { return 0; };
  return calls;
}

/// Writes of any length at any place, cuts and zeros, beside a string that gets the same.
void write_at_random(File& file, std::string& model, uint32_t seed) {
  std::mt19937 random(seed);
  const auto any = [&](size_t below) {
    return std::uniform_int_distribution<size_t>(0, below)(random);
  };
  AlignedBuffer aligned;
  for (int round = 0; round < 200; ++round) {
    const size_t offset =
        any(3) == 0 ? any(6) * kBlock : any(std::min(model.size() + 6000, 40'000ul));
    const size_t bytes = any(3) == 0 ? any(4) * kBlock : any(9000);
    if (any(20) == 0) {
      model.resize(offset);
      ASSERT_TRUE(file.truncate(offset).ok());
      continue;
    }
    const bool is_zeros = any(10) == 0;
    const std::string text(bytes, is_zeros ? '\0' : static_cast<char>('a' + round % 26));
    if (bytes > 0 && model.size() < offset + bytes) model.resize(offset + bytes);
    model.replace(offset > model.size() ? model.size() : offset, bytes, text);
    aligned.clear();
    aligned.append(as_bytes(text));
    ASSERT_TRUE((is_zeros      ? file.allocate(offset, bytes)
                 : any(1) == 0 ? file.pwrite_at(offset, aligned.bytes())
                               : file.pwrite_at(offset, as_bytes(text)))
                    .ok());
  }
}

TEST_F(DirectFileTest, BytesOfAnyLengthAtAnyPlaceAreWrittenAndNothingElseIsTouched) {
  const auto file = make();
  std::string model;
  write_at_random(*file, model, 1);
  EXPECT_TRUE(content(*file) == model);
  EXPECT_TRUE(file->sync().ok());
}

TEST_F(DirectFileTest, EveryTransferIsOfWholeAlignedBlocks) {
  DirectCalls calls = willing_calls();
  int writes = 0;
  calls.write = [&](int fd, const void* bytes, size_t count, off_t offset) {
    ++writes;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes) % kBlock, 0u);
    EXPECT_EQ(count % kBlock, 0u);
    EXPECT_EQ(static_cast<size_t>(offset) % kBlock, 0u);
    return ::pwrite(fd, bytes, count, offset);
  };
  const auto file = make(calls);
  std::string model;
  write_at_random(*file, model, 2);
  EXPECT_TRUE(content(*file) == model);
  EXPECT_GT(writes, 0);
}

TEST_F(DirectFileTest, WhatIsAlignedIsWrittenByOneCallAndWithoutACopy) {
  AlignedBuffer bytes;
  bytes.resize(1 << 20);
  DirectCalls calls = willing_calls();
  std::vector<const void*> from;
  calls.write = [&](int fd, const void* at, size_t count, off_t offset) {
    from.push_back(at);
    return ::pwrite(fd, at, count, offset);
  };
  const auto file = make(calls);
  ASSERT_TRUE(file->pwrite_at(0, bytes.bytes()).ok());
  EXPECT_EQ(from, std::vector<const void*>{bytes.bytes().data()});
}

TEST_F(DirectFileTest, ShortInterruptedAndPostponedWritesAreFinished) {
  std::mt19937 random(7);
  DirectCalls calls = willing_calls();
  calls.write = [&](int fd, const void* bytes, size_t count, off_t offset) -> ssize_t {
    const uint32_t fate = random() % 6;
    if (fate == 0) return errno = EINTR, -1;
    if (fate == 1) return errno = EAGAIN, -1;
    if (fate == 2) return 0;
    // The device may have stopped inside a block, whose rest is then as it was.
    const size_t part = fate == 3 ? random() % count : count;
    return part / kBlock == 0 && part < count ? static_cast<ssize_t>(part)
                                              : ::pwrite(fd, bytes, part / kBlock * kBlock, offset);
  };
  const auto file = make(calls);
  std::string model;
  write_at_random(*file, model, 3);
  EXPECT_TRUE(content(*file) == model);
}

TEST_F(DirectFileTest, AWriteWithoutProgressIsAnErrorAndNoLoop) {
  DirectCalls calls = willing_calls();
  calls.write = [](int, const void*, size_t, off_t) -> ssize_t { return 0; };
  const Error error = make(calls)->pwrite_at(0, as_bytes("x")).error();
  EXPECT_EQ(error.code(), Code::kIo);
  EXPECT_EQ(error.where(), path_.string());
}

TEST_F(DirectFileTest, WhatAFullDiskRefusedMayBeWrittenAgain) {
  DirectCalls calls = willing_calls();
  bool is_full = false;
  calls.write = [&](int fd, const void* bytes, size_t count, off_t offset) -> ssize_t {
    if (is_full && count > kBlock) return ::pwrite(fd, bytes, kBlock, offset);
    if (is_full) return errno = ENOSPC, -1;
    return ::pwrite(fd, bytes, count, offset);
  };
  const auto file = make(calls);
  ASSERT_TRUE(file->pwrite_at(0, as_bytes("before")).ok());
  is_full = true;
  const std::string text(5 * kBlock, 'n');
  EXPECT_EQ(file->pwrite_at(6, as_bytes(text)).error().code(), Code::kFull);
  is_full = false;
  ASSERT_TRUE(file->pwrite_at(6, as_bytes(text)).ok());
  EXPECT_TRUE(content(*file) == "before" + text);
}

TEST_F(DirectFileTest, AFileSystemThatRefusesTheFlagIsWrittenThroughTheCache) {
  DirectCalls calls = system_calls();
  calls.set_direct = [](int, bool) { return errno = EINVAL, -1; };
  calls.write = [](int, const void*, size_t, off_t) -> ssize_t { return errno = EINVAL, -1; };
  const auto file = make(calls);
  EXPECT_FALSE(file->is_direct());
  EXPECT_EQ(refusals_, 1);
  ASSERT_TRUE(file->pwrite_at(3, as_bytes("text")).ok());
  EXPECT_EQ(content(*file), std::string(3, '\0') + "text");
}

TEST_F(DirectFileTest, AFileSystemThatRefusesATransferIsWrittenThroughTheCacheFromThenOn) {
  DirectCalls calls = system_calls();
  calls.write = [](int, const void*, size_t, off_t) -> ssize_t { return errno = EINVAL, -1; };
  const auto file = make(calls);
  std::string model;
  write_at_random(*file, model, 4);
  EXPECT_TRUE(content(*file) == model);
  EXPECT_FALSE(file->is_direct());
  EXPECT_EQ(refusals_, 1);
}

TEST_F(DirectFileTest, ABlockThatWasCutIsNotRememberedAsItWas) {
  const auto file = make();
  ASSERT_TRUE(file->pwrite_at(0, as_bytes(std::string(100, 'x'))).ok());
  ASSERT_TRUE(file->truncate(10).ok());
  ASSERT_TRUE(file->pwrite_at(50, as_bytes("y")).ok());
  EXPECT_EQ(content(*file), std::string(10, 'x') + std::string(40, '\0') + "y");
}

}  // namespace
}  // namespace sluice::io
