// What a log in one file promises whoever numbers its records.
#include "sluice/wal_file.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <type_traits>

#include "wal/wal_file_fixture.h"

namespace sluice::wal {
namespace {

struct Logged {
  using Writer = WalWriter;
  static Result<Writer> open(Runtime& runtime, Disk& disk, WalFileOptions options) {
    return Writer::open(runtime, disk, kFile, std::move(options));
  }
  static Result<Writer> open(const std::string& path, WalFileOptions options) {
    return Writer::open(path, std::move(options));
  }
};
struct Numbered {
  using Writer = WalFsWriter;
  static Result<Writer> open(Runtime& runtime, Disk& disk, WalFileOptions options) {
    return Writer::open(runtime, disk, kFile, {std::move(options)});
  }
  static Result<Writer> open(const std::string& path, WalFileOptions options) {
    return Writer::open(path, WalFsOptions{std::move(options)});
  }
};

template <class Kind>
class WalFile : public WalFileTest {
 protected:
  using Writer = typename Kind::Writer;
  Result<Writer> open(WalFileOptions options = policy(RepairPolicy::kStrict)) {
    return Kind::open(runtime_, disk_, std::move(options));
  }
  /// A log of so many records, each synced by itself, closed.
  void write_closed(Lsn count) {
    Writer log = open().value();
    put_synced(log, count);
    ASSERT_OK(log.close());
  }
  /// The same, killed behind the last sync: nothing confirms the last record.
  void write_killed(Lsn count) {
    Writer log = open().value();
    put_synced(log, count);
    kill(std::move(log));
  }
  /// Opened strictly the log holds `expected`, takes one more, and a strict opening shows that too.
  void expect_usable(TestFrames expected) {
    for (int round = 0; round < 2; ++round) {
      Result<Writer> log = open();
      ASSERT_OK(log);
      EXPECT_EQ(log->repair().torn_bytes, 0u);
      EXPECT_EQ(frames().value(), expected);
      EXPECT_EQ(last_of(*log), expected.empty() ? 0 : expected.back().first);
      expected.emplace_back(last_of(*log) + 1, "more");
      ASSERT_OK(put(*log, "more"));
      ASSERT_OK(log->close());
    }
    EXPECT_EQ(frames().value(), expected);
  }
  /// No opening of any policy gets past the damage, or changes anything.
  void expect_hard(uint64_t offset, Reason reason) {
    const std::string before = content();
    for (const RepairPolicy repair : kPolicies) {
      EXPECT_TRUE(is_damaged_at(offset, reason, open(policy(repair))));
      EXPECT_TRUE(content() == before);
      EXPECT_EQ(disk_.list().value().size(), 1u) << "no quarantine";
    }
  }
  /// A strict opening says what the parser says, and changes nothing.
  void expect_torn(uint64_t offset, Reason reason) {
    const std::string before = content();
    EXPECT_TRUE(is_damaged_at(offset, reason, open()));
    EXPECT_EQ(tail().offset, offset);
    EXPECT_EQ(tail().reason, reason);
    EXPECT_TRUE(content() == before);
  }
  /// An opening that mends cuts from `offset` on, keeps that aside, and leaves `kept`.
  void expect_cut(uint64_t offset, Reason reason, const TestFrames& kept,
                  RepairPolicy repair = RepairPolicy::kTruncatePartial) {
    const std::string torn = content().substr(offset, tail().torn_bytes);
    const Result<Writer> log = open(policy(repair));
    ASSERT_OK(log);
    EXPECT_EQ(log->repair().offset, offset);
    EXPECT_EQ(log->repair().reason, reason);
    EXPECT_EQ(log->repair().torn_bytes, torn.size());
    EXPECT_EQ(log->repair().quarantine, kFile + ".quarantine-" + std::to_string(offset));
    ASSERT_TRUE(disk_.has(log->repair().quarantine));
    EXPECT_EQ(as_text(disk_.bytes(log->repair().quarantine)), torn);
    EXPECT_EQ(frames().value(), kept);
    EXPECT_EQ(last_of(*log), kept.back().first);
  }
};
using Kinds = ::testing::Types<Logged, Numbered>;
class KindName {
 public:
  template <class Kind>
  static std::string GetName(int) {
    return std::is_same_v<Kind, Logged> ? "WalWriter" : "WalFsWriter";
  }
};
TYPED_TEST_SUITE(WalFile, Kinds, KindName);

TYPED_TEST(WalFile, IsMadeIfItIsMissing) {
  {
    const auto log = this->open();
    ASSERT_OK(log);
    EXPECT_EQ(last_of(*log), 0u);
    EXPECT_EQ(log->file_offset(), 0u);
    EXPECT_GT(log->file_size(), 0u);
    EXPECT_TRUE(this->disk_.has(kFile));
  }
  this->expect_usable({});
}

TYPED_TEST(WalFile, OfNoBytesIsALogOfNoRecords) {
  ASSERT_OK(this->disk_.create(kFile));
  this->expect_usable({});
}

TYPED_TEST(WalFile, InAMissingDirectoryIsNotFound) {
  const std::string path = ::testing::TempDir() + "no-such-directory-of-a-log/events.log";
  for (const RepairPolicy repair : kPolicies) {
    EXPECT_TRUE(fails_with(TypeParam::open(path, policy(repair)), Code::kNotFound));
  }
}

TYPED_TEST(WalFile, OnAPathTakesOneOpenerAndKeepsItsRecords) {
  std::string folder = ::testing::TempDir() + "wal-file-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/events.log";
  {
    auto log = TypeParam::open(path, {});
    ASSERT_OK(log);
    EXPECT_TRUE(fails_with(TypeParam::open(path, {}), Code::kBusy, Reason::kLocked));
    this->put_synced(*log, 3);
    ASSERT_OK(log->close());
    EXPECT_EQ(log->file_size(), std::filesystem::file_size(path));
  }
  std::ofstream(path, std::ios::app | std::ios::binary) << "junk!!!";
  EXPECT_TRUE(fails_with(TypeParam::open(path, policy(RepairPolicy::kStrict)), Code::kCorrupt,
                         Reason::kIncompleteHeader));
  {
    auto log = TypeParam::open(path, policy(RepairPolicy::kTruncatePartial));
    ASSERT_OK(log);
    EXPECT_EQ(log->repair().torn_bytes, 7u);
    EXPECT_TRUE(std::filesystem::exists(folder + "/" + log->repair().quarantine));
    ASSERT_OK(put(*log, "record 4"));
    ASSERT_OK(log->close());
  }
  const auto bytes = std::filesystem::file_size(path);
  std::string content(bytes, '\0');
  std::ifstream(path, std::ios::binary).read(content.data(), static_cast<ptrdiff_t>(bytes));
  std::filesystem::remove_all(folder);
  ASSERT_OK(this->disk_.create(kFile));
  this->restore(content);
  EXPECT_EQ(this->frames().value(), numbered(4));
}

TYPED_TEST(WalFile, GrowsByABlockWithEachSyncOfASmallRecord) {
  auto log = this->open().value();
  for (uint64_t synced = 0; synced < 3; ++synced) {
    ASSERT_OK(put(log, "five."));
    EXPECT_EQ(log.file_offset(), synced * 4096) << "what was appended only is not counted";
    ASSERT_OK(log.sync());
    EXPECT_EQ(log.file_offset(), (synced + 1) * 4096);
    EXPECT_EQ(log.file_size(), this->bytes().size());
  }
}

TYPED_TEST(WalFile, KeepsTenThousandRecordsInOrder) {
  const TestFrames expected = numbered(10'000);
  {
    auto log = this->open().value();
    for (const auto& [lsn, text] : expected) ASSERT_OK(put(log, text));
    ASSERT_OK(log.close());
  }
  EXPECT_EQ(this->frames().value(), expected);
  this->expect_usable(expected);
}

TYPED_TEST(WalFile, SyncsOnlyWhatIsOutstanding) {
  auto log = this->open().value();
  const auto& trace = this->disk_.trace;
  const size_t opened = trace.size();
  ASSERT_OK(log.sync());
  EXPECT_EQ(trace.size(), opened);
  ASSERT_OK(put(log, "record"));
  ASSERT_OK(log.sync());
  EXPECT_TRUE(trace.back().starts_with("sync "));
  const size_t synced = trace.size();
  ASSERT_OK(log.sync());
  EXPECT_EQ(trace.size(), synced);
}

TYPED_TEST(WalFile, ThatIsCleanIsLeftUnchangedByAnyOpening) {
  const std::function<void()> lives[] = {[this] { this->write_closed(4); },
                                         [this] { this->write_killed(4); }};
  for (const auto& live : lives) {
    this->disk_.set_image({});
    live();
    const std::string before = this->content();
    for (const RepairPolicy repair : kPolicies) {
      {
        const auto log = this->open(policy(repair));
        ASSERT_OK(log);
        EXPECT_EQ(last_of(*log), 4u);
        EXPECT_EQ(log->repair().torn_bytes, 0u);
        EXPECT_TRUE(log->repair().quarantine.empty());
      }
      EXPECT_TRUE(this->content() == before);
      EXPECT_EQ(this->disk_.list().value().size(), 1u);
    }
  }
}

TYPED_TEST(WalFile, DoesNotGrowByBeingOpenedAndClosed) {
  this->write_closed(2);
  const std::string before = this->content();
  for (int i = 0; i < 3; ++i) ASSERT_OK(this->open().value().close());
  EXPECT_TRUE(this->content() == before);
}

TYPED_TEST(WalFile, WithFourBytesOfAHeaderAtItsEndIsTornThere) {
  this->write_killed(6);
  const uint64_t sixth = this->offsets()[5];
  this->truncate(sixth + 4);
  this->expect_torn(sixth, Reason::kIncompleteHeader);
  this->expect_cut(sixth, Reason::kIncompleteHeader, numbered(5));
  this->expect_usable(numbered(5));
}

TYPED_TEST(WalFile, WithAHeaderAndHalfAPayloadAtItsEndIsTornAtTheHeader) {
  this->write_killed(4);
  const uint64_t fourth = this->offsets()[3];
  this->truncate(fourth + sizeof(FrameHeader) + 3);
  this->expect_torn(fourth, Reason::kIncompletePayload);
  this->expect_cut(fourth, Reason::kIncompletePayload, numbered(3));
  this->expect_usable(numbered(3));
}

TYPED_TEST(WalFile, WithSevenBytesOfJunkAtItsEndLosesOnlyThose) {
  this->write_closed(4);
  const uint64_t end = this->bytes().size();
  this->add("\x7fjunk!!");
  this->expect_torn(end, Reason::kIncompleteHeader);
  this->expect_cut(end, Reason::kIncompleteHeader, numbered(4));
  EXPECT_EQ(as_text(this->disk_.bytes(kFile + ".quarantine-" + std::to_string(end))), "\x7fjunk!!");
  this->expect_usable(numbered(4));
}

TYPED_TEST(WalFile, WithABlockOfJunkAtItsEndLosesOnlyThat) {
  this->write_closed(4);
  const uint64_t end = this->bytes().size();
  this->add(std::string(5000, '\xee'));
  this->expect_torn(end, Reason::kCrcMismatch);
  this->expect_cut(end, Reason::kCrcMismatch, numbered(4));
  this->expect_usable(numbered(4));
}

TYPED_TEST(WalFile, WhoseLastPayloadByteIsFlippedLosesThatRecordIfNoMarkConfirmsIt) {
  this->write_killed(4);
  const uint64_t last = this->offsets()[3];
  this->flip(last + sizeof(FrameHeader) + std::string("record 4").size() - 1);
  this->expect_torn(last, Reason::kCrcMismatch);
  this->expect_cut(last, Reason::kCrcMismatch, numbered(3));
  this->expect_usable(numbered(3));
}

// The design wins over what its origin does, which cuts the last record here.
TYPED_TEST(WalFile, ThatWasClosedFailsHardByTheDesignWhenItsLastPayloadByteIsFlipped) {
  this->write_closed(4);
  const uint64_t last = this->offsets()[3];
  this->flip(last + sizeof(FrameHeader));
  this->expect_hard(last, Reason::kCrcMismatch);
}

TYPED_TEST(WalFile, WhoseLastByteIsFlippedKeepsTheRecordsBefore) {
  this->write_closed(4);
  const uint64_t pad = this->offsets(kPadType).back();
  this->flip(this->bytes().size() - 1);
  this->expect_torn(pad, Reason::kCrcMismatch);
  this->expect_cut(pad, Reason::kCrcMismatch, numbered(4));
  this->expect_usable(numbered(4));
}

// W5
TYPED_TEST(WalFile, WithAFlippedByteBelowAMarkFailsHardUnderEveryPolicy) {
  this->write_killed(5);
  const uint64_t third = this->offsets()[2];
  this->flip(third + sizeof(FrameHeader));
  this->expect_hard(third, Reason::kCrcMismatch);
  TestFrames before;
  const auto frames = this->parser();
  auto frame = frames->next();
  for (; frame.ok() && *frame; frame = frames->next()) {
    if (!is_own_type((*frame)->type))
      before.emplace_back((*frame)->lsn, as_text((*frame)->payload));
  }
  EXPECT_EQ(before, numbered(2)) << "they are handed out, and not as the whole log";
  EXPECT_TRUE(is_damaged_at(third, Reason::kCrcMismatch, frame));
  EXPECT_TRUE(is_damaged_at(third, Reason::kCrcMismatch, frames->next()));
}

TYPED_TEST(WalFile, CutOffBelowAMarkFailsHardUnderEveryPolicy) {
  this->write_killed(5);
  const uint64_t second = this->offsets()[1];
  std::fill_n(this->bytes().begin() + static_cast<ptrdiff_t>(second), 512, std::byte{0});
  this->disk_.settle(kFile);
  this->expect_hard(second, Reason::kCrcMismatch);
}

TYPED_TEST(WalFile, WithoutAReadableHeaderIsCorrupt) {
  this->write_closed(2);
  const std::string sound = this->content();
  this->flip(20);
  this->expect_hard(0, Reason::kCrcMismatch);
  this->restore(sound.substr(0, 70));
  this->expect_hard(0, Reason::kIncompleteHeader);
  this->restore(std::string(8192, 'n'));
  this->expect_hard(0, Reason::kIncompleteHeader);
}

TYPED_TEST(WalFile, ThatWasMendedTwiceShowsWhatItShowedBetween) {
  this->write_killed(3);
  this->truncate(this->offsets()[2] + 9);
  ASSERT_OK(this->open(policy(RepairPolicy::kTruncatePartial)));
  {
    auto log = this->open().value();
    ASSERT_OK(put(log, "record 3"));
    ASSERT_OK(log.sync());
    ASSERT_OK(put(log, "record 4"));
    ASSERT_OK(log.sync());
    this->kill(std::move(log));
  }
  this->truncate(this->offsets()[3] + 36);
  this->expect_cut(this->tail().offset, Reason::kIncompletePayload, numbered(3));
  this->expect_usable(numbered(3));
}

TYPED_TEST(WalFile, LosesNothingWhenTheDiskIsFullForAnAppend) {
  auto log = this->open().value();
  this->put_synced(log, 1);
  const std::string before = this->content();
  for (int i = 0; i < 2; ++i) this->disk_.fail(DiskOp::kAllocate, Code::kFull);
  const std::string large(200'000, 'x');
  EXPECT_TRUE(fails_with(put(log, large), Code::kFull));
  EXPECT_EQ(last_of(log), 1u);
  EXPECT_EQ(this->frames().value(), numbered(1));
  ASSERT_OK(put(log, large));
  EXPECT_EQ(last_of(log), 2u);
  ASSERT_OK(log.close());
  EXPECT_EQ(this->frames().value(), (TestFrames{{1, "record 1"}, {2, large}}));
}

TYPED_TEST(WalFile, KeepsWhatWaitsWhenTheDiskIsFullForASync) {
  {
    auto log = this->open().value();
    this->put_synced(log, 1);
    ASSERT_OK(put(log, "record 2"));
    this->disk_.fail(DiskOp::kWrite, Code::kFull);
    EXPECT_TRUE(fails_with(log.sync(), Code::kFull));
    EXPECT_EQ(last_of(log), 2u);
    ASSERT_OK(put(log, "record 3"));
    ASSERT_OK(log.sync());
    ASSERT_OK(log.close());
  }
  this->expect_usable(numbered(3));
}

TYPED_TEST(WalFile, IsPoisonedForEverByAFailedSync) {
  auto log = this->open().value();
  this->put_synced(log, 1);
  ASSERT_OK(put(log, "record 2"));
  this->disk_.fail(DiskOp::kSync, Code::kIo);
  EXPECT_TRUE(fails_with(log.sync(), Code::kPoisoned));
  const size_t operations = this->disk_.trace.size();
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(fails_with(log.sync(), Code::kPoisoned));
    EXPECT_TRUE(fails_with(put(log, "record 3"), Code::kPoisoned));
  }
  EXPECT_TRUE(fails_with(log.close(), Code::kPoisoned));
  EXPECT_EQ(this->disk_.trace.size(), operations) << "and nothing more is written";
  EXPECT_EQ(log.file_offset(), 4096u);
}

TYPED_TEST(WalFile, IsPoisonedWhenAFullDiskFailsAnFsync) {
  auto log = this->open().value();
  ASSERT_OK(put(log, "record"));
  this->disk_.fail(DiskOp::kSync, Code::kFull);
  EXPECT_TRUE(fails_with(log.sync(), Code::kPoisoned));
  EXPECT_TRUE(fails_with(log.sync(), Code::kPoisoned));
}

TYPED_TEST(WalFile, IsPoisonedByAFailedWrite) {
  auto log = this->open().value();
  ASSERT_OK(put(log, "record"));
  this->disk_.fail(DiskOp::kWrite, Code::kIo);
  EXPECT_TRUE(fails_with(log.sync(), Code::kPoisoned));
  EXPECT_TRUE(fails_with(put(log, "another"), Code::kPoisoned));
}

TYPED_TEST(WalFile, GoesOnBehindWhatWasDurableWhenItIsOpenedAfterAPoisoning) {
  {
    auto log = this->open().value();
    this->put_synced(log, 2);
    ASSERT_OK(put(log, "unsure"));
    this->disk_.fail(DiskOp::kSync, Code::kIo);
    EXPECT_FALSE(log.sync().ok());
  }
  const auto log = this->open(policy(RepairPolicy::kTruncateUnsynced));
  ASSERT_OK(log);
  TestFrames found = this->frames().value();
  EXPECT_LE(found.size(), 3u);
  found.resize(2);
  EXPECT_EQ(found, numbered(2));
}

TYPED_TEST(WalFile, AnswersTheErrorOfItsLastSyncToClose) {
  auto log = this->open().value();
  ASSERT_OK(put(log, "record"));
  this->disk_.fail(DiskOp::kSync, Code::kIo);
  EXPECT_TRUE(fails_with(log.close(), Code::kPoisoned));
}

TYPED_TEST(WalFile, ThatIsClosedAnswersSo) {
  auto log = this->open().value();
  ASSERT_OK(put(log, "record 1"));
  ASSERT_OK(log.close());
  const std::string closed = this->content();
  EXPECT_TRUE(fails_with(put(log, "late"), Code::kInvalid, Reason::kClosed));
  EXPECT_TRUE(fails_with(log.sync(), Code::kInvalid, Reason::kClosed));
  EXPECT_TRUE(fails_with(log.close(), Code::kInvalid, Reason::kClosed));
  EXPECT_EQ(last_of(log), 1u);
  EXPECT_TRUE(this->content() == closed);
  EXPECT_EQ(this->frames().value(), numbered(1));
}

TYPED_TEST(WalFile, HasOneOpener) {
  {
    const auto log = this->open().value();
    EXPECT_TRUE(fails_with(this->open(), Code::kBusy, Reason::kLocked));
  }
  ASSERT_OK(this->open());
}

TYPED_TEST(WalFile, RefusesAPayloadOverTheLimitAndTakesOneOfTheLimit) {
  auto log = this->open({.payload_bytes_max = 100}).value();
  const Status refused = put(log, std::string(101, 'x'));
  EXPECT_TRUE(fails_with(refused, Code::kInvalid, Reason::kPayloadTooLarge));
  EXPECT_EQ(refused.error().expected(), 100u);
  EXPECT_EQ(refused.error().found(), 101u);
  EXPECT_EQ(last_of(log), 0u);
  ASSERT_OK(put(log, std::string(100, 'x')));
  ASSERT_OK(put(log, ""));
  ASSERT_OK(log.close());
  EXPECT_EQ(this->frames().value(), (TestFrames{{1, std::string(100, 'x')}, {2, ""}}));
}

TYPED_TEST(WalFile, IsNotOpenedWhileARecordIsOverTheLimit) {
  {
    auto log = this->open().value();
    ASSERT_OK(put(log, std::string(100, 'x')));
    ASSERT_OK(log.close());
  }
  const std::string before = this->content();
  ASSERT_OK(this->open({.payload_bytes_max = 100}));
  for (const RepairPolicy repair : kPolicies) {
    const auto refused = this->open({.repair = repair, .payload_bytes_max = 99});
    EXPECT_TRUE(fails_with(refused, Code::kInvalid, Reason::kPayloadTooLarge));
    EXPECT_EQ(refused.error().expected(), 99u);
    EXPECT_EQ(refused.error().found(), 100u);
    EXPECT_TRUE(this->content() == before);
  }
}

TYPED_TEST(WalFile, HoldsNoRecordAboveTheFormatsLimitWhateverTheOptionsSay) {
  auto log = this->open({.payload_bytes_max = kWalPayloadBytesMax + 1}).value();
  const std::string over(kWalPayloadBytesMax + 1, 'x');
  EXPECT_TRUE(fails_with(put(log, over), Code::kInvalid, Reason::kPayloadTooLarge));
  ASSERT_OK(put(log, std::string_view(over).substr(1)));
  ASSERT_OK(log.close());
  EXPECT_EQ(this->frames().value().at(0).second.size(), kWalPayloadBytesMax);
}

TYPED_TEST(WalFile, WithARecordThatTheCallerRefusesIsNotOpenedAndNeverCut) {
  this->write_killed(3);
  const uint64_t third = this->offsets()[2];
  const auto refusing = [](std::string_view text) -> WalValidator {
    return [text](const WalFrame& frame) { return as_text(frame.payload) != text; };
  };
  const std::string before = this->content();
  for (const RepairPolicy repair : kPolicies) {
    EXPECT_TRUE(is_damaged_at(third, Reason::kDecodeFailure,
                              this->open({.repair = repair, .validate = refusing("record 3")})));
    EXPECT_TRUE(this->content() == before);
  }
  this->add("torn");
  const std::string torn = this->content();
  EXPECT_TRUE(is_damaged_at(
      third, Reason::kDecodeFailure,
      this->open({.repair = RepairPolicy::kTruncateUnsynced, .validate = refusing("record 3")})));
  EXPECT_TRUE(this->content() == torn) << "the tail behind it stays, too";
  ASSERT_OK(this->open({.repair = RepairPolicy::kTruncatePartial, .validate = refusing("other")}));
}

TYPED_TEST(WalFile, AsksTheCallerAboutEachRecordAsItWasAppended) {
  this->write_closed(3);
  TestFrames asked;
  const WalValidator note = [&](const WalFrame& frame) {
    asked.emplace_back(frame.lsn, as_text(frame.payload));
    EXPECT_FALSE(is_own_type(frame.type));
    return true;
  };
  ASSERT_OK(this->open({.validate = note}));
  EXPECT_EQ(asked, numbered(3));
}

TYPED_TEST(WalFile, KeepsItsWriterThroughMoves) {
  auto first = this->open().value();
  ASSERT_OK(put(first, "record 1"));
  auto second = std::move(first);
  ASSERT_OK(put(second, "record 2"));
  first = std::move(second);
  ASSERT_OK(put(first, "record 3"));
  EXPECT_TRUE(fails_with(this->open(), Code::kBusy, Reason::kLocked));
  ASSERT_OK(first.close());
  second = std::move(first);
  EXPECT_TRUE(fails_with(put(second, "late"), Code::kInvalid, Reason::kClosed));
  EXPECT_EQ(this->frames().value(), numbered(3));
}

TYPED_TEST(WalFile, WhoseWriterWasMovedFromAnswersThatItIsClosed) {
  auto log = this->open().value();
  const auto taken = std::move(log);
  EXPECT_TRUE(fails_with(put(log, "x"), Code::kInvalid, Reason::kClosed));
  EXPECT_TRUE(fails_with(log.sync(), Code::kInvalid, Reason::kClosed));
  EXPECT_TRUE(fails_with(log.close(), Code::kInvalid, Reason::kClosed));
  EXPECT_TRUE(fails_with(log.attach_side_file(), Code::kInvalid, Reason::kClosed));
  EXPECT_EQ(last_of(log), 0u);
  EXPECT_EQ(log.file_size() + log.file_offset() + log.repair().torn_bytes, 0u);
  EXPECT_FALSE(log.is_direct());
  const WalProtection protection = log.protection();
  EXPECT_EQ(protection.double_writes + protection.padded_blocks, 0u);
  EXPECT_FALSE(protection.failure);
  if constexpr (std::is_same_v<TypeParam, Logged>) {
    EXPECT_EQ(log.durable_lsn(), 0u);
    EXPECT_EQ(log.next_lsn(), 0u);
    EXPECT_EQ(log.key_ring(), nullptr);
    EXPECT_TRUE(fails_with(log.seal(), Code::kInvalid, Reason::kClosed));
    EXPECT_TRUE(fails_with(log.set_keys(nullptr), Code::kInvalid, Reason::kClosed));
  } else {
    EXPECT_TRUE(fails_with(log.flush(), Code::kInvalid, Reason::kClosed));
  }
}

TYPED_TEST(WalFile, SyncsWhenItsWriterIsDestroyed) {
  {
    auto log = this->open().value();
    this->put_synced(log, 2);
    ASSERT_OK(put(log, "record 3"));
  }
  this->lose_power();
  this->expect_usable(numbered(3));
}

TYPED_TEST(WalFile, LosesAtMostWhatWasNotSyncedWhenItsWriterIsDestroyed) {
  for (const DiskOp op : {DiskOp::kSync, DiskOp::kWrite}) {
    this->disk_.set_image({});
    {
      auto log = this->open().value();
      this->put_synced(log, 2);
      ASSERT_OK(put(log, "record 3"));
      this->disk_.fail(op, Code::kIo);
    }
    this->lose_power();
    const auto log = this->open(policy(RepairPolicy::kTruncateUnsynced));
    ASSERT_OK(log);
    EXPECT_GE(last_of(*log), 2u);
    EXPECT_EQ(this->frames().value(), numbered(last_of(*log)));
  }
}

}  // namespace
}  // namespace sluice::wal
