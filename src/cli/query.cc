// `sluice query`: rows or aggregates of one table.
#include "cli/command.h"
#include "cli/directory.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "cli/row_printer.h"
#include "sluice/inspect.h"
#include "sluice/time_text.h"

namespace sluice::cli {
namespace {

struct QueryOptions {
  std::string data_dir;
  TableName table;
  ScanOptions scan;
  Grouping grouping;
  std::optional<AsOf> as_of;
  RowFormat format = RowFormat::kTable;
};

Status print_rows(Cursor& cursor, RowFormat format, Output& output) {
  const auto printer = make_row_printer(format, cursor.schema(), output);
  TRY(printer->begin());
  while (const std::optional<Batch> rows = TRY(cursor.next())) TRY(printer->print(*rows));
  return printer->end();
}

Status print_query(Snapshot& snapshot, const QueryOptions& options) {
  const auto cursor =
      TRY(options.grouping.aggregates.empty() ? snapshot.scan(options.scan)
                                              : snapshot.aggregate(options.grouping, options.scan));
  Output output;
  return output.finish(print_rows(*cursor, options.format, output));
}

/// What is committed is enough for an earlier state: no engine, no lock.
Status query_as_of(const QueryOptions& options) {
  const auto platform = TRY(open_directory(options.data_dir, DirectoryUse::kExisting));
  const auto snapshot =
      TRY(committed_snapshot(platform->platform(), options.table, *options.as_of));
  return print_query(*snapshot, options);
}

Status query_newest(const QueryOptions& options) {
  const OpenReading reading = TRY(open_reading(options.data_dir));
  const std::unique_ptr<Snapshot> snapshot = TRY(open_snapshot(reading, options.table));
  return print_query(*snapshot, options);
}

Result<ExitCode> query(const QueryOptions& options) {
  TRY(options.as_of ? query_as_of(options) : query_newest(options));
  return ExitCode::kDone;
}

Result<Nanos> parse_time_option(std::string_view text) {
  const ParsedTime parsed = parse_time(text);
  if (parsed.fault == TimeFault::kNone) return parsed.time;
  return Error(Code::kInvalid,
               std::string(to_string(parsed.fault)) + "; write 2026-11-21 or 2026-11-21T10:00:00Z");
}

Result<Predicate> parse_where(std::string_view text) {
  const auto parsed = parse_predicate(text);
  if (parsed.ok()) return parsed;
  return parsed.error().with_context("at character " + std::to_string(parsed.error().found() + 1));
}

void add_filters(CLI::App& command, ScanOptions& scan) {
  command.add_option("--where", "Only rows for which this holds, spelled as in SQL")
      ->each(read_into(scan.where, parse_where))
      ->type_name("CONDITION");
  command.add_option("--from", "Only rows whose time is this or later")
      ->each(read_into(scan.from, parse_time_option))
      ->type_name("TIME");
  command.add_option("--to", "Only rows whose time is earlier")
      ->each(read_into(scan.to, parse_time_option))
      ->type_name("TIME");
}

Result<uint64_t> parse_memory(std::string_view text) {
  const uint64_t mebibytes = TRY(parse_count(text));
  if (mebibytes >= 1 && mebibytes <= 1u << 20) return mebibytes << 20;
  return Error(Code::kInvalid, "the memory of a query is 1 to 1048576 MiB");
}

CLI::Option* add_list(CLI::App& command, const std::string& name, std::vector<std::string>& into,
                      const std::string& description) {
  return command.add_option(name, into, description)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("A,B,...");
}

void add_rows(CLI::App& command, ScanOptions& scan) {
  command.add_option("--order", "Sort by these; time, key, a column, :desc")
      ->each(read_into(scan.order, parse_order))
      ->type_name("LIST");
  command.add_option("--limit", "At most so many rows")
      ->each(read_into(scan.limit, parse_count))
      ->type_name("ROWS");
  command.add_option("--memory", "What sorting and grouping may hold (64)")
      ->each(read_into(scan.memory_bytes, parse_memory))
      ->type_name("MIB");
}

void add_groups(CLI::App& command, QueryOptions& options) {
  CLI::Option* columns =
      add_list(command, "--columns", options.scan.columns, "These columns, in this order");
  CLI::Option* per_key =
      command.add_option("--limit-per-key", "The first so many rows of each key")
          ->each(read_into(options.scan.limit_per_key, parse_count))
          ->type_name("ROWS");
  CLI::Option* aggregates = command.add_option("--agg", "Sum rows up to one, or to one a group")
                                ->each(read_into(options.grouping.aggregates, parse_aggregates))
                                ->type_name("LIST")
                                ->excludes(columns)
                                ->excludes(per_key);
  command.add_option("--every", "A group for each such time: 15m, 1h, 1d, 1w, 1mo, 1y")
      ->each(read_into(options.grouping.every, parse_period))
      ->type_name("PERIOD")
      ->needs(aggregates);
  command.add_option("--tz", "Whose days and hours --every follows (UTC)")
      ->each(read_into(options.grouping.zone, parse_zone))
      ->type_name("ZONE")
      ->needs(aggregates);
  add_list(command, "--by", options.grouping.by, "A group for each value of these, or of the key")
      ->needs(aggregates);
}

constexpr const char* kFooter =
    "Conditions: = != < <= > >=, is null, is not null, and, or, not, parentheses; strings and "
    "times\n"
    "in single quotes, names with odd characters in double quotes. Times are UTC unless they say\n"
    "otherwise.\n\n"
    "Aggregates: count(*), count(x), sum(x), avg(x), min(x), max(x), and by time first(x), "
    "last(x);\n"
    "nulls are ignored. --every and --by make groups. A day of --tz has 23 or 25 hours where "
    "clocks\n"
    "change; an hour that they repeat is two groups, one that they skip is none.\n\n"
    "Order: by partition, key and time, unless --order says otherwise; of groups by time and "
    "values. "
    "Nulls\n"
    "come last. Memory is bounded: where rows or groups exceed --memory the table is read again "
    "for\n"
    "the rest, as often as needed; a --limit saves that.\n\n"
    "--as-of shows the table as it was at a time, or at a snapshot: rows in the log are left "
    "out.\n\n"
    "Formats: table cuts long values, the others never do; in csv null is empty and the empty "
    "string\n"
    "is \"\"; in json and ndjson NaN and the infinities are strings; binary is hexadecimal.\n\n"
    "Rows that are acknowledged but not flushed are shown too, those of a running server as well.\n"
    "If the log is damaged, or a process that is no server has the directory open, what is\n"
    "flushed is shown, and a note says so.\n\n"
    "Examples:\n"
    "  sluice query demo.weather --where \"location = 'Seattle' and temp_max > 35\"\n"
    "  sluice query demo.weather --from 2015-01-01 --to 2015-02-01 --columns date,wind\n"
    "  sluice query demo.weather --order temp_max:desc --limit 10\n"
    "  sluice query demo.weather --order time:desc --limit-per-key 1\n"
    "  sluice query demo.weather --agg 'avg(temp_max),max(wind)' --every 1mo --by location\n"
    "  sluice query demo.flights --agg 'count(*),last(delay)' --every 1h --tz America/New_York\n"
    "  sluice query demo.stocks --as-of 2026-11-21T10:00:00Z --format csv > stocks.csv";

}  // namespace

Command make_query(CLI::App& program) {
  const auto options = std::make_shared<QueryOptions>();
  CLI::App* command = program.add_subcommand("query", "Show rows of a table, or sum them up");
  add_data_dir(*command, options->data_dir);
  command->add_option("TABLE", "DATABASE.COLLECTION")
      ->each(read_into(options->table, TableName::parse))
      ->required();
  add_filters(*command, options->scan);
  add_groups(*command, *options);
  add_rows(*command, options->scan);
  command
      ->add_option("--as-of", "The table as it was then: a time, the id of a snapshot, or tag:NAME")
      ->each(read_into(options->as_of, parse_as_of))
      ->type_name("TIME|SNAPSHOT");
  add_choice(*command, "--format", options->format,
             {{"table", RowFormat::kTable},
              {"csv", RowFormat::kCsv},
              {"json", RowFormat::kJson},
              {"ndjson", RowFormat::kNdjson}},
             "How rows are printed");
  command->footer(kFooter);
  return {command, [options] { return query(*options); }};
}

}  // namespace sluice::cli
