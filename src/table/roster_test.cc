#include "table/roster.h"

#include <gtest/gtest.h>

#include "table/fakes_test.h"
#include "table/format.h"

namespace sluice::table {
namespace {

const std::string kKey = groups_key("db/coll", id_of<CommitId>(3));
const std::vector<RosterRef> kBelow = {{id_of<CommitId>(1), 4000, 100},
                                       {id_of<CommitId>(2), 90, 1}};
const std::string kNul("b\0", 2);
const std::vector<Membership> kDevices = {{"", 3}, {"a", 0}, {"b", 2}, {kNul, 0}, {"\xff", 1}};

std::string encoded() {
  return encode_roster(kBelow, kDevices, 4, kKey);
}

TEST(Roster, ComesBackAsItWasWritten) {
  const Roster roster = Roster::decode(encoded(), kKey).value();
  EXPECT_EQ(roster.below(), kBelow);
  EXPECT_EQ(roster.groups(), 4u);
  ASSERT_EQ(roster.size(), kDevices.size());
  for (uint32_t at = 0; at < roster.size(); ++at) EXPECT_EQ(roster[at], kDevices[at]);
  EXPECT_EQ(roster.bytes(), encoded().size());
}

TEST(Roster, TellsWhatIsBelowItFromItsHeadAlone) {
  EXPECT_EQ(Roster::decode_below(encoded(), kKey).value(), kBelow);
  const size_t head = 44 + 32 * kBelow.size();
  EXPECT_EQ(Roster::decode_below(encoded().substr(0, head), kKey).value(), kBelow);
  EXPECT_FALSE(Roster::decode_below(encoded().substr(0, head - 1), kKey).ok());
}

TEST(Roster, FindsTheFirstDeviceThatIsNotLessFromAnywhere) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(std::to_string(1000 + 2 * i));
  std::vector<Membership> devices;
  for (const std::string& name : names) devices.push_back({name, 0});
  const Roster roster = Roster::decode(encode_roster({}, devices, 1, kKey), kKey).value();
  for (int number = 999; number <= 1200; ++number) {
    const std::string wanted = std::to_string(number);
    const auto place =
        static_cast<uint32_t>(std::lower_bound(names.begin(), names.end(), wanted) - names.begin());
    for (uint32_t from = 0; from <= place; ++from) {
      ASSERT_EQ(roster.lower_bound(wanted, from), place) << wanted << " from " << from;
    }
  }
}

// T10
TEST(Roster, EveryFlippedBitEveryCutAndAnotherNameIsFound) {
  const std::string good = encoded();
  for (size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = good;
      damaged[at] = static_cast<char>(good[at] ^ (1 << bit));
      const auto roster = Roster::decode(damaged, kKey);
      ASSERT_FALSE(roster.ok()) << at;
      EXPECT_NE(roster.error().code(), Code::kInvalid);
    }
    EXPECT_EQ(Roster::decode(good.substr(0, at), kKey).error().code(), Code::kCorrupt) << at;
  }
  EXPECT_FALSE(Roster::decode(good + '\0', kKey).ok());
  EXPECT_EQ(Roster::decode(good, groups_key("db/coll", id_of<CommitId>(4))).error().reason(),
            Reason::kCrcMismatch);
  EXPECT_TRUE(Roster::decode(good, groups_key("moved/table", id_of<CommitId>(3))).ok());
}

TEST(Roster, RefusesWhatIsWholeButNoRoster) {
  const auto refused = [](std::vector<Membership> devices, uint32_t groups) {
    return Roster::decode(encode_roster({}, devices, groups, kKey), kKey).error().message();
  };
  const std::string order = "a roster's devices are out of order, or of no group";
  EXPECT_EQ(refused({{"b", 0}, {"a", 0}}, 1), order);
  EXPECT_EQ(refused({{"a", 0}, {"a", 0}}, 1), order);
  EXPECT_EQ(refused({{"a", 0}, {"b", 1}}, 1), order);
  EXPECT_EQ(refused({{"a", 0}}, kGroupsMax + 1), "a roster's head is cut or no head");
}

TEST(Roster, OfANewerFormatIsUnsupported) {
  std::string bytes = encoded();
  bytes[8] = 1;
  EXPECT_EQ(Roster::decode(bytes, kKey).error().code(), Code::kUnsupported);
}

}  // namespace
}  // namespace sluice::table
