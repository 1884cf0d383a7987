// Replay: the frames that earlier openings left in the log, as runs of tables.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/log_record.h"
#include "memtable/buffer.h"
#include "sluice/runtime.h"
#include "wal/log.h"

namespace sluice::engine {

struct ReplayedRun {
  TableName table;
  memtable::Run run;
};

/// A pull over the recovered part of the log. One thread. Memory: one frame.
class Replay {
 public:
  /// kCorrupt if the newest checkpoint's schemas do not decode.
  static Result<Replay> start(const wal::Log& log);

  /// The next batch, or nothing at the end. kCorrupt (where and offset), kUnsupported (a record
  /// type that must be understood), kIo.
  Result<std::optional<ReplayedRun>> next();
  /// Those of the newest checkpoint and of the frames so far.
  const Dictionary& schemas() const { return schemas_; }
  /// The LSN that everything of this opening lies above.
  uint64_t end_lsn() const { return end_lsn_; }
  uint64_t frames() const { return frames_; }
  uint64_t log_bytes() const { return log_bytes_; }
  uint64_t torn_bytes() const { return torn_bytes_; }
  Dictionary take_schemas() { return std::move(schemas_); }

 private:
  Replay(const wal::Log& log, std::unique_ptr<wal::LogReader> reader, Dictionary schemas);
  Result<std::optional<ReplayedRun>> decode(const wal::LogFrame& frame);

  std::unique_ptr<wal::LogReader> reader_;
  Dictionary schemas_;
  uint64_t end_lsn_;
  uint64_t log_bytes_;
  uint64_t torn_bytes_;
  uint64_t frames_ = 0;
  std::map<std::string, std::shared_ptr<const std::string>> sources_;  // each name once in memory
};

/// The same pull, ahead of its caller on a thread of its own: reading waits for the disk, applying
/// for memory. One thread calls. Memory: kAheadBytes of batches, or one.
class ReplayAhead {
 public:
  static constexpr uint64_t kAheadBytes = 4ull << 20;

  ReplayAhead(Runtime& runtime, Replay replay);
  ~ReplayAhead();
  ReplayAhead(const ReplayAhead&) = delete;
  ReplayAhead& operator=(const ReplayAhead&) = delete;

  /// As Replay::next.
  Result<std::optional<ReplayedRun>> next();
  /// After next() gave nothing or an error.
  Replay& ended() { return replay_; }

 private:
  using Next = Result<std::optional<ReplayedRun>>;
  void work();

  Replay replay_;
  const std::unique_ptr<Monitor> monitor_;
  std::deque<Next> ahead_;
  uint64_t ahead_bytes_ = 0;
  bool stopped_ = false;
  std::unique_ptr<Thread> thread_;
};

/// Reads and decodes all that earlier openings left in the log. Errors as Replay.
Status verify_log(const wal::Log& log);

}  // namespace sluice::engine
