// Parts by groups of devices, through the engine.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "model/device_id.h"
#include "sluice/engine.h"
#include "sluice/inspect.h"
#include "sluice/inspect_groups.h"
#include "table/format.h"
#include "table/read.h"

namespace sluice {
namespace {

const TableName kName{"plant", "meters"};

TableSpec meters_spec() {
  return {{{"id", Type::kString}, {"time", Type::kTimestamp}, {"value", Type::kDouble}},
          {"id"},
          "time"};
}

using Devices = std::vector<std::string>;
using GroupOf = std::map<std::string, uint32_t>;

/// "m000", "m001", … from `first` on.
Devices meters_from(int first, int count) {
  Devices devices;
  for (int i = first; i < first + count; ++i) {
    devices.push_back("m" + std::to_string(1000 + i).substr(1));
  }
  return devices;
}

class DeviceGroupsTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "device_groups_" +
           testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(dir_);
    options_.device_groups = DeviceGroups{};
  }
  void TearDown() override {
    engine_.reset();
    platform_.reset();
    std::filesystem::remove_all(dir_);
  }
  void start() {
    engine_.reset();
    platform_.reset();
    platform_ = open_local_platform(dir_, DirectoryUse::kCreate).value();
    engine_ = Engine::open(platform_->platform(), options_).value();
    ASSERT_TRUE(engine_->create_table(kName, meters_spec()).ok());
  }
  /// So many rows of each device, a second apart from `begin` on, in the table.
  FlushReport flush(const Devices& devices, int rows = 1, Nanos begin = 0) {
    BatchBuilder builder(Schema::make(meters_spec().columns).value());
    for (int row = 0; row < rows; ++row) {
      for (const std::string& device : devices) {
        builder.append_bytes(0, device);
        builder.append_timestamp(1, begin + row * kSecond);
        builder.append_double(2, row);
      }
    }
    EXPECT_TRUE(engine_->append(kName, builder.finish().value(), {}).ok());
    const auto report = engine_->flush(kName);
    EXPECT_TRUE(report.ok()) << report.error().to_string();
    return report.ok() ? *report : FlushReport{};
  }

  Bucket& bucket() { return *platform_->platform().bucket; }
  std::vector<part::Meta> parts() {
    return table::read_parts(bucket(), table::load_head(bucket(), kName).value()->metadata).value();
  }
  table::GroupsPtr groups() {
    const auto head = table::load_head(bucket(), kName).value();
    return table::read_groups(bucket(), head->metadata, nullptr).value();
  }
  /// Of each device, and every row of every part lies in its group: verify says so (T17).
  GroupOf group_of(const Devices& devices) {
    expect_sound();
    GroupOf found;
    for (const std::string& device : devices) {
      const auto group = groups()->find(device);
      if (group) found[device] = *group;
    }
    return found;
  }
  void expect_sound() {
    const VerifyReport report = verify(platform_->platform(), {}).value();
    for (const Finding& finding : report.findings) ADD_FAILURE() << finding.error.to_string();
  }
  uint64_t stored_rows() {
    const auto snapshot = engine_->snapshot(kName).value();
    const auto cursor = snapshot->scan({}).value();
    uint64_t rows = 0;
    while (const auto batch = cursor->next().value()) rows += batch->rows();
    return rows;
  }

