// Report: what a command found out, as aligned text for people or as one JSON object for programs.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/json_writer.h"
#include "cli/text_table.h"
#include "sluice/inspect.h"

namespace sluice::cli {

enum class ReportFormat : uint8_t { kText, kJson };
void add_report_format(CLI::App& command, ReportFormat& format);

/// A value, as text and as JSON.
struct Cell {
  std::string text;
  std::string json;

  static Cell none() { return {"", "null"}; }
  static Cell count(uint64_t count);    ///< grouped digits
  static Cell number(uint64_t number);  ///< an LSN, an id: plain digits
  static Cell bytes(uint64_t bytes);
  static Cell words(std::string text);  ///< empty: null
  static Cell list(const std::vector<std::string>& items);
  static Cell flag(bool value);
  static Cell wall_time(Nanos time);  ///< to the second; 0: null
  static Cell value(const std::optional<Value>& value);
};

/// Rows of cells. Titles are the keys in JSON, with '_' for ' ' and "_per_" for '/'.
class Listing {
 public:
  explicit Listing(std::vector<TextTable::Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  std::string to_text() const;
  void append_to(JsonWriter& json) const;  ///< an array of objects

 private:
  std::vector<TextTable::Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

class Report {
 public:
  Report& field(std::string title, Cell cell);
  Report& listing(std::string title, Listing listing);
  /// For people only.
  Report& remark(std::string line);
  Report& findings(const std::vector<Finding>& findings);

  /// Prints the report. What was found decides the exit code: kCorruption for damage, else kFailed.
  Result<ExitCode> print(ReportFormat format) const;

 private:
  std::string to_text() const;
  std::string to_json() const;

  std::vector<std::pair<std::string, Cell>> fields_;
  std::vector<std::pair<std::string, Listing>> listings_;
  std::vector<std::string> remarks_;
  std::vector<Finding> findings_;
};

/// "found    tables/a at byte 12: ...", red on a terminal.
std::string to_line(const Finding& finding);
void append_to(JsonWriter& json, const Finding& finding);
/// kDone for none.
ExitCode exit_code_of(const std::vector<Finding>& findings);

}  // namespace sluice::cli
