#include "cli/text_table.h"

#include <algorithm>
#include <utility>

#include "cli/figures.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kGap = "  ";

}  // namespace

TextTable::TextTable(std::vector<Column> columns, size_t cell_width_max)
    : columns_(std::move(columns)), cell_width_max_(cell_width_max) {
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

std::string TextTable::cut(std::string cell) const {
  std::string front = cut_to_width(cell, cell_width_max_);
  return front.size() == cell.size() ? std::move(cell) : front + "…";
}

std::string TextTable::lay_out(const std::vector<std::string>& cells) const {
  std::string line;
  for (size_t at = 0; at < cells.size(); ++at) {
    const std::string padding(widths_[at] - width_of(cells[at]), ' ');
    if (at > 0) line += kGap;
    line += columns_[at].right ? padding + cells[at] : cells[at] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string TextTable::take() {
  std::string text;
  for (size_t at = 0; at < lines_.size(); ++at) {
    const std::string line = lay_out(lines_[at]);
    text += (has_titles_ ? line : paint(Stream::kOutput, titles_, line)) + "\n";
    has_titles_ = true;
    if (std::find(rules_.begin(), rules_.end(), at + 1) != rules_.end()) {
      std::vector<std::string> rule;
      for (const size_t width : widths_) rule.emplace_back(width, '-');
      text += lay_out(rule) + "\n";
    }
  }
  lines_.clear();
  rules_.clear();
  return text;
}

}  // namespace sluice::cli
