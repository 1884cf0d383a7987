// The oracle: what was sent to an engine, what the engine said of it, and whether a table that is
// read back agrees.
//
//   an acknowledged row is in the table exactly once with equal values, or was replaced by a row of
//   the same key and time that came later; no row that was never sent, or that was refused; what
//   was not acknowledged appears at most once; a batch is in the log as a whole or not at all, and
//   so it is in each partition of the table;
//   what a reader has seen stays; what a recovery did not bring back stays away; columns are
//   called what they were altered to, and a dropped one's values do not come back
//
// Later means: a higher LSN of the same log or, where an LSN is not known, sent after the other
// one's last answer. Everything is ordered by ticks of the ledger.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/oracle_shapes.h"
#include "sim/workload_rows.h"
#include "sluice/engine.h"

namespace sluice::sim {

inline constexpr uint64_t kNever = UINT64_MAX;

enum class Promise : uint8_t {
  kDurable,    ///< what an engine must show
  kCommitted,  ///< what must be in the table without its log
  kPast,       ///< what an earlier snapshot may show: rows as they were sent, rolled back or not
  kNothing,    ///< what may be left when stored bytes have rotted: less, but nothing wrong
};

/// One batch, and what is known of it.
struct Sent {
  uint32_t table = 0;
  uint32_t rows = 0;
  uint32_t extra = 0;   ///< the generation of kExtraColumn that it was given values for; 0: none
  uint32_t log = 0;     ///< of whose engine
  uint32_t source = 0;  ///< 0: none
  uint64_t position = 0;

  // Kept by the ledger. Ticks; kNever: not so far.
  uint64_t begin = 0;              ///< of its first send
  uint64_t end = kNever;           ///< of its last answer
  uint64_t acked_at = kNever;      ///< of any class
  uint64_t durable_at = kNever;    ///< since then the engine must show it
  uint64_t committed_at = kNever;  ///< since then the committed table must hold it
  uint64_t lsn = 0;                ///< 0: not known
  bool in_doubt = false;           ///< some answer left the outcome open
  bool gone = false;               ///< it must not be in the table
  /// Since then the same, but perhaps because later rows have replaced it.
  uint64_t hidden_at = kNever;
  bool rolled_back = false;  ///< by an operator, perhaps: nothing more is promised of it
  uint64_t shown = 0;        ///< rows (bit i: row i) that stay all the same
  bool divided = false;      ///< the log that had it whole was lost: some partitions may lack it
  struct Part {
    uint64_t rows = 0;  ///< all that are of one partition
    uint64_t at = kNever;
  };
  std::vector<Part> committed_parts = {};  ///< since then the committed table must hold them
};

/// A snapshot with a tag: it stays, and so do its rows.
struct Tagged {
  uint32_t table = 0;
  uint64_t snapshot_id = 0;
  std::vector<uint64_t> ids;  ///< of its rows, ascending
};
std::vector<uint64_t> ids_of(std::span<const Row> rows);

/// Copying it keeps what was known at that moment.
class Ledger {
 public:
  /// Returns the batch's number.
  uint64_t send(Sent batch);
  void resend(uint64_t number);
  void acknowledge(uint64_t number, AckClass ack, const Appended& appended);
  void fail(uint64_t number, const Error& error);
  /// The engine of `log` flushed; the call began at `begin`.
  void flushed(uint32_t log, std::optional<uint32_t> table, uint64_t begin);
  /// A reader saw these rows, so they stay.
  void witness(const SimTable& table, std::span<const Row> rows, Promise promise);
  /// A recovery that began at `begin` brought these rows back: what it did not stays away.
  void settle(uint32_t index, const SimTable& table, std::span<const Row> rows, uint64_t begin);
  /// The engine of `log` ended, in whatever way: what it has not answered it never will.
  void process_ended(uint32_t log);
  /// What is only in the log is lost, or will never reach this table.
  void log_lost(uint32_t log);
  /// An operator makes a snapshot current again while nobody writes and all is flushed: of what it
  /// does not show nothing is promised from now on.
  void begin_rollback(const Tagged& to);
  /// It was done: that does not come back.
  void rolled_back(const Tagged& to, const SimTable& table);
  void promise(uint64_t number);

  /// The row is in the committed table, says another engine.
  void promise_committed(uint64_t number);
  /// Leaves out numbers, so that a copy can give them out.
  void skip(uint64_t count);

  void tag(Tagged tagged) { tagged_.push_back(std::move(tagged)); }
  const std::vector<Tagged>& tagged() const { return tagged_; }

  uint64_t tick() { return ++now_; }
  uint64_t now() const { return now_; }
  const std::vector<Sent>& sent() const { return sent_; }
  /// Numbers of the source's batches, in order of position.
  std::vector<uint64_t> of_source(uint32_t table, uint32_t source) const;

  // What the world knows of its tables, by index.
  bool has_table(uint32_t table) const { return (tables_ >> table & 1) != 0; }
  void table_made(uint32_t table) { tables_ |= 1u << table; }
  /// The groups that devices were seen in.
  std::map<std::string, uint32_t>& devices(uint32_t table) { return devices_[table]; }
  Shapes& shapes(uint32_t table) { return shapes_[table]; }
  const Shapes& shapes(uint32_t table) const {
    static const Shapes kAsMade;
    const auto at = shapes_.find(table);
    return at == shapes_.end() ? kAsMade : at->second;
  }

 private:
  uint64_t earlier(uint64_t tick) const { return std::min(tick, now_); }
  void mark_present(std::span<const Row> rows);

  std::vector<Sent> sent_;
  std::vector<Tagged> tagged_;
  uint64_t now_ = 0;
  uint32_t tables_ = 0;
  std::map<uint32_t, Shapes> shapes_;
  std::map<uint32_t, std::map<std::string, uint32_t>> devices_;
};

/// What is wrong with the rows that a read of the table gave, which began at `begin`; nothing if
/// all is well.
std::optional<std::string> find_violation(const Ledger& ledger, const SimTable& table,
                                          uint32_t index, const Reading& reading, Promise promise,
                                          uint64_t begin);

}  // namespace sluice::sim
