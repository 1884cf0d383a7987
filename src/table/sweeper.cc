#include "table/sweeper.h"

#include <algorithm>
#include <map>

#include "table/format.h"
#include "table/read.h"

namespace sluice::table {
namespace {

// A version of a large table takes a millisecond to read.
constexpr size_t kVersionsReadMax = 512;
// Fewer are left for later: or each empty commit would let one more version go, and with it the
// objects that only it names, and so call for the next empty commit of an idle table.
constexpr ptrdiff_t kVersionsSweptMin = 16;

/// The store's clock, as far as it is known: neither point is later than the real one.
struct StoreClock {
  Nanos now = 0;
  Nanos built = 0;  ///< when the bytes of our last commit were built
};

/// Everything that versions name.
class Reach {
 public:
  explicit Reach(Bucket& bucket) : bucket_(bucket) {}

  Status add(const Metadata& metadata) {
    named_.insert(metadata.marks_key);
    if (rosters_.insert(metadata.groups_key).second) {
      for (std::string& key : TRY(list_rosters(bucket_, metadata))) named_.insert(std::move(key));
    }
    for (const SnapshotEntry& snapshot : metadata.snapshots) {
      if (!named_.insert(snapshot.manifest_list).second) continue;
      for (const ManifestFile& file : TRY(read_manifest_list(bucket_, metadata, snapshot))) {
        TRY(add(metadata, file));
      }
    }
    return ok();
  }
  bool has(const std::string& key) const { return named_.contains(key); }

 private:
  Status add(const Metadata& metadata, const ManifestFile& file) {
    if (!named_.insert(file.key).second) return ok();
    for (ManifestEntry& entry : TRY(read_manifest(bucket_, metadata, file))) {
      if (entry.status != EntryStatus::kDeleted) named_.insert(std::move(entry.part.key));
    }
    return ok();
  }

  Bucket& bucket_;
  Keys named_;
  Keys rosters_;  // whose names are known
};

class Surveyor {
 public:
  Surveyor(Bucket& bucket, const Metadata& head, const SweepRequest& request, StoreClock clock)
      : bucket_(bucket),
        prefix_(head.prefix),
        head_version_(head.version),
        request_(request),
        clock_(clock),
        reach_(bucket) {}

  Result<Survey> run() {
    entries_ = TRY(bucket_.list(prefix_ + "/"));
    for (const ObjectEntry& entry : entries_) {
      if (const auto version = metadata_version(prefix_, entry.key)) versions_[*version] = &entry;
    }
    if (versions_.empty()) return Error(Code::kNotFound, "no such table", prefix_);
    survey_.report.version = versions_.rbegin()->first;
    // What only the newest versions name would look as if nothing did.
    if (survey_.report.version < head_version_) {
      return Error({Code::kBusy, Reason::kNone, "the listing lacks a version that is there",
                    metadata_key(prefix_, head_version_), head_version_, survey_.report.version});
    }
    part_versions();
    TRY(follow_names());
    if (request_.pending) pending_ = request_.pending();
    for (const ObjectEntry& entry : entries_) judge(entry);
    TRY(judge_unfinished());
    return std::move(survey_);
  }

 private:
  /// Which versions stay. The oldest go first, so that no gap ever lies above a kept one.
  void part_versions() {
    const uint64_t head = versions_.rbegin()->first;
    const Nanos span = std::max(request_.versions_span, request_.grace);
    const auto is_old = [&](auto version) {
      return clock_.now - version->second->put_wall_time > span;
    };
    // What stands below a gap was put late, into a slot that had been swept, and may name what is
    // gone. No gap is what a listing may just not know of yet.
    auto first = versions_.begin();
    for (auto at = first, next = std::next(at); next != versions_.end(); at = next++) {
      if (next->first > at->first + 1 && is_old(next)) first = next;
    }
    auto first_kept = first;
    for (auto next = std::next(first_kept); next != versions_.end(); first_kept = next++) {
      if (first_kept->first + request_.versions_kept >= head || !is_old(next)) break;
    }
    if (std::distance(first, first_kept) < kVersionsSweptMin) first_kept = first;
    for (auto at = versions_.begin(); at != versions_.end(); ++at) {
      if (at->first < first_kept->first) {
        survey_.versions.push_back(at->second->key);
      } else {
        kept_.push_back(at->first);
      }
    }
  }

  /// Of very many versions only those are read that are older than the span, and the oldest and
  /// newest. The others name what the version before them named, and what was put for them: which
  /// is younger than `age_min_`.
  Status follow_names() {
    const bool read_all = kept_.size() <= kVersionsReadMax;
    if (!read_all) {
      age_min_ = std::max(age_min_, request_.versions_span + request_.grace / 2);
    }
    for (const uint64_t version : kept_) {
      const bool is_old = clock_.now - versions_[version]->put_wall_time >= request_.versions_span;
      const bool is_end = version == kept_.front() || version == kept_.back();
      if (!read_all && !is_old && !is_end) continue;
      const Metadata metadata = TRY(read_metadata(bucket_, prefix_, version));
      TRY(reach_.add(metadata));
    }
    for (const HeadPtr& head : request_.pinned) TRY(reach_.add(head->metadata));
    return ok();
  }

