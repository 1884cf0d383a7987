#include "table/next_version.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "table/format.h"
#include "table/partitioning.h"
#include "table/retention.h"

namespace sluice::table {
namespace {

int64_t draw_snapshot_id(const Metadata& metadata, uint64_t entropy) {
  const auto taken = [&](int64_t id) {
    return id <= 0 || std::any_of(metadata.snapshots.begin(), metadata.snapshots.end(),
                                  [&](const SnapshotEntry& snapshot) { return snapshot.id == id; });
  };
  auto id = static_cast<int64_t>(entropy >> 1);
  while (taken(id)) id = static_cast<int64_t>((static_cast<uint64_t>(id) + 1) & INT64_MAX);
  return id;
}

uint64_t low_water_of(const Marks& marks, const std::string& log) {
  for (const LogMarks& entry : marks.logs) {
    if (entry.log.hex() == log) return entry.lsns.low_water;
  }
  return 0;
}

}  // namespace

Metadata next_version(const Head& head, const Stamp& stamp) {
  Metadata next = head.metadata;
  next.metadata_log.emplace_back(next.last_updated_ms, metadata_key(next.prefix, next.version));
  if (next.metadata_log.size() > kMetadataLogMax) {
    next.metadata_log.erase(next.metadata_log.begin());
  }
  ++next.version;
  next.commit_id = stamp.commit.hex();
  // T9: time in the table only rises, whatever the clock does.
  next.last_updated_ms = std::max(stamp.now_ms, next.last_updated_ms + 1);
  return next;
}

Proposal with_head(Metadata metadata, Marks marks, std::vector<NewObject> objects) {
  auto head = std::make_shared<const Head>(Head{std::move(metadata), std::move(marks)});
  return {std::move(head), std::move(objects)};
}

void own(Metadata& metadata, const Writer& writer, uint64_t epoch) {
  metadata.epoch = epoch;
  metadata.owner = writer.opening.hex();
  metadata.log = writer.log.hex();
}

Status check_parts(const Metadata& metadata, const std::vector<part::Meta>& parts) {
  const PartitionCodec partition(metadata);
  std::set<std::string_view> keys;
  for (const part::Meta& part : parts) {
    if (!part.key.starts_with(metadata.prefix + "/data/") || !keys.insert(part.key).second) {
      return Error(Code::kInvalid, "a part outside the table, or named twice", part.key);
    }
    if (!partition.fits(part.partition)) {
      return Error(Code::kInvalid, "the part does not fit the table's partition", part.key);
    }
  }
  return ok();
}

Result<uint64_t> parent_total(const SnapshotEntry* parent, const std::string& name) {
  if (parent == nullptr) return uint64_t{0};
  const auto found = parent->summary.find(name);
  uint64_t total = 0;
  if (found != parent->summary.end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), total);
    if (error == std::errc{} && end == text.data() + text.size()) return total;
  }
  return Error(Code::kCorrupt, Reason::kDecodeFailure,
               "the current snapshot's summary has no '" + name + "'");
}

SnapshotEntry begin_snapshot(Metadata& next, const Stamp& stamp) {
  SnapshotEntry snapshot;
  snapshot.id = draw_snapshot_id(next, stamp.entropy);
  snapshot.parent = next.current_snapshot_id;
  snapshot.sequence_number = ++next.last_sequence_number;
  snapshot.timestamp_ms = next.last_updated_ms;
  snapshot.schema_id = next.current_schema_id;
  snapshot.manifest_list = manifest_list_key(next.prefix, snapshot.id, stamp.commit);
  return snapshot;
}

void end_snapshot(Metadata& next, SnapshotEntry snapshot, const Marks& marks,
                  const CommitterOptions& options) {
  snapshot.summary["sluice.commit-id"] = next.commit_id;
  snapshot.summary["sluice.epoch"] = std::to_string(next.epoch);
  snapshot.summary["sluice.log"] = next.log;
  snapshot.summary["sluice.low-water"] = std::to_string(low_water_of(marks, next.log));
  next.current_snapshot_id = snapshot.id;
  next.snapshot_log.emplace_back(snapshot.timestamp_ms, snapshot.id);
  next.snapshots.push_back(std::move(snapshot));
  expire_by_default(next, options.snapshots_kept);
}

}  // namespace sluice::table
