// Interrupt: SIGINT and SIGTERM as a question that a command asks when it suits it.
#pragma once

#include "sluice/runtime.h"

namespace sluice::cli {

/// While one lives, the first such signal is a request to stop; the second ends the process as
/// usual. At most one at a time. Any thread may ask.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool requested() const;
  /// Waits until `file` can be read without waiting, or is at its end; false if a request came.
  bool wait_readable(int file) const;
  /// Waits for `span`, less if a request comes.
  void wait(Nanos span) const;

 private:
  int pipe_[2];  ///< readable from the first request on
};

}  // namespace sluice::cli
