// Lanes: every table of the engine, and the one monitor that guards what threads share.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "engine/lane.h"
#include "sluice/runtime.h"

namespace sluice::engine {

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

  uint64_t applied_lsn = 0;
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

}  // namespace sluice::engine
