// `sluice tables`: every table with its columns, sizes and place.
//
// Reads the committed tables and the log, takes no lock: a running process is not disturbed, and
// its unflushed rows are counted.
#include <algorithm>

#include "cli/command.h"
#include "cli/directory.h"
#include "cli/figures.h"
#include "cli/output.h"
#include "cli/report.h"
#include "sluice/time_text.h"

namespace sluice::cli {
namespace {

enum class ListFormat : uint8_t { kTable, kJson };

struct TablesOptions {
  std::string data_dir;
  ListFormat format = ListFormat::kTable;
  std::optional<TableName> table;
};

using Tables = std::vector<TableDescription>;

/// Known to be readable: something more than its name and trouble is there.
bool is_readable(const TableDescription& table) {
  return table.version > 0;
}

uint64_t bytes_per_row(const TableDescription& table) {
  return table.stored_rows == 0 ? 0 : table.stored_bytes / table.stored_rows;
}

Cell age(Nanos wall_time, Nanos now) {
  return wall_time == 0 ? Cell::none() : Cell::words(format_span(now - wall_time) + " ago");
}

std::string list_all(const Tables& tables, Nanos now) {
  Listing listing({{"table"},
                   {"key"},
                   {"time"},
                   {"columns", true},
                   {"rows", true},
                   {"in the log", true},
                   {"parts", true},
                   {"bytes", true},
                   {"bytes/row", true},
                   {"snapshots", true},
                   {"last commit"},
                   {"age", true}});
  for (const TableDescription& table : tables) {
    if (!is_readable(table)) {
      listing.add({Cell::words(table.name.to_string()), Cell::none(), Cell::none(), Cell::none(),
                   Cell::none(), Cell::count(table.unflushed_rows)});
      continue;
    }
    listing.add({Cell::words(table.name.to_string()), Cell::list(table.spec.key),
                 Cell::words(table.spec.time), Cell::count(table.spec.columns.size()),
                 Cell::count(table.stored_rows), Cell::count(table.unflushed_rows),
                 Cell::count(table.parts), Cell::bytes(table.stored_bytes),
                 Cell::count(bytes_per_row(table)), Cell::count(table.snapshots),
                 Cell::wall_time(table.last_commit_wall_time),
                 age(table.last_commit_wall_time, now)});
  }
  return listing.to_text();
}

std::string list_columns(const TableDescription& table) {
  Listing listing({{"column"}, {"type"}, {"role"}});
  for (const Field& field : table.spec.columns) {
    const auto& key = table.spec.key;
    const bool is_key = std::find(key.begin(), key.end(), field.name) != key.end();
    const bool is_time = field.name == table.spec.time;
    listing.add({Cell::words(field.name), Cell::words(std::string(to_string(field.type))),
                 Cell::words(is_key    ? "key"
                             : is_time ? "time"
                                       : "")});
  }
  return listing.to_text();
}

std::string to_text(const Tables& tables, const TablesOptions& options, Nanos now) {
  if (tables.empty()) return "no tables yet\n";
  std::string out = list_all(tables, now);
  if (options.table && is_readable(tables.front())) out += "\n" + list_columns(tables.front());
  const bool any_keyed = std::any_of(tables.begin(), tables.end(),
                                     [](const TableDescription& t) { return !t.spec.key.empty(); });
  if (any_keyed) {
    out +=
        "\nIn a table with a key, rows counts superseded ones too: `sluice query` shows the last "
        "of each key,\nother programs see them all.\n";
  }
  out += "\n";
  for (const TableDescription& table : tables) {
    if (is_readable(table)) out += table.name.to_string() + "  " + table.location + "\n";
    if (!table.trouble) continue;
    const std::string trouble =
        table.name.to_string() + "  takes no rows: " + make_visible(to_sentence(*table.trouble));
    out += paint(Stream::kOutput, Tone::kError, trouble) + "\n";
  }
  return out;
}

void append_json(JsonWriter& json, const TableDescription& table) {
  json.begin_object().key("table").text(table.name.to_string());
  json.key("columns").begin_array();
  for (const Field& field : table.spec.columns) {
    json.begin_object().key("name").text(field.name);
    json.key("type").text(to_string(field.type)).end_object();
  }
  json.end_array().key("key").begin_array();
  for (const std::string& column : table.spec.key) json.text(column);
  json.end_array().key("time").raw(Cell::words(table.spec.time).json);
  json.key("stored_rows").number(table.stored_rows);
  json.key("unflushed_rows").number(table.unflushed_rows);
  json.key("parts").number(table.parts).key("stored_bytes").number(table.stored_bytes);
  json.key("bytes_per_row").number(bytes_per_row(table));
  json.key("snapshots").number(table.snapshots).key("snapshot_id").number(table.snapshot_id);
  json.key("version").number(table.version);
  json.key("last_commit").raw(Cell::wall_time(table.last_commit_wall_time).json);
  json.key("location").text(table.location).key("metadata").text(table.metadata).key("trouble");
  table.trouble ? json.text(table.trouble->to_string()) : json.null();
  json.end_object();
}

std::string to_json(const Tables& tables) {
  JsonWriter json;
  json.begin_array();
  for (const TableDescription& table : tables) append_json(json, table);
  return json.end_array().take() + "\n";
}

/// What is wrong with the tables shown, and with the log.
std::vector<Finding> troubles(const Tables& tables, const LogDescription& log) {
  std::vector<Finding> found = log.findings;
  for (const TableDescription& table : tables) {
    if (table.trouble) found.push_back({*table.trouble, table.name.to_string(), 0});
  }
  return found;
}

Result<ExitCode> show_tables(const TablesOptions& options) {
  const auto platform = TRY(open_directory(options.data_dir, DirectoryUse::kExisting));
  const Nanos now = platform->platform().runtime->wall_now();
  Inspection inspection = TRY(inspect(platform->platform()));
  Tables& tables = inspection.tables;
  if (options.table) {
    std::erase_if(tables, [&](const auto& table) { return table.name != *options.table; });
    if (tables.empty()) {
      return Error(Code::kNotFound, "there is no such table", options.table->to_string());
    }
  }
  Output output;
  TRY(output.finish(output.write(
      options.format == ListFormat::kJson ? to_json(tables) : to_text(tables, options, now))));
  for (const Finding& finding : inspection.log.findings) {
    print_note("WARNING: the log is damaged, so rows in it may not be counted: " +
                   to_sentence(finding.error),
               Tone::kWarning);
  }
  return exit_code_of(troubles(tables, inspection.log));
}

}  // namespace

Command make_tables(CLI::App& program) {
  const auto options = std::make_shared<TablesOptions>();
  CLI::App* command = program.add_subcommand("tables", "List the tables: keys, sizes, places");
  add_data_dir(*command, options->data_dir);
  command->add_option("TABLE", "Only this table, with its columns")
      ->each(read_into(options->table, TableName::parse));
  add_choice(*command, "--format", options->format,
             {{"table", ListFormat::kTable}, {"json", ListFormat::kJson}},
             "json shows the columns too");
  command->footer(
      "Rows in the log are acknowledged and not flushed yet; `sluice inspect pending` says why. A\n"
      "table that cannot be read is shown with its error; then the command exits with 1, or with "
      "3\n"
      "for damage.\n\n"
      "Examples:\n"
      "  sluice tables\n"
      "  sluice tables demo.weather\n"
      "  sluice tables --format json");
  return {command, [options] { return show_tables(*options); }};
}

}  // namespace sluice::cli
