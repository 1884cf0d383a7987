// The operator's commits: what changes a table without bringing rows.
#include <algorithm>

#include "table/committer.h"
#include "table/evolve.h"

namespace sluice::table {

Result<HeadPtr> Committer::alter(const std::vector<SchemaChange>& changes) {
  if (!claimed_epoch_) TRY(claim());
  // Of an attempt whose answer stayed open: found in the table, it was ours.
  std::optional<TableSchema> tried;
  return advance([&](const HeadPtr& found) -> Result<std::optional<Proposal>> {
    if (!found) return Error(Code::kNotFound, "no such table", name_.to_string());
    const Metadata& metadata = found->metadata;
    if (tried && metadata.schema() == *tried) return std::optional<Proposal>();
    Proposal proposal = TRY(propose_alter(*found, changes, draw_stamp()));
    tried = proposal.head->metadata.schema();
    return std::optional(std::move(proposal));
  });
}

}  // namespace sluice::table
