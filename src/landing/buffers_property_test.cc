// Random operations against models that are too simple to be wrong.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "sluice/cdc.h"

namespace sluice {
namespace {

constexpr int kSeeds = 50;
constexpr int kSteps = 400;

struct Row {
  std::string source;
  uint64_t lsn = 0;
  std::string json;
};
uint64_t bytes_of(const std::vector<Row>& rows) {
  uint64_t bytes = 0;
  for (const Row& row : rows) bytes += 28 + row.json.size();
  return bytes;
}

class Chance {
 public:
  explicit Chance(uint64_t seed) : engine_(seed) {}
  uint64_t below(uint64_t end) { return engine_() % end; }
  /// Up to `most` rows of one source, each with an LSN of its own.
  std::vector<Row> rows(uint64_t most, uint64_t longest) {
    std::vector<Row> rows;
    const std::string source = "s" + std::to_string(below(3));
    for (uint64_t left = below(most + 1); left > 0; --left) {
      rows.push_back({source, ++lsn_, std::string(1 + below(longest), 'x')});
    }
    return rows;
  }

 private:
  std::mt19937_64 engine_;
  uint64_t lsn_ = 0;
};

std::vector<WalEntry> entries_of(const std::vector<Row>& rows) {
  std::vector<WalEntry> entries(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    entries[i].lsn = rows[i].lsn;
    entries[i].json = rows[i].json;
  }
  return entries;
}

/// In order, nothing lost, nothing twice, every byte as it came.
void expect_same(const OwnedEntries& drained, const std::vector<Row>& model) {
  ASSERT_EQ(drained.entries.size(), model.size());
  for (size_t i = 0; i < model.size(); ++i) {
    EXPECT_EQ(drained.entries[i].lsn, model[i].lsn);
    EXPECT_EQ(drained.entries[i].source, model[i].source);
    EXPECT_EQ(drained.entries[i].json, model[i].json);
  }
}

TEST(BufferProperties, ACdcBufferHoldsWhatItsModelHolds) {
  uint64_t refused = 0;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    Chance chance(static_cast<uint64_t>(seed));
    CdcBufferOptions options;
    options.max_buffer_size = 500 + chance.below(2000);
    options.buffer_size = 1 + chance.below(30);
    options.target_block_size = 1 + chance.below(options.max_buffer_size);
    options.buffer_timeout = 1 + static_cast<Nanos>(chance.below(100));
    CdcBuffer buffer = CdcBuffer::create(options).value();
    std::vector<Row> model;
    std::map<std::string, uint64_t> cursors;
    Nanos now = 0;
    Nanos first = 0;
    for (int step = 0; step < kSteps; ++step) {
      now += static_cast<Nanos>(chance.below(10));
      if (chance.below(8) == 0) {
        expect_same(buffer.drain(), model);
        model.clear();
      } else {
        const std::vector<Row> rows = chance.rows(5, 120);
        const bool fits = bytes_of(model) + bytes_of(rows) <= options.max_buffer_size;
        const std::string source = rows.empty() ? "none" : rows[0].source;
        ASSERT_EQ(buffer.add(source, entries_of(rows), now).ok(), fits || rows.empty());
        refused += fits ? 0 : 1;
        if (fits && model.empty()) first = now;
        if (fits) model.insert(model.end(), rows.begin(), rows.end());
        if (fits && !rows.empty()) cursors[source] = rows.back().lsn;
      }
      ASSERT_EQ(buffer.bytes(), bytes_of(model));
      ASSERT_LE(buffer.bytes(), options.max_buffer_size);
      const bool due = model.size() >= options.buffer_size ||
                       bytes_of(model) >= options.target_block_size ||
                       now - first >= options.buffer_timeout;
      ASSERT_EQ(buffer.should_flush(now), due && !model.empty());
      ASSERT_EQ(buffer.state().cursors, cursors);
    }
  }
  EXPECT_GT(refused, 100u);
}

std::string table_of(uint64_t number) {
  return "t" + std::to_string(number);
}

// Case: one table hot, another idle.
TEST(BufferProperties, NoTableIsRefusedWhatItsShareHoldsAndTheLimitIsNeverExceeded) {
  uint64_t refused = 0;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    Chance chance(static_cast<uint64_t>(seed));
    MultiTableBufferOptions options;
    options.max_tables = 2 + chance.below(4);
    options.max_bytes = 4000 + chance.below(4000);
    MultiTableBuffer buffer = MultiTableBuffer::create(options).value();
    const uint64_t share = buffer.share_bytes();
    ASSERT_EQ(share, options.max_bytes / 2 / options.max_tables);
    std::map<std::string, std::vector<Row>> model;
    for (int step = 0; step < kSteps; ++step) {
      const std::string table =
          table_of(chance.below(8) < 6 ? 0 : chance.below(options.max_tables));
      if (chance.below(20) == 0) {
        expect_same(buffer.drain(table), model[table]);
        model[table].clear();
      } else if (chance.below(40) == 0) {
        const auto drained = buffer.drain_all();
        for (auto& [name, rows] : model) {
          if (!rows.empty()) expect_same(drained.at(name), rows);
          rows.clear();
        }
      } else {
        const std::vector<Row> rows = chance.rows(4, 200);
        const std::string source = rows.empty() ? "none" : rows[0].source;
        const bool taken = buffer.add(table, source, entries_of(rows), step).ok();
        const bool is_within = bytes_of(model[table]) + bytes_of(rows) <= share;
        ASSERT_TRUE(taken || !is_within);
        if (taken) model[table].insert(model[table].end(), rows.begin(), rows.end());
        refused += taken ? 0 : 1;
      }
      uint64_t total = 0;
      for (const auto& [name, rows] : model) total += bytes_of(rows);
      ASSERT_EQ(buffer.total_bytes(), total);
      ASSERT_EQ(buffer.has_entries(), total > 0);
      ASSERT_LE(total, options.max_bytes);
    }
  }
  EXPECT_GT(refused, 100u);
}

