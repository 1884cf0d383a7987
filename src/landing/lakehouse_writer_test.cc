#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>

#include "landing/prefixed_bucket.h"
#include "landing/store_fixture.h"
#include "landing/table_rows_fixture.h"
#include "sluice/parent.h"

namespace sluice::landing {
namespace {

using testing::ElementsAre;

constexpr const char* kPath = "com/example/users";
const TableName kTable{"example", "users"};

WriterOptions options_of(Store& store) {
  WriterOptions options;
  options.bucket = &store.bucket;
  options.disk = &store.disk;
  options.runtime = &store.runtime;
  options.table_path = kPath;
  options.retry_backoff = kMillisecond;
  options.commit_timeout = 5 * kMillisecond;
  return options;
}
std::unique_ptr<LakehouseWriter> open_with(WriterOptions options) {
  auto writer = LakehouseWriter::open(std::move(options));
  return writer.ok() ? *std::move(writer) : nullptr;
}
std::unique_ptr<LakehouseWriter> open_at(Store& store) {
  return open_with(options_of(store));
}

/// Rows `{"n":<lsn>}` of a source.
class Sent {
 public:
  Sent(std::string source, uint64_t first, uint64_t last)
      : source_(std::make_unique<std::string>(std::move(source))) {
    for (uint64_t lsn = first; lsn <= last; ++lsn) add(lsn, "{\"n\":" + std::to_string(lsn) + "}");
  }
  void add(uint64_t lsn, std::string json) {
    texts_.push_back(std::make_unique<std::string>(std::move(json)));
    WalEntry entry;
    entry.lsn = lsn;
    entry.source = *source_;
    entry.json = *texts_.back();
    entries_.push_back(entry);
  }
  const std::string& source() const { return *source_; }
  operator std::span<const WalEntry>() const { return entries_; }

