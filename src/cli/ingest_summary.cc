#include "cli/ingest_summary.h"

#include <algorithm>

#include "cli/command.h"
#include "cli/figures.h"
#include "cli/json_writer.h"
#include "cli/output.h"

namespace sluice::cli {
namespace {

/// Inputs that a text names; JSON has them all.
constexpr uint64_t kNamedMax = 20;

std::string query_command(const IngestSummary& summary) {
  return program_call() + " query " + summary.name.to_string() +
         data_dir_argument(summary.data_dir) + " --limit 10";
}

std::string duckdb_command(const TableDescription& table) {
  std::string location;
  for (const char c : table.location) location += c == '\'' ? std::string("''") : std::string(1, c);
  const std::string sql =
      "INSTALL iceberg; LOAD iceberg; SELECT count(*) FROM iceberg_scan('" + location + "')";
  const bool is_plain = sql.find_first_of("\"$`\\!") == std::string::npos;
  return "duckdb -c " + (is_plain ? "\"" + sql + "\"" : quote_for_shell(sql));
}

/// " (type 2, missing key 1)"; nothing of nothing.
std::string by_kind(const source::ConflictCounts& counts) {
  std::string text;
  for (const source::ConflictKind kind : source::kConflictKinds) {
    if (counts.of(kind) == 0) continue;
    std::string name(to_string(kind));
    std::replace(name.begin(), name.end(), '_', ' ');
    text += (text.empty() ? " (" : ", ") + name + " " + format_count(counts.of(kind));
  }
  return text.empty() ? text : text + ")";
}

std::string rejects_and_failures(const IngestSummary& summary) {
  std::string text = "  rejected      " + format_count(summary.totals.rejects.total()) +
                     by_kind(summary.totals.rejects) + "\n";
  uint64_t shown = 0;
  for (const InputReport& input : summary.inputs) {
    if (input.rejects.total() == 0 || ++shown > kNamedMax) continue;
    text += "                " + format_count(input.rejects.total()) + " of " + input.input + ": " +
            input.rejects_path + "\n                " + input.first_reject + "\n";
  }
  if (summary.totals.failures == 0) return text;
  text += "  failed        " + format_count(summary.totals.failures) + " of " +
          format_count(summary.totals.inputs) + " inputs\n";
  shown = 0;
  for (const InputReport& input : summary.inputs) {
    if (input.failure && ++shown <= kNamedMax)
      text += "                " + to_sentence(*input.failure) + "\n";
  }
  return text;
}

/// The table, or what stands for several.
std::string subject(const IngestSummary& summary) {
  if (summary.name.collection.empty()) return summary.name.database;
  if (summary.tables.size() < 2) return summary.name.to_string();
  return summary.name.database + ", " + format_count(summary.tables.size()) + " tables";
}

std::string to_text(const IngestSummary& summary) {
  std::string text =
      subject(summary) + (summary.is_complete ? ": done\n" : ": stopped before the end\n");
  if (summary.totals.inputs > 1) {
    text += "  inputs        " + format_count(summary.totals.inputs) + ", " +
            format_count(summary.totals.known) + " of them in the table already\n";
  }
  text += "  rows          " + format_count(summary.totals.rows) + "\n";
  if (summary.totals.kept.total() > 0) {
    text += "  in _rest      " + format_count(summary.totals.kept.total()) +
            " rows have values that did not fit" + by_kind(summary.totals.kept) + "\n";
  }
  text += rejects_and_failures(summary);
  text += std::string("  replaced      ") + (summary.knows_all_replaced ? "" : "at least ") +
          format_count(summary.rows_replaced) + "\n";
  text += "  bytes in      " + format_bytes(summary.totals.bytes) + "\n";
  text += "  bytes stored  " + format_bytes(summary.bytes_stored) + "\n";
  text += "  time          " + format_seconds(summary.duration) + ", " +
          format_count(per_second(summary.totals.rows, summary.duration)) + " rows/s\n";
  if (summary.table.location.empty()) return text;
  return text + "next:\n  " + query_command(summary) + "\n  " + duckdb_command(summary.table) +
         "\n";
}

void append_counts(JsonWriter& json, const char* key, const source::ConflictCounts& counts) {
  json.key(key).begin_object();
  for (const source::ConflictKind kind : source::kConflictKinds) {
    json.key(to_string(kind)).number(counts.of(kind));
  }
  json.end_object();
}

void append_input(JsonWriter& json, const InputReport& input) {
  json.begin_object().key("input").text(input.input).key("rows").number(input.rows);
  json.key("rows_kept").number(input.kept.total());
  append_counts(json, "rows_kept_by", input.kept);
  json.key("rejects").number(input.rejects.total());
  append_counts(json, "rejects_by", input.rejects);
  json.key("rejects_file");
  input.rejects_path.empty() ? json.null() : json.text(input.rejects_path);
  json.key("bytes").number(input.bytes).key("resume_offset").number(input.resume_offset);
  json.key("failure");
  input.failure ? json.text(to_sentence(*input.failure)) : json.null();
  json.end_object();
}

std::string to_json(const IngestSummary& summary) {
  JsonWriter json;
  json.begin_object().key("table").text(subject(summary));
  json.key("complete").boolean(summary.is_complete).key("rows").number(summary.totals.rows);
  json.key("rows_kept").number(summary.totals.kept.total());
  append_counts(json, "rows_kept_by", summary.totals.kept);
  json.key("rejects").number(summary.totals.rejects.total());
  append_counts(json, "rejects_by", summary.totals.rejects);
  json.key("failures").number(summary.totals.failures);
  json.key("rows_replaced").number(summary.rows_replaced);
  json.key("rows_replaced_is_exact").boolean(summary.knows_all_replaced);
  json.key("bytes_in").number(summary.totals.bytes);
  json.key("bytes_stored").number(summary.bytes_stored);
  json.key("seconds").real(static_cast<double>(summary.duration) / kSecond);
  json.key("rows_per_second").number(per_second(summary.totals.rows, summary.duration));
  json.key("location").text(summary.table.location);
  json.key("inputs_taken").number(summary.totals.inputs);
  json.key("inputs_known").number(summary.totals.known).key("inputs").begin_array();
  for (const InputReport& input : summary.inputs) append_input(json, input);
  json.end_array().key("tables").begin_array();
  for (const TableName& table : summary.tables) json.text(table.to_string());
  json.end_array().key("next").begin_array();
  if (!summary.table.location.empty()) {
    json.text(query_command(summary)).text(duckdb_command(summary.table));
  }
  return json.end_array().end_object().take() + "\n";
}

}  // namespace

void warn_of_replaced(const IngestSummary& summary, Progress& progress) {
  if (summary.rows_replaced * 100 <= summary.totals.rows) return;
  const std::vector<std::string>& key = summary.table.spec.key;
  progress.note(
      "WARNING: " + format_count(summary.rows_replaced) + " of " +
          format_count(summary.totals.rows) +
          " rows replaced an earlier row of the same key and time. If these are different "
          "rows,\n  " +
          (key.empty() ? "name" : "the key is too short: name more of") +
          " the columns that tell them apart with --key, and ingest into a new table",
      Tone::kWarning);
}

void warn_of_rejects(const IngestSummary& summary, Progress& progress) {
  for (const InputReport& input : summary.inputs) {
    if (input.rejects.total() == 0) continue;
    progress.note(format_count(input.rejects.total()) + " records of " + input.input +
                  " were rejected: " + input.rejects_path + "; " + input.first_reject);
  }
}

Status print(const IngestSummary& summary, SummaryFormat format) {
  Output output;
  return output.finish(
      output.write(format == SummaryFormat::kJson ? to_json(summary) : to_text(summary)));
}

}  // namespace sluice::cli
