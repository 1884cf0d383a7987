#include "flush/part_end.h"

#include <algorithm>

namespace sluice::flush {

size_t part_end(const std::vector<memtable::DeviceRows>& devices, size_t index, size_t at,
                const RowLimits& limits) {
  const memtable::DeviceRows& first = devices[index];
  const size_t end_of_first = size_t{first.first} + first.count;
  if (first.count > limits.rows_max) return std::min<size_t>(at + limits.rows_max, end_of_first);
  size_t end = end_of_first;
  for (size_t next = index + 1; next < devices.size(); ++next) {
    const memtable::DeviceRows& device = devices[next];
    const bool belongs = device.partition == first.partition && device.group == first.group;
    if (!belongs || device.count > limits.rows_max) break;
    if (end - at + device.count <= limits.rows_max) {
      end += device.count;
      continue;
    }
    return end - at < limits.rows_min ? at + limits.rows_max : end;
  }
  return end;
}

}  // namespace sluice::flush
