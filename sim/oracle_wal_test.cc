#include "sim/oracle_wal.h"

#include <gtest/gtest.h>

namespace sluice::sim {
namespace {

using Found = std::vector<FoundRecord>;

/// Records 1 to 3 are durable at their LSNs, 4 was never answered, 5 was refused.
WalLedger ledger_of_five() {
  WalLedger ledger;
  EXPECT_EQ(ledger.send(5), 1u);
  for (uint64_t number = 1; number <= 3; ++number) {
    EXPECT_EQ(ledger.acknowledge({number, number}), std::nullopt);
  }
  EXPECT_EQ(ledger.refuse(5), std::nullopt);
  return ledger;
}

WalLedger::Verdict recovered(const Found& found, Lsn durable_lsn) {
  return ledger_of_five().recover(found, durable_lsn);
}

TEST(WalSample, IsToldByItsBytesAndByNoOthers) {
  WalSample sample(77);
  const WalFrame frame{9, sample.type, sample.vshard, sample.tenant, sample.payload};
  EXPECT_EQ(number_of(frame), 77u);
  WalFrame other = frame;
  ++other.tenant;
  EXPECT_EQ(number_of(other), std::nullopt);
  sample.payload.back() ^= std::byte{1};
  EXPECT_EQ(number_of({9, sample.type, sample.vshard, sample.tenant, sample.payload}),
            std::nullopt);
  EXPECT_EQ(number_of({}), std::nullopt);
}

TEST(WalLedger, AcceptsWhatWasAcknowledgedWithOrWithoutWhatWasNeverAnswered) {
  EXPECT_EQ(recovered({{1, 1}, {2, 2}, {3, 3}}, 3), std::nullopt);
  EXPECT_EQ(recovered({{1, 1}, {2, 2}, {3, 3}, {4, 4}}, 4), std::nullopt);
}

TEST(WalLedger, FindsWhatWasLostDoubledRefusedOrNeverSent) {
  EXPECT_NE(recovered({{1, 1}, {2, 2}}, 2), std::nullopt) << "the last is lost";
  EXPECT_NE(recovered({}, 0), std::nullopt) << "all are";
  EXPECT_NE(recovered({{2, 2}, {3, 3}}, 3), std::nullopt) << "the first is lost";
  EXPECT_NE(recovered({{1, 1}, {3, 3}}, 3), std::nullopt) << "one in the midst is";
  EXPECT_NE(recovered({{1, 1}, {2, 2}, {3, 3}, {4, 1}}, 4), std::nullopt) << "one is there twice";
  EXPECT_NE(recovered({{1, 1}, {2, 3}, {3, 2}}, 3), std::nullopt) << "two changed places";
  EXPECT_NE(recovered({{1, 1}, {2, 2}, {3, 3}, {4, 5}}, 4), std::nullopt) << "it was refused";
  EXPECT_NE(recovered({{1, 1}, {2, 2}, {3, 3}, {4, 6}}, 4), std::nullopt) << "it was never sent";
}

TEST(WalLedger, LetsNothingComeBackThatARecoveryDidNotShow) {
  WalLedger ledger = ledger_of_five();
  const Found found{{1, 1}, {2, 2}, {3, 3}};
  EXPECT_EQ(ledger.recover(found, 3), std::nullopt);
  EXPECT_EQ(ledger.recover(found, 3), std::nullopt);
  Found more = found;
  more.push_back({4, 4});
  EXPECT_NE(ledger.recover(more, 4), std::nullopt);
  EXPECT_NE(ledger.acknowledge({4, 4}), std::nullopt);
}

TEST(WalLedger, KeepsWhatOnlyARecoveryHasShown) {
  WalLedger ledger = ledger_of_five();
  EXPECT_EQ(ledger.recover({{1, 1}, {2, 2}, {3, 3}, {4, 4}}, 4), std::nullopt);
  EXPECT_NE(ledger.recover({{1, 1}, {2, 2}, {3, 3}}, 3), std::nullopt);
}

TEST(WalLedger, KnowsWhatMayGoAndWhatMustHaveGone) {
  WalLedger ledger = ledger_of_five();
  ledger.truncate(3);
  EXPECT_EQ(WalLedger(ledger).recover({{2, 2}, {3, 3}}, 3), std::nullopt);
  EXPECT_NE(WalLedger(ledger).recover({}, 3), std::nullopt) << "LSN 3 is needed";
  ledger.forget(3);
  EXPECT_NE(WalLedger(ledger).recover({{2, 2}, {3, 3}}, 3), std::nullopt) << "2 came back";
  EXPECT_EQ(WalLedger(ledger).recover({{3, 3}}, 3), std::nullopt);
}

TEST(WalLedger, FindsAnLsnThatIsGivenTwiceAndARefusalOfWhatWasShown) {
  WalLedger ledger = ledger_of_five();
  EXPECT_NE(ledger.acknowledge({3, 4}), std::nullopt);
  EXPECT_EQ(ledger.append({4, 4}), std::nullopt);
  EXPECT_NE(ledger.acknowledge({5, 4}), std::nullopt) << "it has another LSN";
  EXPECT_NE(ledger.refuse(4), std::nullopt);
}

TEST(WalLedger, HoldsTheArchiveToWhatItTook) {
  WalLedger ledger = ledger_of_five();
  const WalSegment first{"a", 1, 2, 3};
  EXPECT_EQ(ledger.archive(first, std::vector<std::byte>(3)), std::nullopt);
  EXPECT_EQ(ledger.archive(first, std::vector<std::byte>(3)), std::nullopt) << "shown again";
  EXPECT_NE(ledger.archive(first, std::vector<std::byte>(4)), std::nullopt) << "with other bytes";
  EXPECT_NE(ledger.archive({"c", 4, 5, 1}, {}), std::nullopt) << "LSN 3 is left out";
  EXPECT_EQ(ledger.check_archive({{1, 1}, {2, 2}}), std::nullopt);
  EXPECT_NE(ledger.check_archive({{1, 1}}), std::nullopt);
  EXPECT_NE(ledger.check_archive({{2, 2}}), std::nullopt);
  EXPECT_NE(ledger.check_archive({{1, 1}, {2, 5}}), std::nullopt);
}

}  // namespace
}  // namespace sluice::sim
