// TextTable: aligned columns for people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "cli/color.h"

namespace sluice::cli {

/// Cells are cut; control characters become visible, so that no value can reach
/// the terminal's controls.
class TextTable {
 public:
  struct Column {
    std::string title;
    bool right = false;
  };
  explicit TextTable(std::vector<Column> columns, size_t cell_width_max = 60);

  /// For a table that goes to standard output: the titles are a heading.
  void head_output() { titles_ = Tone::kHeading; }
  void add(std::vector<std::string> cells);
  /// A rule below what was added so far.
  void add_rule() { rules_.push_back(lines_.size()); }
  size_t lines() const { return lines_.size(); }
  /// What was added since the last call, laid out; widths only grow, titles come first of all.
  std::string take();

 private:
  std::string cut(std::string cell) const;
  std::string lay_out(const std::vector<std::string>& cells) const;

  std::vector<Column> columns_;
  size_t cell_width_max_;
  Tone titles_ = Tone::kPlain;
  bool has_titles_ = false;  ///< they were taken
  std::vector<size_t> widths_;
  std::vector<std::vector<std::string>> lines_;
  std::vector<size_t> rules_;
};

}  // namespace sluice::cli
