// Golden files: what a test expects, as text in a file of this folder.
#pragma once

#include <string>
#include <vector>

namespace sluice::golden {

using Lines = std::vector<std::string>;

/// Fails the running test if the file's lines are others, and prints the difference and the command
/// that accepts it. With SLUICE_UPDATE_GOLDEN in the environment the file is written instead.
void expect_golden(const std::string& file, const Lines& lines);

/// The difference, every line led by ' ', '-' (only in `expected`) or '+' (only in `actual`).
std::string difference(const Lines& expected, const Lines& actual);

}  // namespace sluice::golden
