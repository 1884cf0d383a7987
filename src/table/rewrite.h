// Rewrite: parts take the place of others, and the table's rows stay what they are.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "table/edit.h"

namespace sluice::table {

/// The rows of `inputs` as `outputs`: without those that a later write of their key had replaced.
struct RewriteEdit {
  FlushId rewrite;                  ///< that the outputs are named by
  HeadPtr base;                     ///< the head that the inputs were read from
  std::vector<std::string> inputs;  ///< keys of live parts, each once
  std::vector<part::Meta> outputs;
  /// When the oldest output was put (Runtime::now); no later than that.
  std::optional<Nanos> put_at = std::nullopt;
};

/// A manifest of the head's current snapshot with what it names.
struct ReadManifest {
  ManifestFile file;
  std::vector<ManifestEntry> entries;
};

/// What must be true of the head: kConflict if it is another table, its epoch, owner or schema
/// moved, or an input is no longer live; asked again after each rebase. kInvalid: no inputs, or one
/// named twice.
Status check_rewrite(const Head& head, const RewriteEdit& edit,
                     const std::vector<ReadManifest>& manifests);

/// A snapshot of operation `replace`, for an edit that has passed check_rewrite: inputs become
/// deleted entries, totals stay exact (T7), what stays keeps its numbers (T8), marks and positions
/// are untouched. `manifests` are all of the head's.
Result<Proposal> propose_rewrite(const Head& head, const RewriteEdit& edit,
                                 const std::vector<ReadManifest>& manifests,
                                 const CommitterOptions& options, const Stamp& stamp);

}  // namespace sluice::table
