#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "sluice/buffer_strategy.h"
#include "sluice/cdc.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr uint64_t kOverhead = 28;

/// A row of `bytes` as entries count them.
std::string row_of(uint64_t bytes) {
  return std::string(bytes - kOverhead, 'x');
}
WalEntry entry_of(uint64_t lsn, std::string_view json) {
  WalEntry entry;
  entry.lsn = lsn;
  entry.json = json;
  return entry;
}
Status add_row(CdcBuffer& buffer, uint64_t lsn, uint64_t bytes, Nanos now = 0) {
  const std::string row = row_of(bytes);
  const WalEntry entry = entry_of(lsn, row);
  return buffer.add("s", std::span(&entry, 1), now);
}
CdcBuffer buffer_with(uint64_t limit) {
  CdcBufferOptions options;
  options.max_buffer_size = limit;
  return CdcBuffer::create(options).value();
}
std::vector<uint64_t> lsns_of(const OwnedEntries& drained) {
  std::vector<uint64_t> lsns;
  for (const WalEntry& entry : drained.entries) lsns.push_back(entry.lsn);
  return lsns;
}

TEST(CdcBuffer, EachOptionMustBePositive) {
  using Change = std::function<void(CdcBufferOptions&)>;
  const std::vector<std::pair<std::string, Change>> changes = {
      {"buffer_size", [](CdcBufferOptions& options) { options.buffer_size = 0; }},
      {"buffer_timeout", [](CdcBufferOptions& options) { options.buffer_timeout = -1; }},
      {"target_block_size", [](CdcBufferOptions& options) { options.target_block_size = 0; }},
      {"max_buffer_size", [](CdcBufferOptions& options) { options.max_buffer_size = 0; }}};
  for (const auto& [name, change] : changes) {
    CdcBufferOptions options;
    change(options);
    const auto made = CdcBuffer::create(options);
    ASSERT_FALSE(made.ok()) << name;
    EXPECT_EQ(made.error().code(), Code::kInvalid);
    EXPECT_EQ(made.error().message(), name + " must be positive");
    EXPECT_EQ(made.error().where(), name);
  }
}

TEST(CdcBuffer, ExactlyAtTheLimitIsAllowedAndOneByteMoreIsNot) {
  CdcBuffer buffer = buffer_with(300);
  EXPECT_TRUE(add_row(buffer, 1, 100).ok());
  const Status above = add_row(buffer, 2, 201);
  ASSERT_FALSE(above.ok());
  EXPECT_EQ(above.error().code(), Code::kBusy);
  EXPECT_EQ(above.error().reason(), Reason::kPayloadTooLarge);
  EXPECT_EQ(above.error().expected(), 300u);
  EXPECT_EQ(above.error().found(), 301u);
  EXPECT_EQ(buffer.bytes(), 100u);
  EXPECT_EQ(buffer.cursors().of("s"), 1u);
  EXPECT_TRUE(add_row(buffer, 2, 200).ok());
  EXPECT_EQ(buffer.bytes(), 300u);
  EXPECT_EQ(buffer.stats().utilization, 1);
}

TEST(CdcBuffer, WhatCanNeverFitIsNotBusyButInvalid) {
  CdcBuffer buffer = buffer_with(300);
  EXPECT_EQ(add_row(buffer, 1, 301).error().code(), Code::kInvalid);
}

TEST(CdcBuffer, OneBadEntryRefusesTheCallAndLeavesNothing) {
  CdcBuffer buffer = buffer_with(1000);
  std::vector<WalEntry> entries = {entry_of(1, "{}"), entry_of(2, "{}"), entry_of(3, "")};
  const Status without_row = buffer.add("s", entries, 0);
  EXPECT_EQ(without_row.error().reason(), Reason::kIncompletePayload);
  EXPECT_EQ(without_row.error().found(), 2u);
  entries = {entry_of(1, "{}"), entry_of(uint64_t{1} << 63, "{}")};
  const Status negative = buffer.add("s", entries, 0);
  EXPECT_EQ(negative.error().reason(), Reason::kOutOfRange);
  EXPECT_EQ(negative.error().found(), 1u);
  EXPECT_TRUE(buffer.is_empty());
  EXPECT_EQ(buffer.cursors().of("s"), std::nullopt);
  EXPECT_EQ(buffer.stats().refused, 5u);
  EXPECT_TRUE(buffer.add("s", std::span<const WalEntry>(), 0).ok());
  EXPECT_EQ(buffer.stats().accepted, 0u);
}

