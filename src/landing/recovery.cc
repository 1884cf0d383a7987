// Recovery: what becomes of the flushes that earlier openings left, and of those that ended midway.
//
// Every step may be cut off by a crash and taken again: a rollback that had begun is finished; a
// flush that the table has is done; whole parts are kept; others are built anew under new names,
// recorded, and only then the old ones are removed (L6). What cannot be helped is left as it is.
#include "landing/atomic_flush.h"
#include "landing/blocks.h"
#include "landing/parts.h"

namespace sluice::landing {
namespace {

/// Reading again would not help, writing anew does.
bool is_damage(const Error& error) {
  return error.code() == Code::kCorrupt || error.code() == Code::kNotFound ||
         error.code() == Code::kUnsupported;
}

}  // namespace

Result<FlushRecoveryResult> Writer::recover_pending_flushes() {
  std::vector<std::string> ids;
  {
    MonitorLock lock(*monitor_);
    for (const auto& [id, flush] : flushes_) ids.push_back(id);
  }
  FlushRecoveryResult result;
  for (const std::string& id : ids) {
    Flush* flush = nullptr;
    {
      MonitorLock lock(*monitor_);
      const auto found = flushes_.find(id);
      if (found == flushes_.end() || found->second.busy) continue;
      flush = &found->second;
      flush->busy = true;
    }
    const Hold hold(*this, *flush);
    recover_one(*flush, result);
  }
  return result;
}

void Writer::recover_one(Flush& flush, FlushRecoveryResult& result) {
  const std::string id = flush.plan.flush.hex();
  if (flush.damage) {
    result.failed.push_back({to_string(flush.name()), *flush.damage});
    return;
  }
  if (flush.state == IntentState::kCommitted) return;
  if (flush.state == IntentState::kRollback) {
    const Status done = roll_back(flush);
    if (done.ok()) {
      result.rolled_back.push_back(id);
    } else {
      result.failed.push_back({id, done.error()});
    }
    return;
  }
  const auto in_table = is_alone() ? Result<bool>(false) : is_in_table(flush);
  if (!in_table.ok()) {
    result.failed.push_back({id, in_table.error()});
    return;
  }
  if (*in_table) {
    result.committed.push_back(describe(flush.plan, flush.parts.value_or(Parts())));
    static_cast<void>(intents_->remove(flush.name()));
    settle(flush, true);
    return;
  }
  const auto whole = recover_parts(flush);
  if (!whole.ok()) {
    result.failed.push_back({id, whole.error()});
    return;
  }
  (*whole ? result.recovered : result.retried).push_back(describe(flush.plan, *flush.parts));
}

/// Whether the parts are whole; if they were not, they are built anew.
Result<bool> Writer::recover_parts(Flush& flush) {
  Status whole = Error(Code::kInvalid, Reason::kUnprepared,
                       "the flush was never prepared to its end", flush.plan.flush.hex());
  if (flush.parts) {
    flush.checked = false;
    whole = check_parts(flush);
    if (whole.ok() && !is_too_old(flush)) return true;
    if (whole.ok()) {
      whole = Error(Code::kConflict, Reason::kDeadline,
                    "its parts are so old that a sweep may take them: prepare it anew",
                    flush.plan.flush.hex());
    } else if (!is_damage(whole.error())) {
      return whole.error();
    }
  }
  if (!options_.rows_of) return whole.error();
  TRY(rebuild(flush));
  return false;
}

/// T15: the table would not take them any more.
bool Writer::is_too_old(const Flush& flush) const {
  return !is_alone() && age_of(flush) > table::CommitterOptions().grace / 2;
}

Status Writer::rebuild(Flush& flush) {
  const FlushRows rows = TRY(options_.rows_of(flush.plan.range));
  const Error gone(Code::kInvalid, Reason::kNoEntries,
                   "the rows of the flush are not there any more", flush.plan.flush.hex());
  if (rows.batches.empty() && rows.entries.empty()) return gone;
  if (rows.batches.empty()) TRY(check_entries(rows.entries, flush.plan.range));
  flush.plan.created_wall_time = runtime_.wall_now();
  GivenRows given{rows.batches, {}, {}};
  NewRows chosen;
  if (rows.batches.empty() && !flush.plan.lsns.empty()) {
    chosen = TRY(find_rows_of(rows.entries, flush.plan.lsns));
    // L4: the table will say that it has all of them.
    if (chosen.lsns != flush.plan.lsns) return gone;
    given.entries = chosen.entries;
    given.numbers = chosen.numbers;
  } else if (rows.batches.empty()) {
    given.entries = rows.entries;
  }
  Prepared prepared = TRY(make_parts(
      flush, given, [] { return ok(); },
      [&](const Parts& parts) {
        flush.named.insert(flush.named.end(), parts.metas.begin(), parts.metas.end());
        return intents_->replace(flush.plan, parts);
      }));
  flush.parts = std::move(prepared.parts);
  flush.rows_replaced = prepared.rows_replaced;
  flush.checked = true;
  // What stays behind costs space only.
  static_cast<void>(remove_parts(bucket_, flush.plan.prefix, flush.plan.flush,
                                 {flush.parts->metas, flush.named}));
  return ok();
}

}  // namespace sluice::landing
