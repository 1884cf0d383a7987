// Persister: entries into a table until they are there, or are known to be no rows.
//
// Steps for a chunk of entries: 1 prepare; the first one of a new table makes the table  2 blocks
// that are too large, and rows that are refused: the chunk is cut in two, down to the row at
// fault, which becomes a dead letter  3 commit; what another flush has brought in meanwhile is
// prepared anew without it. An error leaves the chunk as it is, and the same call again goes on.
// Owns the AtomicFlushWriter. One thread at a time.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "landing/prefixed_bucket.h"
#include "sluice/parent.h"

namespace sluice::landing {

/// Entries that are not in the table yet, as far as they have come.
struct Chunk {
  std::vector<WalEntry> entries;
  std::shared_ptr<const void> owner;
  AtomicFlushResult flush;  ///< with an id: prepared, and only to be committed
  int conflicts = 0;
};

/// What became of them.
struct Outcome {
  uint64_t rows = 0;
  uint64_t known = 0;
  std::vector<BlockMetadata> blocks;
  std::vector<DeadLetter> dead_letters;
};

class Persister {
 public:
  /// Options are checked by the caller, but for the path.
  static Result<std::unique_ptr<Persister>> open(const WriterOptions& options);

  /// What earlier openings left prepared.
  Status settle_earlier();
  size_t earlier_count() const { return earlier_.size(); }
  /// Empties `chunks`, from the front. An error: what is left of them is still to be persisted.
  Status persist(std::deque<Chunk>& chunks, Outcome& outcome);

 private:
  Persister(const WriterOptions& options, TableName table, std::string prefix);
  AtomicFlushWriterOptions flush_options(std::optional<TableSpec> create) const;
  Status open_writer(std::optional<TableSpec> create);
  Status make_table(std::span<const WalEntry> entries);
  Status settle_one(const std::string& flush_id);
  Status prepare(std::deque<Chunk>& chunks, Outcome& outcome);
  Result<AtomicFlushResult> prepare_rows(std::span<const WalEntry> entries);
  Status commit(std::deque<Chunk>& chunks, Outcome& outcome);
  Status give_up_flush(Chunk& chunk);
  Status refuse_or_cut(std::deque<Chunk>& chunks, const Error& reason, Outcome& outcome);
  bool is_refused_alone(const WalEntry& entry);
  void roll_back_leftovers();

  const WriterOptions options_;
  const TableName table_;
  const std::string prefix_;
  PrefixedBucket bucket_;
  std::unique_ptr<AtomicFlushWriter> writer_;
  std::vector<std::string> earlier_;    ///< flush ids of earlier openings
  std::vector<std::string> leftovers_;  ///< flush ids that are to be rolled back
};

}  // namespace sluice::landing
