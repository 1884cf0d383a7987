// Turn: one at a time, for longer than a Monitor may be held.
#pragma once

#include "sluice/runtime.h"

namespace sluice {

/// Waits until nobody has the turn, and has it for a scope. `taken` is under the monitor, which is
/// free meanwhile; both outlive the turn.
class Turn {
 public:
  Turn(Monitor& monitor, bool& taken) : monitor_(monitor), taken_(taken) {
    MonitorLock lock(monitor_);
    while (taken_) monitor_.wait_until(kForever);
    taken_ = true;
  }
  ~Turn() {
    MonitorLock lock(monitor_);
    taken_ = false;
    monitor_.notify_all();
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  Monitor& monitor_;
  bool& taken_;
};

}  // namespace sluice
