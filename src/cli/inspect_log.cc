// The topics of the whole directory: log, pending.
#include <algorithm>

#include "cli/directory.h"
#include "cli/figures.h"
#include "cli/inspect.h"
#include "sluice/platform.h"

namespace sluice::cli {
namespace {

Result<Inspection> inspect_directory(const std::string& data_dir) {
  const auto platform = TRY(open_directory(data_dir, DirectoryUse::kExisting));
  return inspect(platform->platform());
}

std::string state_of(const SegmentDescription& segment) {
  if (segment.damage) return "DAMAGED";
  return segment.torn_bytes > 0 ? "torn tail" : "ok";
}

Listing list_segments(const LogDescription& log) {
  Listing listing({{"file"},
                   {"opening"},
                   {"base LSN", true},
                   {"last LSN", true},
                   {"batches", true},
                   {"schemas", true},
                   {"rows", true},
                   {"marks", true},
                   {"confirmed", true},
                   {"valid", true},
                   {"torn", true},
                   {"file bytes", true},
                   {"state"}});
  for (const SegmentDescription& segment : log.segments) {
    listing.add({Cell::words(segment.file), Cell::words(segment.opening_id.substr(0, 8)),
                 Cell::number(segment.base_lsn), Cell::number(segment.last_lsn),
                 Cell::count(segment.batches), Cell::count(segment.schemas),
                 Cell::count(segment.rows), Cell::count(segment.marks),
                 Cell::number(segment.confirmed_end), Cell::number(segment.accepted_end),
                 Cell::number(segment.torn_bytes), Cell::bytes(segment.file_bytes),
                 Cell::words(state_of(segment))});
  }
  return listing;
}

Listing list_openings(const LogDescription& log) {
  Listing listing({{"opening"}, {"base LSN", true}});
  for (const LogOpening& opening : log.openings) {
    listing.add({Cell::words(opening.id), Cell::number(opening.base_lsn)});
  }
  return listing;
}

std::string reason_of(const UnflushedRows& rows) {
  return rows.obstacle ? rows.obstacle->to_string() : "not flushed yet";
}

Listing list_pending(const std::vector<UnflushedRows>& unflushed) {
  Listing listing({{"table"},
                   {"rows", true},
                   {"batches", true},
                   {"bytes", true},
                   {"first LSN", true},
                   {"last LSN", true},
                   {"why"}});
  for (const UnflushedRows& rows : unflushed) {
    listing.add({Cell::words(rows.table.to_string()), Cell::count(rows.rows),
                 Cell::count(rows.batches), Cell::bytes(rows.bytes), Cell::number(rows.first_lsn),
                 Cell::number(rows.last_lsn), Cell::words(reason_of(rows))});
  }
  return listing;
}

Listing list_sources(const std::vector<UnflushedRows>& unflushed) {
  Listing listing(
      {{"table"}, {"source"}, {"rows", true}, {"batches", true}, {"last position", true}});
  for (const UnflushedRows& rows : unflushed) {
    for (const UnflushedSource& source : rows.sources) {
      if (source.source.empty()) continue;
      listing.add({Cell::words(rows.table.to_string()), Cell::words(source.source),
                   Cell::count(source.rows), Cell::count(source.batches),
                   Cell::number(source.last_position)});
    }
  }
  return listing;
}

/// The table whose oldest record in the log keeps it.
std::string pinned_by(const LogDescription& log) {
  const auto oldest =
      std::min_element(log.unflushed.begin(), log.unflushed.end(),
                       [](const auto& a, const auto& b) { return a.first_lsn < b.first_lsn; });
  return oldest == log.unflushed.end() ? "" : oldest->table.to_string();
}

}  // namespace

Result<ExitCode> show_log(const InspectOptions& options) {
  const Inspection inspection = TRY(inspect_directory(options.data_dir));
  const LogDescription& log = inspection.log;
  Report report;
  report.field("log", Cell::words(log.log_id));
  report.field("first LSN", Cell::number(log.first_lsn));
  report.field("last LSN", Cell::number(log.last_lsn));
  report.field("trimmed to LSN", Cell::number(log.trim_lsn));
  report.field("pinned from LSN",
               log.pinned_lsn == 0 ? Cell::none() : Cell::number(log.pinned_lsn));
  report.field("pinned by", Cell::words(pinned_by(log)));
  report.listing("segments", list_segments(log));
  report.listing("openings", list_openings(log));
  if (log.segments.empty()) report.remark("there is no log yet");
  if (!log.segments.empty() && log.unflushed.empty() && log.findings.empty()) {
    report.remark("nothing pins the log: all of its rows are in their tables");
  }
  report.findings(log.findings);
  return report.print(options.format);
}

Result<ExitCode> show_pending(const InspectOptions& options) {
  const Inspection inspection = TRY(inspect_directory(options.data_dir));
  std::vector<UnflushedRows> unflushed = inspection.log.unflushed;
  if (options.table) {
    const bool exists =
        std::any_of(inspection.tables.begin(), inspection.tables.end(),
                    [&](const TableDescription& table) { return table.name == *options.table; });
    std::erase_if(unflushed,
                  [&](const UnflushedRows& rows) { return rows.table != *options.table; });
    if (!exists && unflushed.empty()) {
      return Error(Code::kNotFound, "there is no such table", options.table->to_string());
    }
  }
  Report report;
  report.listing("pending", list_pending(unflushed));
  report.listing("sources", list_sources(unflushed));
  if (unflushed.empty()) {
    report.remark(inspection.log.findings.empty()
                      ? "nothing is pending: every acknowledged row is in its table"
                      : "nothing is pending in what can be read of the log");
  }
  report.findings(inspection.log.findings);
  return report.print(options.format);
}

}  // namespace sluice::cli
