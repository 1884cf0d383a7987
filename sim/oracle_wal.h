// What a simulated log of the public kind was asked to keep, and what must be true of what it
// shows. A record is a function of its number.
//
//   - What was acknowledged is there once, with its LSN and its bytes, unless a truncation was
//     allowed to take it; what the archive took is in the archive.
//   - What was refused is not there. What was never answered is there once or not at all, and stays
//     so.
//   - The LSNs have no gap. What was shown once, by a reader of the log or by a recovery, stays.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sluice/wal_log.h"

namespace sluice::sim {

/// A record that was found: what its payload says of itself.
struct FoundRecord {
  Lsn lsn = 0;
  uint64_t number = 0;
  bool operator==(const FoundRecord&) const = default;
};

/// The record of a number: type, tenant, vshard and payload. The payload begins with the number.
struct WalSample {
  explicit WalSample(uint64_t number);
  WalRecord record() const {
    return {.type = type, .vshard = vshard, .tenant = tenant, .head = payload};
  }
  uint16_t type;
  uint16_t vshard;
  uint32_t tenant;
  std::vector<std::byte> payload;
};
/// The record's number; none: no record of ours has these bytes.
std::optional<uint64_t> number_of(const WalFrame& frame);

/// A value: it is cloned with the disk. Every function that finds a law broken says so.
class WalLedger {
 public:
  using Verdict = std::optional<std::string>;

  // What the clients do, before the call and with its answer.
  /// The first of so many numbers.
  uint64_t send(uint64_t count) { return std::exchange(next_, next_ + count); }
  /// It has the LSN, but need not be durable.
  Verdict append(const FoundRecord& record);
  /// It will never be seen.
  Verdict refuse(uint64_t number);
  /// It is durable, or a reader of the log has shown it.
  Verdict acknowledge(const FoundRecord& record);
  Verdict acknowledge_upto(Lsn lsn);

  /// Records below `lsn` may go.
  void truncate(Lsn lsn);
  /// Those below `lsn` are gone for good.
  void forget(Lsn lsn);
  Lsn first_needed() const { return first_needed_; }
  /// The archive took a segment's bytes.
  Verdict archive(const WalSegment& segment, std::vector<std::byte> bytes);
  using Archive = std::map<std::string, std::shared_ptr<const std::vector<std::byte>>>;
  const Archive& archived() const { return archive_; }
  Lsn archived_upto() const { return archived_upto_; }

  /// What a recovery found, in order. From then on that, and nothing else, is so.
  Verdict recover(const std::vector<FoundRecord>& found, Lsn durable_lsn);
  /// What the archive holds: everything up to what it took, from the first LSN on.
  Verdict check_archive(const std::vector<FoundRecord>& found) const;

 private:
  Verdict check_sent(const FoundRecord& record) const;
  Verdict check_one(const FoundRecord& record) const;

  uint64_t next_ = 1;
  std::map<uint64_t, Lsn> lsns_;     ///< by number: given, durable or not
  std::set<uint64_t> refused_;       ///< numbers that must never be seen
  std::map<Lsn, uint64_t> durable_;  ///< number by LSN
  Lsn first_needed_ = 1;             ///< below that nothing must be there
  Lsn first_left_ = 1;               ///< below that nothing may be there
  Archive archive_;
  Lsn archived_upto_ = 0;
  Lsn recovered_upto_ = 0;       ///< the last recovery's
  uint64_t recovered_next_ = 1;  ///< numbers below were sent before it
};

}  // namespace sluice::sim
