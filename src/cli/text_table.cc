#include "cli/text_table.h"

#include <algorithm>
#include <utility>

#include "cli/figures.h"

namespace sluice::cli {
namespace {

constexpr size_t kCellWidthMax = 60;
constexpr std::string_view kGap = "  ";

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
}

size_t width_of(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string cut(std::string text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (begins_character(text[at]) && ++width > kCellWidthMax) return text.substr(0, at) + "…";
  }
  return text;
}

}  // namespace

TextTable::TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {
  widths_.resize(columns_.size());
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  add(std::move(titles));
}

void TextTable::add(std::vector<std::string> cells) {
  for (size_t at = 0; at < cells.size(); ++at) {
    cells[at] = cut(make_visible(cells[at]));
    widths_[at] = std::max(widths_[at], width_of(cells[at]));
  }
  lines_.push_back(std::move(cells));
}

std::string TextTable::lay_out(const std::vector<std::string>& cells) const {
  std::string line;
  for (size_t at = 0; at < cells.size(); ++at) {
    const std::string padding(widths_[at] - width_of(cells[at]), ' ');
    if (at > 0) line += kGap;
    line += columns_[at].right ? padding + cells[at] : cells[at] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string TextTable::take() {
  std::string text;
  for (size_t at = 0; at < lines_.size(); ++at) {
    text += lay_out(lines_[at]);
    if (std::find(rules_.begin(), rules_.end(), at + 1) != rules_.end()) {
      std::vector<std::string> rule;
      for (const size_t width : widths_) rule.emplace_back(width, '-');
      text += lay_out(rule);
    }
  }
  lines_.clear();
  rules_.clear();
  return text;
}

}  // namespace sluice::cli
