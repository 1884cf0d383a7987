// ManifestSplitter: the entries of one snapshot, in as many manifests as their bytes need.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "table/edit.h"
#include "table/format.h"

namespace sluice::table {

/// One thread; metadata, snapshot and stamp outlive it.
class ManifestSplitter {
 public:
  ManifestSplitter(const Metadata& metadata, const SnapshotEntry& snapshot, const Stamp& stamp)
      : metadata_(metadata), snapshot_(snapshot), stamp_(stamp) {}

  void add(const ManifestEntry& entry) {
    if (!writer_) {
      writer_.emplace(metadata_, stamp_.commit,
                      manifest_key(metadata_.prefix, stamp_.commit, next_index_++), snapshot_.id,
                      snapshot_.sequence_number);
    }
    writer_->add(entry);
    if (writer_->bytes() >= kManifestBytesTarget) end_manifest();
  }
  /// What is added next goes to another manifest.
  void end_manifest() {
    if (!writer_) return;
    EncodedManifest manifest = writer_->finish();
    writer_.reset();
    objects_.push_back({manifest.file.key, std::move(manifest.bytes)});
    files_.push_back(std::move(manifest.file));
  }
  const std::vector<ManifestFile>& files() const { return files_; }
  std::vector<NewObject> take_objects() { return std::move(objects_); }

 private:
  const Metadata& metadata_;
  const SnapshotEntry& snapshot_;
  const Stamp& stamp_;
  size_t next_index_ = 0;
  std::optional<ManifestWriter> writer_;
  std::vector<ManifestFile> files_;
  std::vector<NewObject> objects_;
};

}  // namespace sluice::table