TEST(BufferProperties, AHotTableTakesWhatIsFreeAndAnIdleOneKeepsItsShare) {
  MultiTableBufferOptions options;
  options.max_bytes = 8000;
  options.max_tables = 4;
  MultiTableBuffer buffer = MultiTableBuffer::create(options).value();
  const std::string json(72, 'x');
  CdcEntry change;
  change.table = "hot";
  change.after = json;
  uint64_t taken = 0;
  while (buffer.add("s", change, 10).ok()) ++taken;
  EXPECT_EQ(taken, 50u);  // its share of 1000 and the free half
  for (const char* idle : {"a", "b", "c"}) {
    change.table = idle;
    for (int row = 0; row < 10; ++row) EXPECT_TRUE(buffer.add("s", change, 5).ok());
    const Status more = buffer.add("s", change, 5);
    EXPECT_EQ(more.error().code(), Code::kBusy);
    EXPECT_EQ(more.error().where(), idle);
    EXPECT_EQ(more.error().expected(), 1000u);
  }
  EXPECT_EQ(buffer.total_bytes(), options.max_bytes);
  EXPECT_EQ(buffer.total_entries(), 80u);
  change.table = "one too many";
  EXPECT_EQ(buffer.add("s", change, 5).error().reason(), Reason::kOutOfRange);

  // The oldest first, so that the hot one does not go before those that wait longer.
  const Nanos later = 10 + options.table.buffer_timeout;
  EXPECT_EQ(buffer.ready_to_flush(later), (std::vector<std::string>{"a", "b", "c", "hot"}));
  EXPECT_EQ(buffer.min_time_to_flush(5), options.table.buffer_timeout);
  EXPECT_EQ(buffer.remove_buffer("hot").error().code(), Code::kBusy);
  EXPECT_EQ(buffer.drain("hot").entries.size(), 50u);
  change.table = "a";
  EXPECT_TRUE(buffer.add("s", change, 5).ok());
  EXPECT_TRUE(buffer.remove_buffer("hot").ok());
  EXPECT_EQ(buffer.remove_buffer("hot").error().code(), Code::kNotFound);
  EXPECT_EQ(buffer.cursors("hot"), nullptr);
  EXPECT_EQ(buffer.cursors("a")->of("s"), 0u);
  EXPECT_EQ(buffer.buffer("a").value()->size(), 11u);
  EXPECT_EQ(buffer.all_stats().size(), 3u);
  EXPECT_EQ(buffer.drain("no such table").entries.size(), 0u);
}

TEST(BufferProperties, WhatNeverFitsIsInvalidAndSharesMustBe) {
  MultiTableBufferOptions options;
  options.max_bytes = 800;
  options.max_tables = 4;
  MultiTableBuffer buffer = MultiTableBuffer::create(options).value();
  const std::string json(800 - 300 - 28 + 1, 'x');
  CdcEntry change;
  change.table = "t";
  change.after = json;
  EXPECT_EQ(buffer.add("s", change, 0).error().code(), Code::kInvalid);
  change.after.remove_suffix(1);
  EXPECT_TRUE(buffer.add("s", change, 0).ok());
  options.max_tables = 401;
  EXPECT_FALSE(MultiTableBuffer::create(options).ok());
  options.max_tables = 0;
  EXPECT_EQ(MultiTableBuffer::create(options).error().message(), "max_tables must be positive");
}

TEST(BufferProperties, PressureIsAFunctionOfTheLevelAndWhatItWasAndNeverStuck) {
  uint64_t changes = 0;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    Chance chance(static_cast<uint64_t>(seed));
    BackpressureOptions options;
    options.high_water_mark = 1 + static_cast<double>(chance.below(100));
    options.low_water_mark =
        static_cast<double>(chance.below(static_cast<uint64_t>(options.high_water_mark)));
    BackpressureController controller = BackpressureController::create(options).value();
    bool applied = false;
    for (int step = 0; step < kSteps; ++step) {
      const BackpressureLoad load{chance.below(25'000), chance.below(6u << 20), chance.below(12)};
      const double level = std::min(static_cast<double>(load.entries) / 200 +
                                        static_cast<double>(load.bytes) / (4 << 20) * 30 +
                                        static_cast<double>(load.pending_blocks) * 2,
                                    100.0);
      const bool was = applied;
      if (level >= options.high_water_mark) applied = true;
      if (level <= options.low_water_mark) applied = false;
      changes += was != applied ? 1 : 0;
      ASSERT_EQ(controller.update(load), applied);
      ASSERT_NEAR(controller.pressure(), level, 1e-9);
      const Nanos delay = controller.suggested_delay();
      ASSERT_EQ(delay > 0, applied);
      ASSERT_TRUE(!applied || (delay >= 10 * kMillisecond && delay <= kSecond));
    }
    ASSERT_FALSE(controller.update({}));
  }
  EXPECT_GT(changes, 100u);
}

}  // namespace
}  // namespace sluice
