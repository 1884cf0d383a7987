// Together: independent calls that wait for a device or a network, at once.
#pragma once

#include <functional>
#include <vector>

#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice::io {

/// Runs all, also after one failed, on the calling thread and a few more; returns when all have
/// ended, with the first error in their order.
Status run_together(Runtime& runtime, const std::vector<std::function<Status()>>& works);

}  // namespace sluice::io
