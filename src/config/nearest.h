// Nearest: which word was meant.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sluice::config {

/// The word that the fewest insertions, removals, replacements and swaps of neighbours make of
/// `typed`; empty if that takes more than a third of its letters.
std::string nearest(std::string_view typed, const std::vector<std::string>& words);

}  // namespace sluice::config