TEST(CdcBuffer, AFlushIsDueByEntriesByBytesOrByAgeAndNeverWhenItIsEmpty) {
  CdcBufferOptions options;
  options.buffer_size = 3;
  options.target_block_size = 500;
  options.buffer_timeout = 50;
  CdcBuffer buffer = CdcBuffer::create(options).value();
  EXPECT_FALSE(buffer.should_flush(1'000'000));
  EXPECT_EQ(buffer.time_to_flush(0), std::nullopt);
  EXPECT_EQ(buffer.lsn_range(), std::nullopt);

  ASSERT_TRUE(add_row(buffer, 7, 50, 100).ok());
  ASSERT_TRUE(add_row(buffer, 5, 50, 130).ok());
  EXPECT_FALSE(buffer.should_flush(149));
  EXPECT_EQ(buffer.time_to_flush(120), 30);
  EXPECT_TRUE(buffer.should_flush(150));
  EXPECT_EQ(buffer.time_to_flush(170), 0);
  EXPECT_EQ(buffer.time_to_flush(90), 50);  // a time before the first entry is no age
  EXPECT_EQ(buffer.lsn_range(), (LsnRange{5, 7}));
  ASSERT_TRUE(add_row(buffer, 6, 50, 130).ok());
  EXPECT_TRUE(buffer.should_flush(130));
  EXPECT_EQ(buffer.time_to_flush(130), 0);

  EXPECT_THAT(lsns_of(buffer.drain()), ElementsAre(7, 5, 6));
  EXPECT_FALSE(buffer.should_flush(1'000'000));
  ASSERT_TRUE(add_row(buffer, 8, 500, 200).ok());
  EXPECT_TRUE(buffer.should_flush(200));
}

TEST(CdcBuffer, WhatIsDrainedOutlivesTheBufferAndTheCaller) {
  DrainedEntries drained;
  {
    CdcBuffer buffer = buffer_with(1000);
    const std::string source = "child-1";
    const std::string after = R"({"id":1})";
    CdcEntry change;
    change.lsn = 9;
    change.operation = Operation::kUpdate;
    change.table = "users";
    change.row_id = "r1";
    change.before = R"({"id":0})";
    change.after = after;
    ASSERT_TRUE(buffer.add(source, change, 5).ok());
    change.operation = Operation::kDelete;
    change.after = {};
    ASSERT_TRUE(buffer.add(source, change, 6).ok());
    change.before = {};
    ASSERT_TRUE(buffer.add(source, change, 7).ok());
    drained = buffer.drain();
  }
  ASSERT_EQ(drained.entries.size(), 3u);
  EXPECT_EQ(drained.entries[0].json, R"({"id":1})");
  EXPECT_EQ(drained.entries[0].source, "child-1");
  EXPECT_EQ(drained.entries[0].row_id, "r1");
  EXPECT_EQ(drained.entries[1].json, R"({"id":0})");
  EXPECT_EQ(drained.entries[1].operation, Operation::kDelete);
  EXPECT_EQ(drained.entries[2].json, "{}");
  EXPECT_EQ(drained.state.first_entry_time, 5);
  EXPECT_THAT(drained.state.cursors, ElementsAre(Pair("child-1", 9)));
}

TEST(CdcBuffer, CursorsStayWhenItIsDrainedAndAnEmptyOneHasNoRange) {
  CdcBuffer buffer = buffer_with(1000);
  ASSERT_TRUE(add_row(buffer, 9, 30).ok());
  static_cast<void>(buffer.drain());
  ASSERT_TRUE(add_row(buffer, 4, 30).ok());  // a late one takes nothing back
  const DrainedEntries drained = buffer.drain();
  EXPECT_EQ(drained.state.min_lsn, 4u);
  const CdcBufferState state = buffer.state();
  EXPECT_EQ(state.min_lsn, 0u);
  EXPECT_EQ(state.max_lsn, 0u);
  EXPECT_EQ(state.first_entry_time, std::nullopt);
  EXPECT_THAT(state.cursors, ElementsAre(Pair("s", 9)));
  EXPECT_EQ(buffer.stats().drained, 2u);
}

