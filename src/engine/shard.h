// Shard: the loop that owns the log. The heart of the write path.
//
// Each round: 1 drain the inbox: while one sync ran it filled, so a drain is a group commit  2
// append the batches as frames, schemas first, unless the disk is all but full; acknowledge class
// memory; roll a full segment  3 sync  4 hand the batches to the applier  5 acknowledge class log
// 6 roll for those who wait for a flush, trim what the applier says is in the tables. Owns: the
// log, LSNs, log-local schemas, source positions of what was accepted. Does not own: rows after
// step 4.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/channel.h"
#include "engine/event.h"
#include "engine/lane.h"
#include "engine/log_record.h"
#include "sluice/runtime.h"
#include "wal/log.h"

namespace sluice::engine {

class Shard {
 public:
  Shard(Runtime& runtime, Disk& disk, wal::Log& log, Channel<ApplierEvent>& applier,
        const EngineOptions& options);

  /// Any thread. After Stop was taken in, appends are answered at once (kCancelled) and the rest is
  /// dropped.
  void push(ShardEvent event);
  uint64_t syncs() const { return syncs_.load(); }
  uint64_t appends() const { return appends_.load(); }
  uint64_t rows() const { return rows_.load(); }
  /// For want of room.
  uint64_t refused() const { return refused_.load(); }
  /// The last appends were refused: the disk has less left than its reserve.
  bool is_full() const { return full_.load(); }
  /// The loop; returns after Stop, with the log closed. `schemas` are those of the log's newest
  /// checkpoint.
  Status run(Dictionary schemas);

 private:
  struct Pending {
    Append append;
    uint64_t lsn = 0;       ///< 0: a duplicate
    bool answered = false;  ///< with an error
  };
  /// What one round appends, and what it tells the applier afterwards, in order.
  struct Group {
    std::vector<Pending> batches;
    std::vector<ApplierEvent> tail;
    uint64_t roll = 0;  ///< Roll::lsn; 0: none
    std::optional<uint64_t> trim;
    std::vector<std::function<void()>> trimmed;
    bool stop = false;
  };
  /// Frames of some batches, and what becomes true of the shard once they are in the log.
  struct Piece;

  std::vector<ShardEvent> next_events();
  Group collect(std::vector<ShardEvent> events);
  void commit(Group& group);
  void clean_up(Group group);
  void tell_ended();
  Status check_room();
  Status write(std::vector<Pending>& batches);
  Status write_piece(std::span<Pending> batches);
  Status roll();
  Result<bool> is_news(const Append& append, Piece& piece) const;
  void stage(Pending& batch, Piece& piece) const;
  void finish(Pending batch, const Status& verdict);
  void refuse(Pending& batch, const Error& error);
  void turn_away(ShardEvent event);
  void serve_sources(Recovered recovered);
  void trim(uint64_t lsn);

  Runtime& runtime_;
  Disk& disk_;
  wal::Log& log_;
  Channel<ApplierEvent>& applier_;
  const uint64_t reserve_bytes_;
  Channel<ShardEvent> inbox_;
  Dictionary schemas_;
  std::map<TableName, std::vector<std::pair<SchemaPtr, uint64_t>>> bound_;  // by this opening
  using SourceKey = std::pair<TableName, std::string>;
  std::map<SourceKey, uint64_t> positions_;
  bool recovered_ = false;
  std::set<PartitionName> touched_;       // by the frames of the active segment
  std::vector<WriteNotification> ended_;  // segments, since the last round
  std::atomic<uint64_t> syncs_{0};
  std::atomic<uint64_t> appends_{0};
  std::atomic<uint64_t> rows_{0};
  std::atomic<uint64_t> refused_{0};
  std::atomic<bool> full_{false};
};

}  // namespace sluice::engine
