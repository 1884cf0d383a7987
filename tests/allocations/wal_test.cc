// What appending to a log asks of the heap. All of this program's memory comes from the operators
// below, which count.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <string>

#include "sluice/wal.h"

namespace {

std::atomic<uint64_t> allocations = 0;

void* allocate(size_t bytes, size_t alignment) {
  ++allocations;
  const size_t whole = (bytes + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, whole);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) {
  return allocate(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new[](size_t bytes) {
  return allocate(bytes, __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}
void* operator new(size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<size_t>(alignment));
}
void* operator new[](size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace sluice {
namespace {

constexpr uint64_t kRecords = 10'000;
constexpr std::array<std::byte, 64> kPayload{};

class Allocations : public testing::Test {
 protected:
  Allocations() {
    std::string name = testing::TempDir() + "sluice-allocations-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~Allocations() override { std::filesystem::remove_all(directory_); }

  static uint64_t during(const std::function<void()>& steps) {
    const uint64_t before = allocations;
    steps();
    return allocations - before;
  }
  /// Of kRecords appends behind a sync, the third time: what is staged has found its room.
  static uint64_t of_appends(const std::function<bool()>& append,
                             const std::function<bool()>& sync) {
    uint64_t counted = 0;
    for (int round = 0; round < 3; ++round) {
      uint64_t appended = 0;
      counted = during([&] {
        for (uint64_t i = 0; i < kRecords; ++i) appended += append() ? 1 : 0;
      });
      EXPECT_EQ(appended, kRecords);
      EXPECT_TRUE(sync());
    }
    return counted;
  }
  static uint64_t of_appends(SegmentedWal& log) {
    return of_appends([&] { return log.append({.tenant = 7, .head = kPayload}).ok(); },
                      [&] { return log.sync().ok(); });
  }
  static std::shared_ptr<const KeyRing> keys() {
    const auto key = WalEncryptionKey::from_bytes(std::span(kPayload).first(32)).value();
    return std::make_shared<const KeyRing>(KeyRing::make(1, key).value());
  }
  std::string directory_;
};

TEST_F(Allocations, AreCounted) {
  std::unique_ptr<std::string> made;
  EXPECT_EQ(during([&] { made = std::make_unique<std::string>(100, 'x'); }), 2u);
}

TEST_F(Allocations, ARecordThatIsAppendedToALogOfSegmentsNeedsNone) {
  for (const TornWrites mode : {TornWrites::kPad, TornWrites::kDoubleWrite, TornWrites::kOff}) {
    const std::string place = directory_ + "/" + std::to_string(static_cast<int>(mode));
    ASSERT_TRUE(std::filesystem::create_directory(place));
    const auto log = SegmentedWal::open(place, {.torn_writes = mode}).value();
    EXPECT_EQ(of_appends(*log), 0u);
  }
}

TEST_F(Allocations, ARecordThatIsSealedNeedsNone) {
  const auto log = SegmentedWal::open(directory_, {.keys = keys()}).value();
  EXPECT_LT(of_appends(*log), kRecords / 100) << "a block of several hundred may need some";
}

TEST_F(Allocations, ARecordThatIsAppendedToAFileNeedsNone) {
  WalWriter log = WalWriter::open(directory_ + "/a.log").value();
  EXPECT_EQ(of_appends([&] { return log.append({.tenant = 7, .head = kPayload}).ok(); },
                       [&] { return log.sync().ok(); }),
            0u);
}

TEST_F(Allocations, ARecordWithItsCallersNumberNeedsNone) {
  WalFsWriter log = WalFsWriter::open(directory_ + "/a.log").value();
  uint64_t sequence = 0;
  EXPECT_EQ(of_appends([&] { return log.append(++sequence, kPayload).ok(); },
                       [&] { return log.sync().ok(); }),
            0u);
}

}  // namespace
}  // namespace sluice
