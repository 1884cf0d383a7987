// The topic of the groups of devices of one table.
#include "sluice/inspect_groups.h"

#include <algorithm>
#include <limits>

#include "cli/directory.h"
#include "cli/inspect.h"
#include "sluice/platform.h"

namespace sluice::cli {
namespace {

constexpr uint64_t kLimit = 1000;

Listing list_groups(const GroupsInspection& table, uint64_t limit) {
  Listing listing(
      {{"group", true}, {"devices", true}, {"parts", true}, {"rows", true}, {"bytes", true}});
  const auto add = [&](Cell name, const GroupDescription& group) {
    listing.add({std::move(name), Cell::count(group.devices), Cell::count(group.parts),
                 Cell::count(group.rows), Cell::bytes(group.bytes)});
  };
  for (const GroupDescription& group : table.groups) {
    if (limit-- == 0) break;
    add(Cell::number(group.group), group);
  }
  if (table.without.parts > 0) add({"none", "null"}, table.without);
  return listing;
}

Listing list_devices(const GroupsInspection& table, uint64_t limit) {
  Listing listing({{"device"}, {"group", true}});
  for (const DeviceDescription& device : table.devices_asked) {
    if (limit-- == 0) break;
    listing.add({Cell::value(device.device),
                 device.group ? Cell::number(*device.group) : Cell{"none", "null"}});
  }
  return listing;
}

}  // namespace

Result<ExitCode> show_groups(const InspectOptions& options) {
  GroupsRequest request;
  request.device = options.device;
  if (options.group) {
    constexpr uint64_t kMost = std::numeric_limits<uint32_t>::max();
    request.group = static_cast<uint32_t>(std::min(*options.group, kMost));
  }
  const auto platform = TRY(open_directory(options.data_dir, DirectoryUse::kExisting));
  const GroupsInspection table = TRY(inspect_groups(platform->platform(), *options.table, request));
  const uint64_t limit = options.limit == UINT64_MAX ? kLimit : options.limit;
  Report report;
  report.field("table", Cell::words(options.table->to_string()));
  report.field("device column", Cell::words(table.device_column));
  report.field("devices", Cell::count(table.devices));
  report.field("groups", Cell::count(table.groups.size()));
  if (options.device || options.group) {
    report.listing("asked", list_devices(table, limit));
  } else {
    report.listing("live groups", list_groups(table, limit));
  }
  const uint64_t rows =
      options.device || options.group ? table.devices_asked.size() : table.groups.size();
  if (rows > limit) report.remark(std::to_string(rows - limit) + " more: see --limit");
  if (table.devices == 0 && table.findings.empty()) {
    report.remark("no device of the table has a group");
  }
  report.findings(table.findings);
  return report.print(options.format);
}

}  // namespace sluice::cli
