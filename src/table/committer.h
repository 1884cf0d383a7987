// Committer: every change of a table, as one put-if-absent of the next `vN.metadata.json` (design:
// the table protocol).
//
// Owns: nothing durable; the last head it has seen. Does not own: parts (the caller puts them first
// and removes those of an edit that was given up). One thread at a time; heads may be shared
// freely.
//
// A commit:  1 list, take the highest version as head  2 check lineage, fence and the edit's
// requirements
//            3 put marks, manifest, manifest list  4 put-if-absent vN+1  5 every answer but ok:
//            read the slot, compare the commit id: ours → done; another's → back to 1; empty → the
//            same bytes again  6 hint, best effort.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "part/meta.h"
#include "sluice/io.h"
#include "sluice/options.h"
#include "sluice/runtime.h"
#include "table/marks.h"
#include "table/metadata.h"

namespace sluice::table {

/// A committed state of the table. Immutable.
struct Head {
  Metadata metadata;
  Marks marks;
};
using HeadPtr = std::shared_ptr<const Head>;

/// Who commits: one opening of one log.
struct Writer {
  LogId log;
  OpeningId opening;
  std::vector<Opening> chain;  ///< this opening last
};

/// The rows of one flush. `low_water`, `exceptions` and `sources` are what our marks shall be at
/// least afterwards.
struct FlushEdit {
  FlushId flush;
  HeadPtr base;  ///< the head the flush was made against: its marks, epoch and schema
  std::vector<part::Meta> parts;
  Coverage lsns;  ///< of our log
  std::map<std::string, Coverage> sources;
  uint64_t rows_replaced = 0;
};

struct CommitterOptions {
  uint32_t snapshots_kept = 100;
  uint32_t manifests_merged_at = 100;
  Nanos retry_min = 50 * kMillisecond;
  Nanos retry_max = 30 * kSecond;
};

class Committer {
 public:
  /// `cancelled` is asked before each wait; when it says yes the call in progress ends with
  /// kCancelled.
  Committer(Runtime& runtime, Bucket& bucket, TableName name, Writer writer,
            CommitterOptions options, std::function<bool()> cancelled);

  /// The newest head; checks lineage (kFenced). kNotFound: no such table.
  Result<HeadPtr> load();
  /// Makes the table, claimed by us. An existing table is loaded instead.
  Result<HeadPtr> create(const TableSpec& spec);
  /// Makes this opening the owner: epoch + 1, once per opening; nothing to do if it is. A fenced
  /// opening never claims.
  Result<HeadPtr> claim();
  /// Adds user columns, and system columns by their names (`_time_ns`). Nothing to do if all are
  /// there.
  Result<HeadPtr> add_columns(const std::vector<Field>& columns);
  Result<HeadPtr> add_system_column(const std::string& name, part::PhysicalType type);
  /// Commits the rows. kConflict: marks, positions, epoch or schema of edit.base moved: load(),
  /// drop what the new marks cover, flush the rest anew. kFenced: stop. kIo and kFull are retried
  /// inside as long as the outcome is unknown; before that point they are returned and nothing has
  /// happened.
  Result<HeadPtr> commit(const FlushEdit& edit);
  /// A fresh listing says: the head is ours, and its marks for our log cover `lsns`. Else kFenced
  /// or kConflict.
  Status confirm(const Coverage& lsns);

  HeadPtr head() const { return head_; }

 private:
  Runtime& runtime_;
  Bucket& bucket_;
  TableName name_;
  Writer writer_;
  CommitterOptions options_;
  std::function<bool()> cancelled_;
  HeadPtr head_;
  bool claimed_ = false;
};

/// Reads the newest head of a table without being a writer. kNotFound.
Result<HeadPtr> load_head(Bucket& bucket, const TableName& name);
/// All tables of the bucket, sorted: every `<db>/<coll>/metadata/` that holds a `vN.metadata.json`.
Result<std::vector<TableName>> list_tables(Bucket& bucket);

/// The live parts of a snapshot, in manifest order. `keep_day` (if set) is asked for each partition
/// day.
Result<std::vector<part::Meta>> read_parts(Bucket& bucket, const Metadata& metadata,
                                           const std::function<bool(int32_t)>& keep_day);

}  // namespace sluice::table
