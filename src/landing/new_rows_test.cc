#include "landing/new_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "landing/store_fixture.h"
#include "landing/table_rows_fixture.h"

namespace sluice::landing {
namespace {

using testing::ElementsAre;
using testing::Pair;

/// Rows `{"n":<lsn>}` of one source.
class Rows {
 public:
  Rows& add(const std::string& source, std::vector<uint64_t> lsns) {
    for (const uint64_t lsn : lsns) {
      texts_.push_back(std::make_unique<std::string>("{\"n\":" + std::to_string(lsn) + "}"));
      sources_.push_back(std::make_unique<std::string>(source));
      WalEntry entry;
      entry.lsn = lsn;
      entry.source = *sources_.back();
      entry.json = *texts_.back();
      entries_.push_back(entry);
    }
    return *this;
  }
  operator std::span<const WalEntry>() const { return entries_; }
  std::vector<WalEntry>& all() { return entries_; }
  FlushRange range() const {
    FlushRange range{entries_.front().lsn, entries_.front().lsn, 0};
    for (const WalEntry& entry : entries_) {
      range.min_lsn = std::min(range.min_lsn, entry.lsn);
      range.max_lsn = std::max(range.max_lsn, entry.lsn);
    }
    return range;
  }

 private:
  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<std::unique_ptr<std::string>> sources_;
  std::vector<WalEntry> entries_;
};
Rows rows(const std::string& source, std::vector<uint64_t> lsns) {
  return std::move(Rows().add(source, std::move(lsns)));
}

KnownLsns nothing(std::string_view) {
  return KnownLsns(table::Coverage());
}

TEST(NewRows, KeepTheirOrderAndEachIsThereOnce) {
  const Rows given = std::move(Rows().add("b", {7, 5}).add("a", {5}).add("b", {6, 7}));
  const NewRows found = find_new_rows(given, nothing).value();
  EXPECT_THAT(found.numbers, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(found.lsns, ElementsAre(Pair("a", ElementsAre(LsnStretch{5, 5})),
                                      Pair("b", ElementsAre(LsnStretch{5, 7}))));
}

TEST(NewRows, TwoRowsOfOneNumberAreRefusedUnlessTheyAreTheSame) {
  Rows given = rows("a", {1, 2, 1});
  EXPECT_EQ(find_new_rows(given, nothing)->entries.size(), 2u);
  given.all()[2].json = "{}";
  const auto refused = find_new_rows(given, nothing);
  EXPECT_EQ(refused.error().reason(), Reason::kSequenceViolation);
  EXPECT_EQ(refused.error().where(), "a");
  EXPECT_EQ(refused.error().found(), 2u);
}

TEST(NewRows, ASourceWithoutEndIsRefused) {
  const Rows given = rows(std::string(kSourceBytesMax + 1, 's'), {1});
  EXPECT_EQ(find_new_rows(given, nothing).error().reason(), Reason::kPayloadTooLarge);
}

// L4: random commits and resends against a set of what is there. Never taken for new twice, never
// for known without being there.
TEST(NewRows, AgreeWithASetOfWhatIsThere) {
  uint64_t forgotten = 0;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    std::mt19937_64 chance(seed);
    table::Coverage lsns;
    std::set<uint64_t> there;
    const uint64_t step = 1 + seed % 3;
    uint64_t next = 0;
    for (int round = 0; round < 60; ++round) {
      std::set<uint64_t> sent;
      for (uint64_t left = 1 + chance() % 400; left > 0; --left) sent.insert(next += step);
      for (uint64_t left = chance() % 50; left > 0; --left) sent.insert(chance() % (next + 1));
      const Rows given = rows("a", {sent.begin(), sent.end()});
      const auto known = [&](std::string_view) { return KnownLsns(lsns); };
      auto found = find_new_rows(given, known);
      while (!found.ok()) {  // a sender gives up what is too old
        ++forgotten;
        ASSERT_EQ(found.error().reason(), Reason::kSequenceViolation);
        sent.erase(found.error().expected());
        found = find_new_rows(rows("a", {sent.begin(), sent.end()}), known);
      }
      std::set<uint64_t> taken;
      for (const auto& stretch : found->lsns["a"]) {
        for (uint64_t lsn = stretch.first; lsn <= stretch.last; ++lsn) taken.insert(lsn);
      }
      ASSERT_EQ(taken.size(), found->entries.size());
      for (const uint64_t lsn : sent) ASSERT_EQ(taken.contains(lsn), !there.contains(lsn)) << lsn;
      lsns.raise(with_stretches(lsns, found->lsns["a"], kLsnMax + 1));
      ASSERT_LE(lsns.exceptions.size(), kStretchesMax + 1);
      there.insert(taken.begin(), taken.end());
    }
  }
  EXPECT_GT(forgotten, 100u);
}

TEST(NewRows, OfManyStretchesNothingThatIsPendingIsForgotten) {
  std::vector<LsnStretch> many;
  for (uint64_t lsn = 10; lsn < 20'000; lsn += 10) many.push_back({lsn, lsn});
  table::Coverage lsns;
  lsns.raise(with_stretches(lsns, many, 500));
  const KnownLsns known(lsns);
  EXPECT_EQ(known.of({501, 501}), Known::kNew);
  EXPECT_EQ(known.of({510, 510}), Known::kCommitted);
  EXPECT_EQ(known.of({499, 499}), Known::kForgotten);
}

TEST(NewRows, ThoseOfAFlushAreFoundAgainAmongOthers) {
  const SourceLsns lsns = {{"", {{0, 1}, {5, 5}}}, {"a", {{3, 3}, {kLsnMax, kLsnMax}}}};
  const Rows given =
      std::move(Rows().add("", {0, 1, 2, 4, 5, 6, 0}).add("a", {2, 3, kLsnMax}).add("b", {0, 1}));
  const NewRows found = find_rows_of(given, lsns).value();
  EXPECT_EQ(found.lsns, lsns);
  EXPECT_THAT(found.numbers, ElementsAre(0, 1, 4, 8, 9));
}

TEST(NewRows, ThePlanOfAFlushRemembersThem) {
  Plan plan;
  plan.ticket = 3;
  plan.prefix = "db/coll";
  plan.lsns = {{"", {{0, 1}, {5, 5}}}, {"žluť", {{3, kLsnMax}}}};
  const IntentName name{plan.ticket, plan.flush, IntentState::kPending};
  std::string bytes = encode_plan(plan);
  EXPECT_EQ(decode_intent(as_bytes(bytes), name)->plan.lsns, plan.lsns);
  plan.lsns[""] = {{5, 5}, {5, 6}};
  EXPECT_FALSE(decode_intent(as_bytes(encode_plan(plan)), name).ok());
}

// ---- through the writer

AtomicFlushWriterOptions by_source() {
  AtomicFlushWriterOptions options = with_table({{{"n", Type::kInt64}}, {}, {}});
  options.lsn_rule = LsnRule::kPerSource;
  return options;
}

std::multiset<SourceAndLsn> rows_in_table(Store& store) {
  return rows_in_table(store.bucket, {"db", "users"});
}

TEST(PerSource, EachSourceNumbersItsOwnAndWhatOverlapsIsThereOnce) {
  Store store;
  auto writer = open_writer(store, by_source());
  const Rows first = std::move(Rows().add("a", {1, 2, 3, 4, 5}).add("b", {1, 2}));
  EXPECT_EQ(writer->atomic_flush(first, first.range())->rows, 7u);
  const Rows overlap = std::move(Rows().add("a", {4, 5, 6, 7, 8}).add("b", {2}));
  const auto prepared = writer->prepare_flush(overlap, overlap.range()).value();
  EXPECT_EQ(prepared.rows, 3u);
  EXPECT_EQ(prepared.rows_known, 3u);
  EXPECT_TRUE(writer->commit_flush(prepared.flush_id).ok());
  const auto again = writer->prepare_flush(overlap, overlap.range());
  EXPECT_EQ(again.error().code(), Code::kExists);
  EXPECT_EQ(again.error().reason(), Reason::kCommitted);

  // A gap is no row, and may be filled later.
  const Rows gap = rows("b", {9, 10});
  EXPECT_EQ(writer->atomic_flush(gap, gap.range())->rows, 2u);
  const Rows filling = rows("b", {3, 4, 5, 6, 7, 8, 9});
  EXPECT_EQ(writer->atomic_flush(filling, filling.range())->rows, 6u);
  std::multiset<SourceAndLsn> expected;
  for (int64_t lsn = 1; lsn <= 8; ++lsn) expected.emplace("a", lsn);
  for (int64_t lsn = 1; lsn <= 10; ++lsn) expected.emplace("b", lsn);
  EXPECT_EQ(rows_in_table(store), expected);
}

// L4: also when the disk, and with it every intent, is lost.
TEST(PerSource, ANewDiskKnowsWhatTheTableHas) {
  Store store;
  const Rows first = rows("a", {1, 2, 3});
  EXPECT_TRUE(open_writer(store, by_source())->atomic_flush(first, first.range()).ok());
  Script script;
  MemoryDisk disk(script);
  const auto writer =
      AtomicFlushWriter::open({&store.runtime, &disk, &store.bucket}, by_source()).value();
  const Rows second = rows("a", {2, 3, 4});
  EXPECT_EQ(writer->atomic_flush(second, second.range())->rows, 1u);
}

TEST(PerSource, OfTwoPreparedFlushesWithTheSameRowOneIsRefused) {
  Store store;
  auto writer = open_writer(store, by_source());
  const Rows first = rows("a", {1, 2, 3});
  const Rows second = rows("a", {3, 4});
  const std::string one = writer->prepare_flush(first, first.range())->flush_id;
  const std::string other = writer->prepare_flush(second, second.range())->flush_id;
  const std::string same = writer->prepare_flush(second, second.range())->flush_id;
  EXPECT_TRUE(writer->commit_flush(other).ok());
  EXPECT_EQ(writer->commit_flush(one).error().reason(), Reason::kSequenceViolation);
  EXPECT_EQ(writer->commit_flush(same).error().reason(), Reason::kCommitted);
  EXPECT_TRUE(writer->rollback_flush(one).ok());
  EXPECT_EQ(writer->atomic_flush(first, first.range())->rows, 2u);
}

TEST(PerSource, ADamagedFlushIsBuiltAnewFromExactlyItsRows) {
  for (const bool all_there : {true, false}) {
    Store store;
    AtomicFlushWriterOptions options = by_source();
    const auto log = std::make_shared<Rows>();
    log->add("a", {1, 2, 3}).add("b", {1, 2});
    options.rows_of = [&](const FlushRange&) -> Result<FlushRows> {
      return FlushRows{{}, log->all(), log};
    };
    auto writer = open_writer(store, options);
    const Rows first = rows("a", {2});
    EXPECT_TRUE(writer->atomic_flush(first, first.range()).ok());
    const Rows second = std::move(Rows().add("a", {1, 2, 3}).add("b", {1}));
    const auto prepared = writer->prepare_flush(second, second.range()).value();
    store.bucket.objects().erase(prepared.blocks[0].key);
    writer.reset();
    log->all().erase(log->all().begin() + 3);  // "b", 1
    if (all_there) log->add("b", {1});
    writer = open_writer(store, options);
    const auto recovered = writer->recover_pending_flushes().value();
    EXPECT_EQ(recovered.retried.size(), all_there ? 1u : 0u);
    EXPECT_EQ(recovered.failed.size(), all_there ? 0u : 1u);
    EXPECT_EQ(writer->commit_flush(prepared.flush_id).ok(), all_there);
    EXPECT_EQ(rows_in_table(store).size(), all_there ? 4u : 1u);
  }
}

TEST(PerSource, ARowThatIsNoneIsNamedByItsPlaceInWhatWasGiven) {
  Store store;
  auto writer = open_writer(store, by_source());
  const Rows first = rows("a", {1, 2});
  EXPECT_TRUE(writer->atomic_flush(first, first.range()).ok());
  Rows second = rows("a", {1, 2, 3, 4});
  second.all()[3].json = R"({"n":"no number"})";
  const auto refused = writer->prepare_flush(second, second.range());
  EXPECT_EQ(refused.error().where(), "n");
  EXPECT_EQ(refused.error().found(), 3u);
}

}  // namespace
}  // namespace sluice::landing
