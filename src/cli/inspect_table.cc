// The topics of one table: parts, snapshots, marks.
#include "cli/directory.h"
#include "cli/figures.h"
#include "cli/inspect.h"
#include "sluice/platform.h"

namespace sluice::cli {
namespace {

/// A time for programs, how long ago it was for people.
Cell age(Nanos wall_time, Nanos now) {
  Cell cell = Cell::wall_time(wall_time);
  if (wall_time != 0) cell.text = format_span(now - wall_time);
  return cell;
}

/// By field.
Cell partition_of(const PartDescription& part) {
  std::vector<std::string> texts;
  JsonWriter json;
  json.begin_object();
  for (const PartitionText& field : part.partition) {
    texts.push_back(field.field + "=" + make_visible(field.value.value_or("null")));
    json.key(field.field);
    field.value ? json.text(*field.value) : json.null();
  }
  return {Cell::list(texts).text, json.end_object().take()};
}

Cell or_none(uint64_t number) {
  return number == 0 ? Cell::none() : Cell::number(number);
}

std::vector<TextTable::Column> part_columns(const PartList& list) {
  std::vector<TextTable::Column> columns = {
      {"part"},           {"partition"},       {"rows", true},
      {"bytes", true},    {"bytes/row", true}, {"first LSN", true},
      {"last LSN", true}, {"snapshot", true},  {"age", true}};
  if (list.parts.empty()) return columns;
  for (const Bounds& bounds : list.parts.front().bounds) {
    columns.push_back({"min " + bounds.column});
    columns.push_back({"max " + bounds.column});
  }
  return columns;
}

Listing list_parts(const PartList& list, Nanos now) {
  Listing listing(part_columns(list));
  for (const PartDescription& part : list.parts) {
    std::vector<Cell> cells = {Cell::words(part.key),
                               partition_of(part),
                               Cell::count(part.rows),
                               Cell::bytes(part.bytes),
                               Cell::count(part.rows == 0 ? 0 : part.bytes / part.rows),
                               or_none(part.first_lsn),
                               or_none(part.last_lsn),
                               Cell::number(part.added_snapshot),
                               age(part.added_wall_time, now)};
    for (const Bounds& bounds : part.bounds) {
      cells.push_back(Cell::value(bounds.lower));
      cells.push_back(Cell::value(bounds.upper));
    }
    listing.add(std::move(cells));
  }
  return listing;
}

Listing list_snapshots(const TableInspection& table) {
  Listing listing({{"snapshot", true},
                   {"parent", true},
                   {"time"},
                   {"operation"},
                   {"added rows", true},
                   {"added parts", true},
                   {"added bytes", true},
                   {"rows", true},
                   {"parts", true},
                   {"bytes", true},
                   {"commit"},
                   {"current"}});
  for (const SnapshotDescription& snapshot : table.snapshots) {
    const bool is_current = snapshot.id == table.table.snapshot_id;
    Cell current = Cell::flag(is_current);
    if (!is_current) current.text.clear();
    listing.add({Cell::number(snapshot.id), or_none(snapshot.parent),
                 Cell::wall_time(snapshot.wall_time), Cell::words(snapshot.operation),
                 Cell::count(snapshot.added_rows), Cell::count(snapshot.added_parts),
                 Cell::bytes(snapshot.added_bytes), Cell::count(snapshot.rows),
                 Cell::count(snapshot.parts), Cell::bytes(snapshot.bytes),
                 Cell::words(snapshot.commit_id), std::move(current)});
  }
  return listing;
}

Cell exceptions_of(const MarkDescription& mark) {
  std::vector<std::string> texts;
  JsonWriter json;
  json.begin_object();
  for (const auto& [partition, number] : mark.exceptions) {
    texts.push_back(partition + ": " + std::to_string(number));
    json.key(partition).number(number);
  }
  return {Cell::list(texts).text, json.end_object().take()};
}

Listing list_logs(const TableInspection& table) {
  Listing listing({{"log"}, {"opening"}, {"low water", true}, {"exceptions"}});
  for (const MarkDescription& mark : table.logs) {
    listing.add({Cell::words(mark.of), Cell::words(mark.opening), Cell::number(mark.low_water),
                 exceptions_of(mark)});
  }
  return listing;
}

Listing list_sources(const TableInspection& table) {
  Listing listing({{"source"}, {"low water", true}, {"exceptions"}});
  for (const MarkDescription& mark : table.sources) {
    listing.add({Cell::words(mark.of), Cell::number(mark.low_water), exceptions_of(mark)});
  }
  return listing;
}

}  // namespace

Result<ExitCode> show_parts(const InspectOptions& options) {
  const auto platform = TRY(open_directory(options.data_dir, DirectoryUse::kExisting));
  const PartList list =
      TRY(inspect_parts(platform->platform(), *options.table, options.snapshot_id));
  uint64_t rows = 0;
  uint64_t bytes = 0;
  for (const PartDescription& part : list.parts) {
    rows += part.rows;
    bytes += part.bytes;
  }
  Report report;
  report.field("table", Cell::words(options.table->to_string()));
  report.field("snapshot", or_none(list.snapshot_id));
  report.field("parts", Cell::count(list.parts.size()));
  report.field("rows", Cell::count(rows)).field("bytes", Cell::bytes(bytes));
  report.field("bytes/row", Cell::count(rows == 0 ? 0 : bytes / rows));
  report.listing("live parts", list_parts(list, platform->platform().runtime->wall_now()));
  report.findings(list.findings);
  return report.print(options.format);
}

Result<ExitCode> show_snapshots(const InspectOptions& options) {
  const auto platform = TRY(open_directory(options.data_dir, DirectoryUse::kExisting));
  const TableInspection table = TRY(inspect_table(platform->platform(), *options.table));
  Report report;
  report.field("table", Cell::words(options.table->to_string()));
  report.field("version", Cell::number(table.table.version));
  report.field("current", or_none(table.table.snapshot_id));
  report.listing("snapshots", list_snapshots(table));
  if (table.snapshots.empty()) report.remark("nothing was committed to the table yet");
  report.findings(table.findings);
  return report.print(options.format);
}

Result<ExitCode> show_marks(const InspectOptions& options) {
  const auto platform = TRY(open_directory(options.data_dir, DirectoryUse::kExisting));
  const TableInspection table = TRY(inspect_table(platform->platform(), *options.table));
  Report report;
  report.field("table", Cell::words(options.table->to_string()));
  report.field("version", Cell::number(table.table.version));
  report.field("epoch", Cell::number(table.epoch));
  report.field("owner log", Cell::words(table.owner_log_id));
  report.field("owner opening", Cell::words(table.owner_opening_id));
  report.field("commit", Cell::words(table.commit_id));
  report.listing("logs", list_logs(table)).listing("sources", list_sources(table));
  if (table.logs.empty() && table.findings.empty()) {
    report.remark("the table has no marks: no row of a log is in it");
  }
  report.findings(table.findings);
  return report.print(options.format);
}

}  // namespace sluice::cli
