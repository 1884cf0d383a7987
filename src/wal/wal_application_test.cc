// A small application over WalFsWriter: validate, append, sync, apply, in this order; and a start
// from a snapshot and the records above it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <charconv>
#include <optional>

#include "sluice/wal_reader.h"
#include "wal/wal_file_fixture.h"

namespace sluice::wal {
namespace {

/// What the application is: a balance that events like "+5" and "-3" change and that is never
/// below 0.
struct Balance {
  uint64_t sequence = 0;
  int64_t value = 0;

  static std::optional<int64_t> change_of(std::string_view event) {
    int64_t amount = 0;
    if (event.size() < 2 || (event[0] != '+' && event[0] != '-')) return std::nullopt;
    const auto read = std::from_chars(event.data() + 1, event.data() + event.size(), amount);
    if (read.ec != std::errc() || read.ptr != event.data() + event.size()) return std::nullopt;
    return event[0] == '+' ? amount : -amount;
  }
  /// kConflict: the state does not allow it. No kind of damage.
  Status admits(std::string_view event) const {
    const std::optional<int64_t> change = change_of(event);
    if (!change) return Error(Code::kInvalid, "this is no event");
    if (value + *change < 0) return Error(Code::kConflict, "there is not that much");
    return ok();
  }
  void apply(uint64_t at, std::string_view event) {
    value += *change_of(event);
    sequence = at;
  }
  bool operator==(const Balance&) const = default;
};
std::ostream& operator<<(std::ostream& to, const Balance& balance) {
  return to << balance.value << " at " << balance.sequence;
}

/// An error of an event, which has the sequence number in expected().
Error of_event(uint64_t sequence, const Error& cause) {
  return Error({cause.code(), cause.reason(), cause.message(), cause.where(), sequence, 0});
}

class Application {
 public:
  static Result<Application> start(Runtime& runtime, Disk& disk, const Balance& snapshot = {},
                                   const WalFsOptions& options = {}) {
    WalFsOptions with = options;
    with.file.validate = [](const WalFrame& frame) {
      return Balance::change_of(as_text(frame.payload)).has_value();
    };
    Application made(TRY(WalFsWriter::open(runtime, disk, kFile, with)), snapshot);
    const uint64_t last = made.log_.current_sequence();
    if (last != 0 && last < snapshot.sequence) {
      return Error({Code::kInvalid, Reason::kSequenceViolation,
                    "the snapshot is of another log, or the log lost its end", kFile,
                    snapshot.sequence, last});
    }
    const auto reader =
        TRY(open_wal_file_reader(disk, kFile, nullptr, {.from = snapshot.sequence + 1}));
    while (const std::optional<WalFrame> frame = TRY(reader->next())) {
      const Status admitted = made.balance_.admits(as_text(frame->payload));
      if (!admitted.ok()) return of_event(frame->lsn, admitted.error());
      made.balance_.apply(frame->lsn, as_text(frame->payload));
      ++made.replayed_;
    }
    return made;
  }

  /// The sequence number of the event, which is durable and applied.
  Result<uint64_t> execute(std::string_view event) {
    TRY(balance_.admits(event));
    const uint64_t sequence = balance_.sequence + 1;
    Status done = log_.append(sequence, as_bytes(event));
    if (done.ok()) done = log_.sync();
    if (done.ok() && applying_fails_) done = Error(Code::kIo, "what it is applied to is away");
    if (!done.ok()) return of_event(sequence, done.error());
    balance_.apply(sequence, event);
    return sequence;
  }
  void let_applying_fail(bool fails) { applying_fails_ = fails; }

  const Balance& balance() const { return balance_; }
  uint64_t replayed() const { return replayed_; }
  WalFsWriter& log() { return log_; }

 private:
  Application(WalFsWriter log, const Balance& balance) : log_(std::move(log)), balance_(balance) {}

