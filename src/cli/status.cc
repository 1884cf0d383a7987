// `sluice status`: a view of the server that has the directory, drawn again each second on a
// terminal; without a server, what the directory shows.
#include "cli/status.h"

#include <unistd.h>

#include <optional>

#include "cli/figures.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/report.h"
#include "remote/connect.h"
#include "sluice/inspect.h"

namespace sluice::cli {
namespace {

constexpr size_t kPartitionsShown = 8;  // one screen
constexpr size_t kPartitionsListed = 1000;
constexpr std::string_view kClearScreen = "\x1b[H\x1b[J";

struct StatusOptions {
  std::string data_dir;
  ReportFormat format = ReportFormat::kText;
  bool once = false;
};

std::string span(Nanos nanos) {
  return nanos < kSecond ? std::to_string(nanos / kMillisecond) + " ms" : format_span(nanos);
}

/// The end of the bucket in which this share of the durations has ended.
std::string within(const DurationCounts& durations, double share) {
  uint64_t ended = 0;
  for (size_t at = 0; at < kDurationBuckets.size(); ++at) {
    ended += durations.counts[at];
    const bool is_reached =
        static_cast<double>(ended) >= share * static_cast<double>(durations.count);
    if (is_reached) return "within " + span(kDurationBuckets[at]);
  }
  return "in more than " + span(kDurationBuckets.back());
}

std::string log_line(const EngineStatus& status) {
  return format_bytes(status.log_bytes) + " in " + format_count(status.log_segments) +
         " segments, " + format_count(status.pinned_segments) + " pinned; durable to LSN " +
         std::to_string(status.durable_lsn) + ", applied to " + std::to_string(status.applied_lsn) +
         (status.recovering ? ", replaying" : "") + (status.full ? "; the disk is full" : "");
}

std::string memory_line(const EngineStatus& status) {
  return format_bytes(status.memory_bytes_used) + " of " + format_bytes(status.memory_bytes_max) +
         "; " + format_count(status.unflushed_rows) + " rows of " +
         format_count(status.pending_partitions) + " partitions, the oldest " +
         span(status.oldest_unflushed_age) + " old";
}

std::string writers_line(const EngineStatus& status) {
  return format_count(status.rows_appended) + " rows in " + format_count(status.appends) +
         " batches; " + format_count(status.appends_refused) + " refused, " +
         format_count(status.stalls) + " waited, " + span(status.stall_time) + " in all";
}

std::string flushes_line(const EngineStatus& status) {
  return format_count(status.flushes_running) + " running, " +
         format_count(status.flushes_waiting) + " waiting; " + format_count(status.flushes) +
         " done: " + format_count(status.rows_flushed) + " rows, " +
         format_count(status.parts_flushed) + " parts, " + format_bytes(status.bytes_flushed) +
         (status.last_flush_age ? ", the last " + span(*status.last_flush_age) + " ago" : "");
}

std::string durations_line(const DurationCounts& durations) {
  if (durations.count == 0) return "";
  return "half " + within(durations, 0.5) + ", 99 of 100 " + within(durations, 0.99);
}

std::string failures_line(const EngineStatus& status) {
  std::string line;
  for (const auto& [code, count] : status.flush_failures) {
    line += (line.empty() ? "" : ", ") + format_count(count) + " " + std::string(to_string(code));
  }
  return line.empty() ? "none" : line;
}

Listing list_partitions(const std::vector<PartitionStatus>& partitions) {
  Listing listing({{"partition"},
                   {"rows", true},
                   {"first LSN", true},
                   {"oldest", true},
                   {"state"},
                   {"failed tries", true},
                   {"again in", true},
                   {"why"}});
  for (const PartitionStatus& partition : partitions) {
    listing.add({Cell::words(partition.name.to_string()), Cell::count(partition.rows),
                 Cell::number(partition.first_lsn), Cell::words(span(partition.oldest_age)),
                 Cell::words(partition.flushing ? "flushing" : "waiting"),
                 Cell::count(partition.failures),
                 partition.failures > 0 ? Cell::words(span(partition.retry_in)) : Cell::none(),
                 Cell::words(partition.trouble ? to_sentence(*partition.trouble) : "")});
  }
  return listing;
}

Result<ExitCode> show_text(Engine& engine, const EngineStatus& status) {
  Report report;
  report.field("log", Cell::words(log_line(status)));
  report.field("memory", Cell::words(memory_line(status)));
  report.field("writers", Cell::words(writers_line(status)));
  report.field("flushes", Cell::words(flushes_line(status)));
  report.field("a flush takes", Cell::words(durations_line(status.flush_durations)));
  report.field("failed tries", Cell::words(failures_line(status)));
  if (status.tables_stopped > 0) {
    report.field("stopped tables", Cell::count(status.tables_stopped));
  }
  if (status.failure) report.field("FAILURE", Cell::words(to_sentence(*status.failure)));
  report.listing("not in their tables yet", list_partitions(engine.pending(kPartitionsShown)));
  if (status.pending_partitions > kPartitionsShown) {
    report.remark("and " + format_count(status.pending_partitions - kPartitionsShown) +
                  " partitions more; these pin the oldest of the log");
  }
  return report.print(ReportFormat::kText);
}

void append_flushes(const EngineStatus& status, JsonWriter& json) {
  json.key("flushes_waiting").number(status.flushes_waiting);
  json.key("flushes_running").number(status.flushes_running).key("flushes").number(status.flushes);
  json.key("rows_flushed").number(status.rows_flushed);
  json.key("parts_flushed").number(status.parts_flushed);
  json.key("bytes_flushed").number(status.bytes_flushed);
  json.key("flush_seconds").real(static_cast<double>(status.flush_durations.sum) / kSecond);
  json.key("last_flush_age_seconds");
  status.last_flush_age ? json.real(static_cast<double>(*status.last_flush_age) / kSecond)
                        : json.null();
  json.key("flush_failures").begin_object();
  for (const auto& [code, count] : status.flush_failures) json.key(to_string(code)).number(count);
  json.end_object().key("tables_stopped").number(status.tables_stopped);
}

std::string to_json(Engine& engine, const EngineStatus& status) {
  JsonWriter json;
  json.begin_object().key("served").boolean(true);
  json.key("durable_lsn").number(status.durable_lsn).key("applied_lsn").number(status.applied_lsn);
  json.key("log_bytes").number(status.log_bytes).key("log_segments").number(status.log_segments);
  json.key("pinned_segments").number(status.pinned_segments).key("syncs").number(status.syncs);
  json.key("recovering").boolean(status.recovering).key("full").boolean(status.full);
  json.key("failure");
  status.failure ? json.text(to_sentence(*status.failure)) : json.null();
  json.key("appends").number(status.appends).key("rows_appended").number(status.rows_appended);
  json.key("appends_refused").number(status.appends_refused).key("stalls").number(status.stalls);
  json.key("stall_seconds").real(static_cast<double>(status.stall_time) / kSecond);
  json.key("memory_bytes_used").number(status.memory_bytes_used);
  json.key("memory_bytes_max").number(status.memory_bytes_max);
  json.key("unflushed_rows").number(status.unflushed_rows);
  json.key("pending_partitions").number(status.pending_partitions);
  json.key("oldest_unflushed_age_seconds")
      .real(static_cast<double>(status.oldest_unflushed_age) / kSecond);
  append_flushes(status, json);
  json.key("pending");
  list_partitions(engine.pending(kPartitionsListed)).append_to(json);
  return json.end_object().take() + "\n";
}

Status print(std::string_view text) {
  Output output;
  return output.finish(output.write(text));
}

Result<ExitCode> show(Engine& engine, const EngineStatus& status, ReportFormat format) {
  if (format == ReportFormat::kText) return show_text(engine, status);
  TRY(print(to_json(engine, status)));
  return ExitCode::kDone;
}

/// Until a signal, or until the server goes.
Result<ExitCode> watch(Engine& engine) {
  const Interrupt interrupt;
  while (!interrupt.requested()) {
    const EngineStatus status = engine.status();
    const bool is_gone = status.failure && status.failure->reason() == Reason::kClosed;
    if (is_gone) return *status.failure;
    TRY(print(kClearScreen));
    TRY(show_text(engine, status));
    interrupt.wait(kSecond);
  }
  return ExitCode::kDone;
}

/// Of a directory that no process serves.
Result<ExitCode> show_directory(const StatusOptions& options) {
  const auto platform = TRY(open_directory(options.data_dir, DirectoryUse::kExisting));
  const Inspection inspection = TRY(inspect(platform->platform()));
  const LogDescription& log = inspection.log;
  uint64_t bytes = 0, pinned = 0, rows = 0;
  for (const SegmentDescription& segment : log.segments) {
    bytes += segment.file_bytes;
    pinned += log.pinned_lsn != 0 && segment.last_lsn >= log.pinned_lsn ? 1 : 0;
  }
  for (const UnflushedRows& unflushed : log.unflushed) rows += unflushed.rows;
  Report report;
  report.field("served", Cell::flag(false));
  report.field("log bytes", Cell::bytes(bytes));
  report.field("log segments", Cell::count(log.segments.size()));
  report.field("pinned segments", Cell::count(pinned));
  report.field("unflushed rows", Cell::count(rows));
  report.field("tables", Cell::count(inspection.tables.size()));
  report.remark("no server has the directory: this is what it shows");
  report.findings(log.findings);
  return report.print(options.format);
}

Result<ExitCode> show_status(const StatusOptions& options) {
  const auto engine = remote::connect(options.data_dir);
  if (!engine.ok() && engine.error().code() == Code::kNotFound) return show_directory(options);
  if (!engine.ok()) return engine.error();
  const bool is_live =
      !options.once && options.format == ReportFormat::kText && isatty(STDOUT_FILENO) == 1;
  if (is_live) return watch(**engine);
  return show(**engine, (*engine)->status(), options.format);
}

}  // namespace

Command make_status(CLI::App& program) {
  const auto options = std::make_shared<StatusOptions>();
  CLI::App* command = program.add_subcommand("status", "What the server is doing, live");
  add_data_dir(*command, options->data_dir);
  add_report_format(*command, options->format);
  command->add_flag("--once", options->once, "Not again each second, as on a terminal");
  command->footer(
      "The log and what pins it, memory, writers, flushes and why they fail. On a terminal it is\n"
      "drawn again each second until Ctrl-C. Without a server it is what the directory shows.\n\n"
      "Examples:\n"
      "  sluice status\n"
      "  sluice status --once --format json");
  return {command, [options] { return show_status(*options); }};
}

}  // namespace sluice::cli
