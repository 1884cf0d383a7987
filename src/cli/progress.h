// Progress: what a long command says on standard error while it works: one line that is redrawn.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "cli/color.h"
#include "sluice/runtime.h"

namespace sluice::cli {

enum class ProgressMode : uint8_t {
  kAuto,    ///< on a terminal
  kAlways,  ///< also elsewhere, then as a new line every second
  kNever,
};

/// The rows and bytes of one thing after another. Any thread. Notes are printed in every mode.
class Progress {
 public:
  explicit Progress(ProgressMode mode) : mode_(mode) {}
  ~Progress() { end(); }

  /// Starts a line for `name`; `bytes` is unknown for a stream. Speeds count from the first line
  /// on.
  void begin(Runtime& runtime, std::string name, std::optional<uint64_t> bytes);
  /// `rows` are of all lines, `bytes_done` of this one: what it begins with was done before.
  void show(uint64_t rows, uint64_t bytes_done);
  /// Removes the line.
  void end();
  void note(std::string_view text, Tone tone = Tone::kPlain);

 private:
  std::string line(Nanos now, uint64_t rows, uint64_t bytes_done) const;

  const ProgressMode mode_;
  std::mutex mutex_;
  Runtime* runtime_ = nullptr;
  std::string name_;
  std::optional<uint64_t> bytes_;
  std::optional<uint64_t> bytes_done_;  ///< of this line; none: it was not shown yet
  uint64_t bytes_moved_ = 0;            ///< of all lines
  Nanos began_ = 0;
  Nanos drawn_ = 0;
};

/// While one lives, and once a second has passed, a line says how far something is that goes on
/// elsewhere. With kAlways the first line comes at once.
class Activity {
 public:
  /// `line` is called from a thread of the activity until it gives an empty text.
  Activity(ProgressMode mode, std::function<std::string()> line);
  ~Activity();
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

 private:
  void run();

  const ProgressMode mode_;
  const std::function<std::string()> line_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace sluice::cli
