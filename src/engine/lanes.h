// Lanes: every table of the engine, and the one monitor that guards what threads share.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/figures.h"
#include "engine/lane.h"
#include "sluice/runtime.h"

namespace sluice::engine {

/// Where the ended segments of the log end, as far as they are not trimmed.
class Segments {
 public:
  Segments() = default;
  /// The base LSNs of the segments, the active one last.
  explicit Segments(const std::vector<uint64_t>& bases);
  void end(uint64_t last_lsn) { ends_.push_back(last_lsn); }
  void trim(uint64_t lsn);
  /// Those that hold `oldest` or something newer, the active one included.
  uint64_t pinned_by(uint64_t oldest) const;
  /// What the segments before the newest `count` hold ends here; 0: there are no more than that.
  uint64_t end_before(uint64_t count, uint64_t oldest) const;

 private:
  std::deque<uint64_t> ends_;
};

/// Members without a lock of their own are read and written under monitor(). Nobody does I/O or
/// calls back under it.
class Lanes {
 public:
  explicit Lanes(Runtime& runtime) : monitor_(runtime.monitor()) {}
  Monitor& monitor() { return *monitor_; }

  LanePtr find(const TableName& name) const;
  void add(LanePtr lane);
  std::vector<LanePtr> all() const;
  /// All but those that a flush of everything cannot fail for: stopped, and without a row in the
  /// log. Which those are is known when the log has been replayed, and waited for. Takes the
  /// monitor itself.
  std::vector<LanePtr> to_flush(Runtime& runtime, Nanos deadline);

  Segments segments;
  Figures figures;
  uint64_t applied_lsn = 0;
  uint64_t groups_bytes = 0;  ///< of all lanes
  bool recovered = false;
  bool closing = false;  ///< no append is accepted any more
  std::optional<Error>
      failure;  ///< replay met damage, or the engine closed: nothing can be promised any more

 private:
  std::unique_ptr<Monitor> monitor_;
  std::map<TableName, LanePtr> lanes_;
};

/// Holds a lane's commit turn for a scope: the right to use its committer.
class CommitTurn {
 public:
  /// Waits for its turn. Takes the monitor itself.
  CommitTurn(Lanes& lanes, Lane& lane);
  ~CommitTurn();
  CommitTurn(const CommitTurn&) = delete;
  CommitTurn& operator=(const CommitTurn&) = delete;

 private:
  Lanes& lanes_;
  Lane& lane_;
};

/// Held by a flush while it writes parts that no metadata names yet, and by a sweep while it looks
/// for what nothing names: one waits for the other (T14). Any number of flushes at a time.
class LanePass {
 public:
  enum class Kind : uint8_t { kFlush, kSweep };
  /// Takes the monitor itself.
  LanePass(Lanes& lanes, Lane& lane, Kind kind);
  ~LanePass();
  LanePass(const LanePass&) = delete;
  LanePass& operator=(const LanePass&) = delete;

 private:
  Lanes& lanes_;
  Lane& lane_;
  const Kind kind_;
};

}  // namespace sluice::engine
