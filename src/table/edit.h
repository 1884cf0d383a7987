// Edits: what a commit changes, as pure functions (head, edit) → next head and the objects it
// names. No I/O, no clock, no chance: those come in with the Stamp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "part/meta.h"
#include "sluice/options.h"
#include "sluice/runtime.h"
#include "table/head.h"
#include "table/manifest.h"

namespace sluice::table {

/// Who commits: one opening of one log.
struct Writer {
  LogId log;
  OpeningId opening;
  std::vector<Opening> chain;  ///< this opening last
};

/// The rows of one flush. `lsns` and `sources` are what our marks shall be at least afterwards.
struct FlushEdit {
  FlushId flush;
  HeadPtr base;  ///< the head the flush was made against: its marks, epoch and schema
  std::vector<part::Meta> parts;
  Coverage lsns;  ///< of our log
  std::map<std::string, Coverage> sources;
  uint64_t rows_replaced = 0;
  /// When the oldest part was put (Runtime::now); no later than that.
  std::optional<Nanos> put_at = std::nullopt;
};

/// A version stays for so long at least after it was followed.
inline constexpr Nanos kVersionsSpan = 24 * 3600 * kSecond;

struct CommitterOptions {
  uint32_t snapshots_kept = 100;
  uint32_t manifests_merged_at = 100;
  Nanos retry_min = 50 * kMillisecond;
  Nanos retry_max = 30 * kSecond;
  /// What is younger is never swept; a commit names no part that is more than half as old.
  Nanos grace = 24 * 3600 * kSecond;
  /// Told why a try failed that is repeated inside, before the wait for the next; may be empty.
  std::function<void(const Error&)> on_retry = nullptr;
};

/// What makes one attempt unlike any other.
struct Stamp {
  CommitId commit;
  int64_t now_ms = 0;
  uint64_t entropy = 0;  ///< random; the snapshot's id comes from it
};

struct NewObject {
  std::string key;
  std::string bytes;
};

/// The next head, and the objects that must be there before its metadata is.
struct Proposal {
  HeadPtr head;
  std::vector<NewObject> objects;
};

/// The manifests of the head's current snapshot, and the entries of those that are to be merged.
struct ParentManifests {
  std::vector<ManifestFile> kept;
  std::vector<ManifestEntry> merged;
};

/// Version 1, claimed with epoch 1. kInvalid: a column called as the partition, `<time>_day`.
Result<Proposal> propose_table(const TableName& name, const TableSpec& spec,
                               const std::string& location, const Writer& writer,
                               const Stamp& stamp);
/// The next epoch, owned by `writer`.
Proposal propose_claim(const Head& head, const Writer& writer, const Stamp& stamp);
/// The next version of the same table: it fills a slot, and changes nothing.
Proposal propose_touch(const Head& head, const Stamp& stamp);
/// A new schema with the columns (their field ids are given here, none is required).
Result<Proposal> propose_columns(const Head& head, std::vector<part::Column> columns,
                                 const Stamp& stamp);

/// kConflict unless `head` has the marks of our log, the positions, the epoch and the schema that
/// the edit was made for.
Status check_base(const Head& head, const FlushEdit& edit, const Writer& writer);
/// Which manifests the next commit merges: none, or two and more of the smallest, so that there are
/// fewer than `merged_at` afterwards and not too many bytes are rewritten. Ascending indices.
std::vector<size_t> choose_merged(const std::vector<ManifestFile>& files, uint32_t merged_at);
/// Nothing if the edit has no parts and moves no mark. kInvalid: parts that do not fit the table or
/// move no mark.
Result<std::optional<Proposal>> propose_flush(const Head& head, const FlushEdit& edit,
                                              const Writer& writer, const ParentManifests& parent,
                                              const CommitterOptions& options, const Stamp& stamp);

}  // namespace sluice::table
