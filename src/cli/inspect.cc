// `sluice inspect`: what is in the log, in a table, in a file.
#include "cli/inspect.h"

#include <vector>

namespace sluice::cli {
namespace {

struct Topic {
  const char* name;
  const char* description;
  const char* footer;
  Result<ExitCode> (*show)(const InspectOptions& options);
};

constexpr Topic kLog = {
    "log", "The log: its files, how far it is durable, what keeps it",
    "A record is a batch of rows or a schema; its LSN is its place in the log. `confirmed` is the\n"
    "offset that a mark in the file says was synced, `valid` the end of its valid frames.\n\n"
    "Examples:\n"
    "  sluice inspect log\n"
    "  sluice inspect log --format json",
    show_log};
constexpr Topic kPending = {
    "pending", "Acknowledged rows that are in the log only, and why",
    "Frames carry no time, so an age is not known. A row that a running process is just appending\n"
    "may be shown before it is acknowledged.\n\n"
    "Examples:\n"
    "  sluice inspect pending\n"
    "  sluice inspect pending demo.weather",
    show_pending};
constexpr Topic kParts = {
    "parts", "The parts of a table: sizes, bounds, origin",
    "Bounds of texts may be cut. LSNs are those that the part's flush took rows from; they are\n"
    "known as long as the snapshot is kept.\n\n"
    "Examples:\n"
    "  sluice inspect parts demo.weather\n"
    "  sluice inspect parts demo.weather --snapshot 2044340260069386494",
    show_parts};
constexpr Topic kSnapshots = {"snapshots", "The snapshots of a table that are kept",
                              "Examples:\n"
                              "  sluice inspect snapshots demo.weather",
                              show_snapshots};
constexpr Topic kMarks = {
    "marks", "What of each log and source is in a table",
    "A row is in the table if its LSN, or the position of its source, is at most the low water.\n\n"
    "Examples:\n"
    "  sluice inspect marks demo.weather",
    show_marks};
constexpr Topic kGroups = {
    "groups", "The groups of devices that the parts of a table lie apart by",
    "A device is a value of the key's first column. It stays in its group for good. Parts from\n"
    "before storage.multipart.max_devices_per_group was set belong to none.\n\n"
    "Examples:\n"
    "  sluice inspect groups demo.weather\n"
    "  sluice inspect groups demo.weather --device seattle\n"
    "  sluice inspect groups demo.weather --group 3 --format json",
    show_groups};
constexpr Topic kPart = {
    "part", "A Parquet file: schema, row groups, encodings, sizes",
    "FILE is a path, or the key of an object in the data directory. A file of another program is\n"
    "shown too, with the reason if sluice could not read its rows.\n\n"
    "Examples:\n"
    "  sluice inspect part other.parquet\n"
    "  sluice inspect part demo/weather/data/1f0c...-0.parquet",
    show_part};
constexpr Topic kSegment = {"segment", "A file of the log, frame by frame, and how it ends",
                            "FILE is a path, or the name of a file in the data directory's log. "
                            "Each frame shown has passed\n"
                            "its checksums.\n\n"
                            "Examples:\n"
                            "  sluice inspect segment wal-00000000000000000001.seg --limit 20",
                            show_segment};

/// A topic with the options that all have.
CLI::App* add_topic(CLI::App& inspect, const Topic& topic, InspectOptions& options,
                    const Topic*& chosen) {
  CLI::App* command = inspect.add_subcommand(topic.name, topic.description);
  add_data_dir(*command, options.data_dir);
  add_report_format(*command, options.format);
  command->footer(topic.footer);
  command->callback([&topic, &chosen] { chosen = &topic; });
  return command;
}

CLI::Option* add_table(CLI::App& command, InspectOptions& options) {
  return command.add_option("TABLE", "DATABASE.COLLECTION")
      ->each(read_into(options.table, TableName::parse));
}

void add_file(CLI::App& command, InspectOptions& options) {
  command.add_option("FILE", options.file, "Where it is")->required();
}

}  // namespace

Command make_inspect(CLI::App& program) {
  struct Choice {
    InspectOptions options;
    const Topic* topic = nullptr;
  };
  const auto choice = std::make_shared<Choice>();
  InspectOptions& options = choice->options;
  CLI::App* inspect =
      program.add_subcommand("inspect", "Look into the log, a table or a file; change nothing");
  inspect->require_subcommand(1);
  const auto add = [&](const Topic& topic) {
    return add_topic(*inspect, topic, options, choice->topic);
  };
  add(kLog);
  add_table(*add(kPending), options);
  CLI::App* parts = add(kParts);
  add_table(*parts, options)->required();
  parts->add_option("--snapshot", "Of this snapshot instead of the newest")
      ->each(read_into(options.snapshot_id, parse_count))
      ->type_name("ID");
  add_table(*add(kSnapshots), options)->required();
  add_table(*add(kMarks), options)->required();
  CLI::App* groups = add(kGroups);
  add_table(*groups, options)->required();
  groups->add_option("--device", options.device, "The group of this device")->type_name("ID");
  groups->add_option("--group", "The devices of this group")
      ->each(read_into(options.group, parse_count))
      ->type_name("NUMBER");
  groups->add_option("--limit", "At most so many groups, and devices; 1000 unless told")
      ->each(read_into(options.limit, parse_count))
      ->type_name("COUNT");
  add_file(*add(kPart), options);
  CLI::App* segment = add(kSegment);
  add_file(*segment, options);
  segment->add_option("--limit", "At most so many frames")
      ->each(read_into(options.limit, parse_count))
      ->type_name("FRAMES");
  inspect->footer(
      "Reads while another process writes; needs no lock and no permission to write. Damage is\n"
      "shown at the end, and exits with 3.\n\n"
      "Examples:\n"
      "  sluice inspect log\n"
      "  sluice inspect pending\n"
      "  sluice inspect parts demo.weather --data-dir ./sluice-data");
  return {inspect, [choice] { return choice->topic->show(choice->options); }};
}

}  // namespace sluice::cli
