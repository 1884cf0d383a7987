#include "landing/atomic_flush.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "landing/store_fixture.h"
#include "part/reader.h"
#include "table/read.h"

namespace sluice::landing {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

/// Code and reason of what should have failed.
template <class T>
std::pair<Code, Reason> why(const Result<T>& result) {
  if (result.ok()) return {Code::kCancelled, Reason::kNone};
  return {result.error().code(), result.error().reason()};
}

/// The values of column `name` in the objects, by part and row.
std::vector<int64_t> longs_of(Bucket& bucket, const std::vector<std::string>& keys,
                              const std::string& name) {
  std::vector<int64_t> values;
  for (const std::string& key : keys) {
    const uint64_t bytes = bucket.head(key).value().bytes;
    const auto reader = part::Reader::open(bucket, key, bytes).value();
    for (const part::Column& column : reader->columns()) {
      if (column.name != name) continue;
      const auto rows = reader->read({{column.field_id, name, Type::kInt64}}, {}).value();
      while (auto batch = rows->next().value()) {
        for (uint32_t row = 0; row < batch->rows(); ++row) {
          values.push_back(batch->column(0).int64(row));
        }
      }
    }
  }
  return values;
}
std::vector<std::string> keys_of(const std::vector<BlockMetadata>& blocks) {
  std::vector<std::string> keys;
  for (const BlockMetadata& block : blocks) keys.push_back(block.key);
  return keys;
}
std::vector<std::string> table_keys(Bucket& bucket) {
  const auto head = table::load_head(bucket, {"db", "users"}).value();
  std::vector<std::string> keys;
  for (const part::Meta& part : table::read_parts(bucket, head->metadata).value()) {
    keys.push_back(part.key);
  }
  return keys;
}

// L3
TEST(AtomicFlush, BlocksOfACommittedFlushAreListedUntilTheyAreCleared) {
  Store store;
  auto writer = open_writer(store, alone());
  const Entries entries(1, 10);
  const auto flushed = writer->atomic_flush(entries, entries.range()).value();
  EXPECT_EQ(flushed.rows, 10u);
  const auto blocks = writer->committed_blocks();
  ASSERT_EQ(blocks.size(), 1u);
  EXPECT_EQ(blocks[0].flush_id, flushed.flush_id);
  EXPECT_EQ(blocks[0].min_lsn, 1u);
  EXPECT_EQ(blocks[0].max_lsn, 10u);
  EXPECT_EQ(blocks[0].columns[0].name, "n");
  EXPECT_EQ(blocks[0].columns[0].lower.int64, 1);
  EXPECT_EQ(blocks[0].columns[0].upper.int64, 10);
  EXPECT_THAT(longs_of(store.bucket, keys_of(blocks), "_lsn"),
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));

  writer.reset();
  store.disk.power_cut();
  writer = open_writer(store, alone());
  EXPECT_EQ(keys_of(writer->committed_blocks()), keys_of(blocks));
  EXPECT_TRUE(writer->clear_committed_blocks(blocks).ok());
  EXPECT_TRUE(writer->clear_committed_blocks(blocks).ok());
  EXPECT_TRUE(writer->committed_blocks().empty());
  writer.reset();
  store.disk.power_cut();
  writer = open_writer(store, alone());
  EXPECT_TRUE(writer->committed_blocks().empty());
  EXPECT_EQ(store.disk.names().size(), 1u);  // the identity
}

