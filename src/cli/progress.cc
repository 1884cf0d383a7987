#include "cli/progress.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "cli/figures.h"
#include "cli/output.h"

namespace sluice::cli {
namespace {

constexpr Nanos kRedrawEvery = 100 * kMillisecond;
constexpr Nanos kReprintEvery = kSecond;
constexpr size_t kBarWidth = 20;

bool is_wanted(ProgressMode mode) {
  return mode == ProgressMode::kAlways || (mode == ProgressMode::kAuto && can_redraw());
}

void draw(std::string_view line) {
  can_redraw() ? show_status(line) : print_note(line);
}

std::string bar(double done) {
  const auto filled = static_cast<size_t>(done * kBarWidth);
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] ";
}

}  // namespace

void Progress::begin(Runtime& runtime, std::string name, std::optional<uint64_t> bytes) {
  const std::lock_guard lock(mutex_);
  name_ = std::move(name);
  bytes_ = bytes;
  bytes_done_.reset();
  if (std::exchange(runtime_, &runtime) != nullptr) return;
  began_ = runtime.now();
  drawn_ = began_;
}

std::string Progress::line(Nanos now, uint64_t rows, uint64_t bytes_done) const {
  const uint64_t bytes_per_second = per_second(bytes_moved_, now - began_);
  std::string figures = format_bytes(bytes_done) + "  " + format_count(rows) + " rows  " +
                        format_count(per_second(rows, now - began_)) + " rows/s";
  if (bytes_per_second > 0) figures += "  " + format_bytes(bytes_per_second) + "/s";
  if (!bytes_) return name_ + "  " + figures;
  const uint64_t left = *bytes_ - std::min(*bytes_, bytes_done);
  if (bytes_per_second > 0) {
    figures += "  ETA " + format_span(static_cast<Nanos>(left / bytes_per_second) * kSecond);
  }
  const double done =
      static_cast<double>(*bytes_ - left) / static_cast<double>(std::max<uint64_t>(*bytes_, 1));
  const std::string percent = std::to_string(static_cast<int>(done * 100)) + "%  ";
  const std::string drawn_bar = bar(done);
  const size_t width = width_of(name_) + 2 + drawn_bar.size() + percent.size() + width_of(figures);
  const bool has_bar = width < terminal_width();
  return name_ + "  " + (has_bar ? drawn_bar : "") + percent + figures;
}

void Progress::show(uint64_t rows, uint64_t bytes_done) {
  const std::lock_guard lock(mutex_);
  if (!is_wanted(mode_)) return;
  bytes_moved_ += bytes_done - std::min(bytes_done, bytes_done_.value_or(bytes_done));
  bytes_done_ = bytes_done;
  const Nanos now = runtime_->now();
  if (now - drawn_ < (can_redraw() ? kRedrawEvery : kReprintEvery)) return;
  drawn_ = now;
  draw(line(now, rows, bytes_done));
}

void Progress::end() {
  clear_status();
}

void Progress::note(std::string_view text, Tone tone) {
  print_note(text, tone);
}

Activity::Activity(ProgressMode mode, std::function<std::string()> line)
    : mode_(mode), line_(std::move(line)) {
  if (is_wanted(mode)) thread_ = std::thread([this] { run(); });
}

Activity::~Activity() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Activity::run() {
  using std::chrono::nanoseconds;
  std::unique_lock lock(mutex_);
  const auto pause = [&](Nanos span) {
    woken_.wait_for(lock, nanoseconds(span), [this] { return ended_; });
  };
  if (mode_ == ProgressMode::kAuto) pause(kSecond);
  do {
    const std::string text = line_();
    if (text.empty()) break;
    // What ended within its first second says nothing.
    if (!ended_ || mode_ == ProgressMode::kAlways) draw(text);
    pause(can_redraw() ? kRedrawEvery : kReprintEvery);
  } while (!ended_);
  clear_status();
}

}  // namespace sluice::cli
