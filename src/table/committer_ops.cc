// Commits that bring no rows: the operator's, and the groups of new devices.
//
// Whoever finds the table as he wanted it after an attempt whose answer stayed open has his answer.
#include "table/committer.h"
#include "table/evolve.h"
#include "table/format.h"
#include "table/relocate.h"
#include "table/retention.h"

namespace sluice::table {

/// Claims, then goes on from the newest head of a table that is there.
Result<HeadPtr> Committer::advance_table(
    const std::function<Result<std::optional<Proposal>>(const Head& head)>& propose) {
  if (!claimed_epoch_) TRY(claim());
  return advance([&](const HeadPtr& found) -> Result<std::optional<Proposal>> {
    if (!found) return Error(Code::kNotFound, "no such table", name_.to_string());
    return propose(*found);
  });
}

Result<HeadPtr> Committer::alter(const std::vector<SchemaChange>& changes) {
  std::optional<TableSchema> tried;
  return advance_table([&](const Head& head) -> Result<std::optional<Proposal>> {
    if (tried && head.metadata.schema() == *tried) return std::optional<Proposal>();
    Proposal proposal = TRY(propose_alter(head, changes, draw_stamp()));
    tried = proposal.head->metadata.schema();
    return std::optional(std::move(proposal));
  });
}

Result<HeadPtr> Committer::rollback(uint64_t snapshot_id) {
  return advance_table([&](const Head& head) {
    return propose_rollback(head, static_cast<int64_t>(snapshot_id), writer_, draw_stamp());
  });
}

Result<HeadPtr> Committer::rewrite(const RewriteEdit& edit) {
  return advance_table([&](const Head& head) { return build_rewrite(head, edit); });
}

Result<std::optional<Proposal>> Committer::build_rewrite(const Head& head,
                                                         const RewriteEdit& edit) {
  std::vector<ReadManifest> manifests;
  const SnapshotEntry* snapshot = head.metadata.current_snapshot();
  std::vector<ManifestFile> files;
  if (snapshot != nullptr) files = TRY(read_manifest_list(bucket_, head.metadata, *snapshot));
  for (ManifestFile& file : files) {
    std::vector<ManifestEntry> entries = TRY(read_manifest(bucket_, head.metadata, file));
    manifests.push_back({std::move(file), std::move(entries)});
  }
  Status same = check_rewrite(head, edit, manifests);
  if (same.ok()) same = check_age(edit.put_at);
  if (!same.ok()) {
    // T6: its outputs are given up only if no committed metadata names them.
    if (TRY(names_parts(head.metadata, edit.outputs))) return std::optional<Proposal>();
    return same.error();
  }
  return std::optional(TRY(propose_rewrite(head, edit, manifests, options_, draw_stamp())));
}

Result<HeadPtr> Committer::relocate() {
  const std::string location = bucket_.uri(table_prefix(name_));
  return advance_table([&](const Head& head) -> Result<std::optional<Proposal>> {
    if (head.metadata.location == location) return std::optional<Proposal>();
    return std::optional(TRY(propose_relocation(bucket_, head, location, draw_stamp())));
  });
}

Result<HeadPtr> Committer::tag(const Tag& tag) {
  return advance_table([&](const Head& head) { return propose_tag(head, tag, draw_stamp()); });
}

Result<HeadPtr> Committer::untag(const std::string& name) {
  bool tried = false;
  return advance_table([&](const Head& head) -> Result<std::optional<Proposal>> {
    if (tried && !head.metadata.refs.contains(name)) return std::optional<Proposal>();
    Proposal proposal = TRY(propose_untag(head, name, draw_stamp()));
    tried = true;
    return std::optional(std::move(proposal));
  });
}

Result<HeadPtr> Committer::expire(const ExpireOptions& options, ExpireReport& report) {
  if (options.dry_run) {
    const HeadPtr head = TRY(load());
    Expiry expiry = TRY(propose_expiry(*head, options, draw_stamp()));
    report = std::move(expiry.report);
    return head;
  }
  bool tried = false;
  return advance_table([&](const Head& head) -> Result<std::optional<Proposal>> {
    Expiry expiry = TRY(propose_expiry(head, options, draw_stamp()));
    // Of an attempt whose answer stayed open the report stands.
    if (!tried || expiry.proposal) report = std::move(expiry.report);
    tried = true;
    return std::move(expiry.proposal);
  });
}

Result<std::vector<uint32_t>> Committer::assign(std::span<const std::string_view> devices,
                                                uint32_t devices_max) {
  if (!claimed_epoch_) TRY(claim());
  const auto are_of = [](const Metadata& metadata, const Groups& groups) {
    return metadata.groups_key == groups_key(metadata.prefix, groups.commit());
  };
  // T16: what a version says of a device, every later one says.
  if (groups_ && are_of(head_->metadata, *groups_)) {
    Assignment known = assign_devices(*groups_, devices, devices_max);
    if (known.added.empty()) return std::move(known.groups);
  }
  Assignment assignment;
  GroupsPtr grown;
  const auto propose = [&](const Head& found) -> Result<std::optional<Proposal>> {
    groups_ = TRY(read_groups(bucket_, found.metadata, groups_));
    assignment = assign_devices(*groups_, devices, devices_max);
    if (assignment.added.empty()) return std::optional<Proposal>();
    GroupsProposal proposal =
        TRY(propose_groups(found, *groups_, std::move(assignment.added), draw_stamp()));
    grown = std::move(proposal.groups);
    return std::optional(std::move(proposal.proposal));
  };
  const HeadPtr head = TRY(advance_table(propose));
  if (grown && are_of(head->metadata, *grown)) groups_ = std::move(grown);
  return std::move(assignment.groups);
}

}  // namespace sluice::table