TEST(SourceCursors, AreSetOnlyForwardAndOnlyFromWhatWasExpected) {
  std::vector<bool> heard;
  SourceCursors cursors([&](const auto& attempt) { heard.push_back(attempt.done); });
  EXPECT_FALSE(cursors.compare_and_set("a", 0, 5).value());  // unknown is not 0
  EXPECT_TRUE(cursors.compare_and_set("a", std::nullopt, 0).value());
  EXPECT_FALSE(cursors.compare_and_set("a", std::nullopt, 5).value());
  EXPECT_FALSE(cursors.compare_and_set("a", 0, 0).value());
  EXPECT_TRUE(cursors.compare_and_set("a", 0, 5).value());
  EXPECT_FALSE(cursors.compare_and_set("a", 5, 4).value());
  EXPECT_EQ(cursors.compare_and_set("a", 5, -1).error().code(), Code::kInvalid);
  EXPECT_EQ(cursors.of("a"), 5u);
  EXPECT_THAT(heard, ElementsAre(false, true, false, false, true, false));
  EXPECT_EQ(cursors.attempts().size(), 6u);
  EXPECT_EQ(cursors.attempts()[3].current, 0u);
  for (size_t i = 0; i < 2 * SourceCursors::kAttemptsKept; ++i) {
    EXPECT_FALSE(cursors.compare_and_set("a", std::nullopt, 9).value());
  }
  EXPECT_EQ(cursors.attempts().size(), SourceCursors::kAttemptsKept);
}

TEST(SizeBasedBuffer, SaysWhenItsTargetIsReachedAndNeverHoldsMoreThanItsMaximum) {
  SizeBasedBuffer buffer = SizeBasedBuffer::create(100, 150).value();
  const std::string row = row_of(60);
  std::vector<WalEntry> entries = {entry_of(1, row)};
  entries[0].source = "a";
  EXPECT_FALSE(buffer.add(entries).value());
  EXPECT_TRUE(buffer.add(entries).value());
  EXPECT_FALSE(buffer.is_at_max_capacity());
  EXPECT_EQ(buffer.add(entries).error().code(), Code::kBusy);
  const std::string last = row_of(30);
  entries[0].json = last;
  EXPECT_TRUE(buffer.add(entries).value());
  EXPECT_TRUE(buffer.is_at_max_capacity());
  const OwnedEntries drained = buffer.drain();
  EXPECT_THAT(lsns_of(drained), ElementsAre(1, 1, 1));
  EXPECT_EQ(drained.entries[2].source, "a");
  EXPECT_TRUE(buffer.is_empty());
  EXPECT_EQ(buffer.bytes(), 0u);
  EXPECT_FALSE(SizeBasedBuffer::create(0, 1).ok());
  EXPECT_FALSE(SizeBasedBuffer::create(2, 1).ok());
}

