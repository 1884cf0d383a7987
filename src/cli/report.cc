#include "cli/report.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "cli/color.h"
#include "cli/figures.h"
#include "cli/output.h"
#include "sluice/time_text.h"

namespace sluice::cli {
namespace {

std::string json_text(std::string_view text) {
  return JsonWriter().text(text).take();
}

std::string key_of(std::string_view title) {
  std::string key;
  for (const char c : title) {
    if (c == '/') {
      key += "_per_";
    } else {
      key += c == ' ' ? '_' : c;
    }
  }
  return key;
}

std::string literal(const Value& value) {
  switch (value.type) {
    case Type::kBool:
      return value.boolean ? "true" : "false";
    case Type::kInt64:
      return std::to_string(value.int64);
    case Type::kDouble:
      return format_double(value.real);
    case Type::kTimestamp:
      return format_time(value.int64);
    case Type::kBinary:
      return format_hex(value.bytes);
    case Type::kString:
      return value.bytes;
    case Type::kNull:
      break;
  }
  return "";
}

std::string heading(std::string_view title) {
  return paint(Stream::kOutput, Tone::kHeading, title) + "\n";
}

}  // namespace

void add_report_format(CLI::App& command, ReportFormat& format) {
  add_choice(command, "--format", format,
             {{"text", ReportFormat::kText}, {"json", ReportFormat::kJson}}, "Of the report");
}

Cell Cell::count(uint64_t count) {
  return {format_count(count), std::to_string(count)};
}

Cell Cell::number(uint64_t number) {
  return {std::to_string(number), std::to_string(number)};
}

Cell Cell::bytes(uint64_t bytes) {
  return {format_bytes(bytes), std::to_string(bytes)};
}

Cell Cell::words(std::string text) {
  if (text.empty()) return none();
  std::string json = json_text(text);
  return {std::move(text), std::move(json)};
}

Cell Cell::list(const std::vector<std::string>& items) {
  Cell cell;
  JsonWriter json;
  json.begin_array();
  for (const std::string& item : items) {
    cell.text += (cell.text.empty() ? "" : ", ") + item;
    json.text(item);
  }
  cell.json = json.end_array().take();
  return cell;
}

Cell Cell::flag(bool value) {
  return {value ? "yes" : "no", value ? "true" : "false"};
}

Cell Cell::wall_time(Nanos time) {
  return time == 0 ? none() : words(format_time(time / kSecond * kSecond));
}

Cell Cell::value(const std::optional<Value>& value) {
  if (!value) return none();
  const std::string text = literal(*value);
  const bool is_bare = value->type == Type::kInt64 || value->type == Type::kBool ||
                       (value->type == Type::kDouble && std::isfinite(value->real));
  return {text, is_bare ? text : json_text(text)};
}

std::string Listing::to_text() const {
  TextTable table(columns_, SIZE_MAX);
  table.head_output();
  for (const std::vector<Cell>& row : rows_) {
    std::vector<std::string> cells;
    for (const Cell& cell : row) cells.push_back(cell.text);
    table.add(std::move(cells));
  }
  return table.take();
}

void Listing::append_to(JsonWriter& json) const {
  json.begin_array();
  for (const std::vector<Cell>& row : rows_) {
    json.begin_object();
    for (size_t at = 0; at < row.size(); ++at) {
      json.key(key_of(columns_[at].title)).raw(row[at].json);
    }
    json.end_object();
  }
  json.end_array();
}

Report& Report::field(std::string title, Cell cell) {
  fields_.emplace_back(std::move(title), std::move(cell));
  return *this;
}

Report& Report::listing(std::string title, Listing listing) {
  listings_.emplace_back(std::move(title), std::move(listing));
  return *this;
}

Report& Report::remark(std::string line) {
  remarks_.push_back(std::move(line));
  return *this;
}

Report& Report::findings(const std::vector<Finding>& findings) {
  findings_.insert(findings_.end(), findings.begin(), findings.end());
  return *this;
}

std::string Report::to_text() const {
  size_t width = 0;
  for (const auto& [title, cell] : fields_) width = std::max(width, title.size());
  std::string text;
  for (const auto& [title, cell] : fields_) {
    if (cell.text.empty()) continue;
    text += title + std::string(width + 2 - title.size(), ' ') + make_visible(cell.text) + "\n";
  }
  for (const auto& [title, listing] : listings_) {
    if (listing.empty()) continue;
    text += (text.empty() ? "" : "\n") + heading(title) + listing.to_text();
  }
  if (!remarks_.empty() && !text.empty()) text += "\n";
  for (const std::string& line : remarks_) text += make_visible(line) + "\n";
  if (!findings_.empty() && !text.empty()) text += "\n";
  for (const Finding& finding : findings_) text += to_line(finding);
  return text;
}

std::string Report::to_json() const {
  JsonWriter json;
  json.begin_object();
  for (const auto& [title, cell] : fields_) json.key(key_of(title)).raw(cell.json);
  for (const auto& [title, listing] : listings_) {
    json.key(key_of(title));
    listing.append_to(json);
  }
  json.key("findings").begin_array();
  for (const Finding& finding : findings_) append_to(json, finding);
  return json.end_array().end_object().take() + "\n";
}

Result<ExitCode> Report::print(ReportFormat format) const {
  Output output;
  TRY(output.finish(output.write(format == ReportFormat::kJson ? to_json() : to_text())));
  return exit_code_of(findings_);
}

std::string to_line(const Finding& finding) {
  const std::string line = "found    " + make_visible(finding.object) + " at byte " +
                           std::to_string(finding.offset) + ": " +
                           make_visible(finding.error.to_string());
  const std::string advice =
      finding.advice.empty() ? "" : "         to do: " + finding.advice + "\n";
  return paint(Stream::kOutput, Tone::kError, line) + "\n" + advice;
}

void append_to(JsonWriter& json, const Finding& finding) {
  json.begin_object();
  json.key("object").text(finding.object).key("offset").number(finding.offset);
  json.key("code").text(to_string(finding.error.code()));
  json.key("reason").text(to_string(finding.error.reason()));
  json.key("message").text(finding.error.message());
  if (!finding.advice.empty()) json.key("advice").text(finding.advice);
  json.end_object();
}

ExitCode exit_code_of(const std::vector<Finding>& findings) {
  if (findings.empty()) return ExitCode::kDone;
  const bool is_damage = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.error.code() == Code::kCorrupt;
  });
  return is_damage ? ExitCode::kCorruption : ExitCode::kFailed;
}

}  // namespace sluice::cli
