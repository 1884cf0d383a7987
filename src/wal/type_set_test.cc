#include "wal/type_set.h"

#include <gtest/gtest.h>

#include "sluice/wal_file.h"
#include "wal/segmented_fixture.h"
#include "wal/single_file_fixture.h"

namespace sluice::wal {
namespace {

constexpr uint16_t kKnown = 20;
constexpr uint16_t kUnknown = 98;
constexpr uint16_t kMustBeKnown = kUnknown | kWalRequired;

const std::vector<WalRecord>& records() {
  static const std::vector<WalRecord> kRecords = {{.type = kKnown | kWalRequired},
                                                  {.type = kUnknown},
                                                  {.type = kMustBeKnown},
                                                  {.type = kMustBeKnown + 1}};
  return kRecords;
}

template <class R>
void expect_refused(const R& opened, const std::string& where) {
  ASSERT_FALSE(opened.ok());
  const Error& error = opened.error();
  EXPECT_EQ(error.code(), Code::kUnsupported);
  EXPECT_EQ(error.reason(), Reason::kVersion);
  EXPECT_EQ(error.where(), where);
  EXPECT_EQ(error.expected(), 3u) << "the first of them";
  EXPECT_EQ(error.found(), kMustBeKnown);
  EXPECT_NE(error.message().find("LSN 3 is of type 98"), std::string::npos) << error.message();
}

TEST(TypeSet, AnEmptyListIsAllTypesAndTheRequiredBitIsNoPartOfANumber) {
  const TypeSet all({});
  EXPECT_TRUE(all.has_all());
  EXPECT_TRUE(all.has(kTypeNumberMask));
  EXPECT_FALSE(all.must_refuse(kMustBeKnown));
  const TypeSet one({kKnown | kWalRequired});
  EXPECT_FALSE(one.has_all());
  EXPECT_TRUE(one.has(kKnown));
  EXPECT_FALSE(one.must_refuse(kKnown | kWalRequired));
  EXPECT_FALSE(one.must_refuse(kUnknown));
  EXPECT_TRUE(one.must_refuse(kMustBeKnown));
}

TEST(TypeSet, FramesOfTheLogsOwnPass) {
  EXPECT_TRUE(TypeSet({kKnown}).check(1, kCheckpointType, "file").ok());
}

using KnownTypes = SegmentedTest;
INSTANTIATE_TEST_SUITE_P(Logs, KnownTypes, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "Encrypted" : "Plain"; });

TEST_P(KnownTypes, AnOpeningRefusesWhatMustBeKnownAndChangesNothing) {
  {
    const OpenWal log = open(options()).value();
    ASSERT_OK(log->append(records()));
    ASSERT_OK(log->sync());
  }
  SegmentedWalOptions with = options();
  with.known_types = {kKnown};
  for (const RepairPolicy repair : {RepairPolicy::kStrict, RepairPolicy::kTruncatePartial}) {
    with.repair = repair;
    disk_.trace.clear();
    expect_refused(open(with, 2), segment_name(1));
    for (const std::string& operation : disk_.trace) EXPECT_TRUE(operation.starts_with("sync"));
  }
  with.known_types = {kUnknown | kWalRequired, kKnown, kUnknown + 1};
  EXPECT_EQ(open(with, 3).value()->next_lsn(), 5u);
  EXPECT_EQ(open(options(), 4).value()->next_lsn(), 5u) << "all are known";
}

TEST_P(KnownTypes, AStrictOpeningLooksForThemInEverySegment) {
  {
    const OpenWal log = open(options()).value();
    ASSERT_OK(log->append(records()));
    ASSERT_OK(log->roll());
    ASSERT_OK(append(*log, "r5"));
    ASSERT_OK(log->sync());
  }
  SegmentedWalOptions with = options();
  with.known_types = {kKnown, kWalTypeMin};
  with.repair = RepairPolicy::kStrict;
  expect_refused(open(with, 2), segment_name(1));
  with.repair = RepairPolicy::kTruncatePartial;
  EXPECT_EQ(open(with, 3).value()->next_lsn(), 6u);
}

TEST_P(KnownTypes, WhatIsOptionalIsPassedAndCounted) {
  SegmentedWalOptions with = options();
  with.known_types = {kKnown};
  {
    const OpenWal log = open(with).value();
    ASSERT_OK(log->append(std::span(records()).first(2)));
    ASSERT_OK(log->sync());
  }
  EXPECT_EQ(open(with, 2).value()->next_lsn(), 3u);
}

TEST_P(KnownTypes, AWriterOfOneFileRefusesThemToo) {
  TestRuntime runtime;
  WalFileOptions with{.repair = RepairPolicy::kTruncatePartial, .keys = keys()};
  {
    WalWriter log = WalWriter::open(runtime, disk_, kFile, with).value();
    ASSERT_OK(log.append(records()));
    ASSERT_OK(log.close());
  }
  with.known_types = {kKnown};
  for (const RepairPolicy repair : {RepairPolicy::kStrict, RepairPolicy::kTruncatePartial}) {
    with.repair = repair;
    disk_.trace.clear();
    expect_refused(WalWriter::open(runtime, disk_, kFile, with), kFile);
    for (const std::string& operation : disk_.trace) EXPECT_TRUE(operation.starts_with("sync"));
  }
  with.known_types = {kKnown, kUnknown, kUnknown + 1};
  EXPECT_EQ(WalWriter::open(runtime, disk_, kFile, with).value().current_lsn(), 4u);
}

TEST_P(KnownTypes, RecordsThatTheirCallerNumbersAreOptional) {
  TestRuntime runtime;
  WalFsOptions with{.file = {.keys = keys()}};
  {
    WalFsWriter log = WalFsWriter::open(runtime, disk_, kFile, with).value();
    ASSERT_OK(log.append(7, as_bytes("seven")));
    ASSERT_OK(log.close());
  }
  with.file.known_types = {kKnown};
  EXPECT_EQ(WalFsWriter::open(runtime, disk_, kFile, with).value().current_sequence(), 7u);
}

}  // namespace
}  // namespace sluice::wal
