// Inspection of a table's groups of devices (DeviceGroups). As of a table: nothing here writes or
// takes a lock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/inspect.h"
#include "sluice/platform.h"
#include "sluice/result.h"
#include "sluice/snapshot.h"

namespace sluice {

/// A group, or what belongs to none, in the newest snapshot.
struct GroupDescription {
  uint32_t group = 0;
  uint64_t devices = 0;
  uint64_t parts = 0;
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

struct DeviceDescription {
  Value device;
  std::optional<uint32_t> group;  ///< absent: the table has no such device
};

struct GroupsRequest {
  std::optional<std::string> device = std::nullopt;  ///< as text: this one is described
  std::optional<uint32_t> group = std::nullopt;      ///< its devices are described
  bool all_devices = false;                          ///< all are
};

struct GroupsInspection {
  std::string device_column;  ///< the key's first; empty: the table has no key, and no devices
  uint64_t devices = 0;
  std::vector<GroupDescription> groups;          ///< by number
  GroupDescription without;                      ///< parts that hold any device
  std::vector<DeviceDescription> devices_asked;  ///< by group and id
  std::vector<Finding> findings;
};
/// kNotFound: no such table. kInvalid: the device that is asked for cannot be in its column.
Result<GroupsInspection> inspect_groups(Platform platform, const TableName& name,
                                        const GroupsRequest& request);

}  // namespace sluice
