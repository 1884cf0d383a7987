#include "wal/record_filter.h"

#include <algorithm>

namespace sluice::wal {
namespace {

/// Bits of a SealedHeader for the log's own types, but for checkpoints, which no reader wants.
constexpr uint64_t kOwnBits =
    ((uint64_t{1} << kFirstUserType) - 2) & ~(uint64_t{1} << (kCheckpointType & kTypeNumberMask));

template <class T>
std::vector<T> sorted(std::vector<T> values) {
  std::sort(values.begin(), values.end());
  return values;
}

template <class T>
bool is_among(const std::vector<T>& wanted, T value) {
  return wanted.empty() || std::binary_search(wanted.begin(), wanted.end(), value);
}

template <class T>
bool is_any_within(const std::vector<T>& wanted, T lowest, T highest) {
  if (wanted.empty()) return true;
  const auto first = std::lower_bound(wanted.begin(), wanted.end(), lowest);
  return first != wanted.end() && *first <= highest;
}

}  // namespace

RecordFilter::RecordFilter(const WalReadOptions& options)
    : from_(options.from),
      types_(options.filter.types),
      known_(options.known_types),
      tenants_(sorted(options.filter.tenants)),
      vshards_(sorted(options.filter.vshards)),
      knows_all_(known_.has_all()),
      is_open_(types_.has_all() && knows_all_ && tenants_.empty() && vshards_.empty()) {
  for (const uint16_t type : options.filter.types) type_bits_ |= uint64_t{1} << (type % 64);
  if (options.filter.types.empty()) type_bits_ = UINT64_MAX;
}

bool RecordFilter::takes(const WalFrameHeader& record) const {
  return record.lsn >= from_ && types_.has(record.type) && known_.has(record.type) &&
         is_among(tenants_, record.tenant) && is_among(vshards_, record.vshard);
}

bool RecordFilter::must_refuse(const WalFrameHeader& record) const {
  return record.lsn >= from_ && known_.must_refuse(record.type);
}

bool RecordFilter::may_take(const SealedHeader& block) const {
  if ((block.types & kOwnBits) != 0) return true;
  const bool has_users = block.tenant_min <= block.tenant_max;
  if (!has_users || block.last_lsn < from_) return false;
  if (!knows_all_) return true;
  return (block.types & type_bits_) != 0 &&
         is_any_within(tenants_, block.tenant_min, block.tenant_max) &&
         is_any_within(vshards_, block.vshard_min, block.vshard_max);
}

}  // namespace sluice::wal