 private:
  std::unique_ptr<std::string> source_;
  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<WalEntry> entries_;
};

std::multiset<SourceAndLsn> rows_of(Store& store) {
  PrefixedBucket bucket(store.bucket, "com/");
  return rows_in_table(bucket, kTable);
}
std::multiset<SourceAndLsn> rows(const std::string& source, int64_t first, int64_t last) {
  std::multiset<SourceAndLsn> rows;
  for (int64_t lsn = first; lsn <= last; ++lsn) rows.emplace(source, lsn);
  return rows;
}

TEST(LakehouseWriter, PersistedRowsAreInTheTableAndBlocksAreWhereTheySay) {
  Store store;
  const auto writer = open_at(store);
  const Sent sent("a", 1, 100);
  const FlushResult flushed = writer->flush(sent).value();
  EXPECT_EQ(flushed.status, FlushStatus::kPersisted);
  EXPECT_EQ(to_string(flushed.status), "persisted");
  EXPECT_EQ(flushed.row_count, 100u);
  EXPECT_EQ(flushed.known_count, 0u);
  ASSERT_EQ(flushed.blocks.size(), 1u);
  EXPECT_EQ(flushed.block_path, flushed.blocks[0].key);
  EXPECT_TRUE(store.bucket.objects().contains(flushed.block_path));
  EXPECT_TRUE(flushed.block_path.starts_with("com/example/users/data/"));
  EXPECT_FALSE(flushed.error || flushed.retry_scheduled);
  EXPECT_EQ(rows_of(store), rows("a", 1, 100));
  EXPECT_EQ(store.disk.names().size(), 1u);  // the identity: no intent is left
  EXPECT_EQ(writer->stats().rows_persisted, 100u);
}

TEST(LakehouseWriter, WhatIsReceivedIsBufferedUntilItIsFlushed) {
  Store store;
  WriterOptions options = options_of(store);
  options.buffer_size = 10;
  std::vector<FlushStatus> heard;
  options.hooks.on_flush = [&](const FlushResult& result) { heard.push_back(result.status); };
  const auto writer = open_with(options);
  EXPECT_EQ(writer->flush().status, FlushStatus::kEmpty);
  EXPECT_EQ(writer->next_alarm_time(), std::nullopt);
  EXPECT_TRUE(writer->receive("a", std::span<const WalEntry>()).ok());
  EXPECT_EQ(writer->receive("", Sent("", 1, 1)).error().code(), Code::kInvalid);
  ASSERT_TRUE(writer->receive("a", Sent("whoever", 1, 5)).ok());
  EXPECT_TRUE(rows_of(store).empty());
  EXPECT_FALSE(writer->should_flush());
  EXPECT_EQ(writer->time_to_flush(), options.buffer_timeout);
  EXPECT_EQ(writer->next_alarm_time(), store.runtime.now() + options.buffer_timeout);
  ASSERT_TRUE(writer->receive("b", Sent("b", 1, 5)).ok());
  EXPECT_TRUE(writer->should_flush());
  EXPECT_EQ(writer->stats().buffer.state.cursors.at("b"), 5u);

  const FlushResult flushed = writer->flush();
  EXPECT_EQ(flushed.status, FlushStatus::kPersisted);
  EXPECT_EQ(flushed.row_count, 10u);
  auto expected = rows("a", 1, 5);
  expected.merge(rows("b", 1, 5));
  EXPECT_EQ(rows_of(store), expected);
  EXPECT_EQ(writer->flush().status, FlushStatus::kEmpty);
  EXPECT_THAT(heard, ElementsAre(FlushStatus::kPersisted));
}

TEST(LakehouseWriter, WhatIsSentAgainInOtherPortionsIsThereOnce) {
  Store store;
  auto writer = open_at(store);
  ASSERT_EQ(writer->flush(Sent("a", 1, 5))->row_count, 5u);
  const FlushResult overlap = writer->flush(Sent("a", 4, 8)).value();
  EXPECT_EQ(overlap.row_count, 5u);
  EXPECT_EQ(overlap.known_count, 2u);
  writer.reset();
  store.disk.power_cut();
  writer = open_at(store);
  const FlushResult known = writer->flush(Sent("a", 1, 8)).value();
  EXPECT_EQ(known.status, FlushStatus::kPersisted);
  EXPECT_EQ(known.known_count, 8u);
  EXPECT_TRUE(known.blocks.empty());
  EXPECT_EQ(rows_of(store), rows("a", 1, 8));
}

TEST(LakehouseWriter, ARowThatIsNoneIsADeadLetterAndItsNeighboursAreStored) {
  for (const bool new_table : {true, false}) {
    Store store;
    const auto writer = open_at(store);
    const bool is_ready = new_table || writer->flush(Sent("x", 1, 1)).ok();
    ASSERT_TRUE(is_ready);
    Sent sent("a", 1, 20);
    sent.add(21, "{\"n\":");
    sent.add(22, "{\"n\":22}");
    sent.add(23, "no row");
    sent.add(22, "{\"n\":\"another row of the same number\"}");
    sent.add(24, "{\"n\":\"no number, but a row\"}");
    const FlushResult flushed = writer->flush(sent).value();
    EXPECT_EQ(flushed.status, FlushStatus::kPersisted);
    EXPECT_EQ(flushed.row_count, 22u);
    std::set<uint64_t> dead;
    for (const DeadLetter& letter : flushed.dead_letters) {
      dead.insert(letter.lsn);
      EXPECT_EQ(letter.source, "a");
      EXPECT_EQ(letter.reason.code(), Code::kInvalid);
    }
    EXPECT_EQ(dead, (std::set<uint64_t>{21, 22, 23}));
    auto expected = rows("a", 1, 20);
    expected.merge(rows("a", 22, 22));
    expected.merge(rows("a", 24, 24));
    if (!new_table) expected.merge(rows("x", 1, 1));
    EXPECT_EQ(rows_of(store), expected);
    EXPECT_EQ(writer->stats().dead_letters, 3u);
  }
}

TEST(LakehouseWriter, NoBlockIsLargerThanItsMaximum) {
  Store store;
  WriterOptions options = options_of(store);
  options.block_target_bytes = 64 << 10;
  options.block_bytes_max = 96 << 10;
  const auto writer = open_with(options);
  std::mt19937_64 chance(7);
  const auto noise = [&](size_t bytes) {
    std::string text;
    while (text.size() < bytes) text += static_cast<char>('0' + chance() % 64);
    std::replace(text.begin(), text.end(), '\\', '~');
    return "{\"text\":\"" + text + "\"}";
  };
  Sent sent("a", 1, 0);
  for (uint64_t lsn = 1; lsn <= 200; ++lsn) sent.add(lsn, noise(4000));
  sent.add(201, noise(300'000));
  for (uint64_t lsn = 202; lsn <= 210; ++lsn) sent.add(lsn, noise(30'000));
  const FlushResult flushed = writer->flush(sent).value();
  EXPECT_EQ(flushed.status, FlushStatus::kPersisted);
  ASSERT_EQ(flushed.dead_letters.size(), 1u);
  EXPECT_EQ(flushed.dead_letters[0].lsn, 201u);
  EXPECT_EQ(flushed.dead_letters[0].reason.reason(), Reason::kPayloadTooLarge);
  EXPECT_GT(flushed.blocks.size(), 8u);
  for (const BlockMetadata& block : flushed.blocks) EXPECT_LE(block.bytes, 96u << 10);
  auto expected = rows("a", 1, 200);
  expected.merge(rows("a", 202, 210));
  EXPECT_EQ(rows_of(store), expected);
}

// Nothing is promised while the store is away, nothing is lost, and memory has its limit.
TEST(LakehouseWriter, WhileTheStoreIsAwayRowsAreBufferedUpToTheLimitAndThenRefused) {
  Store store;
  WriterOptions options = options_of(store);
  options.max_buffer_size = 10'000;
  const auto writer = open_with(options);
  ASSERT_TRUE(writer->flush(Sent("a", 1, 1)).ok());
  store.script.fail_at(1, Fault::kDeath);
  const FlushResult buffered = writer->flush(Sent("a", 2, 51)).value();
  EXPECT_EQ(buffered.status, FlushStatus::kBuffered);
  EXPECT_EQ(buffered.row_count, 0u);
  EXPECT_TRUE(buffered.retry_scheduled);
  ASSERT_TRUE(buffered.error);
  EXPECT_EQ(buffered.error->code(), Code::kIo);
  EXPECT_EQ(writer->stats().health, Health::kDegraded);
  EXPECT_EQ(writer->stats().pending_entries, 50u);
  const Nanos tried = store.runtime.now();
  EXPECT_EQ(writer->next_alarm_time(), tried + 30 * kSecond);
  store.runtime.sleep_until(tried + 20 * kSecond);
  EXPECT_EQ(writer->next_alarm_time(), tried + 30 * kSecond);
  ASSERT_TRUE(writer->receive("a", Sent("a", 52, 101)).ok());
  EXPECT_EQ(writer->flush().status, FlushStatus::kBuffered);
  EXPECT_EQ(writer->stats().buffer.state.count, 50u);
  uint64_t next = 102;
  Status taken = ok();
  for (; taken.ok(); next += taken.ok() ? 50 : 0) {
    taken = writer->receive("a", Sent("a", next, next + 49));
  }
  EXPECT_EQ(taken.error().code(), Code::kBusy);
  EXPECT_EQ(writer->flush(Sent("a", next, next + 200)).error().code(), Code::kBusy);
  EXPECT_EQ(writer->flush(Sent("a", next, next + 2000)).error().code(), Code::kInvalid);
  EXPECT_LE(writer->stats().buffer.state.bytes + writer->stats().pending_bytes, 10'000u);
  EXPECT_EQ(writer->retry_pending_blocks().failed, 1u);

  store.script.revive();
  const RetryResult retried = writer->retry_pending_blocks();
  EXPECT_EQ(retried.succeeded, 1u);
  EXPECT_EQ(retried.failed, 0u);
  EXPECT_EQ(writer->flush().status, FlushStatus::kPersisted);
  EXPECT_TRUE(writer->receive("a", Sent("a", next, next + 49)).ok());
  EXPECT_EQ(writer->flush().row_count, 50u);
  EXPECT_EQ(rows_of(store), rows("a", 1, static_cast<int64_t>(next) + 49));
  EXPECT_EQ(writer->stats().health, Health::kHealthy);
}

TEST(LakehouseWriter, UnderPressureSendersAreToldToWaitUntilItIsDrained) {
  Store store;
  WriterOptions options = options_of(store);
  options.buffer_size = 10;
  const auto writer = open_with(options);
  ASSERT_TRUE(writer->receive("a", Sent("a", 1, 15)).ok());
  ASSERT_TRUE(writer->receive("a", Sent("a", 16, 16)).ok());
  EXPECT_GE(writer->stats().pressure, 80);
  const Status told = writer->receive("a", Sent("a", 17, 17));
  EXPECT_EQ(told.error().code(), Code::kBusy);
  EXPECT_EQ(told.error().reason(), Reason::kDeadline);
  EXPECT_GE(told.error().found(), 10u);
  EXPECT_LE(told.error().found(), 1000u);
  EXPECT_EQ(writer->flush().row_count, 16u);
  EXPECT_EQ(writer->stats().suggested_delay, 0);
  EXPECT_TRUE(writer->receive("a", Sent("a", 17, 17)).ok());
}

TEST(LakehouseWriter, ATableOfRowsWithoutFieldsIsATable) {
  Store store;
  const auto writer = open_at(store);
  Sent sent("a", 1, 0);
  sent.add(1, "{}");
  sent.add(2, "{\"late\":1}");
  EXPECT_EQ(writer->flush(sent)->row_count, 2u);
  EXPECT_EQ(writer->flush(Sent("a", 3, 3))->row_count, 1u);
  EXPECT_EQ(rows_of(store), rows("a", 1, 3));
}

TEST(LakehouseWriter, OptionsThatCannotBeAreNamed) {
  Store store;
  const auto refused = [&](const std::function<void(WriterOptions&)>& change) {
    WriterOptions options = options_of(store);
    change(options);
    const auto opened = LakehouseWriter::open(options);
    return opened.ok() ? std::string("nothing") : opened.error().where();
  };
  using Options = WriterOptions;
  EXPECT_EQ(refused([](Options& o) { o.bucket = nullptr; }), "bucket");
  EXPECT_EQ(refused([](Options& o) { o.disk = nullptr; }), "disk");
  EXPECT_EQ(refused([](Options& o) { o.runtime = nullptr; }), "runtime");
  EXPECT_EQ(refused([](Options& o) { o.buffer_size = 0; }), "buffer_size");
  EXPECT_EQ(refused([](Options& o) { o.block_target_bytes = 1; }), "block_target_bytes");
  EXPECT_EQ(refused([](Options& o) { o.block_bytes_max = 1; }), "block_bytes_max");
  EXPECT_EQ(refused([](Options& o) { o.max_retries = 100; }), "max_retries");
  for (const char* path : {"", "users", "/users", "example/", "com//users", "com/example/us ers",
                           "a//b/c", "../b/c", "a/./b/c", "a b/c/d"}) {
    EXPECT_EQ(refused([&](Options& o) { o.table_path = path; }), "table_path") << path;
  }
  EXPECT_EQ(refused([](Options& o) { o.table_path = std::string(297, 'a') + "/b/c"; }),
            "table_path");
  EXPECT_EQ(refused([](Options& o) { o.table_path = "example/users"; }), "nothing");
  EXPECT_EQ(refused([](Options& o) { o.table_path = "a/b/c/d"; }), "nothing");
}

TEST(LakehouseWriter, CompactionSaysThatItIsNotThere) {
  Store store;
  WriterOptions options = options_of(store);
  int heard = 0;
  options.hooks.on_compact = [&](const CompactResult&) { ++heard; };
  const CompactResult result = open_with(options)->compact();
  EXPECT_EQ(result.status, CompactStatus::kSkipped);
  EXPECT_EQ(result.error->code(), Code::kUnsupported);
  EXPECT_EQ(heard, 1);
}

TEST(LakehouseWriter, PresetsAndModesAreThoseOfTheTable) {
  EXPECT_EQ(writer_options(WriterPreset::kBase).buffer_size, 10'000u);
  EXPECT_EQ(writer_options(WriterPreset::kExample).buffer_timeout, 3 * kSecond);
  EXPECT_EQ(writer_options(WriterPreset::kEdgeCache).partition_mode, PartitionMode::kStandard);
  EXPECT_EQ(writer_options(WriterPreset::kEnterprise).buffer_size, 100'000u);
  for (const PartitionSizes& sizes : kPartitionModes) {
    EXPECT_EQ(parse_partition_mode(sizes.name), sizes.mode);
    EXPECT_EQ(sizes_of(sizes.mode).name, sizes.name);
    EXPECT_LT(sizes.block_target_bytes, sizes.block_bytes_max);
  }
  EXPECT_EQ(parse_partition_mode("edge-cache"), PartitionMode::kStandard);
  EXPECT_EQ(parse_partition_mode("edge"), std::nullopt);
}

TEST(LakehouseWriter, AnInjectedStrategyIsTheOneThatIsUsed) {
  Store store;
  WriterOptions options = options_of(store);
  CdcBufferOptions one_row;
  one_row.buffer_size = 1;
  options.strategy = make_buffer_strategy(FlushRule::kSize, one_row).value();
  const auto writer = open_with(options);
  EXPECT_FALSE(writer->should_flush());
  ASSERT_TRUE(writer->receive("a", Sent("a", 1, 1)).ok());
  EXPECT_TRUE(writer->should_flush());
  EXPECT_EQ(options.strategy->stats().accepted, 1u);
}

TEST(LakehouseWriter, OfManyThreadsThatSendAndFlushEveryRowIsThereOnce) {
  constexpr uint64_t kEach = 60;
  Store store;
  WriterOptions options = options_of(store);
  options.buffer_size = 1000;
  const auto writer = open_with(options);
  std::vector<std::unique_ptr<Thread>> threads;
  std::atomic<uint64_t> rows_told = 0;
  for (const char* source : {"a", "b", "c", "d"}) {
    threads.push_back(store.runtime.spawn(source, [&, source] {
      for (uint64_t lsn = 1; lsn <= kEach; lsn += 10) {
        EXPECT_TRUE(writer->receive(source, Sent(source, lsn, lsn + 6)).ok());
        rows_told += writer->flush().row_count;
        const auto direct = writer->flush(Sent(source, lsn + 7, lsn + 9));
        EXPECT_TRUE(direct.ok());
        rows_told += direct->row_count;
        EXPECT_LE(writer->stats().pressure, 100);
      }
    }));
  }
  for (const auto& thread : threads) thread->join();
  rows_told += writer->flush().row_count;
  EXPECT_EQ(rows_told, 4 * kEach);
  std::multiset<SourceAndLsn> expected;
  for (const char* source : {"a", "b", "c", "d"}) expected.merge(rows(source, 1, kEach));
  EXPECT_EQ(rows_of(store), expected);
}

// A newer opening takes over: the older one persists nothing, and says so.
TEST(LakehouseWriter, WhoWasFencedPersistsNothingMore) {
  Store store;
  auto older = open_at(store);
  ASSERT_TRUE(older->flush(Sent("a", 1, 1)).ok());
  Script script;
  MemoryDisk disk(script);
  WriterOptions options = options_of(store);
  options.disk = &disk;
  const auto newer = LakehouseWriter::open(options).value();
  const FlushResult refused = older->flush(Sent("a", 2, 2)).value();
  EXPECT_EQ(refused.status, FlushStatus::kBuffered);
  EXPECT_EQ(refused.error->code(), Code::kFenced);
  EXPECT_FALSE(refused.retry_scheduled);
  EXPECT_EQ(newer->flush(Sent("a", 2, 3))->row_count, 2u);
  EXPECT_EQ(rows_of(store), rows("a", 1, 3));
}

}  // namespace
}  // namespace sluice::landing
