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

RecordFilter::Types RecordFilter::types_of(const std::vector<uint16_t>& types) {
  Types set;
  if (types.empty()) set.set();
  for (const uint16_t type : types) set.set(type & kTypeNumberMask);
  return set;
}

RecordFilter::RecordFilter(const WalReadOptions& options)
    : from_(options.from),
      types_(types_of(options.filter.types)),
      known_(types_of(options.known_types)),
      tenants_(sorted(options.filter.tenants)),
      vshards_(sorted(options.filter.vshards)),
      knows_all_(known_.all()),
      is_open_(types_.all() && knows_all_ && tenants_.empty() && vshards_.empty()) {
  for (const uint16_t type : options.filter.types) type_bits_ |= uint64_t{1} << (type % 64);
  if (options.filter.types.empty()) type_bits_ = UINT64_MAX;
}

bool RecordFilter::takes(const WalFrameHeader& record) const {
  const uint16_t number = record.type & kTypeNumberMask;
  return record.lsn >= from_ && types_[number] && known_[number] &&
         is_among(tenants_, record.tenant) && is_among(vshards_, record.vshard);
}

bool RecordFilter::must_refuse(const WalFrameHeader& record) const {
  return (record.type & kRequiredBit) != 0 && record.lsn >= from_ &&
         !known_[record.type & kTypeNumberMask];
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
