// The Runtime of a real machine: operating system threads, its clocks, its random source.
//
// now() is CLOCK_BOOTTIME, wall_now() CLOCK_REALTIME, random() getrandom(2).
#pragma once

#include <memory>

#include "sluice/runtime.h"

namespace sluice::io {

/// It must outlive everything it made.
std::unique_ptr<Runtime> make_thread_runtime();

}  // namespace sluice::io
