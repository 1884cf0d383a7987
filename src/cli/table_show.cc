// The subcommands of `sluice table` that show: they take no lock and change nothing.
#include <algorithm>

#include "cli/directory.h"
#include "cli/figures.h"
#include "cli/table.h"

namespace sluice::cli {
namespace {

Result<TableInspection> look_at(const TableOptions& options) {
  const auto platform = TRY(open_directory(options.data_dir, DirectoryUse::kExisting));
  return inspect_table(platform->platform(), *options.table);
}

Cell or_none(uint64_t number) {
  return number == 0 ? Cell::none() : Cell::number(number);
}

Listing list_columns(const TableInspection& table) {
  Listing listing({{"id", true}, {"column"}, {"type"}, {"required"}, {"role"}});
  const TableSpec& spec = table.table.spec;
  for (const ColumnDescription& column : table.columns) {
    const bool is_key = std::find(spec.key.begin(), spec.key.end(), column.name) != spec.key.end();
    const bool is_time = !spec.time.empty() && column.name == spec.time;
    listing.add({Cell::number(column.field_id), Cell::words(column.name), Cell::words(column.type),
                 Cell::flag(column.required),
                 Cell::words(is_key              ? "key"
                             : is_time           ? "time"
                             : column.is_systems ? "system"
                                                 : "")});
  }
  return listing;
}

Listing list_properties(const TableInspection& table) {
  Listing listing({{"property"}, {"value"}});
  for (const auto& [name, value] : table.properties) {
    listing.add({Cell::words(name), Cell::words(value)});
  }
  return listing;
}

/// The names of a snapshot.
std::vector<std::string> names_of(const TableInspection& table, uint64_t snapshot) {
  std::vector<std::string> names;
  for (const RefDescription& ref : table.refs) {
    if (ref.snapshot_id == snapshot) names.push_back(ref.name);
  }
  return names;
}

}  // namespace

Result<ExitCode> describe_table(const TableOptions& options) {
  const TableInspection found = TRY(look_at(options));
  const TableDescription& table = found.table;
  Report report;
  report.field("table", Cell::words(table.name.to_string()));
  report.field("location", Cell::words(found.recorded_location));
  if (found.recorded_location != table.location) {
    report.field("stands at", Cell::words(table.location));
  }
  report.field("version", Cell::number(table.version));
  report.field("snapshot", or_none(table.snapshot_id));
  report.field("snapshots", Cell::count(table.snapshots));
  report.field("last commit", Cell::wall_time(table.last_commit_wall_time));
  report.field("rows", Cell::count(table.stored_rows));
  report.field("parts", Cell::count(table.parts));
  report.field("bytes", Cell::bytes(table.stored_bytes));
  report.field("key", Cell::list(table.spec.key));
  report.field("time", Cell::words(table.spec.time));
  const auto partition = table.spec.partition.value_or(std::vector<PartitionField>{});
  report.field("partition", Cell::words(format_partition(partition)));
  report.field("on conflict", Cell::words(std::string(to_string(table.spec.on_conflict))));
  report.field("on conflict", Cell::words(std::string(to_string(table.spec.on_conflict))));
  report.field("sorted by", Cell::list(found.sort_columns));
  report.field("epoch", Cell::number(found.epoch));
  report.listing("columns", list_columns(found));
  report.listing("properties", list_properties(found));
  report.findings(found.findings);
  return report.print(options.format);
}

Result<ExitCode> show_history(const TableOptions& options) {
  const TableInspection found = TRY(look_at(options));
  Listing listing({{"since"}, {"snapshot", true}, {"parent", true}, {"operation"}, {"rows", true}});
  for (const HistoryEntry& entry : found.history) {
    const auto snapshot =
        std::find_if(found.snapshots.begin(), found.snapshots.end(),
                     [&](const SnapshotDescription& s) { return s.id == entry.snapshot_id; });
    if (snapshot == found.snapshots.end()) continue;
    const bool is_rollback = snapshot->wall_time != entry.wall_time;
    listing.add({Cell::wall_time(entry.wall_time), Cell::number(entry.snapshot_id),
                 or_none(snapshot->parent),
                 Cell::words(is_rollback ? "rollback" : snapshot->operation),
                 Cell::count(snapshot->rows)});
  }
  Report report;
  report.listing("history", std::move(listing));
  report.findings(found.findings);
  return report.print(options.format);
}

Result<ExitCode> show_table_snapshots(const TableOptions& options) {
  const TableInspection found = TRY(look_at(options));
  Listing listing({{"snapshot", true},
                   {"parent", true},
                   {"time"},
                   {"operation"},
                   {"added rows", true},
                   {"rows", true},
                   {"parts", true},
                   {"bytes", true},
                   {"schema", true},
                   {"names"}});
  for (const SnapshotDescription& snapshot : found.snapshots) {
    listing.add({Cell::number(snapshot.id), or_none(snapshot.parent),
                 Cell::wall_time(snapshot.wall_time), Cell::words(snapshot.operation),
                 Cell::count(snapshot.added_rows), Cell::count(snapshot.rows),
                 Cell::count(snapshot.parts), Cell::bytes(snapshot.bytes),
                 Cell::number(snapshot.schema_id), Cell::list(names_of(found, snapshot.id))});
  }
  Report report;
  report.listing("snapshots", std::move(listing));
  report.findings(found.findings);
  return report.print(options.format);
}

}  // namespace sluice::cli
