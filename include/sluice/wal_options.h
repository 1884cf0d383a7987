// What the kinds of write-ahead logs share: policies, options, what was found.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/result.h"
#include "sluice/wal_key.h"
#include "sluice/wal_record.h"

namespace sluice {

/// What an opening may do about damage. What it reads below anything that is known to have been
/// durable is an error under each. A log of segments reads the newest one and the headers of all.
enum class RepairPolicy : uint8_t {
  kStrict,            ///< nothing: any damage, a torn tail included, is an error; reads everything
  kTruncatePartial,   ///< cut a torn tail; of a WalFsWriter only if no record follows the damage
  kTruncateUnsynced,  ///< cut what no mark confirms, whatever follows
};

/// What is done about a device that may spoil a block which it was writing when the power went.
enum class TornWrites : uint8_t {
  /// A block that a sync covers is filled up, and never written again.
  kPad,
  /// Small commits share a block: before it is written again, what it holds durably is synced into
  /// a side file, from which an opening restores it. Two syncs for most commits. kInvalid for a
  /// log that is encrypted.
  kDoubleWrite,
  /// They share it without: the device is trusted to write 4096 bytes at once or not at all.
  /// kInvalid for a log that is encrypted.
  kOff,
};

/// How a log has dealt with torn writes in this opening.
struct WalProtection {
  TornWrites torn_writes = TornWrites::kPad;
  uint64_t double_writes = 0;  ///< blocks that were stored in the side file
  /// Blocks that were filled up because the side file failed: what they hold is as safe as ever.
  uint64_t padded_blocks = 0;
  /// Why the side file cannot be used; none: it can, or the mode needs none. Blocks are filled up
  /// until it is attached again.
  std::optional<Error> failure{};
};

/// What becomes of a log whose records are not all encrypted.
enum class Plaintext : uint8_t {
  kAllowed,
  kRefused,  ///< kInvalid (kMissingKey): no key was given; kCorrupt: a segment was not encrypted
};

/// How the files of a log on a path are written; what they hold and promise is the same. A log on
/// a Disk of one's own is written as that disk does it.
enum class WalIo : uint8_t {
  kBuffered,
  /// Past the page cache (O_DIRECT), but for file systems that refuse it: is_direct() tells.
  kDirect,
};

/// Asked for each of the caller's records at opening and when it is read: no is kCorrupt
/// (kDecodeFailure), and such a record is never cut.
using WalValidator = std::function<bool(const WalFrame& frame)>;

/// Records that were appended, or refused, by all logs that share it. What becomes of them at a
/// sync is not counted here. Any thread; exact, but for a number that has reached 2^64 - 1: it
/// stays.
class WalCounters {
 public:
  WalCounters() = default;
  /// Goes on from what was counted before.
  WalCounters(uint64_t appended, uint64_t refused) : appended_(appended), refused_(refused) {}
  uint64_t appended() const { return appended_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  /// For logs: the verdict on so many records.
  void count(uint64_t records, bool are_appended) {
    std::atomic<uint64_t>& number = are_appended ? appended_ : refused_;
    uint64_t before = number.load(std::memory_order_relaxed);
    while (!number.compare_exchange_weak(before, before + std::min(records, UINT64_MAX - before),
                                         std::memory_order_relaxed)) {
    }
  }

 private:
  std::atomic<uint64_t> appended_ = 0;
  std::atomic<uint64_t> refused_ = 0;
};

struct WalFileOptions {
  /// Unset: each writer's own, kTruncatePartial of a WalWriter, kStrict of a WalFsWriter.
  std::optional<RepairPolicy> repair{};
  std::shared_ptr<const KeyRing> keys{};  ///< what is appended is sealed under its current key
  Plaintext plaintext = Plaintext::kAllowed;
  TornWrites torn_writes = TornWrites::kPad;
  uint64_t payload_bytes_max = kWalPayloadBytesMax;  ///< at most that; of appending and of reading
  WalValidator validate{};                           ///< empty: every payload will do
  /// As in WalReadOptions: a record of another type that has kWalRequired is kUnsupported at
  /// opening. Empty: all are known.
  std::vector<uint16_t> known_types{};
  WalIo io = WalIo::kBuffered;
  std::shared_ptr<WalCounters> counters{};  ///< null: nothing is counted
};

/// What an opening cut, and put back.
struct WalRepair {
  uint64_t torn_bytes = 0;      ///< 0: nothing was cut
  uint64_t restored_bytes = 0;  ///< of a torn block, from the side file
  uint64_t offset = 0;          ///< where
  Reason reason = Reason::kNone;
  std::string quarantine{};  ///< the file that keeps them
};

}  // namespace sluice
