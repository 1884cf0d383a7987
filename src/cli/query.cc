// `sluice query`: rows or aggregates of one table.
#include "cli/command.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "cli/row_printer.h"
#include "sluice/time_text.h"

namespace sluice::cli {
namespace {

struct QueryOptions {
  std::string data_dir;
  TableName table;
  ScanOptions scan;
  std::vector<Aggregate> aggregates;
  RowFormat format = RowFormat::kTable;
};

Status print_rows(Snapshot& snapshot, const QueryOptions& options, Output& output) {
  const std::unique_ptr<Cursor> cursor = TRY(snapshot.scan(options.scan));
  const auto printer = make_row_printer(options.format, cursor->schema(), output);
  TRY(printer->begin());
  while (const std::optional<Batch> rows = TRY(cursor->next())) TRY(printer->print(*rows));
  return printer->end();
}

Status print_aggregates(Snapshot& snapshot, const QueryOptions& options, Output& output) {
  const Batch row = TRY(snapshot.aggregate(options.aggregates, options.scan));
  const auto printer = make_row_printer(options.format, row.schema(), output);
  TRY(printer->begin());
  TRY(printer->print(row));
  return printer->end();
}

Result<ExitCode> query(const QueryOptions& options) {
  const OpenReading reading = TRY(open_reading(options.data_dir));
  const std::unique_ptr<Snapshot> snapshot = TRY(open_snapshot(reading, options.table));
  Output output;
  TRY(output.finish(options.aggregates.empty() ? print_rows(*snapshot, options, output)
                                               : print_aggregates(*snapshot, options, output)));
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

constexpr const char* kFooter =
    "Conditions: = != < <= > >=, is null, is not null, and, or, not, parentheses; strings and "
    "times\n"
    "in single quotes, names with odd characters in double quotes. Aggregates: count(*), "
    "count(x),\n"
    "sum(x), avg(x), min(x), max(x). Times are UTC unless they say otherwise.\n\n"
    "Formats: table cuts long values, the others never do; in csv null is empty and the empty "
    "string\n"
    "is \"\"; in json and ndjson NaN and the infinities are strings; binary is hexadecimal.\n\n"
    "Rows that are acknowledged but not flushed are shown too, unless another process has the\n"
    "directory open or the log is damaged: then what is flushed is shown, and a note says so.\n\n"
    "Examples:\n"
    "  sluice query demo.weather --where \"location = 'Seattle' and temp_max > 35\"\n"
    "  sluice query demo.weather --from 2015-01-01 --to 2015-02-01 --columns date,wind\n"
    "  sluice query demo.flights --agg 'count(*),avg(delay),max(delay)'\n"
    "  sluice query demo.stocks --format csv > stocks.csv";

}  // namespace

Command make_query(CLI::App& program) {
  const auto options = std::make_shared<QueryOptions>();
  CLI::App* command = program.add_subcommand("query", "Show rows of a table, or sum them up");
  add_data_dir(*command, options->data_dir);
  command->add_option("TABLE", "DATABASE.COLLECTION")
      ->each(read_into(options->table, TableName::parse))
      ->required();
  add_filters(*command, options->scan);
  CLI::Option* columns =
      command->add_option("--columns", options->scan.columns, "These columns, in this order")
          ->delimiter(',')
          ->allow_extra_args(false)
          ->type_name("A,B,...");
  CLI::Option* limit = command->add_option("--limit", "At most so many rows")
                           ->each(read_into(options->scan.limit, parse_count))
                           ->type_name("ROWS");
  command->add_option("--agg", "One row of aggregates instead of rows")
      ->each(read_into(options->aggregates, parse_aggregates))
      ->type_name("LIST")
      ->excludes(columns)
      ->excludes(limit);
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
