#include "tests/golden/golden_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

namespace sluice::golden {
namespace {

Lines read_lines(const std::string& path) {
  std::ifstream in(path);
  Lines lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

void write_lines(const std::string& path, const Lines& lines) {
  std::ofstream out(path);
  for (const std::string& line : lines) out << line << '\n';
  ASSERT_TRUE(out.flush()) << path;
}

}  // namespace

std::string difference(const Lines& expected, const Lines& actual) {
  // common[i][j]: the longest common subsequence of what follows i and j.
  std::vector<std::vector<size_t>> common(expected.size() + 1,
                                          std::vector<size_t>(actual.size() + 1));
  for (size_t i = expected.size(); i-- > 0;) {
    for (size_t j = actual.size(); j-- > 0;) {
      common[i][j] = expected[i] == actual[j] ? common[i + 1][j + 1] + 1
                                              : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::string text;
  for (size_t i = 0, j = 0; i < expected.size() || j < actual.size();) {
    if (i < expected.size() && j < actual.size() && expected[i] == actual[j]) {
      text += "  " + expected[i++] + "\n";
      ++j;
    } else if (i < expected.size() &&
               (j == actual.size() || common[i + 1][j] >= common[i][j + 1])) {
      text += "- " + expected[i++] + "\n";
    } else {
      text += "+ " + actual[j++] + "\n";
    }
  }
  return text;
}

void expect_golden(const std::string& file, const Lines& lines) {
  const std::string path = std::string(SLUICE_GOLDEN_DIR) + "/" + file;
  if (std::getenv("SLUICE_UPDATE_GOLDEN") != nullptr) return write_lines(path, lines);
  const Lines expected = read_lines(path);
  if (expected == lines) return;
  ADD_FAILURE() << "tests/golden/" << file << " says something else:\n"
                << difference(expected, lines) << "tests/golden/README.md says when that is right; "
                << "then:\n  " << SLUICE_GOLDEN_UPDATE;
}

}  // namespace sluice::golden
