#include "table/relocate.h"

#include <map>
#include <utility>

#include "table/evolve.h"
#include "table/format.h"
#include "table/manifest.h"
#include "table/next_version.h"
#include "table/read.h"

namespace sluice::table {
namespace {

class Relocation {
 public:
  Relocation(Bucket& bucket, const Head& head, const std::string& location, const Stamp& stamp)
      : bucket_(bucket), head_(head), stamp_(stamp), next_(next_version(head, stamp)) {
    next_.location = location;
  }

  Result<Proposal> run() {
    for (SnapshotEntry& snapshot : next_.snapshots) TRY(move_snapshot(snapshot));
    return with_head(std::move(next_), head_.marks, std::move(objects_));
  }

 private:
  Status move_snapshot(SnapshotEntry& snapshot) {
    std::vector<ManifestFile> files = TRY(read_manifest_list(bucket_, head_.metadata, snapshot));
    for (ManifestFile& file : files) {
      const auto known = moved_.find(file.key);
      file = known != moved_.end() ? known->second : TRY(move_manifest(file, snapshot));
    }
    snapshot.manifest_list = manifest_list_key(next_.prefix, snapshot.id, stamp_.commit);
    objects_.push_back(
        {snapshot.manifest_list, encode_manifest_list(files, next_, snapshot, stamp_.commit)});
    return ok();
  }

  Result<ManifestFile> move_manifest(const ManifestFile& file, const SnapshotEntry& snapshot) {
    // Its header names the columns of then.
    const Metadata then = at_snapshot(next_, snapshot);
    ManifestWriter writer(then, stamp_.commit,
                          manifest_key(next_.prefix, stamp_.commit, moved_.size()),
                          file.added_snapshot_id, file.sequence_number);
    for (const ManifestEntry& entry : TRY(read_manifest(bucket_, head_.metadata, file))) {
      writer.add(entry);
    }
    EncodedManifest manifest = writer.finish();
    ManifestFile moved = file;
    moved.key = manifest.file.key;
    moved.bytes = manifest.bytes.size();
    objects_.push_back({moved.key, std::move(manifest.bytes)});
    return moved_[file.key] = std::move(moved);
  }

  Bucket& bucket_;
  const Head& head_;
  const Stamp& stamp_;
  Metadata next_;
  std::map<std::string, ManifestFile> moved_;  // by the old key
  std::vector<NewObject> objects_;
};

}  // namespace

Result<Proposal> propose_relocation(Bucket& bucket, const Head& head, const std::string& location,
                                    const Stamp& stamp) {
  return Relocation(bucket, head, location, stamp).run();
}

}  // namespace sluice::table