  void judge(const ObjectEntry& entry) {
    SweepReport& report = survey_.report;
    ++report.objects;
    report.bytes += entry.bytes;
    const auto version = metadata_version(prefix_, entry.key);
    const ObjectKind kind = object_kind(prefix_, entry.key);
    if (version && *version < kept_.front()) {
      sweep(entry);
    } else if (kind == ObjectKind::kForeign) {
      ++report.foreign;
    } else if (version || kind == ObjectKind::kHint || reach_.has(entry.key)) {
      ++report.named;
    } else if (pending_.contains(entry.key)) {
      ++report.pending;
    } else if (!is_past_grace(entry)) {
      ++report.young;
    } else {
      survey_.objects.push_back(entry.key);
      sweep(entry);
    }
  }

  Status judge_unfinished() {
    for (const ObjectEntry& entry : TRY(bucket_.list_unfinished(prefix_ + "/"))) {
      ++survey_.report.objects;
      survey_.report.bytes += entry.bytes;
      if (!is_past_grace(entry)) {
        ++survey_.report.young;
        continue;
      }
      survey_.unfinished.push_back(entry.key);
      sweep(entry);
    }
    return ok();
  }

  bool is_past_grace(const ObjectEntry& entry) const {
    return clock_.now - entry.put_wall_time > age_min_ &&
           entry.put_wall_time + request_.grace / 2 < clock_.built;
  }

  void sweep(const ObjectEntry& entry) {
    survey_.report.swept.push_back({entry.key, entry.bytes, clock_.now - entry.put_wall_time});
    survey_.report.swept_bytes += entry.bytes;
  }

  Bucket& bucket_;
  const std::string prefix_;
  const uint64_t head_version_;
  const SweepRequest& request_;
  const StoreClock clock_;
  Reach reach_;
  Survey survey_;
  Nanos age_min_ = request_.grace;
  std::vector<ObjectEntry> entries_;
  std::map<uint64_t, const ObjectEntry*> versions_;
  std::vector<uint64_t> kept_;
  Keys pending_;
};

/// Our commit landed between the two times that are known of it, and bears the store's time.
Result<StoreClock> read_clock(Runtime& runtime, Bucket& bucket, const Committer& committer) {
  const Committer::Landing& landing = *committer.landing();
  const std::string& prefix = committer.head()->metadata.prefix;
  const ObjectEntry entry = TRY(bucket.head(metadata_key(prefix, landing.version)));
  return StoreClock{entry.put_wall_time + (runtime.now() - landing.landed_at),
                    entry.put_wall_time - (landing.landed_at - landing.built_at)};
}

bool has_landed_lately(Runtime& runtime, const Committer& committer, Nanos grace) {
  return committer.landing() && runtime.now() - committer.landing()->built_at < grace / 2;
}

}  // namespace

Result<Survey> survey(Runtime& runtime, Bucket& bucket, Committer& committer,
                      const SweepRequest& request) {
  // T11, T3: what is not readable, or not ours, is left alone.
  TRY(request.dry_run ? committer.load() : committer.claim());
  const auto survey_at = [&](StoreClock clock) {
    return Surveyor(bucket, committer.head()->metadata, request, clock).run();
  };
  bool touched = false;
  if (request.dry_run || !has_landed_lately(runtime, committer, request.grace)) {
    // This machine's clock tells whether it is worth an empty commit.
    Survey estimate = TRY(survey_at({runtime.wall_now(), kForever}));
    const bool needs_commit =
        !estimate.versions.empty() || !estimate.objects.empty() || !estimate.unfinished.empty();
    if (request.dry_run || !needs_commit) return estimate;
    TRY(committer.touch());
    touched = true;
  }
  const StoreClock clock = TRY(read_clock(runtime, bucket, committer));
  Survey found = TRY(survey_at(clock));
  TRY(committer.load());  // T3: nobody has claimed it meanwhile
  found.report.touched = touched;
  return found;
}

Result<Orphans> count_orphans(Bucket& bucket, const std::string& prefix) {
  Reach reach(bucket);
  for (const uint64_t version : TRY(list_versions(bucket, prefix))) {
    const Metadata metadata = TRY(read_metadata(bucket, prefix, version));
    TRY(reach.add(metadata));
  }
  Orphans orphans;
  for (const ObjectEntry& entry : TRY(bucket.list(prefix + "/"))) {
    const ObjectKind kind = object_kind(prefix, entry.key);
    const bool is_mortal =
        kind != ObjectKind::kForeign && kind != ObjectKind::kHint && kind != ObjectKind::kMetadata;
    if (!is_mortal || reach.has(entry.key)) continue;
    ++orphans.objects;
    orphans.bytes += entry.bytes;
  }
  return orphans;
}

Status carry_out(Bucket& bucket, const Survey& survey) {
  // One after the other: a power cut leaves no gap between two that are there.
  for (const std::string& key : survey.versions) TRY(bucket.remove(key));
  TRY(bucket.remove_all(survey.objects));
  for (const std::string& name : survey.unfinished) TRY(bucket.remove_unfinished(name));
  return ok();
}

}  // namespace sluice::table
