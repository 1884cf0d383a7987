// Ledger: the table side of a writer: which of its flushes, and which LSNs, are in the table.
//
// The Disk's directory is to the table what a log is: its identity is the log id, its openings are
// the chain, and the ticket of a flush is its LSN. So all rules of marks, lineage and fence hold:
//   low_water    every ticket up to it is settled: committed, or durably rolled back
//   exceptions   flush id → ticket, of flushes that were committed above it
// A flush is in the table iff its ticket <= max(low_water, exceptions[its id]); there are never
// more exceptions than flushes that were pending at a time.
//
// The LSNs of flushes (LsnRule::kUnique) are positions of the source kLsnSource, those of a source
// with a name (kPerSource) of `<kLsnSource>:<name>`: exceptions map the first LSN of a stretch to
// the LSN behind its last one; stretches that touch become one. When there are more than
// kStretchesMax, low_water is raised over the lowest of them: below it only what lies within a
// stretch is known.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "landing/format.h"
#include "sluice/flush.h"
#include "table/committer.h"

namespace sluice::landing {

inline constexpr std::string_view kLsnSource = "flush-lsn";
inline constexpr size_t kStretchesMax = 256;

/// What the table knows of a range of LSNs.
enum class Known : uint8_t {
  kNew,
  kCommitted,  ///< all are in the table
  kPartly,     ///< some are
  kForgotten,  ///< below low_water: all, some or none
};
/// `lsns`, to be asked often.
class KnownLsns {
 public:
  explicit KnownLsns(const table::Coverage& lsns);
  Known of(const LsnStretch& lsns) const;

 private:
  uint64_t low_water_;
  std::vector<LsnStretch> stretches_;
};
/// What `lsns` is to be raised by to have the stretch in it. Low water stays at or below
/// `pending_min`, the least LSN of a flush that is pending.
table::Coverage with_stretch(const table::Coverage& lsns, const LsnStretch& stretch,
                             uint64_t pending_min);
/// The same with all of them, which ascend.
table::Coverage with_stretches(const table::Coverage& lsns, std::span<const LsnStretch> stretches,
                               uint64_t pending_min);

/// A flush that is to be committed.
struct LedgerEntry {
  FlushId flush;
  uint64_t ticket = 0;
  FlushRange range;
  SourceLsns lsns;  ///< empty: all of the range
  std::vector<part::Meta> parts;
  uint64_t rows_replaced = 0;
  Nanos put_at = 0;  ///< monotonic; no part is older
};

/// What of the writer's state a commit depends on.
struct PendingBounds {
  uint64_t settled = 0;     ///< every other ticket up to it is settled
  uint64_t lowest_lsn = 0;  ///< of all pending flushes but this one; kLsnMax + 1: none
};

/// One thread at a time.
class Ledger {
 public:
  struct Options {
    TableName table;
    std::optional<TableSpec> create;
    LsnRule rule = LsnRule::kUnique;
    Nanos retry_min = 0;
    Nanos retry_max = 0;
    Nanos timeout = 0;  ///< of a commit whose outcome is unknown
  };

  /// Claims the table for `opening`, or makes it: what earlier openings had on its way lands no
  /// more (L5), and what the head says is so, though a listing may lag behind. `identity` does not
  /// know the opening yet: its first ticket is found in the head. kNotFound: no such table. kFenced
  /// (kForked): the identity is a copy, or went back in time.
  static Result<std::unique_ptr<Ledger>> open(Runtime& runtime, Bucket& bucket, Options options,
                                              const Identity& identity, const OpeningId& opening);
  /// Above every ticket that the table knows of.
  uint64_t next_ticket() const;
  /// The opening that wrote our marks; null: there are none.
  const OpeningId* marked_opening() const;

  /// The head as it is known.
  const table::HeadPtr& head() const { return head_; }
  std::string prefix() const;
  /// Adds what the table lacks of these system columns, in one commit.
  Status add_columns(const std::vector<part::Column>& columns);

  bool is_committed(const FlushId& flush, uint64_t ticket) const;
  Known known(const FlushRange& range) const;
  KnownLsns known_of(std::string_view source) const;
  /// Reads the head anew.
  Status refresh();
  /// The same, behind an empty commit: it fills the slot that a commit without outcome aims at.
  Status fill_slot();
  /// One commit of the table, confirmed by a fresh look. ok also if it is in the table already.
  /// kConflict: nothing was changed; kCommitted: all these LSNs are in it by another flush;
  /// kSequenceViolation: some are, or they are forgotten; kDeadline: the parts are too old (T15),
  /// which says nothing of earlier tries.
  /// kCancelled (kUnknownOutcome): commit it again to know. kFenced: stop.
  Status commit(const LedgerEntry& entry, const PendingBounds& bounds);

 private:
  Ledger(Runtime& runtime, Bucket& bucket, Options options)
      : runtime_(runtime), bucket_(bucket), options_(std::move(options)) {}
  void start_clock() { deadline_ = runtime_.now() + options_.timeout; }
  Status try_commit(const LedgerEntry& entry, const PendingBounds& bounds);
  Status start(const Identity& identity, const OpeningId& opening);
  Status take_head(Result<table::HeadPtr> head);
  const table::LogMarks* marks() const;
  table::Coverage lsns(std::string_view source) const;
  Known known(const LedgerEntry& entry) const;

  Runtime& runtime_;
  Bucket& bucket_;
  const Options options_;
  LogId log_;
  table::HeadPtr head_;
  Nanos deadline_ = kForever;  ///< of the call in progress
  std::unique_ptr<table::Committer> committer_;
};

}  // namespace sluice::landing
