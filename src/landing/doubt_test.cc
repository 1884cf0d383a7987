// Commits whose outcome is open, and listings that lag behind: what a rollback, a recovery or a new
// opening may do meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "landing/store_fixture.h"
#include "table/format.h"
#include "table/read.h"

namespace sluice::landing {
namespace {

const std::string kPrefix = "db/users";

uint64_t head_version(Store& store) {
  return table::load_head(store.bucket, {"db", "users"}).value()->metadata.version;
}

std::vector<std::string> keys_in_table(Store& store) {
  const auto head = table::load_head(store.bucket, {"db", "users"}).value();
  std::vector<std::string> keys;
  for (const part::Meta& part : table::read_parts(store.bucket, head->metadata).value()) {
    keys.push_back(part.key);
  }
  return keys;
}

/// What the table names is there.
void expect_whole(Store& store) {
  for (const std::string& key : keys_in_table(store)) {
    EXPECT_TRUE(store.bucket.objects().contains(key)) << key;
  }
}

/// A flush whose commit is under way and has no answer.
class DoubtTest : public testing::Test {
 protected:
  void commit_without_answer() {
    options_.rows_of = log_of_entries();
    writer_ = open_writer(store_, options_);
    flushed_ = writer_->prepare_flush(entries_, entries_.range()).value();
    store_.bucket.hold(table::metadata_key(kPrefix, head_version(store_) + 1));
    const auto committed = writer_->commit_flush(flushed_.flush_id);
    ASSERT_EQ(committed.error().reason(), Reason::kUnknownOutcome);
    ASSERT_EQ(store_.bucket.held(), 1u);
  }
  /// The next try ends before it has put anything.
  void fail_at_once() {
    store_.script.fail_at(1, Fault::kFailBefore);
    EXPECT_FALSE(writer_->commit_flush(flushed_.flush_id).ok());
    store_.script.revive();
  }

