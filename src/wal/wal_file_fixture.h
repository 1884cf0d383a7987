// For tests: WalWriter and WalFsWriter on a CrashDisk, the file that they write, and harm to it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wal/single_file_fixture.h"

namespace sluice::wal {

inline constexpr RepairPolicy kPolicies[] = {RepairPolicy::kStrict, RepairPolicy::kTruncatePartial,
                                             RepairPolicy::kTruncateUnsynced};

inline WalFileOptions policy(RepairPolicy repair) {
  return {.repair = repair};
}

inline Status put(WalWriter& log, std::string_view text) {
  TRY(log.append({.tenant = 7, .head = as_bytes(text)}));
  return ok();
}
/// Under the next number.
inline Status put(WalFsWriter& log, std::string_view text) {
  return log.append(log.current_sequence() + 1, as_bytes(text));
}
inline Lsn last_of(const WalWriter& log) {
  return log.current_lsn();
}
inline Lsn last_of(const WalFsWriter& log) {
  return log.current_sequence();
}

template <class R>
::testing::AssertionResult fails_with(const R& result, Code code, Reason reason = Reason::kNone) {
  if (result.ok()) return ::testing::AssertionFailure() << "ok";
  const Error& error = result.error();
  if (error.code() == code && error.reason() == reason) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << error.to_string();
}

/// fails_with(kCorrupt), and the error says which file and which byte.
template <class R>
::testing::AssertionResult is_damaged_at(uint64_t offset, Reason reason, const R& result) {
  const auto failed = fails_with(result, Code::kCorrupt, reason);
  if (!failed || (result.error().where() == kFile && result.error().found() == offset)) {
    return failed;
  }
  return ::testing::AssertionFailure()
         << result.error().to_string() << " at " << result.error().found();
}

/// `count` records: 1 "record 1", 2 "record 2" and so on.
inline TestFrames numbered(Lsn count) {
  TestFrames frames;
  for (Lsn lsn = 1; lsn <= count; ++lsn) frames.emplace_back(lsn, "record " + std::to_string(lsn));
  return frames;
}

class WalFileTest : public ::testing::Test {
 protected:
  /// Where a file's frames end, as the parser sees it.
  struct Tail {
    uint64_t offset = 0;
    Reason reason = Reason::kNone;
    uint64_t torn_bytes = 0;
  };

  /// Adds record after record, each durable, so that each has a block to itself.
  template <class W>
  void put_synced(W& log, Lsn count) {
    for (Lsn i = 0; i < count; ++i) {
      ASSERT_OK(put(log, "record " + std::to_string(last_of(log) + 1)));
      ASSERT_OK(log.sync());
    }
  }
  /// Ends the writer like a killed process: without the best effort of its destructor.
  template <class W>
  void kill(W log) {
    const DiskImage image = disk_.image();
    { const W gone = std::move(log); }
    disk_.set_image(image);
  }

  /// What was never synced is gone, the cache's view of a failed sync included.
  void lose_power() {
    Dice dice(1);
    disk_.set_image(crash(disk_.image(), CrashKind::kAllLost, dice));
  }

  Result<TestFrames> frames(const KeyRing* keys = nullptr) { return file_frames(disk_, keys); }
  std::vector<std::byte>& bytes() { return disk_.bytes(kFile); }
  std::string content() { return std::string(as_text(bytes())); }
  /// Of every file, quarantined bytes included.
  std::string everything() {
    std::string all;
    for (const DiskEntry& entry : disk_.list().value()) all += as_text(disk_.bytes(entry.name));
    return all;
  }
  void truncate(uint64_t size) {
    bytes().resize(size);
    disk_.settle(kFile);
  }
  void flip(uint64_t offset) {
    bytes().at(offset) ^= std::byte{0x10};
    disk_.settle(kFile);
  }
  void add(std::string_view junk) {
    const ByteView added = as_bytes(junk);
    bytes().insert(bytes().end(), added.begin(), added.end());
    disk_.settle(kFile);
  }
  void restore(std::string_view content) {
    bytes().assign(as_bytes(content).begin(), as_bytes(content).end());
    disk_.settle(kFile);
  }

  std::unique_ptr<SegmentParser> parser(const KeyRing* keys = nullptr) {
    return SegmentParser::open_single(disk_.open(kFile, OpenMode::kRead).value(), kFile,
                                      std::nullopt, keys)
        .value();
  }
  /// Of every frame of the type, or of users' types, in a file without damage.
  std::vector<uint64_t> offsets(std::optional<uint16_t> type = std::nullopt,
                                const KeyRing* keys = nullptr) {
    std::vector<uint64_t> found;
    const auto frames = parser(keys);
    while (const auto frame = frames->next().value()) {
      if (type ? frame->type == *type : !is_own_type(frame->type)) found.push_back(frame->offset);
    }
    return found;
  }
  Tail tail() {
    const auto frames = parser();
    while (frames->next().value()) continue;
    return {frames->position().end, frames->end_reason(), frames->torn_bytes()};
  }
  TestRuntime runtime_;
  CrashDisk disk_;
};

}  // namespace sluice::wal
