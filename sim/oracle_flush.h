// The oracle of the AtomicFlushWriter: what was asked of a writer, what it answered, and whether
// what is found afterwards agrees.
//
//   a flush whose commit was answered with ok is there exactly once, with equal rows; one that was
//   rolled back is not; a prepared one is found by recovery and is one of the two in the end;
//   nothing is there that was never sent; no answer contradicts an earlier one
//
// What is known of a flush is a set: the states that it may be in. A call that begins adds to it,
// an answer takes away.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sluice/flush.h"

namespace sluice::sim {

/// A bit each.
enum FlushState : uint8_t {
  kAbsent = 1,      ///< nothing of it is left, or it never was
  kUnfinished = 2,  ///< its prepare ended midway
  kPrepared = 4,
  kCommitted = 8,
  kRolledBack = 16,
};

/// One flush. Those of one group have the same rows under the same LSNs.
struct SentFlush {
  uint64_t group = 0;
  FlushRange range;
  std::string id;  ///< empty: not known so far
  uint8_t may_be = kAbsent;
  uint8_t before = kAbsent;  ///< the call that is at it, or was the last
  uint32_t opening = 0;      ///< of the writer that prepared it
  uint32_t settled_in = 0;   ///< the opening in which an answer settled it
  std::string damaged;       ///< the key of a part that somebody changed; empty: none
  bool cleared = false;      ///< the consumer's clear was answered with ok
};

struct SentGroup {
  uint32_t rows = 0;
  uint64_t min_lsn = 0;
  bool in_table = false;  ///< one of its flushes is committed, though it is not known which
};

/// What is wrong; nothing if all is well.
using Wrong = std::optional<std::string>;

/// Copying it keeps what was known at that moment.
class FlushLedger {
 public:
  /// Rows that nobody sent yet; returns the group's number.
  uint64_t add_group(uint32_t rows, uint64_t lsns_left_out);
  /// A prepare of the group's rows begins; returns the flush's number, which is its seq as well.
  uint64_t send(uint64_t group);
  Wrong prepared(uint64_t number, const Result<AtomicFlushResult>& answer);
  /// Prepare and commit in one call.
  uint64_t send_at_once(uint64_t group);
  Wrong flushed(uint64_t number, const Result<AtomicFlushResult>& answer);
  void begin_commit(uint64_t number);
  Wrong committed(uint64_t number, const Result<AtomicFlushResult>& answer);
  /// The answer to a commit that slept while another writer was at work.
  Wrong woken(uint64_t number, bool committed) {
    return committed ? narrow(number, kCommitted) : std::nullopt;
  }
  void begin_rollback(uint64_t number);
  Wrong rolled_back(uint64_t number, const Status& answer);
  /// `sure`: nothing could fail, so what recovery does not tell of is not pending.
  Wrong recovered(const FlushRecoveryResult& result, bool sure);
  /// The consumer has its manifest on stable storage, and then clears the blocks.
  void consume(std::span<const BlockMetadata> blocks);
  void cleared(std::span<const BlockMetadata> blocks);
  void opened() { ++opening_; }

  /// Alone: what the consumer has taken, and what it is still offered.
  Wrong check_blocks(std::span<const BlockMetadata> offered);
  /// With a table: the ids of the rows that it holds. `sure`: no request is on its way there, so
  /// what is missing stays away.
  Wrong check_table(std::vector<uint64_t> ids, bool sure);

  const std::vector<SentFlush>& flushes() const { return flushes_; }
  const std::vector<SentGroup>& groups() const { return groups_; }
  void damage(uint64_t number, std::string key) { flushes_[number].damaged = std::move(key); }
  std::optional<uint64_t> find(const std::string& id) const;
  /// The process died before it told the id of a flush that may be in the table.
  bool may_have_committed_without_answer() const;
  /// Those with a name that may still be committed or rolled back.
  std::vector<uint64_t> pending() const;
  std::string name(uint64_t number) const;

  bool alone = false;   ///< there is no table
  bool unique = false;  ///< rows are recognised by their LSNs
  /// Two writers are at work: what one does not know of may be the other's.
  bool contested = false;

 private:
  Wrong narrow(uint64_t number, uint8_t states);
  void settle(uint64_t number, uint8_t state);
  /// By id; one whose prepare was never answered by its seq, and then it has its id.
  std::optional<uint64_t> identify(const std::string& id, uint64_t seq);
  Wrong found_in_table(uint64_t number);
  bool may_be_in_table(uint64_t group) const;
  /// Whether another flush of the same rows may be there, and be recognised.
  bool may_be_by_another(uint64_t number) const;
  bool is_in_table(uint64_t group, uint64_t besides) const;
  Wrong told(const AtomicFlushResult& found, std::set<uint64_t>& numbers);
  Wrong found_whole(const AtomicFlushResult& found);
  Wrong refused(uint64_t number, const Error& error);
  Wrong check_result(uint64_t number, const AtomicFlushResult& result) const;
  Wrong check_flush_blocks(uint64_t number, const std::vector<BlockMetadata>& blocks) const;

  std::vector<SentFlush> flushes_;
  std::vector<SentGroup> groups_;
  std::map<std::string, BlockMetadata> manifest_;  // the consumer's, by block id
  uint64_t next_lsn_ = 1;
  uint32_t opening_ = 0;
};

inline constexpr uint64_t kIdsPerGroup = 64;

}  // namespace sluice::sim
