// SpareMaker: keeps a file of zeros ready for the next segment. A loop in a thread of its own:
//
//   1. wait until a file is wanted
//   2. unless the disk is nearly full, write zeros into a new file and sync it, in steps
//   3. it waits to be taken
//
// Owns: the thread, and the file until it is taken. Does not own: the log, of which it knows
// nothing. The file has a temporary name, so what a crash leaves of it is removed by the next
// opening. What goes wrong is no error: there is no file then, until one is wanted again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice::wal {

class SpareMaker {
 public:
  /// Of files of so many bytes. Both outlive it.
  SpareMaker(Runtime& runtime, Disk& disk, uint64_t bytes);
  ~SpareMaker();  ///< stop()

  // Any thread calls these, but one at a time.

  /// One is wanted. Whoever took the last one has renamed or removed it.
  void want();
  /// The name of the file; empty: it is not ready.
  std::string take();
  /// The file is removed, or not made to its end. Whether there was one.
  bool give_back();
  /// As give_back(), and the thread has ended.
  void stop();

 private:
  enum class State : uint8_t { kNone, kWanted, kMaking, kReady, kGivenUp, kStopped };

  void run();
  Status make();
  bool is_making() const;

  Disk& disk_;
  const uint64_t bytes_;
  const std::string name_;
  const std::unique_ptr<Monitor> monitor_;
  State state_ = State::kNone;  ///< guarded by monitor_
  std::unique_ptr<Thread> thread_;
};

}  // namespace sluice::wal
