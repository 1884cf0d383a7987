#include "sim/oracle_flush.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::sim {
namespace {

class FlushOracle : public testing::Test {
 protected:
  FlushOracle() {
    ledger.unique = true;
    ledger.opened();
  }

  /// A flush of three rows, prepared.
  uint64_t prepare(uint64_t group) {
    const uint64_t number = ledger.send(group);
    EXPECT_EQ(ledger.prepared(number, result(number)), std::nullopt);
    return number;
  }
  uint64_t prepare() { return prepare(ledger.add_group(3, 0)); }
  AtomicFlushResult result(uint64_t number) const {
    const SentFlush& flush = ledger.flushes()[number];
    BlockMetadata block;
    block.flush_id = flush.id.empty() ? std::string(31, 'a') + std::to_string(number) : flush.id;
    block.id = block.flush_id + "-0";
    block.key = block.id;
    block.rows = 3;
    block.min_lsn = flush.range.min_lsn;
    block.max_lsn = flush.range.max_lsn;
    block.seq = flush.range.seq;
    return {block.flush_id, flush.range, 3, 0, {block}};
  }
  Wrong commit(uint64_t number, const Result<AtomicFlushResult>& answer) {
    ledger.begin_commit(number);
    return ledger.committed(number, answer);
  }
  Wrong commit(uint64_t number) { return commit(number, result(number)); }
  Wrong roll_back(uint64_t number, const Status& answer) {
    ledger.begin_rollback(number);
    return ledger.rolled_back(number, answer);
  }
  std::vector<uint64_t> rows_of(uint64_t group) const {
    return {group * kIdsPerGroup, group * kIdsPerGroup + 1, group * kIdsPerGroup + 2};
  }
  Wrong table(std::vector<uint64_t> ids) { return ledger.check_table(std::move(ids), true); }

  static Error committed_before() { return {Code::kExists, Reason::kCommitted, ""}; }
  static Error there_already() { return {Code::kConflict, Reason::kCommitted, ""}; }
  static Error rolled_back_before() { return {Code::kInvalid, Reason::kRolledBack, ""}; }
  static Error unknown() { return {Code::kNotFound, Reason::kUnknownFlush, ""}; }
  static Error lost_answer() { return {Code::kIo, Reason::kUnknownOutcome, ""}; }

  FlushLedger ledger;
};

TEST_F(FlushOracle, WantsACommittedFlushInTheTableOnce) {
  const uint64_t number = prepare();
  EXPECT_EQ(commit(number), std::nullopt);
  EXPECT_EQ(table(rows_of(0)), std::nullopt);
  EXPECT_NE(table({}), std::nullopt);
  EXPECT_NE(table({0, 1}), std::nullopt);
  EXPECT_NE(table({0, 1, 2, 2}), std::nullopt);
  EXPECT_NE(table({0, 1, 2, 64}), std::nullopt);
}

TEST_F(FlushOracle, WantsNothingThatWasNotCommitted) {
  const uint64_t number = prepare();
  EXPECT_NE(table(rows_of(0)), std::nullopt);
  EXPECT_EQ(roll_back(number, ok()), std::nullopt);
  EXPECT_NE(table(rows_of(0)), std::nullopt);
}

TEST_F(FlushOracle, LeavesOpenWhatALostAnswerLeavesOpen) {
  const uint64_t number = prepare();
  EXPECT_EQ(commit(number, lost_answer()), std::nullopt);
  FlushLedger other = ledger;
  EXPECT_EQ(other.check_table({}, true), std::nullopt);
  EXPECT_NE(other.check_table(rows_of(0), true), std::nullopt);
  EXPECT_EQ(table(rows_of(0)), std::nullopt);
}

TEST_F(FlushOracle, TellsTheAnswersApart) {
  const uint64_t committed = prepare();
  for (const Error& error : {committed_before(), rolled_back_before(), unknown()}) {
    FlushLedger copy = ledger;
    copy.begin_commit(committed);
    EXPECT_NE(copy.committed(committed, error), std::nullopt) << error.to_string();
  }
  EXPECT_EQ(commit(committed), std::nullopt);
  EXPECT_NE(commit(committed), std::nullopt);
  EXPECT_NE(commit(committed, unknown()), std::nullopt);
  EXPECT_EQ(commit(committed, committed_before()), std::nullopt);
  EXPECT_NE(roll_back(committed, ok()), std::nullopt);

  const uint64_t gone = prepare();
  EXPECT_EQ(roll_back(gone, ok()), std::nullopt);
  EXPECT_NE(roll_back(gone, ok()), std::nullopt);
  EXPECT_NE(commit(gone), std::nullopt);
  EXPECT_EQ(commit(gone, rolled_back_before()), std::nullopt);
}

TEST_F(FlushOracle, LetsOneOfTwoFlushesOfTheSameRowsIn) {
  const uint64_t first = prepare();
  const uint64_t second = prepare(0);
  EXPECT_EQ(commit(first), std::nullopt);
  EXPECT_EQ(FlushLedger(ledger).check_table(rows_of(0), true), std::nullopt);
  ledger.begin_commit(second);
  EXPECT_NE(FlushLedger(ledger).committed(second, result(second)), std::nullopt);
  EXPECT_EQ(ledger.committed(second, there_already()), std::nullopt);
}

TEST_F(FlushOracle, WantsEveryPreparedFlushBackAfterACrash) {
  prepare();
  ledger.opened();
  EXPECT_NE(FlushLedger(ledger).recovered({}, true), std::nullopt);
  FlushRecoveryResult found;
  found.recovered.push_back(result(0));
  EXPECT_EQ(FlushLedger(ledger).recovered(found, true), std::nullopt);
  ledger.damage(0, found.recovered[0].blocks[0].key);
  EXPECT_NE(ledger.recovered(found, true), std::nullopt);
}

TEST_F(FlushOracle, KnowsAFlushWhosePrepareWasNeverAnsweredByItsSeq) {
  const uint64_t number = ledger.send(ledger.add_group(3, 0));
  ledger.opened();
  FlushRecoveryResult found;
  found.recovered.push_back(result(number));
  EXPECT_EQ(ledger.recovered(found, true), std::nullopt);
  EXPECT_EQ(ledger.pending(), std::vector<uint64_t>{number});
}

TEST_F(FlushOracle, WantsBlocksUntilTheyAreCleared) {
  ledger.alone = true;
  const uint64_t number = prepare();
  const std::vector<BlockMetadata> blocks = result(number).blocks;
  EXPECT_EQ(commit(number), std::nullopt);
  EXPECT_EQ(ledger.check_blocks(blocks), std::nullopt);
  EXPECT_NE(FlushLedger(ledger).check_blocks({}), std::nullopt);
  ledger.consume(blocks);
  EXPECT_EQ(ledger.check_blocks({}), std::nullopt);
  EXPECT_EQ(ledger.check_blocks(blocks), std::nullopt);
  ledger.cleared(blocks);
  EXPECT_NE(ledger.check_blocks(blocks), std::nullopt);
}

}  // namespace
}  // namespace sluice::sim
