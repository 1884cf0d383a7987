// Parts: rows into Parquet objects that are not visible yet, and whether objects are still what was
// put.
//
// Rows without key and partition keep their order: the flush is cut into slices, each written by a
// thread of its own into parts of its own. The last part of a slice is finished only when all rows
// are encoded and the intent is durable (L2).
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "landing/columns.h"
#include "landing/entries.h"
#include "landing/format.h"
#include "sluice/flush.h"
#include "sluice/io.h"
#include "sluice/runtime.h"

namespace sluice::landing {

/// Footer key of the flush's id.
inline constexpr std::string_view kFlushProperty = "sluice.flush-id";

/// Rows to be written: batches, or entries and their shape.
struct Rows {
  std::span<const Batch> batches;
  std::span<const WalEntry> entries;
  EntryShape shape;  ///< of the entries
  uint64_t count() const;
};

struct PartOptions {
  std::string prefix;
  FlushId flush;
  uint64_t row_group_bytes = 0;
  uint64_t part_bytes = 0;
  int zstd_level = 1;
};

/// One attempt at the parts of a flush. One thread calls.
class PartsAttempt {
 public:
  /// `before_visible` returns when objects may appear; called by any thread, more than once.
  PartsAttempt(Runtime& runtime, Bucket& bucket, const PartOptions& options,
               const PartColumns& columns, std::function<Status()> before_visible);
  ~PartsAttempt();

  /// Writes all rows; what is not finished yet is held. On an error see widening().
  Status write(const Rows& rows);
  /// Why write() ended with kCancelled.
  Widening widening() const;
  /// Of every part, in order; complete after write().
  std::vector<part::Meta> metas() const;
  /// Makes the held parts durable; `meanwhile` runs beside.
  Status finish(const std::function<Status()>& meanwhile);

 private:
  class Slice;
  std::vector<std::unique_ptr<Slice>> cut(const Rows& rows);

  Runtime& runtime_;
  Bucket& bucket_;
  const PartOptions options_;
  const PartColumns& columns_;
  const std::function<Status()> before_visible_;
  const std::string stem_;
  std::vector<std::unique_ptr<Slice>> slices_;
};

/// What all keys of a flush's parts begin with.
std::string key_start(std::string_view prefix, const FlushId& flush);

/// Reads the whole object. kNotFound: it is gone. kCorrupt: kIncompletePayload, it is short or too
/// long, expected() and found() are bytes; kCrcMismatch, it is damaged; kForeign, it is whole, but
/// another flush's; kDecodeFailure, it has other rows than it should. where() is the key.
Status check_part(Bucket& bucket, const part::Meta& meta, const FlushId& flush);

/// What remove_parts() spares, and what it need not find: a listing may lag behind.
struct PartNames {
  std::span<const part::Meta> spared;
  std::span<const part::Meta> known;
};
/// Removes every object whose key begins with key_start(), and the known ones, but those spared.
Status remove_parts(Bucket& bucket, std::string_view prefix, const FlushId& flush,
                    const PartNames& names);

}  // namespace sluice::landing
