// Tombstones and anchors: their bytes, and what a replay makes of them.
#include "sluice/wal_replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "wal/wal_reader_fixture.h"

namespace sluice::wal {
namespace {

std::string encoded(const WalTombstone& tombstone) {
  return std::string(as_text(encode_tombstone(tombstone).value()));
}
Error refused(std::string_view payload) {
  const Result<WalTombstone> decoded = decode_tombstone(as_bytes(payload));
  return decoded.ok() ? Error(Code::kInvalid, "it was decoded") : decoded.error();
}

TEST(Tombstones, HaveTheRequiredBitAndAnchorsHaveNot) {
  EXPECT_EQ(kWalTombstoneType, 0xbffe);
  EXPECT_EQ(kWalAnchorType, 0x3fff);
}

TEST(Tombstones, ComeBackWithAnyNameThatIsUtf8AndNotTooLong) {
  for (const std::string& name :
       {std::string(), std::string("events"), std::string("Stra\xc3\x9f\x65"),
        std::string(255, 'n'), std::string("a\0b", 3)}) {
    const WalTombstone decoded = decode_tombstone(as_bytes(encoded({name, 77}))).value();
    EXPECT_EQ(decoded.name, name);
    EXPECT_EQ(decoded.purge_lsn, 77u);
  }
  EXPECT_EQ(encoded({"ab", 0x0102}), std::string("\2\0\0\0ab\2\1\0\0\0\0\0\0", 14));
}

TEST(Tombstones, RefuseALongerNameWhenTheyAreEncoded) {
  const Error error = encode_tombstone({std::string(256, 'n'), 1}).error();
  EXPECT_EQ(error.code(), Code::kInvalid);
  EXPECT_EQ(error.reason(), Reason::kPayloadTooLarge);
  EXPECT_EQ(error.expected(), 255u);
  EXPECT_EQ(error.found(), 256u);
  EXPECT_EQ(encode_tombstone({"\xff", 1}).error().code(), Code::kInvalid);
}

TEST(Tombstones, RefuseEveryProperPrefixAndTolerateWhatFollows) {
  const std::string whole = encoded({"name", 99});
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    EXPECT_EQ(refused(whole.substr(0, bytes)).reason(), Reason::kDecodeFailure) << bytes;
  }
  EXPECT_EQ(decode_tombstone(as_bytes(whole + "and more")).value().purge_lsn, 99u);
}

TEST(Tombstones, RefuseANameThatIsTooLongOrNotUtf8) {
  const std::string rest(400, 'x');
  EXPECT_EQ(refused("\xff\xff\xff\xff" + rest).reason(), Reason::kDecodeFailure);
  EXPECT_EQ(refused(std::string("\0\1\0\0", 4) + rest).reason(), Reason::kDecodeFailure);
  EXPECT_EQ(refused(std::string("\1\0\0\0\xff", 5) + rest).code(), Code::kCorrupt);
}

TEST(Anchors, HaveSixteenBytesAndAnyTime) {
  for (const int64_t wall_ms : {int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX}) {
    const std::vector<std::byte> bytes = encode_anchor({42, wall_ms});
    ASSERT_EQ(bytes.size(), 16u);
    EXPECT_EQ(decode_anchor(bytes).value().lsn, 42u);
    EXPECT_EQ(decode_anchor(bytes).value().wall_ms, wall_ms);
  }
  for (const size_t count : {0, 15, 17, 32}) {
    const std::vector<std::byte> bytes(count);
    EXPECT_EQ(decode_anchor(bytes).error().reason(), Reason::kDecodeFailure) << count;
  }
}

TEST(TombstoneSets, ShadowOnlyOlderRecordsOfTheSameTenantAndName) {
  TombstoneSet set;
  set.insert(7, "events", 100);
  EXPECT_TRUE(set.shadows(7, "events", 50));
  EXPECT_TRUE(set.shadows(7, "events", 99));
  EXPECT_FALSE(set.shadows(7, "events", 100));
  EXPECT_FALSE(set.shadows(7, "events", 200));
  EXPECT_FALSE(set.shadows(8, "events", 50));
  EXPECT_FALSE(set.shadows(7, "event", 50));
  EXPECT_FALSE(set.shadows(7, "", 50));
}

TEST(TombstoneSets, KeepTheHighestPurgeWhateverTheOrderAndWhenMerged) {
  TombstoneSet rising;
  rising.insert(1, "a", 100);
  rising.insert(1, "a", 200);
  TombstoneSet falling;
  falling.insert(1, "a", 200);
  falling.insert(1, "a", 100);
  EXPECT_EQ(rising.purge_lsn(1, "a"), 200u);
  EXPECT_EQ(falling.purge_lsn(1, "a"), 200u);
  TombstoneSet other;
  other.insert(1, "a", 150);
  other.insert(2, "a", 10);
  TombstoneSet merged = other;
  merged.merge(rising);
  rising.merge(other);
  for (const TombstoneSet& set : {merged, rising}) {
    EXPECT_EQ(set.purge_lsn(1, "a"), 200u);
    EXPECT_EQ(set.purge_lsn(2, "a"), 10u);
    EXPECT_EQ(set.size(), 2u);
  }
}

class Collecting : public ::testing::Test {
 protected:
  void add(uint16_t type, std::string payload, uint32_t tenant = 7) {
    records_.push_back({.type = type, .tenant = tenant, .payload = std::move(payload)});
  }
  void write_all() {
    const OpenLog log = open_log(disk_).value();
    write(*log, records_);
  }
  CrashDisk disk_;
  std::vector<TestRecord> records_;
};

TEST_F(Collecting, SkipsAndCountsTombstonesThatCannotBeDecodedAndPassesOtherTypes) {
  add(kWalTombstoneType, encoded({"a", 10}));
  add(20 | kWalRequired, encoded({"b", 10}));
  add(kWalTombstoneType, "short");
  add(kWalTombstoneType & ~kWalRequired, encoded({"b", 10}));
  add(kWalTombstoneType, encoded({"a", 30}), 8);
  write_all();
  const std::unique_ptr<WalReader> reader = open_reader(disk_).value();
  const TombstoneSet::Collected found = TombstoneSet::collect(*reader).value();
  EXPECT_EQ(found.undecodable, 1u);
  EXPECT_EQ(found.tombstones.size(), 2u);
  EXPECT_EQ(found.tombstones.purge_lsn(7, "a"), 10u);
  EXPECT_EQ(found.tombstones.purge_lsn(8, "a"), 30u);
}

TEST_F(Collecting, OfACollectionThatWasMadeAgainOnlyTheOlderRecordsAreShadowed) {
  add(20, "older");
  add(kWalTombstoneType, encoded({"c", 2}));
  add(20, "newer");
  write_all();
  const auto reader = open_reader(disk_, {.filter = {.types = {kWalTombstoneType}}}).value();
  const TombstoneSet set = TombstoneSet::collect(*reader).value().tombstones;
  std::vector<std::string> kept;
  for (const TestRecord& record : read_all(disk_, {.filter = {.types = {20}}}).value()) {
    if (!set.shadows(record.tenant, "c", record.lsn)) kept.push_back(record.payload);
  }
  EXPECT_THAT(kept, ::testing::ElementsAre("newer"));
}

TEST_F(Collecting, EndsWithTheReadersError) {
  add(kWalTombstoneType, encoded({"a", 10}));
  write_all();
  const auto reader = open_reader(disk_, {.known_types = {20}}).value();
  EXPECT_EQ(TombstoneSet::collect(*reader).error().code(), Code::kUnsupported);
}

TEST_F(Collecting, FindsTheLsnOfATimeFromAnchors) {
  const auto anchor = [&](Lsn lsn, int64_t wall_ms) {
    add(kWalAnchorType, std::string(as_text(encode_anchor({lsn, wall_ms}))));
  };
  anchor(10, -5);
  anchor(20, 100);
  add(kWalAnchorType, "not sixteen");
  anchor(40, 300);
  anchor(50, 250);  // the clock was set back
  write_all();
  const std::unique_ptr<WalReader> reader = open_reader(disk_).value();
  const AnchorSet::Collected found = AnchorSet::collect(*reader).value();
  EXPECT_EQ(found.undecodable, 1u);
  EXPECT_EQ(found.anchors.lsn_at(-6), std::nullopt);
  EXPECT_EQ(found.anchors.lsn_at(-5), 10u);
  EXPECT_EQ(found.anchors.lsn_at(99), 10u);
  EXPECT_EQ(found.anchors.lsn_at(100), 20u);
  EXPECT_EQ(found.anchors.lsn_at(249), 20u);
  EXPECT_EQ(found.anchors.lsn_at(250), 50u) << "all up to there was written by then";
  EXPECT_EQ(found.anchors.lsn_at(INT64_MAX), 50u);
}

TEST(AnchorSets, TellTheSameWhateverTheOrder) {
  const std::vector<WalAnchor> anchors = {{10, 5}, {20, 5}, {15, 9}, {40, 20}, {30, 30}, {50, 12}};
  std::vector<size_t> order = {0, 1, 2, 3, 4, 5};
  do {
    AnchorSet set;
    for (const size_t i : order) set.insert(anchors[i]);
    for (int64_t wall_ms = 0; wall_ms < 35; ++wall_ms) {
      std::optional<Lsn> highest;
      for (const WalAnchor& anchor : anchors) {
        if (anchor.wall_ms <= wall_ms) highest = std::max(highest.value_or(0), anchor.lsn);
      }
      ASSERT_EQ(set.lsn_at(wall_ms), highest) << wall_ms;
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace
}  // namespace sluice::wal
