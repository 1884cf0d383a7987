#include "landing/ledger.h"

#include <gtest/gtest.h>

#include <set>

namespace sluice::landing {
namespace {

LsnStretch range(uint64_t first, uint64_t last) {
  return {first, last};
}
Known classify(const table::Coverage& lsns, const LsnStretch& stretch) {
  return KnownLsns(lsns).of(stretch);
}
constexpr uint64_t kNonePending = kLsnMax + 1;

TEST(Ledger, StretchesThatTouchAreOne) {
  table::Coverage lsns;
  for (const auto& [min, max] : {std::pair(1, 10), std::pair(11, 20), std::pair(31, 40)}) {
    lsns.raise(with_stretch(lsns, range(min, max), kNonePending));
  }
  EXPECT_EQ(lsns.exceptions.size(), 2u);
  EXPECT_EQ(classify(lsns, range(5, 15)), Known::kCommitted);
  EXPECT_EQ(classify(lsns, range(20, 21)), Known::kPartly);
  EXPECT_EQ(classify(lsns, range(21, 30)), Known::kNew);
  lsns.raise(with_stretch(lsns, range(21, 30), kNonePending));
  EXPECT_EQ(classify(lsns, range(1, 40)), Known::kCommitted);
  EXPECT_EQ(classify(lsns, range(0, 0)), Known::kNew);
}

TEST(Ledger, TheRowWithLsnZeroIsARow) {
  table::Coverage lsns;
  lsns.raise(with_stretch(lsns, range(0, 0), kNonePending));
  EXPECT_EQ(classify(lsns, range(0, 0)), Known::kCommitted);
  EXPECT_EQ(classify(lsns, range(1, 1)), Known::kNew);
}

// L4
TEST(Ledger, WhatIsForgottenIsNeverTakenForNewAndMarksStayBounded) {
  table::Coverage lsns;
  std::set<uint64_t> committed;
  for (uint64_t lsn = 10; lsn < 100'000; lsn += 10) {
    lsns.raise(with_stretch(lsns, range(lsn, lsn + 1), kNonePending));
    ASSERT_LE(lsns.exceptions.size(), kStretchesMax + 1);
  }
  for (uint64_t lsn = 10; lsn < 100'000; lsn += 10) {
    EXPECT_NE(classify(lsns, range(lsn, lsn + 1)), Known::kNew) << lsn;
  }
  EXPECT_EQ(classify(lsns, range(15, 16)), Known::kForgotten);
  EXPECT_EQ(classify(lsns, range(100'001, 100'002)), Known::kNew);
}

TEST(Ledger, AFlushThatIsPendingIsNotForgotten) {
  table::Coverage lsns;
  for (uint64_t lsn = 100; lsn < 10'000; lsn += 10) {
    lsns.raise(with_stretch(lsns, range(lsn, lsn + 1), 50));
  }
  EXPECT_EQ(classify(lsns, range(50, 60)), Known::kNew);
}

}  // namespace
}  // namespace sluice::landing
