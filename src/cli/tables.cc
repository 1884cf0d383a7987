// `sluice tables`: every table with its columns, sizes and place.
#include <algorithm>

#include "cli/command.h"
#include "cli/figures.h"
#include "cli/json_writer.h"
#include "cli/output.h"
#include "cli/reading.h"
#include "cli/text_table.h"
#include "sluice/time_text.h"

namespace sluice::cli {
namespace {

enum class ListFormat : uint8_t { kTable, kJson };

struct TablesOptions {
  std::string data_dir;
  ListFormat format = ListFormat::kTable;
};

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string commit_time(const TableDescription& table) {
  if (table.last_commit_wall_time == 0) return "";
  return format_time(table.last_commit_wall_time / kSecond * kSecond);
}

std::string to_text(const std::vector<TableDescription>& tables) {
  TextTable text({{"table"},
                  {"key"},
                  {"time"},
                  {"columns", true},
                  {"rows", true},
                  {"in the log", true},
                  {"parts", true},
                  {"bytes", true},
                  {"snapshots", true},
                  {"last commit"}});
  text.add_rule();
  for (const TableDescription& table : tables) {
    text.add({table.name.to_string(), join(table.spec.key), table.spec.time,
              format_count(table.spec.columns.size()), format_count(table.stored_rows),
              format_count(table.unflushed_rows), format_count(table.parts),
              format_bytes(table.stored_bytes), format_count(table.snapshots), commit_time(table)});
  }
  std::string out = text.take();
  const bool any_keyed = std::any_of(tables.begin(), tables.end(),
                                     [](const TableDescription& t) { return !t.spec.key.empty(); });
  if (any_keyed) {
    out +=
        "\nIn a table with a key, rows counts superseded ones too: `sluice query` shows the last "
        "of each key,\nother programs see them all.\n";
  }
  for (const TableDescription& table : tables) {
    out += "\n" + table.name.to_string() + "  " + table.location;
    if (table.trouble) out += "\n  takes no rows: " + to_sentence(*table.trouble);
  }
  return tables.empty() ? "no tables yet\n" : out + "\n";
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
  json.end_array().key("time");
  table.spec.time.empty() ? json.null() : json.text(table.spec.time);
  json.key("stored_rows").number(table.stored_rows);
  json.key("unflushed_rows").number(table.unflushed_rows);
  json.key("parts").number(table.parts).key("stored_bytes").number(table.stored_bytes);
  json.key("snapshots").number(table.snapshots).key("snapshot_id").number(table.snapshot_id);
  json.key("version").number(table.version).key("last_commit");
  table.last_commit_wall_time == 0 ? json.null() : json.text(commit_time(table));
  json.key("location").text(table.location).key("metadata").text(table.metadata).key("trouble");
  table.trouble ? json.text(table.trouble->to_string()) : json.null();
  json.end_object();
}

std::string to_json(const std::vector<TableDescription>& tables) {
  JsonWriter json;
  json.begin_array();
  for (const TableDescription& table : tables) append_json(json, table);
  return json.end_array().take() + "\n";
}

Result<ExitCode> show_tables(const TablesOptions& options) {
  const OpenReading reading = TRY(open_reading(options.data_dir));
  const std::vector<TableDescription> tables = TRY(list_tables(reading));
  Output output;
  TRY(output.finish(
      output.write(options.format == ListFormat::kJson ? to_json(tables) : to_text(tables))));
  return ExitCode::kDone;
}

}  // namespace

Command make_tables(CLI::App& program) {
  const auto options = std::make_shared<TablesOptions>();
  CLI::App* command = program.add_subcommand("tables", "List the tables: keys, sizes, places");
  add_data_dir(*command, options->data_dir);
  add_choice(*command, "--format", options->format,
             {{"table", ListFormat::kTable}, {"json", ListFormat::kJson}},
             "json shows the columns too");
  command->footer(
      "Examples:\n"
      "  sluice tables\n"
      "  sluice tables --format json");
  return {command, [options] { return show_tables(*options); }};
}

}  // namespace sluice::cli