TEST(AtomicFlush, WithATableItIsOneCommitAndNothingStaysOnTheDisk) {
  Store store;
  auto writer = open_writer(store, with_table());
  const Entries entries(1, 10);
  const auto flushed = writer->atomic_flush(entries, entries.range()).value();
  EXPECT_EQ(keys_of(flushed.blocks), table_keys(store.bucket));
  EXPECT_THAT(longs_of(store.bucket, table_keys(store.bucket), "n"),
              ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  EXPECT_TRUE(writer->committed_blocks().empty());
  EXPECT_FALSE(writer->has_pending_flushes());
  EXPECT_EQ(store.disk.names().size(), 1u);
}

std::pair<Code, Reason> answer(Code code, Reason reason) {
  return {code, reason};
}

TEST(AtomicFlush, EveryStateHasItsOwnAnswers) {
  for (const bool table : {false, true}) {
    Store store;
    auto writer = open_writer(store, table ? with_table() : alone());
    const Entries first(1, 10);
    const Entries second(11, 20);
    const std::string a = writer->prepare_flush(first, first.range())->flush_id;
    const std::string b = writer->prepare_flush(second, second.range())->flush_id;
    EXPECT_EQ(writer->pending_flush_count(), 2u);
    EXPECT_TRUE(writer->commit_flush(b).ok());
    EXPECT_TRUE(writer->rollback_flush(a).ok());
    EXPECT_FALSE(writer->has_pending_flushes());
    EXPECT_EQ(why(writer->commit_flush(b)), answer(Code::kExists, Reason::kCommitted));
    EXPECT_EQ(why(writer->rollback_flush(b)), answer(Code::kInvalid, Reason::kCommitted));
    EXPECT_EQ(why(writer->rollback_flush(a)), answer(Code::kExists, Reason::kRolledBack));
    EXPECT_EQ(why(writer->commit_flush(a)), answer(Code::kInvalid, Reason::kRolledBack));
    const std::string unknown(32, '0');
    EXPECT_EQ(why(writer->commit_flush(unknown)), answer(Code::kNotFound, Reason::kUnknownFlush));
    EXPECT_EQ(why(writer->rollback_flush(unknown)), answer(Code::kNotFound, Reason::kUnknownFlush));
    EXPECT_EQ(store.bucket.count(a), 0u);
  }
}

TEST(AtomicFlush, NothingToFlushIsToldAndLeavesNothing) {
  Store store;
  auto writer = open_writer(store, alone());
  const auto empty = writer->prepare_flush(std::span<const WalEntry>(), FlushRange{1, 1, 1});
  EXPECT_EQ(why(empty), answer(Code::kInvalid, Reason::kNoEntries));
  EXPECT_EQ(empty.error().message(), "No entries to flush");
  EXPECT_EQ(why(writer->prepare_flush(std::span<const Batch>(), FlushRange{1, 1, 1})),
            answer(Code::kInvalid, Reason::kNoEntries));
  Entries entries(1, 10);
  EXPECT_EQ(why(writer->prepare_flush(entries, FlushRange{2, 10, 1})),
            answer(Code::kInvalid, Reason::kOutOfRange));
  EXPECT_EQ(why(writer->prepare_flush(entries, FlushRange{20, 10, 1})),
            answer(Code::kInvalid, Reason::kOutOfRange));
  EXPECT_EQ(writer->pending_flush_count(), 0u);
  EXPECT_EQ(store.bucket.objects().size(), 0u);
}

TEST(AtomicFlush, WithoutItsIntentAFlushIsNotPrepared) {
  Store store;
  auto writer = open_writer(store, alone());
  const Entries entries(1, 10);
  // L2: the fault hits the intent's first operation; the parts never appear.
  for (const uint64_t operation : {1u, 2u, 3u}) {
    store.script.fail_at(operation, Fault::kDeath);
    EXPECT_FALSE(writer->prepare_flush(entries, entries.range()).ok());
    store.script.revive();
    EXPECT_EQ(store.bucket.objects().size(), 0u);
  }
}

TEST(AtomicFlush, DamagedObjectsAreToldApartAndRebuilt) {
  using Damage = std::function<void(Store&, const std::string&)>;
  const std::vector<std::tuple<Code, Reason, Damage>> kinds = {
      {Code::kNotFound, Reason::kNone,
       [](Store& store, const std::string& key) { store.bucket.objects().erase(key); }},
      {Code::kCorrupt, Reason::kIncompletePayload,
       [](Store& store, const std::string& key) { store.bucket.objects()[key].pop_back(); }},
      {Code::kCorrupt, Reason::kCrcMismatch,
       [](Store& store, const std::string& key) {
         std::string& bytes = store.bucket.objects()[key];
         bytes[bytes.size() / 3] ^= '\1';
       }},
      {Code::kCorrupt, Reason::kCrcMismatch,
       [](Store& store, const std::string& key) {  // whole, but put under another name
         for (const auto& [other, bytes] : store.bucket.objects()) {
           if (other != key) store.bucket.objects()[key] = bytes;
         }
       }},
  };
  for (const auto& [code, reason, damage] : kinds) {
    Store store;
    AtomicFlushWriterOptions options = alone();
    auto writer = open_writer(store, options);
    const Entries first(11, 20);
    const Entries second(21, 30);
    const auto a = writer->prepare_flush(first, first.range()).value();
    const auto b = writer->prepare_flush(second, second.range()).value();
    writer.reset();
    damage(store, a.blocks[0].key);

    writer = open_writer(store, options);
    EXPECT_EQ(why(writer->commit_flush(a.flush_id)), answer(code, reason));
    const auto without_rows = writer->recover_pending_flushes().value();
    ASSERT_EQ(without_rows.failed.size(), 1u);
    EXPECT_EQ(without_rows.failed[0].name, a.flush_id);
    EXPECT_EQ(without_rows.failed[0].reason.code(), code);
    EXPECT_EQ(without_rows.failed[0].reason.where(), a.blocks[0].key);
    EXPECT_EQ(without_rows.recovered.size(), 1u);
    writer.reset();

    options.rows_of = log_of_entries();
    writer = open_writer(store, options);
    const auto rebuilt = writer->recover_pending_flushes().value();
    ASSERT_EQ(rebuilt.retried.size(), 1u);
    EXPECT_EQ(rebuilt.retried[0].flush_id, a.flush_id);
    EXPECT_NE(rebuilt.retried[0].blocks[0].key, a.blocks[0].key);
    EXPECT_TRUE(writer->commit_flush(a.flush_id).ok());
    EXPECT_TRUE(writer->commit_flush(b.flush_id).ok());
    EXPECT_THAT(longs_of(store.bucket, keys_of(writer->committed_blocks()), "n"),
                testing::SizeIs(20));
    EXPECT_EQ(store.bucket.objects().size(), 2u);
  }
}

// L6
TEST(AtomicFlush, ARollbackThatFailedAnywhereIsFinishedByTheNext) {
  for (const auto& options : {alone(), with_table()}) {
    uint64_t failed = 0;
    bool hit = true;
    for (uint64_t at = 1; hit; ++at) {
      Store store;
      auto writer = open_writer(store, options);
      const Entries entries(1, 10);
      const auto flushed = writer->prepare_flush(entries, entries.range()).value();
      store.script.fail_at(at, Fault::kFailBefore);
      const bool ended = writer->rollback_flush(flushed.flush_id).ok();
      hit = store.script.was_hit();
      store.script.revive();
      failed += ended ? 0 : 1;
      EXPECT_TRUE(ended || writer->rollback_flush(flushed.flush_id).ok()) << at;
      EXPECT_EQ(writer->pending_flush_count(), 0u);
      EXPECT_FALSE(store.bucket.objects().contains(flushed.blocks[0].key));
      EXPECT_EQ(store.disk.names().size(), 1u);  // the identity
    }
    EXPECT_GE(failed, 4u);
  }
}

// L6
TEST(AtomicFlush, APrepareThatFailedAnywhereCanBeRolledBack) {
  bool hit = true;
  for (uint64_t at = 1; hit; ++at) {
    for (const uint64_t later : {1, 2, 3, 4, 5}) {
      Store store;
      auto writer = open_writer(store, alone());
      const Entries entries(1, 10);
      store.script.fail_twice(at, later);
      const auto prepared = writer->prepare_flush(entries, entries.range());
      hit = store.script.was_hit();
      store.script.revive();
      if (prepared.ok() || writer->pending_flush_count() == 0) continue;
      EXPECT_TRUE(writer->rollback_flush(prepared.error().where()).ok()) << at << "+" << later;
      EXPECT_EQ(writer->pending_flush_count(), 0u);
      EXPECT_TRUE(store.bucket.objects().empty());
      for (const auto& [name, inode] : store.disk.names()) {
        EXPECT_TRUE(name == "identity" || name.ends_with(".tmp")) << name;
      }
    }
  }
}

// T15: a sweep may take what waited for half a day; no commit may name it any more.
TEST(AtomicFlush, WithATableAFlushThatWaitedForHalfADayIsBuiltAnew) {
  Store store;
  AtomicFlushWriterOptions options = with_table();
  auto writer = open_writer(store, options);
  const Entries entries(1, 10);
  const auto old = writer->prepare_flush(entries, entries.range()).value();
  store.runtime.sleep_until(store.runtime.now() + 13 * 3600 * kSecond);
  EXPECT_EQ(why(writer->commit_flush(old.flush_id)), answer(Code::kConflict, Reason::kDeadline));
  EXPECT_TRUE(table_keys(store.bucket).empty());
  writer.reset();

  writer = open_writer(store, options);
  const auto without_rows = writer->recover_pending_flushes().value();
  ASSERT_EQ(without_rows.failed.size(), 1u);
  EXPECT_EQ(without_rows.failed[0].reason.reason(), Reason::kDeadline);
  writer.reset();

  options.rows_of = log_of_entries();
  writer = open_writer(store, options);
  const auto rebuilt = writer->recover_pending_flushes().value();
  ASSERT_EQ(rebuilt.retried.size(), 1u);
  EXPECT_TRUE(writer->commit_flush(old.flush_id).ok());
  EXPECT_EQ(table_keys(store.bucket), keys_of(rebuilt.retried[0].blocks));
}

TEST(AtomicFlush, AnObjectOfAnotherFlushIsForeign) {
  Store store;
  auto writer = open_writer(store, alone());
  const Entries entries(1, 10);
  const auto flushed = writer->prepare_flush(entries, entries.range()).value();
  part::Meta meta;
  meta.key = flushed.blocks[0].key;
  meta.bytes = flushed.blocks[0].bytes;
  meta.rows = 10;
  const FlushId flush = FlushId::parse(flushed.flush_id).value();
  EXPECT_TRUE(check_part(store.bucket, meta, flush).ok());
  EXPECT_EQ(why(check_part(store.bucket, meta, FlushId())),
            answer(Code::kCorrupt, Reason::kForeign));
  meta.rows = 11;
  EXPECT_EQ(why(check_part(store.bucket, meta, flush)),
            answer(Code::kCorrupt, Reason::kDecodeFailure));
}

TEST(AtomicFlush, ADamagedIntentIsReportedAndLeftAlone) {
  Store store;
  auto writer = open_writer(store, alone());
  const Entries entries(1, 10);
  ASSERT_TRUE(writer->prepare_flush(entries, entries.range()).ok());
  writer.reset();
  const std::string name = store.disk.names().begin()->first;
  store.disk.damage(name, 20);
  store.disk.names()["notes.txt"] = std::make_shared<MemoryDisk::Inode>();
  for (int again = 0; again < 2; ++again) {
    writer = open_writer(store, alone());
    const auto result = writer->recover_pending_flushes().value();
    ASSERT_EQ(result.failed.size(), 1u);
    EXPECT_EQ(result.failed[0].name, name);
    EXPECT_EQ(result.failed[0].reason.reason(), Reason::kCrcMismatch);
    EXPECT_EQ(writer->pending_flush_count(), 1u);
    EXPECT_TRUE(store.disk.names().contains(name));
    EXPECT_TRUE(store.disk.names().contains("notes.txt"));
    writer.reset();
  }
}

TEST(AtomicFlush, EightOverlappingFlushesAreIndependent) {
  for (const bool table : {false, true}) {
    Store store;
    auto writer = open_writer(store, table ? with_table() : alone());
    std::vector<std::string> ids(8);
    std::vector<std::unique_ptr<Thread>> threads;
    for (uint64_t i = 0; i < 8; ++i) {
      threads.push_back(store.runtime.spawn("flush", [&, i] {
        const Entries entries(i * 100 + 1, i * 100 + 100);
        ids[i] = writer->prepare_flush(entries, entries.range())->flush_id;
      }));
    }
    for (const auto& thread : threads) thread->join();
    EXPECT_EQ(writer->pending_flush_count(), 8u);
    writer.reset();
    writer = open_writer(store, table ? with_table() : alone());
    EXPECT_EQ(writer->recover_pending_flushes()->recovered.size(), 8u);
    for (const size_t i : {3, 0, 7, 1}) EXPECT_TRUE(writer->commit_flush(ids[i]).ok()) << i;
    EXPECT_TRUE(writer->rollback_flush(ids[5]).ok());
    for (const size_t i : {6, 2, 4}) EXPECT_TRUE(writer->commit_flush(ids[i]).ok()) << i;
    const auto keys = table ? table_keys(store.bucket) : keys_of(writer->committed_blocks());
    auto numbers = longs_of(store.bucket, keys, "n");
    std::sort(numbers.begin(), numbers.end());
    EXPECT_EQ(numbers.size(), 700u);
    EXPECT_EQ(std::set<int64_t>(numbers.begin(), numbers.end()).size(), 700u);
    EXPECT_FALSE(std::binary_search(numbers.begin(), numbers.end(), 550));
  }
}

TEST(AtomicFlush, WhatIsCommittedMeanwhileSurvivesAClear) {
  Store store;
  auto writer = open_writer(store, alone());
  const Entries first(1, 10);
  const Entries second(11, 20);
  ASSERT_TRUE(writer->atomic_flush(first, first.range()).ok());
  const auto consumed = writer->committed_blocks();
  ASSERT_TRUE(writer->atomic_flush(second, second.range()).ok());
  EXPECT_TRUE(writer->clear_committed_blocks(consumed).ok());
  const auto rest = writer->committed_blocks();
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0].min_lsn, 11u);
}

