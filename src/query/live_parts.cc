#include "query/live_parts.h"

#include <algorithm>
#include <utility>

#include "table/read.h"

namespace sluice::query {

Status LiveParts::list() {
  std::vector<Manifest> manifests;
  if (const table::SnapshotEntry* snapshot = metadata_.current_snapshot()) {
    for (auto& file : TRY(table::read_manifest_list(bucket_, metadata_, *snapshot))) {
      manifests.push_back({std::move(file), std::nullopt});
    }
  }
  manifests_ = std::move(manifests);
  return ok();
}

Result<std::vector<const part::Meta*>> LiveParts::find(const PartitionFilter& filter) {
  if (!manifests_) TRY(list());
  std::vector<const table::ManifestEntry*> found;
  for (Manifest& manifest : *manifests_) {
    const auto& partitions = manifest.file.partitions;
    if (partitions && !filter.may_hold(*partitions)) continue;
    if (!manifest.entries) {
      manifest.entries = TRY(table::read_manifest(bucket_, metadata_, manifest.file));
    }
    for (const table::ManifestEntry& entry : *manifest.entries) {
      const bool is_live = entry.status != table::EntryStatus::kDeleted;
      if (is_live && filter.may_hold(entry.part.partition)) found.push_back(&entry);
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const auto* a, const auto* b) {
    return a->sequence_number < b->sequence_number;
  });
  std::vector<const part::Meta*> parts;
  for (const table::ManifestEntry* entry : found) parts.push_back(&entry->part);
  return parts;
}

}  // namespace sluice::query
