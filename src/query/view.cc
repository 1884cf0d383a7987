#include "query/view.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "memtable/frozen.h"
#include "query/aggregate.h"
#include "query/scan.h"
#include "table/format.h"
#include "table/read.h"

namespace sluice::query {

namespace {

/// A total of the summary; 0 if it is not there.
uint64_t total(const table::SnapshotEntry& snapshot, const std::string& name) {
  const auto entry = snapshot.summary.find(name);
  if (entry == snapshot.summary.end()) return 0;
  uint64_t value = 0;
  const std::string& text = entry->second;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// In the order of commits. That of the manifests is another once some were merged.
Result<std::vector<part::Meta>> read_live_parts(Bucket& bucket, const table::Metadata& metadata) {
  std::vector<part::Meta> parts;
  const table::SnapshotEntry* snapshot = metadata.current_snapshot();
  if (snapshot == nullptr) return parts;
  std::vector<table::ManifestEntry> entries;
  for (const auto& file : TRY(table::read_manifest_list(bucket, metadata, *snapshot))) {
    for (auto& entry : TRY(table::read_manifest(bucket, metadata, file))) {
      if (entry.status != table::EntryStatus::kDeleted) entries.push_back(std::move(entry));
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.sequence_number < b.sequence_number;
  });
  for (auto& entry : entries) parts.push_back(std::move(entry.part));
  return parts;
}

class ViewSnapshot final : public Snapshot {
 public:
  ViewSnapshot(Bucket& bucket, View view)
      : bucket_(bucket),
        view_(std::move(view)),
        description_(describe(bucket, view_.name, *view_.head)) {
    for (const memtable::Run& run : view_.runs) description_.unflushed_rows += run.batch.rows();
  }

  const TableDescription& table() const override { return description_; }

  Result<std::unique_ptr<Cursor>> scan(const ScanOptions& options) override {
    const table::Metadata& metadata = view_.head->metadata;
    Plan plan = TRY(plan_scan(metadata, options));
    TRY(load());
    return open_cursor({bucket_, metadata, *parts_, *unflushed_, view_.epoch}, std::move(plan));
  }

  // A limit bounds the result, which is one row, not the rows that it is made of.
  Result<Batch> aggregate(const std::vector<Aggregate>& aggregates,
                          const ScanOptions& options) override {
    if (!options.columns.empty()) {
      return Error(Code::kInvalid, "an aggregation names its columns itself");
    }
    Aggregation aggregation = TRY(Aggregation::make(aggregates, description_.spec.columns));
    ScanOptions rows = options;
    rows.columns = aggregation.columns();
    rows.limit = UINT64_MAX;
    const std::unique_ptr<Cursor> cursor = TRY(scan(rows));
    while (const std::optional<Batch> batch = TRY(cursor->next())) aggregation.add(*batch);
    return aggregation.finish();
  }

 private:
  Status load() {
    if (!parts_) parts_ = TRY(read_live_parts(bucket_, view_.head->metadata));
    if (!unflushed_) unflushed_.emplace(view_.runs, description_.spec);
    return ok();
  }

  Bucket& bucket_;
  const View view_;
  TableDescription description_;
  std::optional<std::vector<part::Meta>> parts_;
  std::optional<memtable::Frozen> unflushed_;
};

}  // namespace

TableDescription describe(const Bucket& bucket, const TableName& name, const table::Head& head) {
  const table::Metadata& metadata = head.metadata;
  TableDescription description;
  description.name = name;
  description.spec = metadata.spec();
  description.location = bucket.uri(metadata.prefix);
  description.metadata = bucket.uri(table::metadata_key(metadata.prefix, metadata.version));
  description.version = metadata.version;
  description.snapshots = metadata.snapshots.size();
  const table::SnapshotEntry* snapshot = metadata.current_snapshot();
  if (snapshot == nullptr) return description;
  description.snapshot_id = static_cast<uint64_t>(snapshot->id);
  description.parts = total(*snapshot, "total-data-files");
  description.stored_rows = total(*snapshot, "total-records");
  description.stored_bytes = total(*snapshot, "total-files-size");
  if (__builtin_mul_overflow(snapshot->timestamp_ms, kMillisecond,
                             &description.last_commit_wall_time)) {
    description.last_commit_wall_time = INT64_MAX;
  }
  return description;
}

std::unique_ptr<Snapshot> make_snapshot(Bucket& bucket, View view) {
  return std::make_unique<ViewSnapshot>(bucket, std::move(view));
}

}  // namespace sluice::query