// L4
TEST(AtomicFlush, LsnsThatAreInTheTableAreRecognised) {
  Store store;
  auto writer = open_writer(store, with_table());
  const Entries first(1, 10);
  const Entries third(21, 30);
  const std::string pending = writer->prepare_flush(first, first.range())->flush_id;
  ASSERT_TRUE(writer->atomic_flush(first, first.range()).ok());
  ASSERT_TRUE(writer->atomic_flush(third, third.range()).ok());
  EXPECT_EQ(why(writer->commit_flush(pending)), answer(Code::kConflict, Reason::kCommitted));
  EXPECT_TRUE(writer->rollback_flush(pending).ok());
  EXPECT_EQ(why(writer->prepare_flush(first, first.range())),
            answer(Code::kExists, Reason::kCommitted));
  const Entries partly(5, 15);
  EXPECT_EQ(why(writer->prepare_flush(partly, partly.range())),
            answer(Code::kConflict, Reason::kSequenceViolation));
  const Entries gap(11, 20);
  EXPECT_TRUE(writer->atomic_flush(gap, gap.range()).ok());
  writer.reset();
  // The Disk is lost, the table is kept.
  store.disk.names().clear();
  writer = open_writer(store, with_table());
  const Entries all(1, 30);
  EXPECT_EQ(why(writer->prepare_flush(all, all.range())),
            answer(Code::kExists, Reason::kCommitted));
  EXPECT_THAT(longs_of(store.bucket, table_keys(store.bucket), "n"), testing::SizeIs(30));
}

