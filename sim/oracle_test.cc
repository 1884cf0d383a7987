#include "sim/oracle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::sim {
namespace {

using testing::HasSubstr;

constexpr Appended kFirstLsn{1, false};
constexpr Appended kSecondLsn{2, false};

SimTable table_of(bool keyed) {
  SimTable table;
  table.name = {"sim", "t"};
  if (keyed) table.spec.key = {"device"};  // of one value: every row replaces every earlier one
  return table;
}

/// A table, what was sent to it, and what a reader finds.
class OracleTest : public testing::Test {
 protected:
  uint64_t send(uint32_t rows = 2) { return ledger_.send({.rows = rows}); }
  uint64_t acknowledged(const Appended& appended, AckClass ack = AckClass::kLog) {
    const uint64_t number = send();
    ledger_.acknowledge(number, ack, appended);
    return number;
  }
  void find(uint64_t number, uint64_t row) {
    found_.push_back(row_of(table_, row_id(number, row), false));
  }
  void find_all(uint64_t number) {
    for (uint64_t row = 0; row < ledger_.sent()[number].rows; ++row) find(number, row);
  }
  std::string verdict(Promise promise = Promise::kDurable) {
    const uint64_t begin = ledger_.tick();
    return find_violation(ledger_, table_, 0, {found_, shape_}, promise, begin).value_or("fine");
  }