  Store store_;
  AtomicFlushWriterOptions options_ = with_table();
  const Entries entries_{1, 10};
  std::unique_ptr<AtomicFlushWriter> writer_;
  AtomicFlushResult flushed_;
};

// L5
TEST_F(DoubtTest, ARollbackIsRefusedWhileTheCommitMayStillLand) {
  commit_without_answer();
  const auto refused = writer_->rollback_flush(flushed_.flush_id);
  EXPECT_EQ(refused.error().code(), Code::kIo);
  EXPECT_EQ(refused.error().reason(), Reason::kUnknownOutcome);
  EXPECT_TRUE(store_.bucket.objects().contains(flushed_.blocks[0].key));
  store_.bucket.let_go();
  EXPECT_EQ(writer_->rollback_flush(flushed_.flush_id).error().reason(), Reason::kCommitted);
  EXPECT_THAT(keys_in_table(store_), testing::ElementsAre(flushed_.blocks[0].key));
  expect_whole(store_);
}

// L5: the doubt is about the first try, whatever became of the second.
TEST_F(DoubtTest, ALaterTryThatFailsAtOnceDoesNotEndTheDoubt) {
  commit_without_answer();
  fail_at_once();
  static_cast<void>(writer_->rollback_flush(flushed_.flush_id));
  store_.bucket.let_go();
  expect_whole(store_);
  EXPECT_EQ(writer_->rollback_flush(flushed_.flush_id).error().reason(), Reason::kCommitted);
}

// L5
TEST_F(DoubtTest, ARecoveryLeavesThePartsOfACommitThatMayStillLand) {
  commit_without_answer();
  store_.runtime.sleep_until(store_.runtime.now() + 13 * 3600 * kSecond);
  const auto recovered = writer_->recover_pending_flushes().value();
  EXPECT_TRUE(recovered.retried.empty());
  store_.bucket.let_go();
  expect_whole(store_);
  EXPECT_EQ(writer_->recover_pending_flushes()->committed.size(), 1u);
}

// L5: an empty commit fills the slot; what comes late finds it taken.
TEST_F(DoubtTest, ARollbackFillsTheSlotThatTheCommitAimsAt) {
  commit_without_answer();
  store_.bucket.stop_holding();
  EXPECT_TRUE(writer_->rollback_flush(flushed_.flush_id).ok());
  store_.bucket.let_go();
  EXPECT_TRUE(keys_in_table(store_).empty());
  EXPECT_FALSE(store_.bucket.objects().contains(flushed_.blocks[0].key));
}

// L5: whoever lost the table removes nothing, also if his parts are whole and the winner's are not
// in his record.
TEST(LandingDoubt, OfTwoRecoveriesOfCopiesTheLoserRemovesNothing) {
  AtomicFlushWriterOptions options = with_table();
  options.rows_of = log_of_entries();
  const Entries entries(1, 10);
  uint64_t rebuilt = 0;
  bool hit = true;
  for (uint64_t operation = 1; hit; ++operation) {
    Store store;
    const std::string id =
        open_writer(store, options)->prepare_flush(entries, entries.range())->flush_id;
    auto loser = open_writer(store, options);
    Script script;
    MemoryDisk copy(script);
    for (const auto& [name, inode] : store.disk.names()) {
      copy.names()[name] = std::make_shared<MemoryDisk::Inode>(*inode);
    }
    store.runtime.sleep_until(store.runtime.now() + 13 * 3600 * kSecond);
    auto winner = AtomicFlushWriter::open({&store.runtime, &copy, &store.bucket}, options).value();
    store.script.fail_at(operation, Fault::kFailBefore);
    rebuilt += winner->recover_pending_flushes()->retried.size();
    hit = store.script.was_hit();
    store.script.revive();
    const bool committed = winner->commit_flush(id).ok();
    EXPECT_FALSE(loser->commit_flush(id).ok());
    EXPECT_EQ(loser->rollback_flush(id).error().code(), Code::kFenced);
    EXPECT_EQ(keys_in_table(store).size(), committed ? 1u : 0u);
    expect_whole(store);
  }
  EXPECT_GE(rebuilt, 2u);
}

// L6
TEST(LandingLag, ARollbackRemovesPartsThatNoListingShowsYet) {
  for (const auto& options : {alone(), with_table()}) {
    for (const bool anew : {false, true}) {
      Store store;
      auto writer = open_writer(store, options);
      const Entries entries(1, 10);
      const auto flushed = writer->prepare_flush(entries, entries.range()).value();
      if (anew) {
        writer.reset();
        writer = open_writer(store, options);
      }
      store.bucket.lag("/data/");
      EXPECT_TRUE(writer->rollback_flush(flushed.flush_id).ok());
      EXPECT_FALSE(store.bucket.objects().contains(flushed.blocks[0].key));
    }
  }
}

// L6: nor does an attempt that failed leave any.
TEST(LandingLag, APrepareThatFailsRemovesPartsThatNoListingShowsYet) {
  uint64_t failed = 0;
  bool hit = true;
  for (uint64_t operation = 1; hit; ++operation) {
    Store store;
    AtomicFlushWriterOptions options = alone();
    options.tries = 1;
    auto writer = open_writer(store, options);
    store.bucket.lag("/data/");
    const Entries entries(1, 10);
    store.script.fail_at(operation, Fault::kAnswerLost);
    const auto prepared = writer->prepare_flush(entries, entries.range());
    hit = store.script.was_hit();
    store.script.revive();
    if (prepared.ok()) continue;
    ++failed;
    EXPECT_EQ(store.bucket.count("/data/"), 0u) << operation;
  }
  EXPECT_GE(failed, 4u);
}

// A table's first flush makes the table, then adds all its columns, then brings the rows.
TEST(LandingColumns, WhatATableLacksIsAddedInOneCommit) {
  Store store;
  auto writer = open_writer(store, with_table());
  EXPECT_EQ(head_version(store), 1u);
  const Entries first(1, 10);
  ASSERT_TRUE(writer->atomic_flush(first, first.range()).ok());
  EXPECT_EQ(head_version(store), 3u);
  const Entries second(11, 20);
  ASSERT_TRUE(writer->atomic_flush(second, second.range()).ok());
  EXPECT_EQ(head_version(store), 4u);
}

TEST(LandingColumns, WhatATableHasNoColumnForIsKeptInOneThatIsAdded) {
  Store store;
  AtomicFlushWriterOptions options = with_table();
  options.misfit = Misfit::kKeep;
  auto writer = open_writer(store, options);
  Entries entries(1, 2);
  entries.all()[1].json = R"({"n":"no number","else":1})";
  const auto flushed = writer->atomic_flush(entries, entries.range());
  ASSERT_TRUE(flushed.ok());
  const auto head = table::load_head(store.bucket, {"db", "users"}).value();
  const part::Column* rest = head->metadata.schema().find("_rest");
  ASSERT_NE(rest, nullptr);
  EXPECT_EQ(flushed->blocks[0].columns.size(), 8u);
}

// L4, L5: the claim is the first thing that an opening does, and a claim lands at the head.
TEST(LandingLag, AnOpeningThatMeetsAListingThatLagsGivesOutNoTicketTwice) {
  Store store;
  auto writer = open_writer(store, with_table());
  const Entries first(1, 10);
  ASSERT_TRUE(writer->atomic_flush(first, first.range()).ok());
  writer.reset();
  // The hint was not written, and the newest version is not listed yet.
  store.bucket.objects().erase(table::hint_key(kPrefix));
  store.bucket.lag(table::metadata_key(kPrefix, head_version(store)));
  writer = open_writer(store, with_table());
  EXPECT_EQ(writer, nullptr);
  store.bucket.catch_up();
  writer = open_writer(store, with_table());
  ASSERT_NE(writer, nullptr);
  const Entries second(11, 20);
  EXPECT_TRUE(writer->atomic_flush(second, second.range()).ok());
  EXPECT_EQ(keys_in_table(store).size(), 2u);
}

}  // namespace
}  // namespace sluice::landing
