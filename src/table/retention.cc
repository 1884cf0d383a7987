#include "table/retention.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/utf8.h"
#include "sluice/time_text.h"
#include "table/next_version.h"

namespace sluice::table {
namespace {

constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kHourlyKeptMs = 7 * 24 * kHourMs;
constexpr size_t kTagNameBytesMax = 255;
constexpr std::string_view kTagKind = "tag";

const SnapshotEntry* find(const Metadata& metadata, int64_t id) {
  for (const SnapshotEntry& snapshot : metadata.snapshots) {
    if (snapshot.id == id) return &snapshot;
  }
  return nullptr;
}

Nanos time_of_ms(int64_t ms) {
  Nanos time = 0;
  return __builtin_mul_overflow(ms, kMillisecond, &time) ? INT64_MAX : time;
}

std::string spell(const SnapshotEntry& snapshot) {
  return std::to_string(static_cast<uint64_t>(snapshot.id)) + " of " +
         format_time(commit_time(snapshot));
}

/// "the oldest is 12 of 2026-..., the newest ...".
std::string kept_snapshots(const std::vector<SnapshotEntry>& snapshots) {
  if (snapshots.empty()) return "nothing has been committed yet";
  const auto [first, last] = std::minmax_element(
      snapshots.begin(), snapshots.end(),
      [](const auto& a, const auto& b) { return a.sequence_number < b.sequence_number; });
  return "the oldest is " + spell(*first) + ", the newest " + spell(*last);
}

Error not_kept(const Metadata& metadata) {
  return Error(Code::kNotFound,
               "the table keeps no such snapshot; " + kept_snapshots(metadata.snapshots));
}

/// What may not expire, whatever its age.
std::set<int64_t> protected_ids(const Metadata& metadata) {
  std::set<int64_t> ids;
  if (metadata.current_snapshot_id) ids.insert(*metadata.current_snapshot_id);
  for (const auto& [name, ref] : metadata.refs) {
    if (name == kMainRef) continue;
    for (const SnapshotEntry* snapshot = find(metadata, ref.snapshot_id); snapshot != nullptr;) {
      const bool fresh = ids.insert(snapshot->id).second;
      // Of a branch the ancestors are its history; of a tag they are not.
      if (ref.kind == kTagKind || !fresh || !snapshot->parent) break;
      snapshot = find(metadata, *snapshot->parent);
    }
  }
  return ids;
}

std::vector<std::string> drop_aged_tags(Metadata& metadata, int64_t now_ms) {
  std::vector<std::string> dropped;
  for (const auto& [name, ref] : metadata.refs) {
    const SnapshotEntry* snapshot = find(metadata, ref.snapshot_id);
    if (ref.kind != kTagKind || !ref.max_age_ms || snapshot == nullptr) continue;
    if (now_ms - snapshot->timestamp_ms > *ref.max_age_ms) dropped.push_back(name);
  }
  for (const std::string& name : dropped) metadata.refs.erase(name);
  return dropped;
}

void keep_only(Metadata& metadata, const std::set<int64_t>& kept) {
  std::erase_if(metadata.snapshots, [&](const SnapshotEntry& s) { return !kept.contains(s.id); });
  // A log with gaps would send time travel to a wrong snapshot: it begins behind the last gap.
  auto& log = metadata.snapshot_log;
  const auto gap = std::find_if(log.rbegin(), log.rend(),
                                [&](const auto& entry) { return !kept.contains(entry.second); });
  log.erase(log.begin(), gap.base());
}

bool is_tag_name(std::string_view name) {
  const auto printable = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; };
  return !name.empty() && name.size() <= kTagNameBytesMax && is_utf8(name) &&
         std::all_of(name.begin(), name.end(), printable);
}

/// Before the log's beginning only neighbours can tell: a snapshot was current until its child was
/// committed.
Result<const SnapshotEntry*> find_before_log(const Metadata& metadata, Nanos time) {
  const SnapshotEntry* chosen = nullptr;
  const SnapshotEntry* next = nullptr;
  for (const SnapshotEntry& snapshot : metadata.snapshots) {
    const bool fits = commit_time(snapshot) <= time;
    const SnapshotEntry*& nearest = fits ? chosen : next;
    const bool nearer =
        nearest == nullptr || (snapshot.sequence_number > nearest->sequence_number) == fits;
    if (nearer) nearest = &snapshot;
  }
  if (chosen == nullptr) return not_kept(metadata);
  if (next != nullptr && next->parent == chosen->id) return chosen;
  return Error(Code::kNotFound,
               "the snapshot of that time has expired; the last one kept from "
               "before it is " +
                   spell(*chosen) + ": ask for it by its id");
}

Result<const SnapshotEntry*> find_by_time(const Metadata& metadata, Nanos time) {
  const auto& log = metadata.snapshot_log;
  const auto later = std::find_if(
      log.begin(), log.end(), [&](const auto& entry) { return time_of_ms(entry.first) > time; });
  if (later == log.begin()) return find_before_log(metadata, time);
  const SnapshotEntry* snapshot = find(metadata, std::prev(later)->second);
  if (snapshot == nullptr) return not_kept(metadata);
  return snapshot;
}

}  // namespace

Nanos commit_time(const SnapshotEntry& snapshot) {
  return time_of_ms(snapshot.timestamp_ms);
}

