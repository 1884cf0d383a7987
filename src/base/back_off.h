// BackOff: pauses between tries that fail, for as long as it takes.
#pragma once

#include <algorithm>

#include "sluice/runtime.h"

namespace sluice {

/// The pause after the one `before`, which is 0 at first: each is twice as long, up to `longest`.
inline Nanos next_pause(Nanos before, Nanos shortest, Nanos longest) {
  return before >= longest / 2 ? std::max(longest, shortest) : std::max(before * 2, shortest);
}

}  // namespace sluice
