#include "table/verify.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "table/checksum.h"
#include "table/format.h"
#include "table/read.h"

namespace sluice::table {
namespace {

/// Whether a row that `before` covers is covered by `after` too.
bool follows(const Coverage& before, const Coverage& after) {
  if (after.low_water < before.low_water) return false;
  return std::all_of(before.exceptions.begin(), before.exceptions.end(),
                     [&](const auto& entry) { return after.of(entry.first) >= entry.second; });
}

bool follows(const Marks& before, const Marks& after) {
  for (const LogMarks& entry : before.logs) {
    const LogMarks* next = after.find(entry.log);
    if (next == nullptr || !follows(entry.lsns, next->lsns)) return false;
  }
  for (const auto& [source, positions] : before.sources) {
    const auto next = after.sources.find(source);
    if (next == after.sources.end() || !follows(positions, next->second)) return false;
  }
  return true;
}

/// What live parts add up to.
struct Totals {
  uint64_t files = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

/// A manifest, read once however many snapshots name it.
struct CheckedManifest {
  Totals totals;
  std::vector<std::string> keys;  ///< of the live parts
};

class Verifier {
 public:
  Verifier(Bucket& bucket, std::string prefix) : bucket_(bucket), prefix_(std::move(prefix)) {}

  void check_versions(const std::vector<uint64_t>& versions);
  void check_hint(uint64_t newest);
  void check_snapshots();
  TableVerdict finish();

 private:
  /// The value, or a finding.
  template <class T>
  std::optional<T> note(Result<T> result, const std::string& object) {
    if (result.ok()) return std::move(*result);
    note(result.error(), object);
    return std::nullopt;
  }
  void note(const Error& error, const std::string& object) {
    // Of an object that is cut the end is known, of a malformed one the place; a checksum speaks of
    // all of it.
    const bool at_offset =
        error.reason() == Reason::kDecodeFailure || error.reason() == Reason::kIncompletePayload;
    const std::string& where = error.where().empty() ? object : error.where();
    verdict_.findings.push_back({error, where, at_offset ? error.found() : 0});
  }
  void note(std::string message, const std::string& object) {
    note(Error(Code::kCorrupt, std::move(message), object), object);
  }

  /// Of an object that could be read.
  void demand_checksum(const std::string& key);
  void check_first_versions(uint64_t first);
  void check_groups(const Metadata& metadata, const std::string& object);
  void check_succession(const Head& before, const Head& after, const std::string& object);
  void check_snapshot(const SnapshotEntry& snapshot);
  const CheckedManifest* check_manifest(const ManifestFile& file);
  void check_counts(const ManifestFile& file, const std::vector<ManifestEntry>& entries);
  void check_part(const part::Meta& part, const std::string& manifest);
  void check_total(const SnapshotEntry& snapshot, const std::string& name, uint64_t sum);

