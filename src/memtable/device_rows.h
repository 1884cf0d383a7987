// Devices: the rows of a Frozen by device, which is the value of the key's first column, and in the
// order of groups of devices.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "memtable/frozen.h"

namespace sluice::memtable {

/// Rows [first, first + count) of a Frozen: all of one device in one partition.
struct DeviceRows {
  uint32_t partition = 0;  ///< by its place among the Frozen's
  uint32_t group = 0;
  uint32_t first = 0;
  uint32_t count = 0;
  friend bool operator==(const DeviceRows&, const DeviceRows&) = default;
};

/// One thread. Up to 80 bytes a device and partition while it sorts them, and 16 bytes a row of one
/// partition while it puts rows in order.
class Devices {
 public:
  /// `spec` has a key.
  Devices(const Frozen& frozen, const TableSpec& spec);

  /// Ids (model/device_id.h), ascending, each once. They lie in the Frozen or here.
  const std::vector<std::string_view>& ids() const { return ids_; }
  /// Puts the rows of each partition of the same Frozen into the order of group, key and time, and
  /// says where the devices are now, in this order. `groups`: of each of ids().
  std::vector<DeviceRows> arrange(Frozen& frozen, const std::vector<uint32_t>& groups) const;

 private:
  struct Span {
    DeviceRows rows;
    uint32_t id = 0;  // its place in ids_
  };
  void find_spans(const Frozen& frozen, const std::vector<ColumnView>& views);
  void name_spans(const Frozen& frozen, const std::vector<ColumnView>& views);

  std::vector<Span> spans_;  // in the order of the rows
  std::vector<std::string_view> ids_;
  std::string numbers_;  // ids of devices that are no texts
};

}  // namespace sluice::memtable
