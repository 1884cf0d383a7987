// Settling: what ends a flush. Commit, alone or with a table; rollback; and the blocks of those
// that were committed alone, until they are cleared.
#include <algorithm>
#include <map>
#include <set>

#include "landing/atomic_flush.h"
#include "landing/blocks.h"
#include "landing/parts.h"

namespace sluice::landing {

Status Writer::check_parts(Flush& flush) {
  if (flush.checked) return ok();
  for (const part::Meta& meta : flush.parts->metas) {
    TRY(check_part(bucket_, meta, flush.plan.flush));
  }
  // L5: another opening may have built them anew under the same id.
  if (!is_alone() && TRY(is_in_table(flush))) return ok();
  // What attempts of an earlier opening left beside them.
  TRY(remove_parts(bucket_, flush.plan.prefix, flush.plan.flush, {flush.parts->metas, {}}));
  flush.checked = true;
  return ok();
}

/// L3: the state is in the name of the file, so it changes at once or not at all.
Status Writer::change_state(Flush& flush, IntentState to) {
  {
    MonitorLock lock(*monitor_);
    flush.state = to;
    flush.unsure = true;
  }
  TRY(intents_->change_state(flush.name(), to));
  MonitorLock lock(*monitor_);
  flush.unsure = false;
  return ok();
}

Result<AtomicFlushResult> Writer::commit_flush(const std::string& flush_id) {
  Flush* flush = TRY(take(flush_id, IntentState::kCommitted));
  const Hold hold(*this, *flush);
  TRY(check_parts(*flush));
  AtomicFlushResult result = describe(flush->plan, *flush->parts);
  TRY(is_alone() ? change_state(*flush, IntentState::kCommitted) : commit_to_table(*flush));
  return result;
}

PendingBounds Writer::bounds(const Flush& flush) {
  MonitorLock lock(*monitor_);
  PendingBounds bounds{next_ticket_ - 1, kLsnMax + 1};
  for (const auto& [id, other] : flushes_) {
    if (&other == &flush) continue;
    bounds.settled = std::min(bounds.settled, other.plan.ticket - 1);
    bounds.lowest_lsn = std::min(bounds.lowest_lsn, other.damage ? 0 : other.plan.range.min_lsn);
  }
  return bounds;
}

/// Of its parts, at most. A clock that was set back makes them look younger.
Nanos Writer::age_of(const Flush& flush) const {
  return std::max<Nanos>(runtime_.wall_now() - flush.plan.created_wall_time, 0);
}

Status Writer::commit_to_table(Flush& flush) {
  const Status done = with_ledger([&] {
    return ledger_->commit(
        {flush.plan.flush, flush.plan.ticket, flush.plan.range, flush.plan.lsns, flush.parts->metas,
         flush.rows_replaced, runtime_.now() - age_of(flush)},
        bounds(flush));
  });
  if (!done.ok()) {
    // L5: after these nothing of this try is on its way (table/committer.h); of an earlier one
    // something may be.
    const Code code = done.error().code();
    const bool is_over = code == Code::kConflict || code == Code::kInvalid || code == Code::kIo ||
                         code == Code::kFull || code == Code::kBusy;
    if (!is_over) flush.in_doubt = true;
    if (code != Code::kCancelled) return done;
    return Error(Code::kIo, Reason::kUnknownOutcome,
                 "the commit has no answer yet: commit the flush again", flush.plan.flush.hex());
  }
  // The marks know the flush, so its file may stay or come back.
  static_cast<void>(intents_->remove(flush.name()));
  settle(flush, true);
  return ok();
}

/// L5: for good, if it is not. The opening's claim has filled the slot that a commit of an earlier
/// one could still take; an empty commit fills that of a commit of ours without outcome.
Result<bool> Writer::is_in_table(Flush& flush) {
  bool found = false;
  const Status read = ask_ledger([&]() -> Status {
    TRY(flush.in_doubt ? ledger_->fill_slot() : ledger_->refresh());
    flush.in_doubt = false;
    found = ledger_->is_committed(flush.plan.flush, flush.plan.ticket);
    return ok();
  });
  TRY(read);
  return found;
}

Status Writer::rollback_flush(const std::string& flush_id) {
  Flush* flush = TRY(take(flush_id, IntentState::kRollback));
  const Hold hold(*this, *flush);
  return roll_back(*flush);
}

Status Writer::roll_back(Flush& flush) {
  // L5: it is rolled back only if no commit can bring it in any more.
  const bool is_open = !is_alone() && flush.state == IntentState::kPending;
  if (is_open && TRY(is_in_table(flush))) {
    const std::string id = flush.plan.flush.hex();
    static_cast<void>(intents_->remove(flush.name()));
    settle(flush, true);
    return settled_answer(true, IntentState::kRollback).at(id);
  }
  // Without a file there is nothing to mark: an earlier try has removed it, though perhaps not
  // durably, or its prepare failed before there was one.
  const Status marked = change_state(flush, IntentState::kRollback);
  if (!marked.ok() && marked.error().code() != Code::kNotFound) return marked;
  TRY(remove_objects_and_intent(flush));
  settle(flush, false);
  return ok();
}

/// L6: the objects first, the intent last.
Status Writer::remove_objects_and_intent(Flush& flush) {
  TRY(remove_parts(bucket_, flush.plan.prefix, flush.plan.flush, {{}, flush.named}));
  TRY(intents_->remove(flush.name()));
  return intents_->sync();
}

// ---- committed blocks

std::vector<BlockMetadata> Writer::committed_blocks() {
  std::vector<const Flush*> committed;
  std::vector<BlockMetadata> blocks;
  MonitorLock lock(*monitor_);
  for (const auto& [id, flush] : flushes_) {
    const bool is_listed =
        flush.state == IntentState::kCommitted && !flush.unsure && flush.parts && !flush.damage;
    if (is_listed) committed.push_back(&flush);
  }
  std::sort(committed.begin(), committed.end(),
            [](const Flush* a, const Flush* b) { return a->plan.ticket < b->plan.ticket; });
  for (const Flush* flush : committed) {
    for (BlockMetadata& block : describe(flush->plan, *flush->parts).blocks) {
      blocks.push_back(std::move(block));
    }
  }
  return blocks;
}

Status Writer::clear_committed_blocks(std::span<const BlockMetadata> blocks) {
  std::map<std::string, std::set<std::string>> named;
  for (const BlockMetadata& block : blocks) named[block.flush_id].insert(block.id);
  std::vector<IntentName> names;
  {
    MonitorLock lock(*monitor_);
    for (const auto& [id, block_ids] : named) {
      const auto found = flushes_.find(id);
      if (found == flushes_.end()) continue;
      const Flush& flush = found->second;
      if (flush.state != IntentState::kCommitted || flush.unsure || !flush.parts) {
        return Error(Code::kInvalid, Reason::kUnprepared, "the flush is not committed", id);
      }
      if (block_ids.size() != flush.parts->metas.size()) {
        return Error({Code::kInvalid, Reason::kIncompletePayload,
                      "a flush is cleared with all of its blocks, or not at all", id,
                      flush.parts->metas.size(), block_ids.size()});
      }
      names.push_back(flush.name());
    }
  }
  for (const IntentName& name : names) TRY(intents_->remove(name));
  TRY(intents_->sync());
  for (const IntentName& name : names) {
    Flush cleared;
    cleared.plan.flush = name.flush;
    settle(cleared, true);
  }
  return ok();
}

}  // namespace sluice::landing
