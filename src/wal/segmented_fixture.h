// For tests: a SegmentedWal on a CrashDisk, in few words; plain or encrypted.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "sluice/wal_log.h"
#include "wal/log_fixture.h"

namespace sluice::wal {

/// A SegmentedWal and the Runtime that it needs.
class OpenWal {
 public:
  OpenWal(std::unique_ptr<TestRuntime> runtime, std::unique_ptr<SegmentedWal> log)
      : runtime_(std::move(runtime)), log_(std::move(log)) {}
  SegmentedWal& operator*() const { return *log_; }
  SegmentedWal* operator->() const { return log_.get(); }
  TestRuntime& runtime() const { return *runtime_; }

 private:
  std::unique_ptr<TestRuntime> runtime_;
  std::unique_ptr<SegmentedWal> log_;
};

inline Result<OpenWal> open_wal(Disk& disk, SegmentedWalOptions options, uint64_t seed = 1) {
  auto runtime = std::make_unique<TestRuntime>(seed);
  std::unique_ptr<SegmentedWal> log = TRY(SegmentedWal::open(*runtime, disk, std::move(options)));
  return OpenWal(std::move(runtime), std::move(log));
}

inline Result<Lsn> append(SegmentedWal& log, const std::string& text) {
  return log.append({.tenant = 7, .head = as_bytes(text)});
}

/// What an opening after a power cut now would find; `keys` as for it.
inline Result<TestFrames> frames_after(const CrashDisk& disk, CrashKind kind,
                                       std::shared_ptr<const KeyRing> keys) {
  Dice dice(5);
  CrashDisk after(crash(disk.image(), kind, dice));
  TestRuntime runtime(77);
  const std::unique_ptr<Log> log = TRY(Log::open(runtime, after, {.keys = std::move(keys)}));
  TestFrames found = TRY(frames(*log));
  return found;
}

inline std::vector<Lsn> first_lsns(const SegmentedWal& log) {
  std::vector<Lsn> lsns;
  for (const WalSegment& segment : log.list_segments()) lsns.push_back(segment.first_lsn);
  return lsns;
}

/// Numbered texts from LSN `from` on.
inline TestFrames numbered(Lsn from, Lsn to) {
  TestFrames expected;
  for (Lsn lsn = from; lsn <= to; ++lsn) expected.emplace_back(lsn, "r" + std::to_string(lsn));
  return expected;
}

/// Every test of it runs on a plain log and on an encrypted one.
class SegmentedTest : public ::testing::TestWithParam<bool> {
 protected:
  std::shared_ptr<const KeyRing> keys() const { return GetParam() ? test_ring(1, 9) : nullptr; }
  SegmentedWalOptions options(uint64_t segment_bytes = 64 << 20) const {
    return {.segment_bytes = segment_bytes, .keys = keys()};
  }
  Result<OpenWal> open(SegmentedWalOptions with, uint64_t seed = 1) {
    return open_wal(disk_, std::move(with), seed);
  }
  /// Segments of `each` records up to LSN `to`, all durable.
  void fill(SegmentedWal& log, Lsn to, Lsn each) {
    for (Lsn lsn = log.next_lsn(); lsn <= to; ++lsn) {
      ASSERT_EQ(append(log, "r" + std::to_string(lsn)).value(), lsn);
      if (lsn % each != 0) continue;
      ASSERT_OK(log.roll());
    }
    ASSERT_OK(log.sync());
  }
  TestFrames survivors(CrashKind kind = CrashKind::kAllLost) const {
    const Result<TestFrames> found = frames_after(disk_, kind, keys());
    EXPECT_TRUE(found.ok()) << found.error().to_string();
    return found.ok() ? *found : TestFrames();
  }

  CrashDisk disk_;
};

}  // namespace sluice::wal
