// For tests: a Log on a CrashDisk, in few words.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "wal/crash_disk.h"
#include "wal/log.h"

namespace sluice::wal {

/// LSN and payload.
using TestFrame = std::pair<Lsn, std::string>;
using TestFrames = std::vector<TestFrame>;

inline constexpr uint64_t kTestSegmentBytes = 16 << 10;

/// A Log and the Runtime that it needs.
class OpenLog {
 public:
  OpenLog(std::unique_ptr<TestRuntime> runtime, std::unique_ptr<Log> log)
      : runtime_(std::move(runtime)), log_(std::move(log)) {}
  Log& operator*() const { return *log_; }
  Log* operator->() const { return log_.get(); }

 private:
  std::unique_ptr<TestRuntime> runtime_;
  std::unique_ptr<Log> log_;
};

inline std::array<std::byte, WalEncryptionKey::kBytes> key_bytes(uint8_t fill) {
  std::array<std::byte, WalEncryptionKey::kBytes> bytes;
  bytes.fill(std::byte{fill});
  return bytes;
}
inline WalEncryptionKey test_key(uint8_t fill) {
  return WalEncryptionKey::from_bytes(key_bytes(fill)).value();
}
/// One key, its bytes all `fill`.
inline std::shared_ptr<const KeyRing> test_ring(uint32_t id, uint8_t fill) {
  return std::make_shared<const KeyRing>(KeyRing::make(id, test_key(fill)).value());
}

/// What open_log() encrypts with; null: nothing is encrypted.
inline std::shared_ptr<const KeyRing>& test_keys() {
  static std::shared_ptr<const KeyRing> keys;
  return keys;
}

/// How open_log() has torn writes dealt with.
inline TornWrites& test_torn_writes() {
  static TornWrites torn_writes = TornWrites::kPad;
  return torn_writes;
}
/// What a power cut may do to a device that is trusted as far as it has to be.
inline CrashKind worst_crash(TornWrites torn_writes) {
  return torn_writes == TornWrites::kOff ? CrashKind::kMixedUnspoilt : CrashKind::kMixed;
}

inline Result<OpenLog> open_log(CrashDisk& disk, uint64_t seed = 1, Lsn lsn_floor = 0) {
  auto runtime = std::make_unique<TestRuntime>(seed);
  const LogOptions options{.segment_bytes = kTestSegmentBytes,
                           .lsn_floor = lsn_floor,
                           .keys = test_keys(),
                           .torn_writes = test_torn_writes()};
  std::unique_ptr<Log> log = TRY(Log::open(*runtime, disk, options));
  return OpenLog(std::move(runtime), std::move(log));
}

/// One record per text.
inline Result<Lsn> append(Log& log, const std::vector<std::string>& texts) {
  std::vector<RecordView> records;
  for (const std::string& text : texts) records.push_back({.tenant = 7, .head = as_bytes(text)});
  return log.append(records);
}

inline Result<TestFrames> frames(const Log& log, LsnRange range) {
  const std::unique_ptr<LogReader> reader = TRY(log.read(range));
  TestFrames found;
  while (const std::optional<LogFrame> frame = TRY(reader->next())) {
    found.emplace_back(frame->lsn, as_text(frame->payload));
  }
  return found;
}

inline Result<TestFrames> frames(const Log& log) {
  return frames(log, {.from = log.recovered().first_lsn});
}

/// Opens, reads everything and closes without another word, like a process that is killed.
inline Result<TestFrames> reopened_frames(CrashDisk& disk, uint64_t seed = 99) {
  const OpenLog log = TRY(open_log(disk, seed));
  TestFrames found = TRY(frames(*log));
  return found;
}

#define ASSERT_OK(...)                                                              \
  do {                                                                              \
    const auto& status_ = (__VA_ARGS__);                                            \
    ASSERT_TRUE(status_.ok()) << (status_.ok() ? "" : status_.error().to_string()); \
  } while (false)

}  // namespace sluice::wal
