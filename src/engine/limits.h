// Limits of the engine's options.
#pragma once

#include <cstdint>

#include "sluice/options.h"
#include "sluice/result.h"

namespace sluice::engine {

/// kInvalid (kOutOfRange): where() is the option's name.
Status check_options(const EngineOptions& options);
Status check_grace(Nanos grace);

/// What rows may take of EngineOptions::memory_bytes: the rest is for the encoders of running
/// flushes and for buffers of the log.
uint64_t bytes_for_rows(const EngineOptions& options);

}  // namespace sluice::engine
