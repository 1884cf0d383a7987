#include "flush/part_end.h"

#include <gtest/gtest.h>

namespace sluice::flush {
namespace {

using memtable::DeviceRows;
using Ends = std::vector<size_t>;

/// Devices of group 0 with so many rows each.
std::vector<DeviceRows> devices_of(const std::vector<uint32_t>& counts) {
  std::vector<DeviceRows> devices;
  uint32_t first = 0;
  for (const uint32_t count : counts) {
    devices.push_back({0, 0, first, count});
    first += count;
  }
  return devices;
}

/// Of all parts, one after the other.
Ends ends_of(const std::vector<DeviceRows>& devices, const RowLimits& limits) {
  Ends ends;
  size_t at = 0;
  for (size_t index = 0; index < devices.size();) {
    at = part_end(devices, index, at, limits);
    ends.push_back(at);
    while (index < devices.size() && devices[index].first + devices[index].count <= at) ++index;
  }
  return ends;
}

TEST(PartEnd, IsBeforeTheDeviceThatThereIsNoRoomFor) {
  EXPECT_EQ(ends_of(devices_of({100, 100, 100}), {100, 1}), (Ends{100, 200, 300}));
  EXPECT_EQ(ends_of(devices_of({40, 60, 1, 99, 50}), {100, 1}), (Ends{100, 200, 250}));
  EXPECT_EQ(ends_of(devices_of({60, 60, 30}), {100, 1}), (Ends{60, 150}));
}

TEST(PartEnd, CutsADeviceAboveTheMaximumIntoPartsOfItsOwn) {
  EXPECT_EQ(ends_of(devices_of({250}), {100, 1}), (Ends{100, 200, 250}));
  EXPECT_EQ(ends_of(devices_of({10, 250, 10}), {100, 1}), (Ends{10, 110, 210, 260, 270}));
  EXPECT_EQ(ends_of(devices_of({101, 100}), {100, 1}), (Ends{100, 101, 201}));
}

TEST(PartEnd, FillsAPartThatWouldBeTooSmall) {
  EXPECT_EQ(ends_of(devices_of({5, 98, 60}), {100, 10}), (Ends{100, 163}));
  EXPECT_EQ(ends_of(devices_of({10, 98}), {100, 10}), (Ends{10, 108}));
}

TEST(PartEnd, IsWhereGroupOrPartitionEnd) {
  std::vector<DeviceRows> devices = devices_of({3, 3, 3, 3});
  devices[1].group = devices[2].group = 1;
  devices[2].partition = devices[3].partition = 1;
  EXPECT_EQ(ends_of(devices, {100, 10}), (Ends{3, 6, 9, 12}));
}

}  // namespace
}  // namespace sluice::flush
