#include "query/view.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>

#include "memtable/frozen.h"
#include "query/group.h"
#include "query/live_parts.h"
#include "query/scan.h"
#include "query/sort.h"
#include "table/evolve.h"
#include "table/format.h"
#include "table/retention.h"

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

Status check_memory(const ScanOptions& options) {
  if (options.memory_bytes >= kQueryMemoryMin) return ok();
  return Error(Code::kInvalid, Reason::kOutOfRange, "the memory of a query is at least 1 MiB");
}

class ViewSnapshot final : public Snapshot {
 public:
  ViewSnapshot(Bucket& bucket, View view)
      : bucket_(bucket),
        view_(std::move(view)),
        parts_(bucket, view_.head->metadata),
        description_(describe(bucket, view_.name, *view_.head)) {
    for (const memtable::Run& run : view_.runs) description_.unflushed_rows += run.rows();
  }

  const TableDescription& table() const override { return description_; }

  Result<std::unique_ptr<Cursor>> scan(const ScanOptions& options) override {
    TRY(check_memory(options));
    Plan plan = TRY(plan_scan(view_.head->metadata, options));
    const Contents contents = load();
    if (is_in_order(plan, description_.spec) && options.limit_per_key == UINT64_MAX) {
      return open_cursor(contents, std::move(plan), options.limit);
    }
    return open_sorted_scan(contents, std::move(plan), options);
  }

  Result<std::unique_ptr<Cursor>> aggregate(const Grouping& grouping,
                                            const ScanOptions& options) override {
    TRY(check_memory(options));
    const Contents contents = load();
    if (options.order.empty()) return open_groups(contents, grouping, options);
    return open_sorted_groups(contents, grouping, options);
  }

 private:
  Contents load() {
    if (!unflushed_) unflushed_.emplace(view_.runs, description_.spec);
    return Contents{bucket_, view_.head->metadata, parts_, *unflushed_, view_.epoch};
  }

  Bucket& bucket_;
  const View view_;
  LiveParts parts_;
  TableDescription description_;
  std::optional<memtable::Frozen> unflushed_;
};

}  // namespace

Result<table::HeadPtr> head_as_of(const table::Head& newest, const AsOf& as_of) {
  const table::SnapshotEntry* chosen = TRY(table::find_snapshot(newest.metadata, as_of));
  return std::make_shared<const table::Head>(
      table::Head{table::at_snapshot(newest.metadata, *chosen), newest.marks});
}

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
  description.last_commit_wall_time = table::commit_time(*snapshot);
  return description;
}

std::unique_ptr<Snapshot> make_snapshot(Bucket& bucket, View view) {
  return std::make_unique<ViewSnapshot>(bucket, std::move(view));
}

}  // namespace sluice::query
