#include "config/nearest.h"

#include <algorithm>

namespace sluice::config {
namespace {

/// Optimal string alignment distance, row by row.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before_last(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    std::vector<size_t> row(b.size() + 1, i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool is_swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swap) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = std::move(last);
    last = std::move(row);
  }
  return last.back();
}

}  // namespace

std::string nearest(std::string_view typed, const std::vector<std::string>& words) {
  std::string found;
  size_t least = std::max<size_t>(typed.size() / 3, 1) + 1;
  for (const std::string& word : words) {
    const size_t apart = distance(typed, word);
    if (apart >= least) continue;
    least = apart;
    found = word;
  }
  return found;
}

}  // namespace sluice::config
