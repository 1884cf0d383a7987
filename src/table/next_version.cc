#include "table/next_version.h"

#include <algorithm>

#include "table/format.h"

namespace sluice::table {

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

}  // namespace sluice::table
