#include "table/groups.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "table/format.h"
#include "table/next_version.h"

namespace sluice::table {
namespace {

uint64_t bytes_of(const Membership& device) {
  return device.device.size() + 2 * sizeof(uint32_t);
}

bool precedes(const Membership& a, const Membership& b) {
  return a.device < b.device;
}

std::vector<Membership> members_of(const Roster& roster) {
  std::vector<Membership> members;
  members.reserve(roster.size());
  for (uint32_t at = 0; at < roster.size(); ++at) members.push_back(roster[at]);
  return members;
}

}  // namespace

Result<Groups> Groups::make(std::vector<NamedRoster> below, NamedRoster newest) {
  Groups groups;
  const auto& named = newest.roster->below();
  const bool fits = std::equal(
      named.begin(), named.end(), below.begin(), below.end(),
      [](const RosterRef& ref, const NamedRoster& found) {
        return ref == RosterRef{found.commit, found.roster->bytes(), found.roster->size()};
      });
  groups.rosters_ = std::move(below);
  groups.rosters_.push_back(std::move(newest));
  const uint32_t count = groups.rosters_.back().roster->groups();
  groups.sizes_.assign(count, 0);
  for (const NamedRoster& named_roster : groups.rosters_) {
    const Roster& roster = *named_roster.roster;
    if (!fits || roster.groups() > count) {
      return Error(Code::kCorrupt, Reason::kDecodeFailure,
                   "a roster stands on others than those that are there");
    }
    groups.devices_ += roster.size();
    for (uint32_t at = 0; at < roster.size(); ++at) ++groups.sizes_[roster[at].group];
  }
  return groups;
}

std::optional<uint32_t> Groups::find(std::string_view device) const {
  for (const NamedRoster& named : rosters_) {
    const uint32_t at = named.roster->lower_bound(device);
    if (at < named.roster->size() && (*named.roster)[at].device == device) {
      return (*named.roster)[at].group;
    }
  }
  return std::nullopt;
}

std::vector<std::optional<uint32_t>> Groups::find_all(
    std::span<const std::string_view> devices) const {
  std::vector<std::optional<uint32_t>> found(devices.size());
  for (const NamedRoster& named : rosters_) {
    const Roster& roster = *named.roster;
    uint32_t at = 0;
    for (size_t i = 0; i < devices.size() && at < roster.size(); ++i) {
      if (found[i]) continue;
      at = roster.lower_bound(devices[i], at);
      if (at < roster.size() && roster[at].device == devices[i]) found[i] = roster[at].group;
    }
  }
  return found;
}

uint64_t Groups::bytes() const {
  uint64_t bytes = sizes_.size() * sizeof(uint32_t);
  for (const NamedRoster& named : rosters_) bytes += named.roster->bytes();
  return bytes;
}

namespace {

bool has(const Groups& groups, const CommitId& commit) {
  const auto& rosters = groups.rosters();
  return std::any_of(rosters.begin(), rosters.end(),
                     [&](const NamedRoster& named) { return named.commit == commit; });
}

std::vector<std::string_view> devices_of(const Roster& roster) {
  std::vector<std::string_view> devices;
  devices.reserve(roster.size());
  for (uint32_t at = 0; at < roster.size(); ++at) devices.push_back(roster[at].device);
  return devices;
}

/// How many of the devices the rosters name.
uint64_t count_named(const std::vector<NamedRoster>& rosters,
                     const std::vector<std::string_view>& devices) {
  uint64_t count = 0;
  for (const NamedRoster& named : rosters) {
    uint32_t at = 0;
    for (const std::string_view device : devices) {
      at = named.roster->lower_bound(device, at);
      if (at == named.roster->size()) break;
      count += (*named.roster)[at].device == device;
    }
  }
  return count;
}

}  // namespace

Status check_grown(const Groups& before, const Groups& after) {
  for (const NamedRoster& named : before.rosters()) {
    if (has(after, named.commit)) continue;
    const Roster& roster = *named.roster;
    const auto found = after.find_all(devices_of(roster));
    for (uint32_t at = 0; at < roster.size(); ++at) {
      if (found[at] == roster[at].group) continue;
      return Error({Code::kCorrupt,
                    Reason::kNone,
                    found[at] ? "a device has another group than in the version before"
                              : "a device lost its group",
                    {},
                    roster[at].group,
                    found[at].value_or(0)});
    }
  }
  for (const NamedRoster& named : after.rosters()) {
    if (has(before, named.commit)) continue;
    if (count_named(after.rosters(), devices_of(*named.roster)) == named.roster->size()) continue;
    return Error(Code::kCorrupt, "a device is in two rosters");
  }
  return ok();
}

Assignment assign_devices(const Groups& groups, std::span<const std::string_view> devices,
                          uint32_t devices_max) {
  CHECK(devices_max > 0);
  CHECK(std::is_sorted(devices.begin(), devices.end(), std::less_equal<>()) || devices.empty());
  const std::vector<std::optional<uint32_t>> known = groups.find_all(devices);
  std::vector<uint32_t> sizes = groups.sizes();
  Assignment assignment;
  uint32_t next = 0;  // no group before it has room
  for (size_t i = 0; i < devices.size(); ++i) {
    if (known[i]) {
      assignment.groups.push_back(*known[i]);
      continue;
    }
    while (next < sizes.size() && sizes[next] >= devices_max) ++next;
    if (next == sizes.size()) sizes.push_back(0);
    ++sizes[next];
    assignment.groups.push_back(next);
    assignment.added.push_back({devices[i], next});
  }
  return assignment;
}

Result<GroupsProposal> propose_groups(const Head& head, const Groups& groups,
                                      std::vector<Membership> added, const Stamp& stamp) {
  CHECK(!added.empty());
  uint32_t count = static_cast<uint32_t>(groups.sizes().size());
  uint64_t bytes = 0;
  for (const Membership& device : added) {
    count = std::max(count, device.group + 1);
    bytes += bytes_of(device);
  }
  // Takes in what is no larger, from the top.
  std::vector<NamedRoster> below = groups.rosters();
  while (!below.empty() && below.back().roster->size() <= added.size() &&
         bytes + below.back().roster->bytes() <= kRosterBytesTarget) {
    const std::shared_ptr<const Roster> taken = below.back().roster;
    below.pop_back();
    bytes += taken->bytes();
    const std::vector<Membership> members = members_of(*taken);
    std::vector<Membership> merged;
    merged.reserve(added.size() + members.size());
    std::merge(added.begin(), added.end(), members.begin(), members.end(),
               std::back_inserter(merged), precedes);
    added = std::move(merged);
  }
  Metadata next = next_version(head, stamp);
  next.groups_key = groups_key(next.prefix, stamp.commit);
  if (count > kGroupsMax || below.size() > kRostersBelowMax || bytes > kRosterBytesMax) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge, "the table has too many devices",
                  next.groups_key, kRosterBytesMax, groups.bytes() + bytes});
  }
  std::vector<RosterRef> refs;
  for (const NamedRoster& named : below) {
    refs.push_back({named.commit, named.roster->bytes(), named.roster->size()});
  }
  std::string object = encode_roster(refs, added, count, next.groups_key);
  auto roster = std::make_shared<const Roster>(TRY(Roster::decode(object, next.groups_key)));
  Groups grown = TRY(Groups::make(std::move(below), {stamp.commit, std::move(roster)}));
  std::vector<NewObject> objects = {{next.groups_key, std::move(object)}};
  return GroupsProposal{with_head(std::move(next), head.marks, std::move(objects)),
                        std::make_shared<const Groups>(std::move(grown))};
}

}  // namespace sluice::table
