#include "table/rewrite.h"

#include <algorithm>
#include <set>

#include "table/manifest_splitter.h"
#include "table/next_version.h"
#include "table/retention.h"

namespace sluice::table {
namespace {

bool is_live(const ManifestEntry& entry) {
  return entry.status != EntryStatus::kDeleted;
}

/// Rows and bytes of parts.
struct Sum {
  uint64_t files = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
  std::set<model::PartitionTuple> partitions = {};
  void add(const part::Meta& part) {
    ++files;
    rows += part.rows;
    bytes += part.bytes;
    partitions.insert(part.partition);
  }
};

/// T7
Status set_total(std::map<std::string, std::string>& summary, const SnapshotEntry* parent,
                 const std::string& name, uint64_t added, uint64_t removed) {
  const uint64_t before = TRY(parent_total(parent, name));
  if (removed > before) {
    return Error(Code::kCorrupt, "the current snapshot's '" + name + "' is less than what it has");
  }
  summary[name] = std::to_string(before - removed + added);
  return ok();
}

Result<std::map<std::string, std::string>> summarize(const SnapshotEntry* parent, const Sum& added,
                                                     const Sum& removed) {
  std::map<std::string, std::string> summary = {{"operation", "replace"},
                                                {"total-delete-files", "0"},
                                                {"total-position-deletes", "0"},
                                                {"total-equality-deletes", "0"}};
  const auto set = [&](const char* name, uint64_t value) { summary[name] = std::to_string(value); };
  set("added-data-files", added.files);
  set("added-records", added.rows);
  set("added-files-size", added.bytes);
  set("deleted-data-files", removed.files);
  set("deleted-records", removed.rows);
  set("removed-files-size", removed.bytes);
  std::set<model::PartitionTuple> partitions = added.partitions;
  partitions.insert(removed.partitions.begin(), removed.partitions.end());
  set("changed-partition-count", partitions.size());
  TRY(set_total(summary, parent, "total-data-files", added.files, removed.files));
  TRY(set_total(summary, parent, "total-records", added.rows, removed.rows));
  TRY(set_total(summary, parent, "total-files-size", added.bytes, removed.bytes));
  return summary;
}

/// Writes the manifests of the new snapshot.
class Rewriter {
 public:
  Rewriter(const Metadata& next, const SnapshotEntry& snapshot, const RewriteEdit& edit,
           const Stamp& stamp)
      : next_(next),
        snapshot_(snapshot),
        stamp_(stamp),
        inputs_(edit.inputs.begin(), edit.inputs.end()),
        splitter_(next, snapshot, stamp) {}

  void take(const ReadManifest& manifest) {
    const auto& entries = manifest.entries;
    const auto is_input = [&](const ManifestEntry& entry) {
      return is_live(entry) && inputs_.contains(entry.part.key);
    };
    if (std::none_of(entries.begin(), entries.end(), is_input)) {
      // One whose entries are all deleted has told its snapshot, and goes.
      if (std::any_of(entries.begin(), entries.end(), is_live)) kept_.push_back(manifest.file);
      return;
    }
    for (ManifestEntry entry : entries) {
      if (!is_live(entry)) continue;
      const bool goes = inputs_.contains(entry.part.key);
      if (goes) removed_.add(entry.part);
      entry.status = goes ? EntryStatus::kDeleted : EntryStatus::kExisting;
      if (goes) entry.snapshot_id = snapshot_.id;
      splitter_.add(entry);
    }
    splitter_.end_manifest();
  }

  void add_output(const part::Meta& part) {
    added_.add(part);
    splitter_.add({EntryStatus::kAdded, snapshot_.id, std::nullopt, std::nullopt, part});
  }

  /// The objects, the manifest list last.
  std::vector<NewObject> finish() {
    splitter_.end_manifest();
    std::vector<ManifestFile> files = kept_;
    files.insert(files.end(), splitter_.files().begin(), splitter_.files().end());
    std::vector<NewObject> objects = splitter_.take_objects();
    objects.push_back(
        {snapshot_.manifest_list, encode_manifest_list(files, next_, snapshot_, stamp_.commit)});
    return objects;
  }
  const Sum& added() const { return added_; }
  const Sum& removed() const { return removed_; }

 private:
  const Metadata& next_;
  const SnapshotEntry& snapshot_;
  const Stamp& stamp_;
  const std::set<std::string> inputs_;
  Sum added_;
  Sum removed_;
  ManifestSplitter splitter_;
  std::vector<ManifestFile> kept_;
};

}  // namespace

Status check_rewrite(const Head& head, const RewriteEdit& edit,
                     const std::vector<ReadManifest>& manifests) {
  const std::set<std::string_view> inputs(edit.inputs.begin(), edit.inputs.end());
  if (inputs.empty() || inputs.size() != edit.inputs.size()) {
    return Error(Code::kInvalid, "a rewrite has inputs, each once", head.metadata.prefix);
  }
  TRY(check_parts(head.metadata, edit.outputs));
  const Metadata& now = head.metadata;
  const Metadata& base = edit.base->metadata;
  const char* moved = nullptr;
  if (now.uuid != base.uuid) moved = "table";
  if (now.epoch != base.epoch) moved = "epoch";
  if (now.owner != base.owner) moved = "owner";
  if (now.current_schema_id != base.current_schema_id) moved = "schema";
  size_t live = 0;
  for (const ReadManifest& manifest : manifests) {
    for (const ManifestEntry& entry : manifest.entries) {
      live += is_live(entry) && inputs.contains(entry.part.key);
    }
  }
  if (live != inputs.size()) moved = "inputs";
  if (moved == nullptr) return ok();
  return Error({Code::kConflict, Reason::kNone,
                std::string("the table's ") + moved + " moved since the rewrite began", now.prefix,
                base.version, now.version});
}

Result<Proposal> propose_rewrite(const Head& head, const RewriteEdit& edit,
                                 const std::vector<ReadManifest>& manifests,
                                 const CommitterOptions& options, const Stamp& stamp) {
  Metadata next = next_version(head, stamp);
  SnapshotEntry snapshot = begin_snapshot(next, stamp);
  Rewriter rewriter(next, snapshot, edit, stamp);
  for (const ReadManifest& manifest : manifests) rewriter.take(manifest);
  for (const part::Meta& part : edit.outputs) rewriter.add_output(part);
  std::vector<NewObject> objects = rewriter.finish();
  snapshot.summary =
      TRY(summarize(head.metadata.current_snapshot(), rewriter.added(), rewriter.removed()));
  snapshot.summary["sluice.flush-id"] = edit.rewrite.hex();
  end_snapshot(next, std::move(snapshot), head.marks, options);
  return with_head(std::move(next), head.marks, std::move(objects));
}

}  // namespace sluice::table
