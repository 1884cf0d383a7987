// Writer: AtomicFlushWriter over intents, parts and, with a table, a ledger.
//
// A flush goes this way; each step is durable before the next begins, and a crash between any two
// leaves what recovery knows:
//   prepare   1 `.pending` with the plan  2 the parts, the record of them in the same file
//   commit    alone: 3 the file becomes `.committed`. With a table: 3 one commit of the table,
//             confirmed  4 the file is removed, which need not last: the marks know the flush
//   rollback  1 the file becomes `.rollback`  2 every object of the flush is removed  3 the file is
//   clear     1 the file is removed
//
// Owns: the intents, the ledger, the map of flushes (under the monitor). A flush is worked on by
// one thread at a time (`busy`), the ledger likewise (`ledger_busy_`).
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "landing/format.h"
#include "landing/intents.h"
#include "landing/ledger.h"
#include "landing/new_rows.h"
#include "landing/prepare.h"
#include "sluice/flush.h"

namespace sluice::landing {

class Writer final : public AtomicFlushWriter {
 public:
  Writer(const Platform& platform, AtomicFlushWriterOptions options,
         std::unique_ptr<Intents> intents);
  /// The table's side, the opening, and what earlier openings left.
  Status start();

  Result<AtomicFlushResult> prepare_flush(std::span<const Batch> batches,
                                          const FlushRange& range) override;
  Result<AtomicFlushResult> prepare_flush(std::span<const WalEntry> entries,
                                          const FlushRange& range) override;
  Result<AtomicFlushResult> commit_flush(const std::string& flush_id) override;
  Status rollback_flush(const std::string& flush_id) override;
  Result<FlushRecoveryResult> recover_pending_flushes() override;
  std::vector<BlockMetadata> committed_blocks() override;
  Status clear_committed_blocks(std::span<const BlockMetadata> blocks) override;
  bool has_pending_flushes() override { return pending_flush_count() > 0; }
  size_t pending_flush_count() override;

 private:
  struct Flush {
    Plan plan;
    std::optional<Parts> parts;
    std::vector<part::Meta> named;  ///< by any record of it that this opening has seen
    uint64_t rows_replaced = 0;
    /// What was last asked of its file; `unsure`: it is not known to be durable.
    IntentState state = IntentState::kPending;
    bool unsure = false;
    bool busy = false;
    bool checked = false;         ///< its parts were made or read by this opening
    bool in_doubt = false;        ///< a commit of the table ended without an outcome
    std::optional<Error> damage;  ///< its file cannot be used; only ticket and id are known
    IntentName name() const { return {plan.ticket, plan.flush, state}; }
  };
  /// Lets a flush go that is worked on.
  class Hold {
   public:
    Hold(Writer& writer, const Flush& flush) : writer_(writer), id_(flush.plan.flush.hex()) {}
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Writer& writer_;
    const std::string id_;
  };

  Result<AtomicFlushResult> prepare(const GivenRows& rows, const FlushRange& range,
                                    SourceLsns lsns);
  Result<NewRows> leave_out_known(std::span<const WalEntry> entries);
  Result<Plan> begin_flush(const FlushRange& range, SourceLsns lsns);
  Status admit(const FlushRange& range);
  Result<AtomicFlushResult> prepare_held(Flush& flush, const GivenRows& rows);
  Error give_up(Flush& flush, bool has_intent, const Error& cause);
  Result<Prepared> make_parts(const Flush& flush, const GivenRows& rows,
                              std::function<Status()> before_visible,
                              std::function<Status(const Parts&)> record);

  Result<Flush*> take(const std::string& flush_id, IntentState wanted);
  Error settled_answer(bool was_committed, IntentState wanted) const;
  void settle(const Flush& flush, bool committed);
  Status check_parts(Flush& flush);
  Status change_state(Flush& flush, IntentState to);
  Status commit_to_table(Flush& flush);
  PendingBounds bounds(const Flush& flush);
  Nanos age_of(const Flush& flush) const;
  bool is_too_old(const Flush& flush) const;
  Status roll_back(Flush& flush);
  Status remove_objects_and_intent(Flush& flush);
  Result<bool> is_in_table(Flush& flush);

  void recover_one(Flush& flush, FlushRecoveryResult& result);
  Result<bool> recover_parts(Flush& flush);
  Status rebuild(Flush& flush);

  Status with_ledger(const std::function<Status()>& work);
  Status ask_ledger(const std::function<Status()>& work);
  Error answer(const Error& error) const;
  bool is_alone() const { return ledger_ == nullptr; }
  bool numbers_by_source() const { return !is_alone() && options_.lsn_rule == LsnRule::kPerSource; }

  Runtime& runtime_;
  Bucket& bucket_;
  const AtomicFlushWriterOptions options_;
  const std::unique_ptr<Intents> intents_;
  std::unique_ptr<Ledger> ledger_;
  const std::unique_ptr<Monitor> monitor_;
  // Under the monitor; a Flush also belongs to who holds it.
  bool ledger_busy_ = false;
  uint64_t next_ticket_ = 1;
  std::map<std::string, Flush> flushes_;  ///< by id
  std::map<std::string, bool> settled_;   ///< id → was committed
  std::deque<std::string> settled_order_;
};

}  // namespace sluice::landing