  Bucket& bucket_;
  std::string prefix_;
  std::optional<Head> head_;  ///< the newest that can be read
  std::map<std::string, std::optional<CheckedManifest>> manifests_;
  std::set<std::string> parts_;
  std::set<std::string> checked_;  ///< objects whose checksum was demanded
  TableVerdict verdict_;
};

void Verifier::check_versions(const std::vector<uint64_t>& versions) {
  for (size_t index = 0; index < versions.size(); ++index) {
    const uint64_t version = versions[index];
    const std::string object = metadata_key(prefix_, version);
    if (index > 0 && version > versions[index - 1] + 1) {
      note("the version is missing, but " + object + " came after it",
           metadata_key(prefix_, versions[index - 1] + 1));
    }
    auto metadata = note(read_metadata(bucket_, prefix_, version), object);
    if (!metadata) continue;
    demand_checksum(object);
    Head head{std::move(*metadata), {}};
    auto marks = note(read_marks(bucket_, head.metadata), object);
    if (marks && !head.metadata.marks_key.empty()) demand_checksum(head.metadata.marks_key);
    head.marks = marks ? std::move(*marks) : head_ ? head_->marks : Marks{};
    if (head_) check_succession(*head_, head, object);
    check_groups(head.metadata, object);
    if (!head.metadata.key_columns.empty()) {
      verdict_.device_field = head.metadata.schema().find(head.metadata.key_columns[0])->field_id;
    }
    head_ = std::move(head);
  }
  if (head_) check_first_versions(versions.front());
}

void Verifier::check_groups(const Metadata& metadata, const std::string& object) {
  if (metadata.groups_key == (head_ ? head_->metadata.groups_key : "")) return;
  const GroupsPtr before = verdict_.groups ? verdict_.groups : std::make_shared<const Groups>();
  const auto after = note(read_groups(bucket_, metadata, before), object);
  if (!after) return;
  const Status grown = check_grown(*before, **after);
  if (!grown.ok()) note(grown.error(), metadata.groups_key.empty() ? object : metadata.groups_key);
  verdict_.groups = *after;
}

void Verifier::demand_checksum(const std::string& key) {
  if (!checked_.insert(key).second) return;
  const auto bytes = note(get_object(bucket_, key, kMetadataBytesMax), key);
  if (!bytes) return;
  const Status fits = check_checksum(*bytes, key, Provenance::kOurs);
  if (!fits.ok()) note(fits.error(), key);
}

/// What is gone from the front of the listing, the head may still name.
void Verifier::check_first_versions(uint64_t first) {
  for (const auto& [timestamp_ms, key] : head_->metadata.metadata_log) {
    const auto version = metadata_version(prefix_, key);
    if (!version || *version >= first) continue;
    note("the version is missing, but the head names it", key);
  }
}

void Verifier::check_succession(const Head& before, const Head& after, const std::string& object) {
  const Metadata& old = before.metadata;
  const Metadata& next = after.metadata;
  if (next.uuid != old.uuid) note("another table than the version before it", object);
  if (next.epoch < old.epoch) note("the epoch went back", object);
  if (next.last_sequence_number < old.last_sequence_number) {
    note("the sequence number went back", object);
  }
  if (next.last_updated_ms <= old.last_updated_ms) note("the time did not rise", object);
  if (!follows(before.marks, after.marks)) note("the marks went back", object);
}

void Verifier::check_hint(uint64_t newest) {
  const std::string key = hint_key(prefix_);
  const auto hint = read_hint(bucket_, prefix_);
  if (!hint.ok()) return note(hint.error(), key);
  if (*hint <= newest) return;
  // A commit may have come since the listing.
  const auto versions = note(list_versions(bucket_, prefix_), key);
  if (versions && (versions->empty() || versions->back() < *hint)) {
    note(missing_head(prefix_, *hint), key);
  }
}

void Verifier::check_snapshots() {
  if (!head_) return;
  verdict_.snapshots = head_->metadata.snapshots.size();
  for (const SnapshotEntry& snapshot : head_->metadata.snapshots) check_snapshot(snapshot);
}

void Verifier::check_snapshot(const SnapshotEntry& snapshot) {
  const auto files =
      note(read_manifest_list(bucket_, head_->metadata, snapshot), snapshot.manifest_list);
  if (!files) return;
  demand_checksum(snapshot.manifest_list);
  Totals sum;
  std::set<std::string_view> named;
  bool complete = true;
  for (const ManifestFile& file : *files) {
    const CheckedManifest* manifest = check_manifest(file);
    complete = complete && manifest != nullptr;
    if (manifest == nullptr) continue;
    sum.files += manifest->totals.files;
    sum.rows += manifest->totals.rows;
    sum.bytes += manifest->totals.bytes;
    for (const std::string& key : manifest->keys) {
      if (!named.insert(key).second) note("the part is in the snapshot twice", key);
    }
  }
  if (!complete) return;
  check_total(snapshot, "total-data-files", sum.files);
  check_total(snapshot, "total-records", sum.rows);
  check_total(snapshot, "total-files-size", sum.bytes);
  for (const char* name :
       {"total-position-deletes", "total-equality-deletes", "total-delete-files"}) {
    check_total(snapshot, name, 0);
  }
}

void Verifier::check_total(const SnapshotEntry& snapshot, const std::string& name, uint64_t sum) {
  const auto total = snapshot.summary.find(name);
  if (total != snapshot.summary.end() && total->second == std::to_string(sum)) return;
  note("'" + name + "' of snapshot " + std::to_string(snapshot.id) + " is not " +
           std::to_string(sum),
       metadata_key(prefix_, head_->metadata.version));
}

/// Null if it cannot be read.
const CheckedManifest* Verifier::check_manifest(const ManifestFile& file) {
  const auto [known, fresh] = manifests_.try_emplace(file.key);
  std::optional<CheckedManifest>& checked = known->second;
  if (!fresh) return checked ? &*checked : nullptr;
  const auto entries = note(read_manifest(bucket_, head_->metadata, file), file.key);
  if (!entries) return nullptr;
  demand_checksum(file.key);
  check_counts(file, *entries);
  checked.emplace();
  for (const ManifestEntry& entry : *entries) {
    if (entry.status == EntryStatus::kDeleted) continue;
    ++checked->totals.files;
    checked->totals.rows += entry.part.rows;
    checked->totals.bytes += entry.part.bytes;
    checked->keys.push_back(entry.part.key);
    if (parts_.insert(entry.part.key).second) check_part(entry.part, file.key);
  }
  return &*checked;
}

/// The manifest list counts what the manifest holds.
void Verifier::check_counts(const ManifestFile& file, const std::vector<ManifestEntry>& entries) {
  uint64_t files[3] = {};
  uint64_t rows[3] = {};
  bool in_range = true;
  for (const ManifestEntry& entry : entries) {
    const auto status = static_cast<size_t>(entry.status);
    ++files[status];
    rows[status] += entry.part.rows;
    for (size_t at = 0; file.partitions && at < entry.part.partition.size(); ++at) {
      in_range = in_range && (*file.partitions)[at].holds(entry.part.partition[at]);
    }
  }
  if (files[0] != file.existing_files || files[1] != file.added_files ||
      files[2] != file.deleted_files) {
    note("the manifest list counts other files", file.key);
  }
  if (rows[0] != file.existing_rows || rows[1] != file.added_rows || rows[2] != file.deleted_rows) {
    note("the manifest list counts other rows", file.key);
  }
  if (!in_range) note("a part outside the partitions of the manifest list", file.key);
}

/// Its pages are left to the caller, if there is something to read.
void Verifier::check_part(const part::Meta& part, const std::string& manifest) {
  const auto object = bucket_.head(part.key);
  if (object.ok() && object->bytes == part.bytes) return verdict_.parts.push_back(part);
  if (!object.ok() && object.error().code() != Code::kNotFound) {
    return note(object.error(), part.key);
  }
  if (!object.ok()) return note("the object is missing, but " + manifest + " names it", part.key);
  note(Error({Code::kCorrupt, Reason::kIncompletePayload, "the part has another length", part.key,
              part.bytes, object->bytes}),
       part.key);
}

TableVerdict Verifier::finish() {
  return std::move(verdict_);
}

}  // namespace

Result<TableVerdict> verify_table(Bucket& bucket, const TableName& name) {
  const std::string prefix = table_prefix(name);
  const std::vector<uint64_t> versions = TRY(list_versions(bucket, prefix));
  if (versions.empty() && !bucket.head(hint_key(prefix)).ok()) {
    return Error(Code::kNotFound, "no such table", name.to_string());
  }
  Verifier verifier(bucket, prefix);
  verifier.check_versions(versions);
  verifier.check_hint(versions.empty() ? 0 : versions.back());
  verifier.check_snapshots();
  return verifier.finish();
}

}  // namespace sluice::table
