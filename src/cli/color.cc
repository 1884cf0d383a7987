#include "cli/color.h"

#include <unistd.h>

#include <cstdlib>

namespace sluice::cli {
namespace {

ColorMode& chosen() {
  static ColorMode mode = ColorMode::kAuto;
  return mode;
}

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : value;
}

bool is_capable_terminal(int file) {
  const std::string_view kind = environment("TERM");
  return isatty(file) == 1 && !kind.empty() && kind != "dumb";
}

bool takes_colors(Stream stream) {
  if (chosen() != ColorMode::kAuto) return chosen() == ColorMode::kAlways;
  if (!environment("NO_COLOR").empty()) return false;
  return is_capable_terminal(stream == Stream::kOutput ? STDOUT_FILENO : STDERR_FILENO);
}

std::string_view code_of(Tone tone) {
  switch (tone) {
    case Tone::kHeading:
      return "\x1b[1m";
    case Tone::kWarning:
      return "\x1b[33m";
    case Tone::kError:
      return "\x1b[31m";
    case Tone::kPlain:
      break;
  }
  return "";
}

}  // namespace

void choose_colors(ColorMode mode) {
  chosen() = mode;
}

std::string paint(Stream stream, Tone tone, std::string_view text) {
  if (tone == Tone::kPlain || text.empty() || !takes_colors(stream)) return std::string(text);
  return std::string(code_of(tone)).append(text).append("\x1b[0m");
}

bool can_redraw() {
  return is_capable_terminal(STDERR_FILENO);
}

}  // namespace sluice::cli
