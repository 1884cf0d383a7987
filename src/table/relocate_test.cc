#include "table/relocate.h"

#include <gtest/gtest.h>

#include "table/committer.h"
#include "table/evolve.h"
#include "table/fakes_test.h"
#include "table/format.h"
#include "table/verify.h"

namespace sluice::table {
namespace {

constexpr int kFlushes = 6;

/// A table of some flushes whose manifests are merged, moved from /lake/ to /moved/.
struct Moved {
  FakeBucket bucket;
  FakeRuntime runtime;
  CommitterOptions options;
  Committer committer;

  Moved()
      : options(merging()),
        committer(runtime, bucket, kName, writer_of(1, 1), options, [] { return false; }) {
    HeadPtr head = committer.create(keyed_spec()).value();
    for (int n = 1; n <= kFlushes; ++n) {
      FlushEdit edit;
      edit.flush = FlushId::draw(runtime);
      edit.base = head;
      edit.lsns.low_water = static_cast<uint64_t>(n);
      edit.parts = {part_of("part" + std::to_string(n))};
      bucket.objects()[edit.parts[0].key] = std::string(edit.parts[0].bytes, 'x');
      head = committer.commit(edit).value();
    }
    bucket.root_ = "/moved/";
  }
  static CommitterOptions merging() {
    CommitterOptions options;
    options.manifests_merged_at = 3;
    return options;
  }
  /// Snapshot -> keys of its parts.
  std::map<int64_t, std::vector<std::string>> parts() {
    std::map<int64_t, std::vector<std::string>> parts;
    const HeadPtr head = load_head(bucket, kName).value();
    for (const SnapshotEntry& snapshot : head->metadata.snapshots) {
      for (const part::Meta& part :
           read_parts(bucket, at_snapshot(head->metadata, snapshot)).value()) {
        parts[snapshot.id].push_back(part.key);
      }
    }
    return parts;
  }
};

void expect_relocated(Moved& table) {
  const HeadPtr head = load_head(table.bucket, kName).value();
  EXPECT_EQ(head->metadata.location, "/moved/db/coll");
  std::vector<std::string> named = {metadata_key(head->metadata.prefix, head->metadata.version)};
  for (const SnapshotEntry& snapshot : head->metadata.snapshots) {
    named.push_back(snapshot.manifest_list);
    for (const ManifestFile& file :
         read_manifest_list(table.bucket, head->metadata, snapshot).value()) {
      named.push_back(file.key);
    }
  }
  for (const std::string& key : named) {
    EXPECT_EQ(table.bucket.objects()[key].find("/lake/"), std::string::npos) << key;
  }
}

TEST(Relocate, WritesEveryAddressOfEveryKeptSnapshotAnewAndChangesNothingElse) {
  Moved table;
  const auto before = table.parts();
  ASSERT_EQ(before.size(), static_cast<size_t>(kFlushes));
  const HeadPtr old = table.committer.head();
  const auto relocated = table.committer.relocate();
  ASSERT_TRUE(relocated.ok()) << relocated.error().to_string();
  expect_relocated(table);
  EXPECT_EQ(table.parts(), before);
  const Metadata& next = (*relocated)->metadata;
  EXPECT_EQ(next.current_snapshot_id, old->metadata.current_snapshot_id);
  EXPECT_EQ((*relocated)->marks, old->marks);
  EXPECT_TRUE(verify_table(table.bucket, kName)->findings.empty());
  // Sequence numbers and snapshots of entries stay (T8).
  const auto entries = [&](const Metadata& metadata) {
    std::vector<std::tuple<std::string, int64_t, int64_t, EntryStatus>> all;
    for (const ManifestFile& file :
         read_manifest_list(table.bucket, metadata, *metadata.current_snapshot()).value()) {
      for (const ManifestEntry& entry : read_manifest(table.bucket, metadata, file).value()) {
        all.emplace_back(entry.part.key, entry.snapshot_id, *entry.sequence_number, entry.status);
      }
    }
    return all;
  };
  EXPECT_EQ(entries(next), entries(old->metadata));
  const auto again = table.committer.relocate();
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->metadata.version, next.version);  // nothing to do
}

TEST(Relocate, LeavesAReadableTableWhereverItStops) {
  uint64_t operations = 0;
  {
    Moved table;
    const uint64_t before = table.bucket.operations();
    ASSERT_TRUE(table.committer.relocate().ok());
    operations = table.bucket.operations() - before;
  }
  for (const Fault fault : {Fault::kDeath, Fault::kDeathAfter, Fault::kDeathLate}) {
    for (uint64_t at = 1; at <= operations; ++at) {
      SCOPED_TRACE(std::to_string(static_cast<int>(fault)) + " at " + std::to_string(at));
      Moved table;
      const auto before = table.parts();
      Committer dying(table.runtime, table.bucket, kName, writer_of(1, 2), {},
                      [&] { return table.bucket.dead(); });
      ASSERT_TRUE(dying.claim().ok());
      table.bucket.fail_at(table.bucket.operations() + at, fault, 2);
      static_cast<void>(dying.relocate());
      table.bucket.revive();
      EXPECT_EQ(table.parts(), before);
      Committer next(table.runtime, table.bucket, kName, writer_of(1, 3), {}, [] { return false; });
      const auto relocated = next.relocate();
      ASSERT_TRUE(relocated.ok()) << relocated.error().to_string();
      expect_relocated(table);
      EXPECT_EQ(table.parts(), before);
    }
  }
}

}  // namespace
}  // namespace sluice::table
