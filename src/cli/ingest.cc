// `sluice ingest`: files and streams into a table, files exactly once.
#include <algorithm>
#include <atomic>
#include <optional>

#include "cli/column_types.h"
#include "cli/command.h"
#include "cli/configuration.h"
#include "cli/figures.h"
#include "cli/ingest_summary.h"
#include "cli/input_list.h"
#include "cli/intake.h"
#include "cli/output.h"
#include "cli/target.h"
#include "cli/troubles.h"
#include "cli/watched_directory.h"

namespace sluice::cli {
namespace {

struct IngestOptions {
  std::string data_dir;
  ConfigOptions config;
  BucketOptions tables;
  IntakeOptions intake;
  std::optional<ServerAddress> server;
  std::vector<std::string> inputs;
  std::string watched;  ///< a directory, instead of inputs
  WatchBy watch_by = WatchBy::kAuto;
  ProgressMode progress = ProgressMode::kAuto;
  SummaryFormat summary = SummaryFormat::kText;
  bool quiet = false;
};

/// Counts what flushes wrote, and passes on troubles.
class FlushWatch final : public Troubles {
 public:
  FlushWatch(Progress& progress, bool is_quiet) : progress_(progress), is_quiet_(is_quiet) {}

  void on_recovered(const RecoveryReport& report) override {
    if (is_quiet_ || report.rows_replayed == 0) return;
    progress_.note("replayed the log: " + format_count(report.rows_replayed) + " rows in " +
                   format_seconds(report.duration));
  }
  void on_flush(const FlushCompleteEvent& flush) override {
    Troubles::on_flush(flush);
    rows_replaced_ += flush.rows_replaced;
    bytes_ += flush.bytes;
  }

  uint64_t rows_replaced() const { return rows_replaced_; }
  uint64_t bytes() const { return bytes_; }