TEST(BufferStrategy, EachRuleLooksAtItsOwnOnly) {
  CdcBufferOptions options;
  options.buffer_size = 2;
  options.buffer_timeout = 50;
  const auto make = [&](FlushRule rule) { return make_buffer_strategy(rule, options).value(); };
  const auto size = make(FlushRule::kSize);
  const auto time = make(FlushRule::kTime);
  const auto hybrid = make(FlushRule::kHybrid);
  const WalEntry entry = entry_of(3, "{}");
  for (const auto* strategy : {&size, &time, &hybrid}) {
    EXPECT_TRUE((*strategy)->is_empty());
    ASSERT_TRUE((*strategy)->append("s", std::span(&entry, 1), 0).ok());
  }
  EXPECT_EQ(size->time_to_flush(1000), std::nullopt);
  EXPECT_FALSE(size->should_flush(1000));
  EXPECT_TRUE(time->should_flush(50));
  EXPECT_TRUE(hybrid->should_flush(50));
  for (const auto* strategy : {&size, &time, &hybrid}) {
    ASSERT_TRUE((*strategy)->append("s", std::span(&entry, 1), 1).ok());
  }
  EXPECT_TRUE(size->should_flush(2));
  EXPECT_FALSE(time->should_flush(2));
  EXPECT_EQ(time->time_to_flush(2), 48);
  EXPECT_TRUE(hybrid->should_flush(2));
  EXPECT_EQ(hybrid->stats().state.count, 2u);
  EXPECT_THAT(hybrid->source_cursors(), ElementsAre(Pair("s", 3)));
  hybrid->clear();
  EXPECT_TRUE(hybrid->is_empty());
  EXPECT_EQ(time->flush().entries.size(), 2u);
  EXPECT_TRUE(time->is_empty());
}

BackpressureController controller(BackpressureOptions options = {}) {
  return BackpressureController::create(options).value();
}

TEST(Backpressure, IsAppliedAtTheHighMarkAndReleasedAtTheLowOne) {
  BackpressureController pressure = controller();
  EXPECT_FALSE(pressure.update({15'999, 0, 0}));
  EXPECT_EQ(pressure.suggested_delay(), 0);
  EXPECT_TRUE(pressure.update({16'000, 0, 0}));
  EXPECT_EQ(pressure.pressure(), 80);
  EXPECT_EQ(pressure.suggested_delay(), 10 * kMillisecond);
  EXPECT_TRUE(pressure.update({8'001, 0, 0}));
  EXPECT_EQ(pressure.suggested_delay(), 10 * kMillisecond);
  EXPECT_FALSE(pressure.update({8'000, 0, 0}));
  EXPECT_FALSE(pressure.update({15'000, 0, 0}));
  EXPECT_TRUE(pressure.update({10'000, 4u << 20, 0}));  // 50 + 30
  EXPECT_TRUE(pressure.update({0, 4u << 20, 6}));       // 30 + 12
  EXPECT_FALSE(pressure.update({0, 0, 20}));
  EXPECT_EQ(pressure.pressure(), 40);
}

TEST(Backpressure, TheDelayGrowsWithThePressureToASecond) {
  BackpressureController pressure = controller();
  pressure.update({18'000, 0, 0});
  EXPECT_EQ(pressure.suggested_delay(), 505 * kMillisecond);
  pressure.update({1'000'000, UINT64_MAX, 0});
  EXPECT_EQ(pressure.pressure(), 100);
  EXPECT_EQ(pressure.suggested_delay(), kSecond);
  pressure.reset();
  EXPECT_EQ(pressure.suggested_delay(), 0);
  EXPECT_FALSE(pressure.is_applied());

  BackpressureController flat = controller({.high_water_mark = 100});
  EXPECT_TRUE(flat.update({20'000, 0, 0}));
  EXPECT_EQ(flat.suggested_delay(), kSecond);
  EXPECT_TRUE(flat.update({19'000, 0, 0}));
  EXPECT_EQ(flat.suggested_delay(), 10 * kMillisecond);
}

TEST(Backpressure, MarksThatCannotWorkAreRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const BackpressureOptions& options :
       {BackpressureOptions{.high_water_mark = 0}, BackpressureOptions{.high_water_mark = nan},
        BackpressureOptions{.max_pressure = nan}, BackpressureOptions{.low_water_mark = nan},
        BackpressureOptions{.low_water_mark = -1}, BackpressureOptions{.low_water_mark = 80},
        BackpressureOptions{.high_water_mark = 101}, BackpressureOptions{.full_entries = 0},
        BackpressureOptions{.full_bytes = 0}, BackpressureOptions{.full_pending_blocks = 0}}) {
    EXPECT_FALSE(BackpressureController::create(options).ok());
  }
  EXPECT_EQ(BackpressureController::create({.high_water_mark = nan}).error().message(),
            "high_water_mark must be positive");
}

}  // namespace
}  // namespace sluice