  std::string dir_;
  EngineOptions options_;
  std::unique_ptr<OwnedPlatform> platform_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(DeviceGroupsTest, AreFilledByIdThenByTheFirstWithRoomAndNoDeviceEverMoves) {
  start();
  const Devices first = meters_from(0, 120);
  flush(first);
  const GroupOf known = group_of(first);
  EXPECT_EQ(groups()->sizes(), (std::vector<uint32_t>{50, 50, 20}));
  EXPECT_EQ(known.at("m049"), 0u);
  EXPECT_EQ(known.at("m050"), 1u);
  flush(meters_from(120, 5));
  EXPECT_EQ(groups()->sizes(), (std::vector<uint32_t>{50, 50, 25}));
  start();
  flush(meters_from(125, 40));
  EXPECT_EQ(groups()->sizes(), (std::vector<uint32_t>{50, 50, 50, 15}));
  flush(first, 2, kSecond);
  EXPECT_EQ(group_of(first), known);
}

TEST_F(DeviceGroupsTest, OfTwoTakeAFourthDeviceIntoTheOpenOne) {
  options_.device_groups->devices_max = 2;
  start();
  EXPECT_EQ(flush({"a", "b", "c"}).parts, 2u);
  EXPECT_EQ(flush({"d"}).parts, 1u);
  EXPECT_EQ(group_of({"a", "b", "c", "d"}), (GroupOf{{"a", 0}, {"b", 0}, {"c", 1}, {"d", 1}}));
}

TEST_F(DeviceGroupsTest, PartsAreSplitByRowsADeviceAboveTheMaximumIntoItsOwn) {
  options_.device_groups->part_rows_max = 100;
  options_.device_groups->part_rows_min = 10;
  start();
  EXPECT_EQ(flush({"a", "b", "c"}, 100).parts, 3u);
  EXPECT_EQ(flush({"d"}, 250).parts, 3u);
  EXPECT_EQ(flush({"e", "f"}, 40).parts, 1u);
  uint64_t rows = 0;
  for (const part::Meta& part : parts()) {
    EXPECT_LE(part.rows, 100u);
    rows += part.rows;
  }
  EXPECT_EQ(rows, 300u + 250 + 80);
  EXPECT_EQ(stored_rows(), rows);
  expect_sound();
}

TEST_F(DeviceGroupsTest, PartsAreSplitByTheirBytesButNotBelowTheLeastRows) {
  options_.device_groups->part_bytes_max = 64 << 10;
  options_.device_groups->part_rows_min = 2'000;
  start();
  const uint64_t count = flush({"a", "b"}, 30'000).parts;
  EXPECT_GT(count, 2u);
  EXPECT_LE(count, 30u);
  EXPECT_EQ(stored_rows(), 60'000u);
  uint64_t small = 0;
  for (const part::Meta& part : parts()) small += part.rows < 2'000;
  EXPECT_LE(small, 1u) << "the last one";
}

TEST_F(DeviceGroupsTest, AFlushReadsNoOldPartAndAddsItsOwn) {
  options_.device_groups->devices_max = 2;
  start();
  flush({"a", "b", "c"});
  std::set<std::string> before;
  for (const part::Meta& part : parts()) before.insert(part.key);
  for (const std::string& key : before) std::filesystem::remove(dir_ + "/tables/" + key);
  EXPECT_EQ(flush({"a", "b", "c", "d"}, 1, kSecond).parts, 2u);
  std::set<std::string> after;
  for (const part::Meta& part : parts()) after.insert(part.key);
  for (const std::string& key : before) EXPECT_TRUE(after.contains(key));
}

TEST_F(DeviceGroupsTest, DaysHavePartsOfTheirOwnAndTheGroupsAreTheTables) {
  options_.device_groups->devices_max = 2;
  start();
  constexpr Nanos kDay = 86'400 * kSecond;
  flush({"c", "d", "e"});
  EXPECT_EQ(flush({"a", "c", "e"}, 2, kDay - kSecond).parts, 4u);
  EXPECT_EQ(group_of({"a", "c", "d", "e"}), (GroupOf{{"a", 1}, {"c", 0}, {"d", 0}, {"e", 1}}));
}

TEST_F(DeviceGroupsTest, BeginWithTheFlushThatWantsThemAndEarlierPartsBelongToNone) {
  options_.device_groups.reset();
  start();
  flush({"b", "c"});
  EXPECT_EQ(groups()->devices(), 0u);
  options_.device_groups = DeviceGroups{.devices_max = 1};
  start();
  flush({"a", "c"}, 1, kSecond);
  EXPECT_EQ(group_of({"a", "b", "c"}), (GroupOf{{"a", 0}, {"c", 1}}));
  std::multiset<std::string> told;
  for (const part::Meta& part : parts()) {
    const auto group = table::part_group(part.key);
    told.insert(group ? std::to_string(*group) : "none");
  }
  EXPECT_EQ(told, (std::multiset<std::string>{"0", "1", "none"}));
  EXPECT_EQ(stored_rows(), 4u);
  options_.device_groups.reset();
  start();
  flush({"a"}, 1, 2 * kSecond);
  EXPECT_EQ(groups()->devices(), 2u) << "what is known stays";
}

TEST_F(DeviceGroupsTest, ATableWithoutTimeOrKeyHasNone) {
  start();
  TableSpec by_row = meters_spec();
  by_row.time.clear();
  TableSpec appended = meters_spec();
  appended.key.clear();
  for (const TableSpec& spec : {by_row, appended}) {
    const TableName name{"plant", spec.time.empty() ? "rows" : "events"};
    ASSERT_TRUE(engine_->create_table(name, spec).ok());
    BatchBuilder builder(Schema::make(spec.columns).value());
    for (int row = 0; row < 200; ++row) {
      builder.append_bytes(0, std::to_string(row));
      builder.append_timestamp(1, row);
      builder.append_double(2, row);
    }
    ASSERT_TRUE(engine_->append(name, builder.finish().value(), {}).ok());
    EXPECT_EQ(engine_->flush(name).value().parts, 1u);
    EXPECT_TRUE(table::load_head(bucket(), name).value()->metadata.groups_key.empty());
  }
}

TEST_F(DeviceGroupsTest, AnyBytesMayBeADevice) {
  options_.device_groups->devices_max = 2;
  start();
  const Devices odd = {
      "", "a:b", "../../etc", "a/b", std::string("a\0b", 3), std::string(70'000, 'x'), "é"};
  flush(odd);
  EXPECT_EQ(group_of(odd).size(), odd.size());
  EXPECT_EQ(groups()->sizes(), (std::vector<uint32_t>{2, 2, 2, 1}));
  EXPECT_EQ(stored_rows(), odd.size());
}

TEST_F(DeviceGroupsTest, OfManyDevicesAreReadAgainWhereMemoryIsSmall) {
  options_.memory_bytes = 8 << 20;
  options_.flush_threads = 1;
  options_.device_groups->devices_max = 1000;
  start();
  const std::string stem(20, 'd');
  for (int first = 100'000; first < 140'000; first += 8'000) {
    Devices devices;
    for (int i = first; i < first + 8'000; ++i) devices.push_back(stem + std::to_string(i));
    flush(devices);
  }
  const uint64_t used = engine_->status().memory_bytes_used;
  EXPECT_LT(used, options_.memory_bytes / 8);
  flush({stem + "100000", "last"}, 1, kSecond);
  EXPECT_EQ(groups()->devices(), 40'001u);
  EXPECT_EQ(groups()->find(stem + "100000"), 0u);
  EXPECT_EQ(groups()->find("last"), 40u);
}

TEST_F(DeviceGroupsTest, AreCountedAsMemoryWhileTheyAreKept) {
  start();
  flush(meters_from(0, 999));
  const uint64_t bytes = groups()->bytes();
  EXPECT_GT(bytes, 999u * 12);
  EXPECT_EQ(engine_->status().memory_bytes_used, bytes);
}

// T17: whoever gives a part another group's name is found out.
TEST_F(DeviceGroupsTest, VerifyFindsAPartWithADeviceOfAnotherGroup) {
  options_.device_groups->devices_max = 1;
  start();
  flush({"a", "b"});
  const auto head = table::load_head(bucket(), kName).value();
  const std::string key = head->metadata.groups_key;
  const std::vector<table::Membership> swapped = {{"a", 1}, {"b", 0}};
  std::ofstream(dir_ + "/tables/" + key, std::ios::binary)
      << table::encode_roster({}, swapped, 2, key);
  const VerifyReport report = verify(platform_->platform(), {}).value();
  ASSERT_EQ(report.findings.size(), 2u);
  for (const Finding& finding : report.findings) {
    EXPECT_EQ(finding.error.message(),
              "the part holds a device of another group than its name tells");
  }
}

TEST_F(DeviceGroupsTest, AreShownWithTheirDevicesPartsAndRows) {
  options_.device_groups->devices_max = 2;
  start();
  flush({"a", "b", "d"}, 3);
  flush({"c", "d"}, 2, kSecond * 100);
  const auto ask = [&](const GroupsRequest& request) {
    return inspect_groups(platform_->platform(), kName, request).value();
  };
  const GroupsInspection all = ask({.all_devices = true});
  EXPECT_EQ(all.device_column, "id");
  EXPECT_EQ(all.devices, 4u);
  ASSERT_EQ(all.groups.size(), 2u);
  EXPECT_EQ(all.groups[1].group, 1u);
  EXPECT_EQ(all.groups[1].devices, 2u);
  EXPECT_EQ(all.groups[1].parts, 2u);
  EXPECT_EQ(all.groups[1].rows, 7u);
  EXPECT_EQ(all.without.parts, 0u);
  std::string devices;
  for (const DeviceDescription& device : all.devices_asked) {
    devices += device.device.bytes + std::to_string(device.group.value());
  }
  EXPECT_EQ(devices, "a0b0c1d1");
  EXPECT_EQ(ask({.group = 1}).devices_asked.size(), 2u);
  EXPECT_EQ(ask({.device = "c"}).devices_asked.at(0).group, 1u);
  EXPECT_EQ(ask({.device = "z"}).devices_asked.at(0).group, std::nullopt);
  ASSERT_TRUE(bucket().remove(table::load_head(bucket(), kName).value()->metadata.groups_key).ok());
  const GroupsInspection damaged = ask({});
  EXPECT_EQ(damaged.findings.size(), 1u);
  EXPECT_EQ(damaged.groups.at(1).rows, 7u) << "the names of parts still tell";
}

TEST(DeviceGroups, OutOfTheirLimitsAreRefusedByName) {
  const std::string dir = testing::TempDir() + "device_groups_limits";
  const auto platform = open_local_platform(dir, DirectoryUse::kCreate).value();
  const auto refused = [&](DeviceGroups groups) {
    EngineOptions options;
    options.device_groups = groups;
    return Engine::open(platform->platform(), options).error().where();
  };
  EXPECT_EQ(refused({.devices_max = 0}), "devices_max");
  EXPECT_EQ(refused({.part_rows_max = 0}), "part_rows_max");
  EXPECT_EQ(refused({.part_rows_max = 10, .part_rows_min = 11}), "part_rows_min");
  EXPECT_EQ(refused({.part_bytes_max = 1}), "part_bytes_max");
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace sluice
