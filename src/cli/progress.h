// Progress: standard error during a long command: one line that is redrawn, and notes above it.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/runtime.h"

namespace sluice::cli {

enum class ProgressMode : uint8_t {
  kAuto,    ///< on a terminal
  kAlways,  ///< also elsewhere, then as a new line every second
  kNever,
};

/// Any thread. Notes are printed in every mode.
class Progress {
 public:
  explicit Progress(ProgressMode mode);
  ~Progress();

  /// Starts a line for `name`; `bytes` is unknown for a stream. Rows per second count from the
  /// first line on.
  void begin(Runtime& runtime, std::string name, std::optional<uint64_t> bytes);
  /// `rows` are of all lines, `bytes_done` of this one.
  void show(uint64_t rows, uint64_t bytes_done);
  /// Removes the line.
  void end();
  void note(std::string_view text);

 private:
  std::string line(Nanos now, uint64_t rows, uint64_t bytes_done) const;
  void clear();

  const bool is_terminal_;
  const bool is_shown_;
  std::mutex mutex_;
  Runtime* runtime_ = nullptr;
  std::string name_;
  std::optional<uint64_t> bytes_;
  Nanos began_ = 0;
  Nanos drawn_ = 0;
  bool is_drawn_ = false;
};

}  // namespace sluice::cli
