// Groups: the devices of a table, each in one group for good. Pure: from what the table has, and
// the devices of a flush, to who is new and what the next roster holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "table/edit.h"
#include "table/roster.h"

namespace sluice::table {

struct NamedRoster {
  CommitId commit;
  std::shared_ptr<const Roster> roster;
};

/// The rosters of a table, as one of its versions has them. Immutable; any thread.
class Groups {
 public:
  /// No device, no group.
  Groups() = default;
  /// The newest roster, and those below it in its order. kCorrupt: others than it names.
  static Result<Groups> make(std::vector<NamedRoster> below, NamedRoster newest);

  const std::vector<NamedRoster>& rosters() const { return rosters_; }  ///< the oldest first
  /// Of the newest roster; zero: there is none.
  CommitId commit() const { return rosters_.empty() ? CommitId{} : rosters_.back().commit; }
  uint64_t devices() const { return devices_; }
  /// How many devices each group has, by its number.
  const std::vector<uint32_t>& sizes() const { return sizes_; }
  std::optional<uint32_t> find(std::string_view device) const;
  /// Of each, in turn: they ascend.
  std::vector<std::optional<uint32_t>> find_all(std::span<const std::string_view> devices) const;
  /// Of memory.
  uint64_t bytes() const;

 private:
  std::vector<NamedRoster> rosters_;
  std::vector<uint32_t> sizes_;
  uint64_t devices_ = 0;
};
using GroupsPtr = std::shared_ptr<const Groups>;

/// kCorrupt unless `after` names what `before` names, with the same groups, and what it names
/// besides only once (T16). Rosters that both have are not looked at.
Status check_grown(const Groups& before, const Groups& after);

/// Where devices lie, which are given in order and each once: the known where they are; the new
/// ones, in turn, in the first group with room, else in the next new one. The ids are borrowed.
struct Assignment {
  std::vector<uint32_t> groups;   ///< of each device
  std::vector<Membership> added;  ///< the new ones, in order
};
Assignment assign_devices(const Groups& groups, std::span<const std::string_view> devices,
                          uint32_t devices_max);

/// A version with one roster more, and the groups as it has them. kInvalid: there are too many
/// groups, or rosters.
struct GroupsProposal {
  Proposal proposal;
  GroupsPtr groups;
};
Result<GroupsProposal> propose_groups(const Head& head, const Groups& groups,
                                      std::vector<Membership> added, const Stamp& stamp);

}  // namespace sluice::table