 private:
  Progress& progress_;
  const bool is_quiet_;
  std::atomic<uint64_t> rows_replaced_{0};
  std::atomic<uint64_t> bytes_{0};
};

/// Whether each measurement of line protocol has its own table.
bool is_database(const IngestOptions& options) {
  return options.intake.table.collection.empty();
}

/// Of more inputs only the totals are told, and what is wrong.
constexpr size_t kToldInputsMax = 20;

/// Larger tables are not read through for the sake of one figure.
constexpr uint64_t kCountedRowsMax = 20'000'000;

/// Rows of the parts that later rows of their key replaced. Reads the keys of the whole table;
/// nothing if it is too large for that.
Result<std::optional<uint64_t>> count_superseded(Engine& engine, const TableName& name) {
  const auto table = engine.describe(name);
  if (!table.ok() && table.error().code() == Code::kNotFound) return std::optional<uint64_t>(0);
  if (!table.ok()) return table.error();
  if (table->spec.key.empty()) return std::optional<uint64_t>(0);
  if (table->stored_rows > kCountedRowsMax) return std::optional<uint64_t>();
  const auto snapshot = TRY(engine.snapshot(name));
  Grouping all;
  all.aggregates = {Aggregate{{}, {}, "rows"}};
  const auto counted = TRY(snapshot->aggregate(all, {}));
  const std::optional<Batch> count = TRY(counted->next());
  const auto seen = static_cast<uint64_t>(count->column(0).int64(0));
  return std::optional<uint64_t>(table->stored_rows + table->unflushed_rows - seen);
}

/// What the tables of an ingest hold.
struct Stored {
  uint64_t rows = 0;  ///< superseded ones included, and those that are not flushed yet
  uint64_t bytes = 0;
};

Result<Stored> count_stored(Engine& engine, const IngestOptions& options) {
  Stored stored;
  for (const TableDescription& table : TRY(engine.tables())) {
    const bool is_ours = is_database(options) ? table.name.database == options.intake.table.database
                                              : table.name == options.intake.table;
    if (!is_ours) continue;
    stored.rows += table.stored_rows + table.unflushed_rows;
    stored.bytes += table.stored_bytes;
  }
  return stored;
}

/// What a server's flushes did, of which nobody tells us: seen by what the tables hold, as far as
/// others do not write to them meanwhile.
Status count_served(Engine& engine, const IngestOptions& options, const Stored& before,
                    IngestSummary& summary) {
  const Stored now = TRY(count_stored(engine, options));
  const uint64_t expected = before.rows + summary.totals.rows;
  summary.rows_replaced = expected - std::min(expected, now.rows);
  summary.bytes_stored = now.bytes - std::min(before.bytes, now.bytes);
  return ok();
}

bool is_interruption(const Error& error) {
  return error.code() == Code::kCancelled;
}

/// Whether an input stopped the ingest, rather than the log or the table, which may keep a flush
/// waiting too.
bool is_of_input(const Error& error) {
  switch (error.code()) {
    case Code::kCancelled:
    case Code::kInvalid:
    case Code::kNotFound:
    case Code::kUnsupported:
      return true;
    default:
      return false;
  }
}

Status take_each(Intake& intake, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) TRY(intake.take(path));
  return ok();
}

Status take_all(Intake& intake, const InputList& inputs) {
  for (const Error& failure : inputs.failures) TRY(intake.take_failure(failure));
  const Status taken = take_each(intake, inputs.paths);
  const Status sent = intake.finish();
  return sent.ok() ? taken : sent;
}

/// What a service's log shows of an input that brought something.
void tell_taken(const InputReport& report, Progress& progress) {
  const uint64_t rejects = report.rejects.total();
  if (report.rows == 0 && rejects == 0) return;
  std::string text = report.input + ": " + format_count(report.rows) + " rows";
  if (rejects > 0) {
    text += ", " + format_count(rejects) + " rejected: " + report.rejects_path + "; " +
            report.first_reject;
  }
  progress.note(text);
}

/// Until the user asks to stop, which is kCancelled.
Status take_as_they_come(Intake& intake, WatchedDirectory& watched, bool tells,
                         Progress& progress) {
  for (;;) {
    const std::vector<WatchedFile> files = TRY(watched.next());
    for (const WatchedFile& file : files) {
      const Status taken = intake.take(file.path, file.settled_bytes);
      const Status sent = intake.finish();
      if (tells && !intake.reports().empty()) tell_taken(intake.reports().back(), progress);
      TRY(sent);
      TRY(taken);
      if (intake.reports().back().has_open_end) watched.look_again(file.path);
    }
  }
}

void tell_left_out(const InputList& inputs, Progress& progress) {
  for (const std::string& folder : inputs.empty) progress.note(folder + " holds no files");
  if (inputs.skipped.empty()) return;
  progress.note("left out " + format_count(inputs.skipped.size()) +
                " files that look unfinished by their names, such as " + inputs.skipped.front());
}

Result<IngestSummary> summarize(OpenEngine& open, const Intake& intake,
                                const IngestOptions& options) {
  IngestSummary summary;
  summary.name = options.intake.table;
  summary.data_dir = options.data_dir;
  if (is_database(options)) {
    summary.tables = intake.tables();
    TRY(open.engine->flush());
    // The first stands for all where one has to be named.
    if (!summary.tables.empty()) summary.name = summary.tables.front();
  }
  const auto table = open.engine->describe(summary.name);
  // Inputs without any record make no table.
  const bool has_table = table.ok() || table.error().code() != Code::kNotFound;
  if (has_table) TRY(open.engine->flush(summary.name));
  if (has_table) summary.table = TRY(open.engine->describe(summary.name));
  summary.inputs = intake.reports();
  summary.totals = intake.totals();
  return summary;
}

/// To what flushes replaced within themselves, what they superseded in the table.
Status add_superseded(Engine& engine, std::optional<uint64_t> superseded_before,
                      IngestSummary& summary) {
  std::optional<uint64_t> superseded;
  if (superseded_before) superseded = TRY(count_superseded(engine, summary.name));
  summary.knows_all_replaced = superseded.has_value();
  if (!superseded) return ok();
  // Rows that an earlier run left in the log count on both sides.
  summary.rows_replaced += *superseded;
  summary.rows_replaced -= std::min(summary.rows_replaced, *superseded_before);
  return ok();
}

Status tell(const IngestSummary& summary, const IngestOptions& options, Progress& progress) {
  warn_of_replaced(summary, progress);
  if (options.quiet) {
    warn_of_rejects(summary, progress);
    return ok();
  }
  const bool is_worth_telling =
      summary.is_complete || summary.totals.rows > 0 || summary.totals.rejects.total() > 0;
  return is_worth_telling ? print(summary, options.summary) : ok();
}

Target target_of(const IngestOptions& options) {
  if (options.server) return *options.server;
  return LocalDirectory{options.data_dir, options.tables};
}

Result<std::unique_ptr<WatchedDirectory>> watch_directory(const IngestOptions& options,
                                                          const OwnPaths& own,
                                                          const Interrupt& interrupt,
                                                          Progress& progress) {
  auto watched = TRY(WatchedDirectory::open(options.watched, own, options.watch_by, interrupt));
  if (!options.quiet) {
    progress.note("watching " + options.watched + " and the directories below it" +
                  (watched->is_polling() ? ", looking every second" : "") +
                  "; stop with Ctrl-C or SIGTERM");
  }
  return watched;
}

/// The exit code of an ingest whose rows are in the table.
Result<ExitCode> conclude(const Status& taken, bool is_complete, bool is_watch,
                          Progress& progress) {
  if (taken.ok()) return is_complete ? ExitCode::kDone : ExitCode::kFailed;
  if (!is_interruption(taken.error())) return taken.error();
  if (is_watch) return ExitCode::kDone;
  progress.note(
      "stopped by a signal; rows that were acknowledged are in the table. Repeat the "
      "command: files go on where they stopped");
  return ExitCode::kFailed;
}

Result<ExitCode> ingest(IngestOptions options) {
  config::Setup setup = TRY(configure(options.config, config::Defaults::kOfLibrary));
  options.data_dir = setup.data_dir;
  options.tables = TRY(choose_tables(options.tables, setup.tables));
  const bool is_watch = !options.watched.empty();
  const OwnPaths own{options.data_dir, options.intake.rejects_path};
  const InputList inputs = list_inputs(options.inputs, own);
  options.intake.reports_columns = !options.quiet;
  options.intake.tells_of_each =
      !options.quiet && !is_watch && inputs.paths.size() <= kToldInputsMax;
  options.intake.inputs_expected = inputs.paths.size() + inputs.failures.size();
  options.intake.rejects_folder = options.data_dir + "/rejects";
  const Interrupt interrupt;
  const ProgressMode shown = options.quiet ? ProgressMode::kNever : options.progress;
  Progress progress(shown);
  if (!options.quiet) tell_left_out(inputs, progress);
  const auto flushes = std::make_shared<FlushWatch>(progress, options.quiet);
  setup.engine.listener = flushes;
  OpenEngine open = TRY(open_target(target_of(options), setup.engine, shown));
  std::unique_ptr<WatchedDirectory> watched;
  if (is_watch) watched = TRY(watch_directory(options, own, interrupt, progress));
  Runtime& runtime = *open.platform->platform().runtime;
  Stored stored;
  if (open.is_served) stored = TRY(count_stored(*open.engine, options));
  // A service does not read the whole table for one figure.
  std::optional<uint64_t> superseded;
  if (!is_watch && !is_database(options)) {
    superseded = TRY(count_superseded(*open.engine, options.intake.table));
  }
  const Nanos began = runtime.now();
  Intake intake(open, interrupt, progress, options.intake);
  const Status taken = is_watch ? take_as_they_come(intake, *watched, !options.quiet, progress)
                                : take_all(intake, inputs);
  if (!taken.ok() && !is_of_input(taken.error())) {
    return taken.error().with_context(
        "stopped; nothing acknowledged is lost. Mend this, then repeat the command");
  }
  IngestSummary summary = TRY(summarize(open, intake, options));
  const bool has_ended = taken.ok() || (is_watch && is_interruption(taken.error()));
  summary.is_complete = has_ended && summary.totals.failures == 0;
  summary.duration = runtime.now() - began;
  summary.rows_replaced = flushes->rows_replaced();
  if (open.is_served) TRY(count_served(*open.engine, options, stored, summary));
  TRY(add_superseded(*open.engine, superseded, summary));
  TRY(open.engine->close());
  if (!open.is_served) summary.bytes_stored = flushes->bytes();
  TRY(tell(summary, options, progress));
  return conclude(taken, summary.is_complete, is_watch, progress);
}

/// A table, or a database alone.
Result<TableName> parse_target(std::string_view text) {
  const bool is_database = text.find('.') == text.npos;
  if (!is_database) return TableName::parse(text);
  const auto table = TableName::parse(std::string(text) + ".x");
  if (!table.ok()) return TableName::parse(text);
  return TableName{std::string(text), {}};
}

/// Of columns as the table will have them.
Result<std::vector<PartitionField>> parse_table_partition(const std::string& text) {
  std::vector<PartitionField> fields = TRY(parse_partition(text));
  for (PartitionField& field : fields) field.column = source::column_name(field.column);
  return fields;
}

/// What the parser cannot see of one option alone.
void check_together(const IntakeOptions& intake) {
  const bool is_points = intake.format == source::Format::kLineProtocol;
  if (intake.table.collection.empty() && !is_points) {
    throw CLI::ValidationError("--table",
                               "a database alone is for line protocol, which makes a table of each "
                               "measurement: name DATABASE.COLLECTION, or add --format lp");
  }
  const bool has_shape = !intake.key.empty() || !intake.time.empty() || !intake.types.empty() ||
                         intake.partition.has_value();
  if (is_points && has_shape) {
    throw CLI::ValidationError(
        "--key, --time, --partition and --types",
        "line protocol has its own: the tags, the timestamp and its day, and how a value "
        "is spelled");
  }
}

constexpr const char* kFooter =
    "NDJSON, CSV and TSV (the first row names the columns), one JSON array of objects, and Influx "
    "line\nprotocol; by the file's name, else by its first bytes. Types come from --types, from "
    "the table if it\nexists, else from the first 10,000 records; columns that a later file adds "
    "are "
    "added to the table.\ngzip and zstd are recognised by their bytes; a compressed file that is "
    "cut "
    "or damaged adds nothing.\n\n"
    "A directory stands for all files below it, sorted by path, without hidden and unfinished "
    "ones\n"
    "(.tmp, .part, ...). A quoted pattern stands for what it matches. A file at fault is named, "
    "the\n"
    "others go on, and the exit code is 1.\n\n"
    "  with --key and --time   one row for each key and time: the last one wins\n"
    "  with --key              one row for each key: the last one wins\n"
    "  without --key           every row is kept\n\n"
    "A file lands exactly once, however often it is sent, killed or repeated: it is known by its\n"
    "content, and goes on where it stopped, also when it has grown by further lines (compressed: "
    "by\n"
    "further members). Standard input and pipes land at least once: repeating them repeats their\n"
    "rows.\n\n"
    "With --watch every file in the directory, and every one that appears there or below, is "
    "taken\n"
    "when it is complete: moved in, or closed after it was written; files that were there before,\n"
    "when they have not changed for two seconds. SIGTERM or Ctrl-C flushes and exits with 0; a\n"
    "restart goes on where it stopped. Write a file under a hidden name or with .tmp at the end "
    "and\n"
    "rename it, to be sure that it is taken whole.\n\n"
    "Records that are no rows go to the rejects file with their line, column and reason; the rest\n"
    "goes on. Ctrl-C stops reading, flushes what was acknowledged, and exits with 1; a second one\n"
    "kills, which loses nothing that was acknowledged.\n\n"
    "--on-conflict says what becomes of a record that does not fit (a value of another type or of "
    "no\ncolumn, a key or time that is missing or null, a time outside of 1677 to 2262, a record "
    "too large):\n"
    "  reject   it goes to the rejects file, the others land\n"
    "  keep     values that fit no column go into the column _rest, a JSON object of them by "
    "name,\n"
    "           and their columns are null; what this cannot help (keys, times of rows, sizes) is "
    "rejected\n"
    "  refuse   the ingest stops with the line, the column, what was found and what is allowed; "
    "what "
    "is in\n"
    "           front of it stays, and the mended file goes on there\n"
    "A table that an ingest makes remembers its --on-conflict, for later ones that do not say; "
    "`sluice\ntable alter --on-conflict` changes it.\n\n"
    "Line protocol (.lp, or --format lp): a point's tags are columns and, as one text, the column "
    "series,\nwhich is the key together with time. --table DATABASE gives each measurement a table "
    "of its name\n(_xHH for a byte that table names lack); --table DATABASE.MEASUREMENT takes that "
    "one alone.\nTypes are as values are spelled (1i, 1.0, t, \"text\"). A point needs a "
    "timestamp.\n\n"
    "Examples:\n"
    "  sluice ingest --table demo.weather --key location --time date weather.csv\n"
    "  sluice ingest --table demo.flights --time date flights/\n"
    "  sluice ingest --table app.events --time at events.ndjson.gz\n"
    "  sluice ingest --table metrics --format lp points.lp\n"
    "  sluice ingest --table app.events --time at --watch /var/spool/events\n"
    "  journalctl -o json | sluice ingest --table ops.journal -";

void add_table_options(CLI::App& command, IntakeOptions& intake) {
  command
      .add_option("--table",
                  "The table, DATABASE.COLLECTION; made if it does not exist. With --format lp "
                  "also DATABASE: a "
                  "table for each measurement")
      ->each(read_into(intake.table, parse_target))
      ->type_name("TABLE")
      ->required();
  command.add_option("--key", intake.key, "A column of the key; repeat it for several")
      ->allow_extra_args(false)
      ->transform(source::column_name)
      ->type_name("COLUMN");
  command.add_option("--time", intake.time, "The column of the rows' time")
      ->transform(source::column_name)
      ->type_name("COLUMN");
  command
      .add_option("--partition",
                  "Of a new table, so that a query reads only what its filter can mean: columns, "
                  "the month, day or hour of a time, buckets by hash; none. If not given: the day "
                  "of --time")
      ->each(read_into(intake.partition, parse_table_partition))
      ->type_name("day(time),bucket(16,id),...");
  using InputFormat = std::optional<source::Format>;
  add_choice<InputFormat>(command, "--format", intake.format,
                          {{"auto", std::nullopt},
                           {"ndjson", source::Format::kNdjson},
                           {"json", source::Format::kJsonArray},
                           {"csv", source::Format::kCsv},
                           {"tsv", source::Format::kTsv},
                           {"lp", source::Format::kLineProtocol}},
                          "Of the input; auto: by its name, else by its first bytes");
  std::vector<Field>& types = intake.types;
  const auto add_to_types = [&types](const std::string& text) -> Result<std::vector<Field>> {
    const std::vector<Field> more = TRY(parse_column_types(text));
    std::vector<Field> declared = types;
    TRY(declare(more, declared));
    return declared;
  };
  command
      .add_option("--types",
                  "Types of columns, before all sampling: long, double, string, bool, timestamp")
      ->each(read_into(types, add_to_types))
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->expected(1)
      ->type_name("COLUMN:TYPE,...");
  command
      .add_option(
          "--on-conflict",
          "A record that does not fit: reject it, keep values that do not fit in the column "
          "_rest, or refuse the input from there on. If not given: as the table says")
      ->each(read_into(intake.on_conflict, read_on_conflict))
      ->type_name(kConflictWords);
  add_choice(command, "--precision", intake.precision,
             {{"ns", source::TimeUnit::kNanos},
              {"us", source::TimeUnit::kMicros},
              {"ms", source::TimeUnit::kMillis},
              {"s", source::TimeUnit::kSeconds}},
             "What the timestamps of line protocol count; ns if not given");
  command
      .add_option("--rejects", intake.rejects_path,
                  "Where rejects go, instead of DIR/rejects/TABLE-FILE.ndjson")
      ->type_name("FILE");
  command.add_option("--rate", "At most so many rows a second, to spare the machine")
      ->each(read_into(intake.rows_per_second, parse_count))
      ->type_name("ROWS");
}

void add_input_options(CLI::App& command, IngestOptions& options) {
  CLI::Option* files = command.add_option("FILE", options.inputs,
                                          "Files, directories, patterns, or - for standard input");
  CLI::Option* watched =
      command
          .add_option("--watch", options.watched,
                      "Instead: the files of this directory, and each that appears, until a signal")
          ->type_name("DIR")
          ->excludes(files);
  add_choice(command, "--watch-by", options.watch_by,
             {{"auto", WatchBy::kAuto}, {"poll", WatchBy::kPoll}},
             "How new files are noticed; poll: by looking every second, as network file systems "
             "need it");
  command.final_callback([&options, files, watched] {
    if (files->empty() && watched->empty()) throw CLI::RequiredError("FILE or --watch");
    check_together(options.intake);
  });
}

void add_target_options(CLI::App& command, IngestOptions& options) {
  add_data_dir(command, options.data_dir);
  add_config(command, options.config);
  add_tables(command, options.tables);
  command.add_option("--to", "Send to a server instead (http://HOST:PORT); not yet supported")
      ->each(read_into(options.server,
                       [](const std::string& url) { return parse_server_address(url); }))
      ->type_name("URL")
      ->excludes(command.get_option("--data-dir"))
      ->excludes(command.get_option("--tables"));
}

}  // namespace

Command make_ingest(CLI::App& program) {
  const auto options = std::make_shared<IngestOptions>();
  CLI::App* command = program.add_subcommand("ingest", "Put files or a stream into a table");
  add_input_options(*command, *options);
  add_table_options(*command, options->intake);
  add_target_options(*command, *options);
  add_choice(*command, "--progress", options->progress,
             {{"auto", ProgressMode::kAuto},
              {"always", ProgressMode::kAlways},
              {"never", ProgressMode::kNever}},
             "A line of progress; auto: on a terminal");
  add_choice(*command, "--summary", options->summary,
             {{"text", SummaryFormat::kText}, {"json", SummaryFormat::kJson}},
             "How the summary is printed");
  command->add_flag("--quiet,-q", options->quiet, "Only warnings and errors");
  command->footer(kFooter);
  return {command, [options] { return ingest(*options); }};
}

}  // namespace sluice::cli