  SimTable table_ = table_of(false);
  Ledger ledger_;
  std::vector<Row> found_;
  Shape shape_;  // as it is found
};

class KeyedOracleTest : public OracleTest {
 protected:
  KeyedOracleTest() { table_ = table_of(true); }
};

TEST_F(OracleTest, IsContentWithWhatWasAcknowledged) {
  find_all(acknowledged(kFirstLsn));
  EXPECT_EQ(verdict(), "fine");
}

TEST_F(OracleTest, MissesAnAcknowledgedRow) {
  find(acknowledged(kFirstLsn), 0);
  EXPECT_THAT(verdict(), HasSubstr("a row is missing: row 1 of batch 0"));
}

TEST_F(OracleTest, AsksAnUnansweredBatchToBeThereAsAWholeOrNotAtAll) {
  const uint64_t number = send();
  EXPECT_EQ(verdict(), "fine");
  find(number, 0);
  EXPECT_THAT(verdict(), HasSubstr("a row is missing"));
  find(number, 1);
  EXPECT_EQ(verdict(), "fine");
}

TEST_F(OracleTest, SeesARowTwice) {
  const uint64_t number = acknowledged(kFirstLsn);
  find_all(number);
  find(number, 1);
  EXPECT_THAT(verdict(), HasSubstr("a row twice"));
}

TEST_F(OracleTest, SeesARowThatNobodySent) {
  find(7, 0);
  EXPECT_THAT(verdict(), HasSubstr("never sent"));
}

TEST_F(OracleTest, SeesAChangedValue) {
  find_all(acknowledged(kFirstLsn));
  found_[1].level += 1;
  found_[1].flag = !found_[1].flag;
  EXPECT_THAT(verdict(), HasSubstr("other values"));
}

TEST_F(OracleTest, SeesARefusedRow) {
  const uint64_t number = send();
  ledger_.fail(number, Error(Code::kFull, "no room"));
  EXPECT_EQ(verdict(), "fine");
  find_all(number);
  EXPECT_THAT(verdict(), HasSubstr("must not be there"));
}

TEST_F(OracleTest, LeavesOpenWhatAnUnclearErrorMeans) {
  const uint64_t number = send();
  ledger_.fail(number, Error(Code::kPoisoned, "who knows"));
  EXPECT_EQ(verdict(), "fine");
  find_all(number);
  EXPECT_EQ(verdict(), "fine");
}

TEST_F(OracleTest, AsksTheCommittedTableOnlyForWhatIsCommitted) {
  const uint64_t number = acknowledged(kFirstLsn);
  EXPECT_EQ(verdict(Promise::kCommitted), "fine");
  ledger_.flushed(0, std::nullopt, ledger_.tick());
  EXPECT_THAT(verdict(Promise::kCommitted), HasSubstr("missing"));
  find_all(number);
  EXPECT_EQ(verdict(Promise::kCommitted), "fine");
}

TEST_F(OracleTest, HoldsNobodyToAnAckOfMemoryUntilALaterOneOfTheLog) {
  acknowledged(kFirstLsn, AckClass::kMemory);
  EXPECT_EQ(verdict(), "fine");
  find_all(acknowledged(kSecondLsn));
  EXPECT_THAT(verdict(), HasSubstr("missing: row 0 of batch 0"));
}

TEST_F(OracleTest, KeepsAwayWhatARecoveryDidNotBringBack) {
  const uint64_t number = send();
  ledger_.process_ended(0);
  ledger_.settle(0, table_, {}, ledger_.tick());
  find_all(number);
  EXPECT_THAT(verdict(), HasSubstr("must not be there"));
}

TEST_F(OracleTest, KeepsWhatAReaderHasSeen) {
  find_all(send());
  ledger_.witness(table_, found_, Promise::kDurable);
  ledger_.process_ended(0);
  found_.clear();
  EXPECT_THAT(verdict(), HasSubstr("missing"));
}

TEST_F(KeyedOracleTest, LetsTheLastWriteWin) {
  acknowledged(kFirstLsn);
  const uint64_t last = acknowledged(kSecondLsn);
  find(last, 1);
  EXPECT_EQ(verdict(), "fine");
}

TEST_F(KeyedOracleTest, SeesAnEarlierWriteOverALaterOne) {
  const uint64_t first = acknowledged(kSecondLsn);
  const uint64_t second = acknowledged(kFirstLsn);
  find(second, 1);
  EXPECT_THAT(verdict(), HasSubstr("an earlier write won"));
  found_.clear();
  find(first, 0);
  EXPECT_THAT(verdict(), HasSubstr("an earlier write won"));
}

TEST_F(KeyedOracleTest, LetsAnUnansweredWriteWinOnlyIfItIsNotKnownToBeEarlier) {
  const uint64_t doubtful = send();
  ledger_.fail(doubtful, Error(Code::kIo, "who knows"));
  const uint64_t later = acknowledged(kFirstLsn);
  find(doubtful, 1);
  EXPECT_THAT(verdict(), HasSubstr("an earlier write won"));
  const uint64_t concurrent = send();
  ledger_.process_ended(0);
  found_.clear();
  find(concurrent, 1);
  EXPECT_EQ(verdict(), "fine");
  found_.clear();
  find(later, 1);
  EXPECT_EQ(verdict(), "fine");
}

TEST_F(KeyedOracleTest, SeesTwoRowsOfOneKeyAndNoneAtAll) {
  EXPECT_EQ(verdict(), "fine");
  const uint64_t first = acknowledged(kFirstLsn);
  EXPECT_THAT(verdict(), HasSubstr("missing"));
  find_all(first);
  EXPECT_THAT(verdict(), HasSubstr("two rows of one key"));
}

/// Row 0 of batch 0 lies in one partition, its row 1 and row 0 of batch 1 in another; an operator
/// makes a snapshot current again.
class RollbackOracleTest : public OracleTest {
 protected:
  RollbackOracleTest() {
    table_.spec.partition = {{"device", Transform::kIdentity, 0}};
    table_.keys = 2;
    const auto device = [&](uint64_t id) { return row_of(table_, id, false).device; };
    while (device(row_id(0, 0)) != "d0" || device(row_id(0, 1)) != "d1" ||
           device(row_id(1, 0)) != "d1") {
      ++table_.seed;
    }
  }
  /// The snapshot shows what was found so far. Until rolled_back() nobody knows whether it is done.
  Tagged begin_rollback() {
    Tagged to{.table = 0, .snapshot_id = 1, .ids = ids_of(found_)};
    ledger_.begin_rollback(to);
    return to;
  }
  void witness(Promise promise) { ledger_.witness(table_, found_, promise); }
  void recover() {
    ledger_.process_ended(0);
    ledger_.settle(0, table_, found_, ledger_.tick());
  }
};

TEST_F(RollbackOracleTest, TakesTheRowsThatARollbackLeftForNoProofOfTheOthers) {
  const uint64_t number = acknowledged(kFirstLsn);
  find(number, 0);
  ledger_.rolled_back(begin_rollback(), table_);
  witness(Promise::kDurable);
  EXPECT_EQ(verdict(), "fine");
  witness(Promise::kCommitted);
  EXPECT_EQ(verdict(Promise::kCommitted), "fine");
  find(number, 1);
  EXPECT_THAT(verdict(), HasSubstr("must not be there: row 1"));
  found_.clear();
  EXPECT_THAT(verdict(), HasSubstr("missing: row 0"));
}

TEST_F(RollbackOracleTest, TakesARowThatARollbackWouldLeaveOutForProofThatItFailed) {
  const uint64_t number = acknowledged(kFirstLsn);
  find(number, 0);
  begin_rollback();
  find(number, 1);
  recover();
  EXPECT_EQ(verdict(), "fine");
  found_.pop_back();
  EXPECT_THAT(verdict(), HasSubstr("missing: row 1"));
  found_.clear();
  EXPECT_THAT(verdict(), HasSubstr("missing: row 0"));
}

// A later batch had replaced row 1, so the table looks the same if the rollback did not take place.
TEST_F(RollbackOracleTest, LetsWhatARollbackLeftOfABatchStayAfterARecovery) {
  table_.spec.key = {"device"};
  const uint64_t replaced = acknowledged(kFirstLsn);
  const uint64_t later = send(1);
  ledger_.acknowledge(later, AckClass::kLog, kSecondLsn);
  find(replaced, 0);
  find(later, 0);
  begin_rollback();
  recover();
  EXPECT_EQ(verdict(), "fine");
}

TEST_F(RollbackOracleTest, KeepsAwayABatchThatNeitherARollbackLeftNorARecoveryBroughtBack) {
  const uint64_t number = acknowledged(kFirstLsn);
  begin_rollback();
  EXPECT_EQ(verdict(), "fine");
  recover();
  EXPECT_EQ(verdict(), "fine");
  find_all(number);
  EXPECT_THAT(verdict(), HasSubstr("must not be there"));
}

/// A table whose column that comes and goes is of generation 1, then of generation 2.
class AlteredOracleTest : public OracleTest {
 protected:
  static constexpr Shape kFirst{.extra = 1};
  static constexpr Shape kSecond{.extra = 2};
  void alter(const Shape& to) {
    ledger_.shapes(0).begin(to, ledger_.tick());
    ledger_.shapes(0).done(ledger_.tick());
  }
  uint64_t send_wide(uint32_t generation) {
    const uint64_t number = ledger_.send({.rows = 1, .extra = generation});
    ledger_.acknowledge(number, AckClass::kLog, kFirstLsn);
    return number;
  }
  void find_wide(uint64_t number, bool wide) {
    found_.push_back(row_of(table_, row_id(number, 0), wide));
  }
};

TEST_F(AlteredOracleTest, AsksForTheValuesOfAColumnThatWasAdded) {
  alter(kFirst);
  find_wide(send_wide(1), true);
  shape_ = kFirst;
  EXPECT_EQ(verdict(), "fine");
  found_[0].extra.reset();
  EXPECT_THAT(verdict(), HasSubstr("a row with other values"));
}

// T12
TEST_F(AlteredOracleTest, SeesValuesOfADroppedColumnComeBack) {
  alter(kFirst);
  const uint64_t number = send_wide(1);
  alter(kSecond);
  shape_ = kSecond;
  find_wide(number, true);
  EXPECT_THAT(verdict(), HasSubstr("a row with other values"));
  found_[0].extra.reset();
  EXPECT_EQ(verdict(), "fine");
}

TEST_F(AlteredOracleTest, SeesColumnsOfAnotherTime) {
  shape_.is_memo = true;
  EXPECT_THAT(verdict(), HasSubstr("columns that the table cannot have"));
  alter({.is_memo = true});
  EXPECT_EQ(verdict(), "fine");
  shape_.is_memo = false;
  EXPECT_THAT(verdict(), HasSubstr("columns that the table cannot have"));
  EXPECT_EQ(verdict(Promise::kPast), "fine");
}

TEST_F(AlteredOracleTest, LetsAnAlterationInDoubtBeThereOrNotUntilItIsSeen) {
  const Shape memo{.is_memo = true};
  ledger_.shapes(0).begin(memo, ledger_.tick());
  EXPECT_EQ(verdict(), "fine");
  shape_ = memo;
  const uint64_t begin = ledger_.tick();
  EXPECT_EQ(verdict(), "fine");
  ledger_.shapes(0).witness(memo, begin, ledger_.tick());
  EXPECT_EQ(verdict(), "fine");
  shape_ = {};
  EXPECT_THAT(verdict(), HasSubstr("columns that the table cannot have"));
}

}  // namespace
}  // namespace sluice::sim
