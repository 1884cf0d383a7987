#include "memtable/device_rows.h"

#include <gtest/gtest.h>

#include "memtable/readings_fixture.h"

namespace sluice::memtable {
namespace {

using Ids = std::vector<std::string_view>;

TEST(Devices, AreNamedOnceHoweverManyPartitionsAndRunsHaveTheirRows) {
  const Frozen frozen(runs_of({{{"b", 1, 0}, {"c", kDay, 1}}, {{"a", kDay, 2}, {"b", 0, 3}}}),
                      kKeyed);
  EXPECT_EQ(Devices(frozen, kKeyed).ids(), (Ids{"a", "b", "c"}));
}

TEST(Devices, ComeInTheOrderOfTheirGroupsAndWithinThemAsBefore) {
  Frozen frozen(runs_of({{{"a", 2, 1}, {"b", 1, 2}, {"c", 5, 3}, {"d", 0, 4}},
                         {{"a", 1, 0}, {"c", 6, 5}, {"b", kDay, 6}, {"a", kDay, 7}}}),
                kKeyed);
  const Devices devices(frozen, kKeyed);
  const auto rows = devices.arrange(frozen, {1, 0, 1, 0});
  EXPECT_EQ(longs(frozen), (Longs{2, 4, 0, 1, 3, 5, 6, 7}));
  EXPECT_EQ(
      rows,
      (std::vector<DeviceRows>{
          {0, 0, 0, 1}, {0, 0, 1, 1}, {0, 1, 2, 2}, {0, 1, 4, 2}, {1, 0, 6, 1}, {1, 1, 7, 1}}));
  EXPECT_EQ(frozen.partitions()[0].count, 6u);
}

TEST(Devices, StayWhereTheyAreIfTheirGroupsRiseAlready) {
  Frozen frozen(runs_of({{{"a", 2, 1}, {"b", 1, 2}, {"c", 5, 3}}}), kKeyed);
  const auto rows = Devices(frozen, kKeyed).arrange(frozen, {0, 0, 7});
  EXPECT_EQ(longs(frozen), (Longs{1, 2, 3}));
  EXPECT_EQ(rows.back(), (DeviceRows{0, 7, 2, 1}));
}

TEST(Devices, MayBeNumbersThatAreNegative) {
  const TableSpec spec = {
      {{"n", Type::kInt64}, {"time", Type::kTimestamp}, {"id", Type::kString}}, {"n"}, "time"};
  Frozen frozen(runs_of({{{"", 0, 3}, {"", 1, -3}, {"", 2, 0}, {"", 3, -3}}}), spec);
  const Devices devices(frozen, spec);
  ASSERT_EQ(devices.ids().size(), 3u);
  EXPECT_TRUE(std::is_sorted(devices.ids().begin(), devices.ids().end()));
  EXPECT_EQ(devices.arrange(frozen, {2, 1, 0}).size(), 3u);
  EXPECT_EQ(longs(frozen), (Longs{3, 0, -3, -3}));
}

TEST(Devices, OfNoRowsAreNone) {
  Frozen frozen({}, kKeyed);
  const Devices devices(frozen, kKeyed);
  EXPECT_TRUE(devices.ids().empty());
  EXPECT_TRUE(devices.arrange(frozen, {}).empty());
}

}  // namespace
}  // namespace sluice::memtable
