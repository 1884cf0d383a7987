// Color: whether the program's text may carry colors, and the few that it uses.
//
// On a terminal only, unless --color says otherwise; NO_COLOR (any value but the empty one) and a
// TERM that is dumb or absent switch it off.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::cli {

enum class ColorMode : uint8_t { kAuto, kAlways, kNever };
/// For the whole program, before the first text.
void choose_colors(ColorMode mode);

/// Where a text goes.
enum class Stream : uint8_t {
  kOutput,  ///< standard output
  kNotes,   ///< standard error
};
enum class Tone : uint8_t { kPlain, kHeading, kWarning, kError };
/// `text` in its tone if the stream takes colors, unchanged otherwise.
std::string paint(Stream stream, Tone tone, std::string_view text);

/// Whether standard error is a terminal on which a line can be drawn again.
bool can_redraw();

}  // namespace sluice::cli
