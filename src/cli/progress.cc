#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "cli/figures.h"
#include "cli/output.h"

namespace sluice::cli {
namespace {

constexpr Nanos kRedrawEvery = 100 * kMillisecond;
constexpr Nanos kReprintEvery = kSecond;
constexpr size_t kBarWidth = 24;
constexpr std::string_view kClearLine = "\r\x1b[K";

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

bool is_wanted(ProgressMode mode, bool is_terminal) {
  return mode == ProgressMode::kAlways || (mode == ProgressMode::kAuto && is_terminal);
}

}  // namespace

Progress::Progress(ProgressMode mode)
    : is_terminal_(isatty(STDERR_FILENO) == 1), is_shown_(is_wanted(mode, is_terminal_)) {}

Progress::~Progress() {
  end();
}

void Progress::begin(Runtime& runtime, std::string name, std::optional<uint64_t> bytes) {
  const std::lock_guard lock(mutex_);
  name_ = std::move(name);
  bytes_ = bytes;
  if (std::exchange(runtime_, &runtime) != nullptr) return;
  began_ = runtime.now();
  drawn_ = began_;
}

std::string Progress::line(Nanos now, uint64_t rows, uint64_t bytes_done) const {
  std::string text = name_ + "  ";
  if (bytes_) {
    const uint64_t total = std::max<uint64_t>(*bytes_, 1);
    const double done = std::min(1.0, static_cast<double>(bytes_done) / static_cast<double>(total));
    const auto filled = static_cast<size_t>(done * kBarWidth);
    text += "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] ";
    text += std::to_string(static_cast<int>(done * 100)) + "%  ";
  }
  return text + format_bytes(bytes_done) + "  " + format_count(rows) + " rows  " +
         format_count(per_second(rows, now - began_)) + " rows/s";
}

void Progress::show(uint64_t rows, uint64_t bytes_done) {
  const std::lock_guard lock(mutex_);
  if (!is_shown_) return;
  const Nanos now = runtime_->now();
  if (now - drawn_ < (is_terminal_ ? kRedrawEvery : kReprintEvery)) return;
  drawn_ = now;
  is_drawn_ = true;
  const std::string text = line(now, rows, bytes_done);
  print(is_terminal_ ? std::string(kClearLine) + text : text + "\n");
}

void Progress::clear() {
  if (is_drawn_ && is_terminal_) print(kClearLine);
  is_drawn_ = false;
}

void Progress::end() {
  const std::lock_guard lock(mutex_);
  clear();
}

void Progress::note(std::string_view text) {
  const std::lock_guard lock(mutex_);
  clear();
  print_note(text);
}

}  // namespace sluice::cli