// L5
TEST(AtomicFlush, AWriterThatSleptIsFencedAndACopyIsRefused) {
  Store store;
  auto writer = open_writer(store, with_table());
  const Entries first(1, 10);
  const Entries second(11, 20);
  const std::string id = writer->prepare_flush(first, first.range())->flush_id;
  // Another machine got a copy of the directory.
  Script script;
  MemoryDisk copy(script);
  for (const auto& [name, inode] : store.disk.names()) {
    copy.names()[name] = std::make_shared<MemoryDisk::Inode>(*inode);
  }
  auto other =
      AtomicFlushWriter::open({&store.runtime, &copy, &store.bucket}, with_table()).value();
  ASSERT_EQ(other->recover_pending_flushes()->recovered.size(), 1u);
  ASSERT_TRUE(other->commit_flush(id).ok());
  EXPECT_EQ(writer->commit_flush(id).error().code(), Code::kFenced);
  EXPECT_EQ(writer->rollback_flush(id).error().code(), Code::kFenced);
  EXPECT_EQ(writer->atomic_flush(second, second.range()).error().code(), Code::kFenced);
  EXPECT_THAT(longs_of(store.bucket, table_keys(store.bucket), "n"), testing::SizeIs(10));
  writer.reset();
  EXPECT_EQ(AtomicFlushWriter::open(store.platform(), with_table()).error().code(), Code::kFenced);
}

