#include "engine/limits.h"

#include <algorithm>
#include <concepts>
#include <string>
#include <utility>

namespace sluice::engine {

namespace {

constexpr uint64_t kMemoryBytesMin = 8ull << 20;
// Added to any time of a clock it stays a time.
constexpr Nanos kSpanMax = 365 * 24 * 3600 * kSecond;

Status within(const char* name, std::integral auto value, uint64_t least, uint64_t most) {
  if (std::cmp_greater_equal(value, least) && std::cmp_less_equal(value, most)) return ok();
  return Error({Code::kInvalid, Reason::kOutOfRange,
                "must be between " + std::to_string(least) + " and " + std::to_string(most), name,
                std::cmp_less(value, least) ? least : most, static_cast<uint64_t>(value)});
}

Status check_groups(const DeviceGroups& groups) {
  TRY(within("devices_max", groups.devices_max, 1, 1'000'000));
  TRY(within("part_rows_max", groups.part_rows_max, 1, 1ull << 32));
  TRY(within("part_rows_min", groups.part_rows_min, 0, groups.part_rows_max));
  return within("part_bytes_max", groups.part_bytes_max, 64ull << 10, 1ull << 40);
}

}  // namespace

Status check_grace(Nanos grace) {
  return within("sweep_grace", grace, 60 * kSecond, kSpanMax);
}

Status check_options(const EngineOptions& options) {
  TRY(within("segment_bytes", options.segment_bytes, 64ull << 10, 1ull << 30));
  TRY(within("memory_bytes", options.memory_bytes, kMemoryBytesMin, 1ull << 40));
  TRY(within("flush_bytes", options.flush_bytes, 1, 1ull << 40));
  TRY(within("flush_rows", options.flush_rows, 1, 1ull << 32));
  TRY(within("flush_threads", options.flush_threads, 1, 64));
  TRY(within("pinned_segments_max", options.pinned_segments_max, 1, 100'000));
  TRY(within("cold_age", options.cold_age, kSecond, kForever));
  TRY(within("table_log_bytes", options.table_log_bytes, 1ull << 20, 1ull << 40));
  if (options.device_groups) TRY(check_groups(*options.device_groups));
  TRY(within("disk_reserve_bytes", options.disk_reserve_bytes, 0, 1ull << 40));
  TRY(within("row_group_bytes", options.row_group_bytes, 64ull << 10, 1ull << 30));
  TRY(within("part_bytes", options.part_bytes, 64ull << 10, 1ull << 40));
  TRY(within("zstd_level", options.zstd_level, 1, 19));
  TRY(within("flush_age", options.flush_age, 0, kForever));
  TRY(within("close_flush", options.close_flush, 0, kSpanMax));
  TRY(within("retry_max", options.retry_max, 1, kSpanMax));
  TRY(within("retry_min", options.retry_min, 1, options.retry_max));
  TRY(within("sweep_grace", options.sweep_grace, 3600 * kSecond, kSpanMax));
  TRY(within("sweep_interval", options.sweep_interval, kSecond, kForever));
  TRY(within("manifests_merged_at", options.manifests_merged_at, 2, 10'000));
  return within("snapshots_kept", options.snapshots_kept, 1, 1'000'000);
}

uint64_t bytes_for_rows(const EngineOptions& options) {
  const uint64_t encoders = options.flush_threads * 2 * options.row_group_bytes;
  return std::max(options.memory_bytes / 2,
                  options.memory_bytes - std::min(encoders, options.memory_bytes));
}

}  // namespace sluice::engine
