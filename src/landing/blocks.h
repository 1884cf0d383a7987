// What a flush became, in the words of the public header.
#pragma once

#include <vector>

#include "landing/format.h"
#include "sluice/flush.h"

namespace sluice::landing {

AtomicFlushResult describe(const Plan& plan, const Parts& parts);

}  // namespace sluice::landing