TEST(AtomicFlush, OneWriterADirectory) {
  Store store;
  auto writer = open_writer(store, alone());
  EXPECT_EQ(why(AtomicFlushWriter::open(store.platform(), alone())),
            answer(Code::kBusy, Reason::kLocked));
}

TEST(AtomicFlush, AKeyedTableTakesTheLastWriteOfAKey) {
  Store store;
  const TableSpec spec = {
      {{"name", Type::kString}, {"at", Type::kTimestamp}, {"n", Type::kInt64}}, {"name"}, "at"};
  auto writer = open_writer(store, with_table(spec));
  const std::string day = ",\"at\":\"2026-01-0";
  const std::vector<std::string> rows = {
      "{\"name\":\"a\"" + day + "1T00:00:00Z\",\"n\":1}",
      "{\"name\":\"b\"" + day + "2T00:00:00.000000001Z\",\"n\":2}",
      "{\"name\":\"a\"" + day + "1T00:00:00Z\",\"n\":3}"};
  std::vector<WalEntry> entries(3);
  for (size_t i = 0; i < 3; ++i) {
    entries[i].lsn = i + 1;
    entries[i].json = rows[i];
  }
  const auto flushed = writer->atomic_flush(entries, FlushRange{1, 3, 1}).value();
  EXPECT_EQ(flushed.rows, 2u);
  EXPECT_EQ(flushed.blocks.size(), 2u);
  auto numbers = longs_of(store.bucket, table_keys(store.bucket), "n");
  EXPECT_THAT(numbers, UnorderedElementsAre(2, 3));
  EXPECT_THAT(longs_of(store.bucket, table_keys(store.bucket), "_at_ns"),
              UnorderedElementsAre(0, 1));
}