  WalFsWriter log_;
  Balance balance_;
  uint64_t replayed_ = 0;
  bool applying_fails_ = false;
};

class WalApplication : public WalFileTest {
 protected:
  Result<Application> start(const Balance& snapshot = {}, const WalFsOptions& options = {}) {
    return Application::start(runtime_, disk_, snapshot, options);
  }
  /// A life of it: started, these events, killed.
  void live(const std::vector<std::string>& events) {
    Application application = start().value();
    for (const std::string& event : events) ASSERT_OK(application.execute(event));
    kill(std::move(application));
  }
  /// A log with these numbers of its callers.
  void write(const std::vector<std::pair<uint64_t, std::string>>& events) {
    WalFsWriter log = WalFsWriter::open(runtime_, disk_, kFile, {}).value();
    for (const auto& [sequence, event] : events) ASSERT_OK(log.append(sequence, as_bytes(event)));
    ASSERT_OK(log.close());
  }
  void expect_balance(const Balance& expected) {
    const auto started = start();
    ASSERT_OK(started);
    EXPECT_EQ(started->balance(), expected);
  }
};

TEST_F(WalApplication, HasAllEventsAndItsStateAfterARepairOfEachTailAndAnOrdinaryStart) {
  // What is left of the fifth event: bytes of its own, or junk.
  const std::pair<uint64_t, Reason> tails[] = {
      {20, Reason::kIncompleteHeader},
      {sizeof(FrameHeader) + 2, Reason::kIncompletePayload},
      {0, Reason::kIncompleteHeader}};
  for (const auto& [left_bytes, reason] : tails) {
    disk_.set_image({});
    live({"+10", "-3", "+5", "-1", "+100"});
    const uint64_t fifth = offsets()[4];
    truncate(fifth + left_bytes);
    if (left_bytes == 0) add("\x7fjunk!!");
    EXPECT_TRUE(is_damaged_at(fifth, reason, start()));
    ASSERT_OK(WalFsWriter::open(runtime_, disk_, kFile, {policy(RepairPolicy::kTruncatePartial)}));
    {
      const auto started = start();
      ASSERT_OK(started);
      EXPECT_EQ(started->replayed(), 4u);
      EXPECT_EQ(started->balance(), (Balance{4, 11}));
    }
    EXPECT_EQ(start().value().execute("-11").value(), 5u);
  }
}

TEST_F(WalApplication, TellsAnEventThatItsStateRefusesFromDamage) {
  write({{1, "+5"}, {2, "-9"}, {3, "+1"}});
  const auto refused = start();
  EXPECT_TRUE(fails_with(refused, Code::kConflict));
  EXPECT_EQ(refused.error().expected(), 2u);
  disk_.set_image({});
  write({{1, "+5"}, {2, "five"}});
  EXPECT_TRUE(is_damaged_at(offsets()[1], Reason::kDecodeFailure, start())) << "that is none";
}

TEST_F(WalApplication, AnEventThatIsRefusedTakesNoNumberAndTouchesNoFile) {
  Application application = start().value();
  ASSERT_OK(application.execute("+5"));
  const size_t operations = disk_.trace.size();
  EXPECT_TRUE(fails_with(application.execute("-6"), Code::kConflict));
  EXPECT_TRUE(fails_with(application.execute("?"), Code::kInvalid));
  EXPECT_EQ(disk_.trace.size(), operations);
  EXPECT_EQ(application.execute("-5").value(), 2u);
}

TEST_F(WalApplication, AnAppendThatFailsAppliesNothingAndItsNumberIsTakenByTheNext) {
  Application application = start().value();
  ASSERT_OK(application.execute("+5"));
  const std::string large = "+" + std::string(200'000, '0') + "7";
  for (int i = 0; i < 2; ++i) disk_.fail(DiskOp::kAllocate, Code::kFull);
  const auto refused = application.execute(large);
  EXPECT_TRUE(fails_with(refused, Code::kFull));
  EXPECT_EQ(refused.error().expected(), 2u);
  EXPECT_EQ(application.balance(), (Balance{1, 5}));
  EXPECT_EQ(application.log().current_sequence(), 1u);
  EXPECT_EQ(application.execute("+1").value(), 2u);
  kill(std::move(application));
  expect_balance({2, 6});
}

TEST_F(WalApplication, ASyncThatFailsAppliesNothingAndTheNextStartShowsTheEventOrNot) {
  for (const CrashKind crashed : {CrashKind::kAllLost, CrashKind::kAllKept}) {
    disk_.set_image({});
    DiskImage image;
    {
      Application application = start().value();
      ASSERT_OK(application.execute("+5"));
      disk_.after_operation = [&] { image = disk_.image(); };
      disk_.fail(DiskOp::kSync, Code::kIo);
      const auto unsure = application.execute("+2");
      EXPECT_TRUE(fails_with(unsure, Code::kPoisoned));
      EXPECT_EQ(unsure.error().expected(), 2u);
      EXPECT_EQ(application.balance(), (Balance{1, 5}));
      EXPECT_TRUE(fails_with(application.execute("+2"), Code::kPoisoned));
      disk_.after_operation = nullptr;
    }
    Dice dice(1);
    disk_.set_image(crash(image, crashed, dice));
    const auto started = start({}, {policy(RepairPolicy::kTruncateUnsynced)});
    ASSERT_OK(started);
    const Balance balance = started->balance();
    EXPECT_EQ(balance, (balance.sequence == 2 ? Balance{2, 7} : Balance{1, 5}));
  }
}

// An event that is durable and not applied is applied by the next start. Until then its number is
// taken, because the log has it; a log whose callers number in any order would take it again.
TEST_F(WalApplication, WhatCouldNotBeAppliedIsAppliedByTheNextStart) {
  {
    Application application = start().value();
    ASSERT_OK(application.execute("+5"));
    application.let_applying_fail(true);
    const auto failed = application.execute("+2");
    EXPECT_TRUE(fails_with(failed, Code::kIo));
    EXPECT_EQ(failed.error().expected(), 2u);
    EXPECT_EQ(application.balance(), (Balance{1, 5})) << "the state has not advanced";
    application.let_applying_fail(false);
    const auto again = application.execute("+4");
    EXPECT_TRUE(fails_with(again, Code::kInvalid, Reason::kSequenceViolation));
    EXPECT_TRUE(fails_with(application.log().append(2, as_bytes("+4")), Code::kInvalid,
                           Reason::kSequenceViolation));
    kill(std::move(application));
  }
  Application application = start().value();
  EXPECT_EQ(application.balance(), (Balance{2, 7}));
  EXPECT_EQ(application.execute("+4").value(), 3u);
}

TEST_F(WalApplication, MayUseANumberAgainWhereAnyOrderIsAllowed) {
  const WalFsOptions any_order{.rule = SequenceRule::kAny};
  Application application = start({}, any_order).value();
  application.let_applying_fail(true);
  EXPECT_EQ(application.execute("+2").error().expected(), 1u);
  application.let_applying_fail(false);
  EXPECT_EQ(application.execute("+2").value(), 1u);
  EXPECT_EQ(application.balance(), (Balance{1, 2}));
}

TEST_F(WalApplication, StartsFromItsSnapshotAndReplaysWhatIsAboveIt) {
  {
    const auto fresh = start();
    ASSERT_OK(fresh);
    EXPECT_EQ(fresh->balance(), (Balance{}));
    EXPECT_EQ(fresh->replayed(), 0u);
  }
  EXPECT_EQ(start({3, 30}).value().balance(), (Balance{3, 30})) << "of a log that is empty";
  write({{1, "+1"}, {2, "+2"}, {3, "+3"}});
  struct Case {
    Balance snapshot;
    uint64_t replayed;
  };
  for (const Case& each : {Case{{0, 0}, 3}, Case{{1, 1}, 2}, Case{{3, 6}, 0}}) {
    const auto started = start(each.snapshot);
    ASSERT_OK(started);
    EXPECT_EQ(started->balance(), (Balance{3, 6}));
    EXPECT_EQ(started->replayed(), each.replayed);
  }
}

TEST_F(WalApplication, RefusesASnapshotAboveTheLogAndNamesBothNumbers) {
  write({{1, "+1"}});
  const auto refused = start({3, 6});
  EXPECT_TRUE(fails_with(refused, Code::kInvalid, Reason::kSequenceViolation));
  EXPECT_EQ(refused.error().expected(), 3u);
  EXPECT_EQ(refused.error().found(), 1u);
}

TEST_F(WalApplication, ReplaysTheFirstRecordAtOrAboveWhatItAsksForWhateverTheGap) {
  write({{9, "+9"}, {12, "+12"}, {13, "+13"}});
  const auto started = start({10, 9});
  ASSERT_OK(started);
  EXPECT_EQ(started->replayed(), 2u);
  EXPECT_EQ(started->balance(), (Balance{13, 34}));
}

}  // namespace
}  // namespace sluice::wal
