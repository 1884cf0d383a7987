// Where parts by groups of devices end. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "memtable/device_rows.h"

namespace sluice::flush {

struct RowLimits {
  uint64_t rows_max = UINT64_MAX;
  uint64_t rows_min = 0;  ///< a part of fewer is ended only where its group does; at most rows_max
};

/// Where a part ends at the latest that begins at row `at`, which is a row of `devices[index]`: a
/// part holds one group of one partition, and at most `rows_max` rows. It ends before a device that
/// it has no room for, so that only a device above the maximum is cut, into parts of its own; but
/// if it had fewer than `rows_min` rows then, it is filled.
size_t part_end(const std::vector<memtable::DeviceRows>& devices, size_t index, size_t at,
                const RowLimits& limits);

}  // namespace sluice::flush
