// Manifests and manifest lists: the Avro files between a snapshot and its parts (Iceberg v2).
//
// A manifest names parts; a manifest list names the manifests of one snapshot. Both are immutable.
// Data manifests only: delete files are kUnsupported.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "part/meta.h"
#include "sluice/result.h"
#include "table/metadata.h"
#include "table/partitioning.h"

namespace sluice::table {

/// Values as in the file.
enum class EntryStatus : uint8_t { kExisting = 0, kAdded = 1, kDeleted = 2 };

/// One part in a manifest.
struct ManifestEntry {
  EntryStatus status = EntryStatus::kAdded;
  int64_t snapshot_id = 0;  ///< the snapshot that added (or deleted) it
  // Absent in an added entry: then they are the manifest's. Decoded entries always have them.
  std::optional<int64_t> sequence_number;
  std::optional<int64_t> file_sequence_number;
  part::Meta part;
};

/// One manifest in a manifest list. The counts are 32 bits in the file.
struct ManifestFile {
  std::string key;
  uint64_t bytes = 0;
  int64_t sequence_number = 0;      ///< of the commit that wrote it
  int64_t min_sequence_number = 0;  ///< of its live entries
  int64_t added_snapshot_id = 0;
  uint64_t added_files = 0;
  uint64_t existing_files = 0;
  uint64_t deleted_files = 0;
  uint64_t added_rows = 0;
  uint64_t existing_rows = 0;
  uint64_t deleted_rows = 0;
  /// Of the partitions of its entries. Nothing means unknown, and so it is written again.
  std::optional<PartitionSummaries> partitions;

  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};

struct EncodedManifest {
  ManifestFile file;
  std::string bytes;
};

/// Collects entries of one manifest of a commit.
class ManifestWriter {
 public:
  /// `metadata` (prefix, schema, partition) outlives the writer. The manifest will be `file.key`,
  /// written with `sequence_number` by snapshot `snapshot_id`.
  ManifestWriter(const Metadata& metadata, const CommitId& commit, std::string key,
                 int64_t snapshot_id, int64_t sequence_number);
  void add(const ManifestEntry& entry);
  uint64_t bytes() const { return entries_.size(); }
  bool empty() const { return count_ == 0; }
  EncodedManifest finish();

 private:
  void count(const ManifestEntry& entry);

  const Metadata& metadata_;
  const PartitionCodec partition_;
  CommitId commit_;
  ManifestFile file_;
  size_t count_ = 0;
  std::string entries_;
};

/// The entries of `file` in order. kCorrupt (found() is the offset), kUnsupported; where() is the
/// manifest's key.
Result<std::vector<ManifestEntry>> decode_manifest(std::string_view bytes, const ManifestFile& file,
                                                   const Metadata& metadata);

std::string encode_manifest_list(const std::vector<ManifestFile>& files, const Metadata& metadata,
                                 const SnapshotEntry& snapshot, const CommitId& commit);
Result<std::vector<ManifestFile>> decode_manifest_list(std::string_view bytes,
                                                       const Metadata& metadata);

}  // namespace sluice::table
