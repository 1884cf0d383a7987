// `sluice verify`: reads everything and says what is damaged.
#include <atomic>

#include "cli/command.h"
#include "cli/directory.h"
#include "cli/figures.h"
#include "cli/output.h"
#include "cli/report.h"

namespace sluice::cli {
namespace {

struct VerifyOptions {
  std::string data_dir;
  ReportFormat format = ReportFormat::kText;
  ProgressMode progress = ProgressMode::kAuto;
};

/// How far the verification is, told by its thread and asked for by another.
class Position {
 public:
  void move(const VerifyReport& so_far) {
    log_bytes_ = so_far.log_bytes;
    parts_ = so_far.parts;
    rows_ = so_far.rows;
    findings_ = so_far.findings.size();
  }
  std::string line() const {
    return "verifying: " + format_bytes(log_bytes_) + " of log, " + format_count(parts_) +
           " parts, " + format_count(rows_) + " rows, " + format_count(findings_) + " findings";
  }

 private:
  std::atomic<uint64_t> log_bytes_{0};
  std::atomic<uint64_t> parts_{0};
  std::atomic<uint64_t> rows_{0};
  std::atomic<uint64_t> findings_{0};
};

Result<VerifyReport> watched_verify(Platform platform, ProgressMode progress) {
  Position position;
  const Activity activity(progress, [&position] { return position.line(); });
  return verify(platform, [&position](const VerifyReport& so_far) { position.move(so_far); });
}

std::string to_text(const VerifyReport& report) {
  std::string text;
  text += "log      " + format_count(report.segments) + " segments, " +
          format_count(report.frames) + " frames, " + format_bytes(report.log_bytes) + "\n";
  text += "tables   " + format_count(report.tables) + ", with " + format_count(report.snapshots) +
          " snapshots, " + format_count(report.parts) + " parts, " + format_count(report.rows) +
          " rows\n";
  if (report.torn_bytes > 0) {
    text += "torn     " + format_bytes(report.torn_bytes) +
            " behind the log's end: never acknowledged, not damage\n";
  }
  if (report.orphans > 0) {
    text += "orphans  " + format_count(report.orphans) + " objects, " +
            format_bytes(report.orphan_bytes) + ", that nothing names: a sweep deletes them\n";
  }
  for (const Finding& finding : report.findings) text += to_line(finding);
  return text + (report.findings.empty()
                     ? "ok       everything is as it was written\n"
                     : "DAMAGED  " + format_count(report.findings.size()) + " findings\n");
}

std::string to_json(const VerifyReport& report) {
  JsonWriter json;
  json.begin_object();
  json.key("segments").number(report.segments).key("frames").number(report.frames);
  json.key("log_bytes").number(report.log_bytes).key("torn_bytes").number(report.torn_bytes);
  json.key("tables").number(report.tables).key("snapshots").number(report.snapshots);
  json.key("parts").number(report.parts).key("rows").number(report.rows);
  json.key("orphans").number(report.orphans).key("orphan_bytes").number(report.orphan_bytes);
  json.key("findings").begin_array();
  for (const Finding& finding : report.findings) append_to(json, finding);
  return json.end_array().end_object().take() + "\n";
}

Result<ExitCode> verify_directory(const VerifyOptions& options) {
  const auto platform = TRY(open_directory(options.data_dir, DirectoryUse::kExisting));
  const VerifyReport report = TRY(watched_verify(platform->platform(), options.progress));
  Output output;
  TRY(output.finish(
      output.write(options.format == ReportFormat::kJson ? to_json(report) : to_text(report))));
  return report.findings.empty() ? ExitCode::kDone : ExitCode::kCorruption;
}

}  // namespace

Command make_verify(CLI::App& program) {
  const auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = program.add_subcommand("verify", "Read and check every byte; change nothing");
  add_data_dir(*command, options->data_dir);
  add_report_format(*command, options->format);
  add_progress(*command, options->progress);
  command->footer(
      "Checks every byte: the log, and of every table all versions of its metadata, marks, "
      "manifests\n"
      "and parts. Exits with 3 if anything is damaged or missing, and names the object, the "
      "offset\n"
      "(0: the object as a whole) and what to do. Objects that nothing names are no damage.\n\n"
      "Examples:\n"
      "  sluice verify\n"
      "  sluice verify --format json | python3 -m json.tool");
  return {command, [options] { return verify_directory(*options); }};
}

}  // namespace sluice::cli
