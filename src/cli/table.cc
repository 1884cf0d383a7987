// `sluice table`: its subcommands and their options.
#include "cli/table.h"

namespace sluice::cli {
namespace {

struct Verb {
  const char* name;
  const char* description;
  const char* footer;
  Result<ExitCode> (*run)(const TableOptions& options);
  bool only_reads = false;
};

constexpr Verb kCreate = {
    "create", "Make a table",
    "A table with a key keeps one row of each key (and time): the last. Types are bool, int, "
    "long,\n"
    "float, double, string, binary and timestamp; int and float take four bytes, and refuse what\n"
    "does not fit.\n\n"
    "Examples:\n"
    "  sluice table create demo.weather --column 'station string' --column 'time timestamp' \\\n"
    "      --column 'temp float' --key station --time time\n"
    "  sluice table create demo.events --column 'id string' --key id --partition 'bucket(id, 16)'",
    create_table};
constexpr Verb kDescribe = {"describe", "Columns, key, partition, order, properties, totals",
                            "Examples:\n"
                            "  sluice table describe demo.weather\n"
                            "  sluice table describe demo.weather --format json",
                            describe_table, true};
constexpr Verb kHistory = {
    "history", "Which snapshot was current since when",
    "A rollback is a line of its own. The list begins behind the last snapshot that has expired:\n"
    "`sluice query --as-of TIME` is exact from there.\n\n"
    "Examples:\n"
    "  sluice table history demo.weather",
    show_history, true};
constexpr Verb kSnapshots = {"snapshots", "The snapshots that are kept, and their tags",
                             "Examples:\n"
                             "  sluice table snapshots demo.weather\n"
                             "  sluice query demo.weather --as-of tag:release",
                             show_table_snapshots, true};
constexpr Verb kAlter = {
    "alter", "Add, rename, drop and widen columns, and what becomes of rows that do not fit",
    "All changes are one commit and speak of the table as it was: --rename a=b --rename b=a swaps "
    "two names. Columns\n"
    "are told apart by field ids, so old values stay with a renamed column, and a column that is\n"
    "added has none, whatever it is called. What the log holds is flushed first.\n\n"
    "Examples:\n"
    "  sluice table alter demo.weather --add 'note string' --rename temp=celsius\n"
    "  sluice table alter demo.weather --drop note --widen count\n"
    "  sluice table alter demo.weather --on-conflict keep",
    alter_table};
constexpr Verb kExpire = {"expire", "Forget snapshots, but not tagged ones",
                          "Besides, each commit keeps the last 100 snapshots and one an hour for 7 "
                          "days. Their objects go\n"
                          "with the next sweep.\n\n"
                          "Examples:\n"
                          "  sluice table expire demo.weather --older-than 30d --dry-run\n"
                          "  sluice table expire demo.weather --older-than 7d --keep-last 10",
                          expire_snapshots};
constexpr Verb kSweep = {"sweep", "Delete the objects that nothing names any more",
                         "What a crash, a failed flush or an expired snapshot left is deleted once "
                         "it is older than the\n"
                         "grace. A writer does this by itself once an hour.\n\n"
                         "Examples:\n"
                         "  sluice table sweep demo.weather --dry-run\n"
                         "  sluice table sweep demo.weather --grace 2h",
                         sweep_table};
constexpr Verb kRollback = {
    "rollback", "Make an earlier snapshot the current one",
    "Rows that were committed after it are no longer shown, and do not come back by being sent\n"
    "again: their positions stay known. The later snapshots are kept until they expire, so a\n"
    "rollback can be rolled back.\n\n"
    "Examples:\n"
    "  sluice table history demo.weather\n"
    "  sluice table rollback demo.weather 2044340260069386494",
    roll_back};
constexpr Verb kTag = {"tag", "Name a snapshot, so that it is kept",
                       "Examples:\n"
                       "  sluice table tag demo.weather release-1\n"
                       "  sluice table tag demo.weather audit --snapshot 2044340260069386494 "
                       "--max-age 365d\n"
                       "  sluice table tag demo.weather audit --remove",
                       tag_snapshot};

constexpr Verb kRelocate = {
    "relocate", "Record the place that a moved table stands at",
    "Sluice opens a table wherever its directory is moved to; other programs follow the addresses\n"
    "that are recorded. This writes all of them anew, in one commit.\n\n"
    "Examples:\n"
    "  sluice table relocate demo.weather --data-dir /new/place/sluice-data",
    relocate_table};

/// The options that are read, and the verb that was named.
struct Choice {
  TableOptions options;
  const Verb* verb = nullptr;
};

CLI::App* add_verb(CLI::App& table, const Verb& verb, Choice& choice) {
  CLI::App* command = table.add_subcommand(verb.name, verb.description);
  add_data_dir(*command, choice.options.data_dir);
  if (!verb.only_reads) add_config(*command, choice.options.config);
  add_report_format(*command, choice.options.format);
  command->add_option("TABLE", "DATABASE.COLLECTION")
      ->each(read_into(choice.options.table, TableName::parse))
      ->required();
  command->footer(verb.footer);
  command->callback([&verb, &choice] { choice.verb = &verb; });
  return command;
}

void add_create(CLI::App& table, Choice& choice) {
  CLI::App* command = add_verb(table, kCreate, choice);
  TableSpec& spec = choice.options.spec;
  const auto take = [&spec](const DeclaredColumn& column) {
    spec.columns.push_back(column.field);
    if (column.narrow) spec.narrow.push_back(column.field.name);
  };
  add_each(*command, "--column", "'COLUMN TYPE'", "A column; again for each", parse_declared_column,
           take)
      ->required();
  command->add_option("--key", spec.key, "Key columns, apart by commas")->delimiter(',');
  command->add_option("--time", spec.time, "The time column")->type_name("COLUMN");
  command->add_option("--partition", "Partition fields; without: the UTC day of time")
      ->each([&spec](const std::string& text) {
        auto parsed = parse_partition(text);
        if (!parsed.ok()) throw CLI::ValidationError("\"" + text + "\"", parsed.error().message());
        spec.partition = *std::move(parsed);
      })
      ->type_name("FIELDS");
  command
      ->add_option(
          "--on-conflict",
          "What becomes of rows that do not fit, unless who brings them is told otherwise: "
          "see `sluice ingest --help`. Default reject")
      ->each(read_into(spec.on_conflict, read_on_conflict))
      ->type_name(kConflictWords);
}

void add_alter(CLI::App& table, Choice& choice) {
  CLI::App* command = add_verb(table, kAlter, choice);
  std::vector<SchemaChange>& changes = choice.options.changes;
  const auto take = [&changes](const SchemaChange& change) { changes.push_back(change); };
  const auto add = [take](const DeclaredColumn& column) {
    take({SchemaChange::Kind::kAdd, column.field.name, {}, column.field.type, column.narrow});
  };
  const auto parse_drop = [](const std::string& text) -> Result<SchemaChange> {
    return SchemaChange{SchemaChange::Kind::kDrop, text};
  };
  add_each(*command, "--add", "'COLUMN TYPE'", "Add a column", parse_declared_column, add);
  add_each(*command, "--rename", "OLD=NEW", "Rename a column", parse_rename, take);
  add_each(*command, "--drop", "COLUMN", "Drop a column", parse_drop, take);
  add_each(*command, "--widen", "COLUMN", "Make an int a long, or a float a double", parse_widening,
           take);
  add_each(*command, "--on-conflict", kConflictWords,
           "What becomes of rows that do not fit: see `sluice ingest --help`", parse_policy, take);
}

void add_expire(CLI::App& table, Choice& choice) {
  CLI::App* command = add_verb(table, kExpire, choice);
  command->add_option("--older-than", "Snapshots of this age or more")
      ->each(read_into(choice.options.older_than, parse_age))
      ->type_name("AGE");
  command->add_option("--keep-last", choice.options.expire.keep_last, "But not the last so many")
      ->type_name("COUNT");
  command->add_flag("--dry-run", choice.options.expire.dry_run, "Only say what would expire");
}

void add_sweep(CLI::App& table, Choice& choice) {
  CLI::App* command = add_verb(table, kSweep, choice);
  command->add_option("--grace", "Leave younger objects alone; without: 24 hours")
      ->each(read_into(choice.options.sweep.grace, parse_age))
      ->type_name("AGE");
  command->add_flag("--dry-run", choice.options.sweep.dry_run, "Only say what would be deleted");
}

void add_rollback(CLI::App& table, Choice& choice) {
  CLI::App* command = add_verb(table, kRollback, choice);
  command->add_option("SNAPSHOT", "The id of a snapshot that is kept")
      ->each(read_into(choice.options.snapshot_id, parse_count))
      ->required();
}

void add_tag(CLI::App& table, Choice& choice) {
  CLI::App* command = add_verb(table, kTag, choice);
  command->add_option("NAME", choice.options.tag.name, "Of the tag")->required();
  command->add_option("--snapshot", "This one instead of the current")
      ->each(read_into(choice.options.tag.snapshot_id, parse_count))
      ->type_name("ID");
  command->add_option("--max-age", "Of the snapshot, at which the tag goes; without: never")
      ->each(read_into(choice.options.tag.max_age, parse_age))
      ->type_name("AGE");
  command->add_flag("--remove", choice.options.remove_tag, "Remove the tag");
}

}  // namespace

Command make_table(CLI::App& program) {
  const auto choice = std::make_shared<Choice>();
  CLI::App* table = program.add_subcommand("table", "Make, show and change one table");
  table->require_subcommand(1);
  add_create(*table, *choice);
  add_verb(*table, kDescribe, *choice);
  add_verb(*table, kHistory, *choice);
  add_verb(*table, kSnapshots, *choice);
  add_alter(*table, *choice);
  add_expire(*table, *choice);
  add_sweep(*table, *choice);
  add_rollback(*table, *choice);
  add_tag(*table, *choice);
  add_verb(*table, kRelocate, *choice);
  table->footer(
      "Examples:\n"
      "  sluice table describe demo.weather\n"
      "  sluice table alter demo.weather --add 'note string'\n"
      "  sluice table history demo.weather");
  return {table, [choice] { return choice->verb->run(choice->options); }};
}

}  // namespace sluice::cli
