#include <algorithm>
#include <cmath>

#include "landing/positive.h"
#include "sluice/cdc.h"

namespace sluice {
namespace {

constexpr double kEntriesWeight = 50;
constexpr double kBytesWeight = 30;
constexpr double kPendingWeight = 20;
constexpr double kDelayMillisMin = 10;
constexpr double kDelayMillisMax = 1000;

double weighed(uint64_t amount, uint64_t full, double weight) {
  return static_cast<double>(amount) / static_cast<double>(full) * weight;
}

}  // namespace

Result<BackpressureController> BackpressureController::create(BackpressureOptions options) {
  TRY(landing::check_positive({{"high_water_mark", options.high_water_mark},
                               {"max_pressure", options.max_pressure},
                               {"full_entries", options.full_entries},
                               {"full_bytes", options.full_bytes},
                               {"full_pending_blocks", options.full_pending_blocks}}));
  const bool low_fits =
      options.low_water_mark >= 0 && options.low_water_mark < options.high_water_mark;
  const char* wrong = nullptr;
  if (!low_fits) wrong = "low_water_mark";
  // A high mark that no pressure reaches would never apply.
  if (options.high_water_mark > options.max_pressure) wrong = "high_water_mark";
  if (wrong == nullptr) return BackpressureController(options);
  return Error(Code::kInvalid, Reason::kOutOfRange,
               "0 <= low_water_mark < high_water_mark <= max_pressure must hold", wrong);
}

bool BackpressureController::update(const BackpressureLoad& load) {
  const double sum = weighed(load.entries, options_.full_entries, kEntriesWeight) +
                     weighed(load.bytes, options_.full_bytes, kBytesWeight) +
                     weighed(load.pending_blocks, options_.full_pending_blocks, kPendingWeight);
  pressure_ = std::min(sum, options_.max_pressure);
  const double mark = applied_ ? options_.low_water_mark : options_.high_water_mark;
  applied_ = applied_ ? pressure_ > mark : pressure_ >= mark;
  return applied_;
}

Nanos BackpressureController::suggested_delay() const {
  if (!applied_) return 0;
  const double span = options_.max_pressure - options_.high_water_mark;
  const double above = pressure_ - options_.high_water_mark;
  double share = above >= 0 ? 1 : 0;
  if (span > 0) share = std::clamp(above / span, 0.0, 1.0);
  const double millis = kDelayMillisMin + share * (kDelayMillisMax - kDelayMillisMin);
  return static_cast<Nanos>(std::floor(millis)) * kMillisecond;
}

void BackpressureController::reset() {
  pressure_ = 0;
  applied_ = false;
}

}  // namespace sluice