void expire_by_default(Metadata& metadata, uint32_t kept_count) {
  const std::vector<SnapshotEntry>& snapshots = metadata.snapshots;
  const int64_t now_ms = snapshots.back().timestamp_ms;
  drop_aged_tags(metadata, now_ms);
  std::set<int64_t> kept = protected_ids(metadata);
  std::set<int64_t> hours;
  for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
    const bool last_of_hour = hours.insert(snapshot->timestamp_ms / kHourMs).second;
    const bool hourly = last_of_hour && now_ms - snapshot->timestamp_ms <= kHourlyKeptMs;
    const bool recent = snapshot - snapshots.rbegin() < int64_t{kept_count};
    if (hourly || recent) kept.insert(snapshot->id);
  }
  keep_only(metadata, kept);
}

Result<Expiry> propose_expiry(const Head& head, const ExpireOptions& options, const Stamp& stamp) {
  if (!options.older_than && !options.keep_last) {
    return Error(Code::kInvalid, "say which snapshots expire: by age, or by how many are kept");
  }
  Metadata next = next_version(head, stamp);
  Expiry expiry;
  expiry.report.tags = drop_aged_tags(next, next.last_updated_ms);
  std::set<int64_t> kept = protected_ids(next);
  const size_t count = next.snapshots.size();
  const size_t last = options.keep_last.value_or(1);
  for (size_t at = 0; at < count; ++at) {
    const SnapshotEntry& snapshot = next.snapshots[at];
    const bool recent = count - at <= last;
    const bool young = options.older_than && commit_time(snapshot) >= *options.older_than;
    if (recent || young) kept.insert(snapshot.id);
  }
  for (const SnapshotEntry& snapshot : next.snapshots) {
    if (kept.contains(snapshot.id)) continue;
    expiry.report.expired.push_back({static_cast<uint64_t>(snapshot.id), commit_time(snapshot)});
  }
  expiry.report.kept = kept.size();
  if (expiry.report.expired.empty() && expiry.report.tags.empty()) return expiry;
  keep_only(next, kept);
  expiry.proposal = with_head(std::move(next), head.marks);
  return expiry;
}

Result<std::optional<Proposal>> propose_tag(const Head& head, const Tag& tag, const Stamp& stamp) {
  if (!is_tag_name(tag.name) || tag.name == kMainRef) {
    return Error(Code::kInvalid, "a tag is named by 1 to 255 bytes of printable UTF-8, not main",
                 tag.name);
  }
  if (tag.max_age && *tag.max_age < kMillisecond) {
    return Error(Code::kInvalid, Reason::kOutOfRange, "a tag is kept for a millisecond at least",
                 tag.name);
  }
  const Metadata& metadata = head.metadata;
  const int64_t id = tag.snapshot_id == 0 ? metadata.current_snapshot_id.value_or(0)
                                          : static_cast<int64_t>(tag.snapshot_id);
  if (find(metadata, id) == nullptr) return not_kept(metadata);
  SnapshotRef ref;
  ref.snapshot_id = id;
  ref.kind = kTagKind;
  if (tag.max_age) ref.max_age_ms = *tag.max_age / kMillisecond;
  const auto known = metadata.refs.find(tag.name);
  if (known != metadata.refs.end()) {
    if (known->second == ref) return std::optional<Proposal>();
    return Error(Code::kExists,
                 "the name is taken, by snapshot " +
                     std::to_string(static_cast<uint64_t>(known->second.snapshot_id)) +
                     "; remove it first",
                 tag.name);
  }
  Metadata next = next_version(head, stamp);
  next.refs.emplace(tag.name, std::move(ref));
  return std::optional(with_head(std::move(next), head.marks));
}

Result<Proposal> propose_untag(const Head& head, const std::string& name, const Stamp& stamp) {
  const auto known = head.metadata.refs.find(name);
  if (known == head.metadata.refs.end() || name == kMainRef) {
    return Error(Code::kNotFound, "there is no such tag", name);
  }
  if (known->second.kind != kTagKind) {
    return Error(Code::kInvalid, "this is a " + known->second.kind + ", and no tag", name);
  }
  Metadata next = next_version(head, stamp);
  next.refs.erase(name);
  return with_head(std::move(next), head.marks);
}

Result<std::optional<Proposal>> propose_rollback(const Head& head, int64_t snapshot_id,
                                                 const Writer& writer, const Stamp& stamp) {
  if (find(head.metadata, snapshot_id) == nullptr) return not_kept(head.metadata);
  if (head.metadata.current_snapshot_id == snapshot_id) return std::optional<Proposal>();
  Metadata next = next_version(head, stamp);
  // T13: the claim voids every flush that was cut before.
  own(next, writer, next.epoch + 1);
  next.current_snapshot_id = snapshot_id;
  next.snapshot_log.emplace_back(next.last_updated_ms, snapshot_id);
  return std::optional(with_head(std::move(next), head.marks));
}

Result<const SnapshotEntry*> find_snapshot(const Metadata& metadata, const AsOf& as_of) {
  if (!as_of.tag.empty()) {
    const auto ref = metadata.refs.find(as_of.tag);
    const bool is_main = as_of.tag == kMainRef;
    const SnapshotEntry* snapshot = is_main ? metadata.current_snapshot() : nullptr;
    if (!is_main && ref != metadata.refs.end()) snapshot = find(metadata, ref->second.snapshot_id);
    if (snapshot != nullptr) return snapshot;
    return Error(Code::kNotFound, "the table has no such tag; `sluice table snapshots` lists them",
                 as_of.tag);
  }
  if (!as_of.snapshot_id) return find_by_time(metadata, as_of.time);
  const SnapshotEntry* snapshot = find(metadata, static_cast<int64_t>(*as_of.snapshot_id));
  if (snapshot == nullptr) return not_kept(metadata);
  return snapshot;
}

}  // namespace sluice::table
