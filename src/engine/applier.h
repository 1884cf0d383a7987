// Applier: the loop that owns memtables. Everything reaches them through it, in the order of the
// log.
//
// It starts behind: 1 replay what earlier openings left in the log, under the memory limit, while
// appends of this opening queue up  2 tell the shard the source positions and schemas. Then each
// round: 3 apply what became durable  4 start the flushes that are due, as threads are free  5 take
// in the flushes that ended: release their rows  6 tell the shard how far the log can be trimmed,
// and answer who waits. Owns: when to flush (engine/due.h). Does not own: the lanes' content
// against readers (the lanes' monitor guards it).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/budget.h"
#include "base/channel.h"
#include "engine/due.h"
#include "engine/event.h"
#include "engine/flusher.h"
#include "engine/lanes.h"
#include "engine/replay.h"
#include "sluice/runtime.h"

namespace sluice::engine {

class Shard;

class Applier {
 public:
  Applier(Runtime& runtime, Lanes& lanes, Budget& budget, Channel<ApplierEvent>& inbox,
          Flusher& flusher, Shard& shard, const EngineOptions& options);

  /// The loop; returns after Stop.
  void run(Replay replay);

 private:
  using Answers = std::vector<std::pair<Completion, Result<Appended>>>;
  using Started = std::vector<std::pair<LanePtr, uint64_t>>;

  Status replay_all(Replay replay);
  Result<bool> apply_replayed(ReplayedRun next);
  bool is_wanted(const Lane& lane, const memtable::Run& run) const;
  bool admit(Lane& lane, const Batch& batch);
  Result<std::shared_ptr<const void>> reserve_for_replay(uint64_t bytes);
  void end_replay(uint64_t end_lsn, Dictionary schemas);
  void fail(const Error& error);

  void handle_all(std::vector<ApplierEvent> events);
  void handle(Applied applied);
  void handle(FlushRequest request);
  void handle(Rolled rolled);
  void handle(FlushDone done);
  void tell_listener(const FlushDone& done) const;
  void complete(Lane& lane, const FlushDone& done);
  void put_off(Cut& cut, const Error& error);
  void answer_settled(Lane& lane, Answers& answers);
  static void answer(Answers answers);
  void look_after_flushes(Nanos until);
  void start_due_flushes();
  void start_due_of(const LanePtr& lane, Nanos now, bool of_all, Started& started,
                    Answers& answers);
  const Lane* largest_when_short(const std::vector<LanePtr>& lanes) const;
  void look_at_pinned_segments(const std::vector<LanePtr>& lanes);
  void throttle(const std::vector<LanePtr>& lanes);
  std::optional<Error> over_its_share(const Lane& lane, uint64_t failing) const;
  Nanos next_look() const;
  void trim();
  Nanos cold_before() const;

  Runtime& runtime_;
  Lanes& lanes_;
  Budget& budget_;
  Channel<ApplierEvent>& inbox_;
  Flusher& flusher_;
  Shard& shard_;
  const EngineOptions options_;
  std::vector<ApplierEvent> deferred_;  ///< live events that wait for the end of replay
  std::vector<std::shared_ptr<FlushWaiter>> settled_;  ///< who is answered after the next trim
  const Due due_;
  uint32_t running_ = 0;     ///< flushes
  size_t first_served_ = 0;  ///< of the lanes, in turn
  bool replaying_ = true;
  bool stopped_ = false;
  uint64_t trimmed_lsn_ = 0;
};

}  // namespace sluice::engine