TEST(AtomicFlush, BatchesOfDifferentColumnsMakeOneFlush) {
  for (const bool table : {false, true}) {
    Store store;
    auto writer = open_writer(store, table ? with_table() : alone());
    BatchBuilder numbers(Schema::make({{"n", Type::kInt64}}).value());
    numbers.append_row(1);
    BatchBuilder names(Schema::make({{"name", Type::kString}, {"n", Type::kInt64}}).value());
    names.append_row("two", 2);
    const std::vector<Batch> batches = {numbers.finish().value(), Batch(), names.finish().value()};
    const auto flushed = writer->atomic_flush(batches, FlushRange{1, 2, 1}).value();
    EXPECT_EQ(flushed.rows, 2u);
    EXPECT_THAT(longs_of(store.bucket, keys_of(flushed.blocks), "n"), ElementsAre(1, 2));
    BatchBuilder other(Schema::make({{"n", Type::kString}}).value());
    other.append_row("x");
    const std::vector<Batch> clash = {batches[0], other.finish().value()};
    EXPECT_EQ(why(writer->atomic_flush(clash, FlushRange{3, 4, 1})),
              answer(Code::kInvalid, Reason::kTypeMismatch));
    EXPECT_EQ(writer->pending_flush_count(), 0u);
  }
}

TEST(AtomicFlush, AMillionRowsAreOneFlush) {
  Store store;
  auto writer = open_writer(store, alone());
  const Entries entries(1, 1'000'000);
  const auto flushed = writer->atomic_flush(entries, entries.range()).value();
  EXPECT_EQ(flushed.rows, 1'000'000u);
  const auto numbers = longs_of(store.bucket, keys_of(writer->committed_blocks()), "n");
  ASSERT_EQ(numbers.size(), 1'000'000u);
  for (size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], int64_t(i) + 1);
}

}  // namespace
}  // namespace sluice::landing
