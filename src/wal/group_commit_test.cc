#include "sluice/wal_log.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>

#include "io/posix_disk.h"
#include "io/thread_runtime.h"
#include "wal/segmented_fixture.h"

namespace sluice::wal {
namespace {

using GroupCommit = SegmentedTest;
INSTANTIATE_TEST_SUITE_P(Logs, GroupCommit, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "Encrypted" : "Plain"; });

Result<Lsn> submit(GroupCommitter& committer, const std::string& text) {
  return committer.submit({.tenant = 7, .head = as_bytes(text)});
}

/// Runs `body` in so many threads, each with its number, and waits for all.
void in_threads(Runtime& runtime, size_t count, const std::function<void(size_t)>& body) {
  std::vector<std::unique_ptr<Thread>> threads;
  for (size_t number = 0; number < count; ++number) {
    threads.push_back(runtime.spawn("client", [&body, number] { body(number); }));
  }
  for (const auto& thread : threads) thread->join();
}

TEST_P(GroupCommit, OneSubmitIsDurableWithTheFirstLsn) {
  const OpenWal log = open(options()).value();
  GroupCommitter committer(log.runtime(), *log);
  EXPECT_EQ(submit(committer, "r1").value(), 1u);
  EXPECT_EQ(committer.durable_lsn(), 1u);
  EXPECT_EQ(survivors(), numbered(1, 1));
}

TEST_P(GroupCommit, WhatTheLogRefusesConcernsNobodyElse) {
  SegmentedWalOptions small = options();
  small.payload_bytes_max = 2;
  const OpenWal log = open(small).value();
  GroupCommitter committer(log.runtime(), *log);
  EXPECT_EQ(submit(committer, "too large").error().reason(), Reason::kPayloadTooLarge);
  EXPECT_EQ(submit(committer, "r1").value(), 1u);
}

TEST_P(GroupCommit, AFullDiskFailsTheGroupAndTakesNoLsn) {
  const OpenWal log = open(options()).value();
  GroupCommitter committer(log.runtime(), *log);
  disk_.fail(DiskOp::kWrite, Code::kFull);
  EXPECT_EQ(submit(committer, "refused").error().code(), Code::kFull);
  EXPECT_EQ(submit(committer, "r1").value(), 1u);
  EXPECT_EQ(survivors(), numbered(1, 1));
  EXPECT_EQ(survivors(CrashKind::kAllKept), numbered(1, 1));
}

TEST_P(GroupCommit, AFailedSyncFailsAllForEver) {
  const OpenWal log = open(options()).value();
  GroupCommitter committer(log.runtime(), *log);
  disk_.fail(DiskOp::kSync, Code::kIo);
  EXPECT_EQ(submit(committer, "lost").error().code(), Code::kPoisoned);
  EXPECT_EQ(submit(committer, "late").error().code(), Code::kPoisoned);
  EXPECT_EQ(committer.durable_lsn(), 0u);
}

/// A thread runtime that knows how many threads wait.
class CountingRuntime final : public Runtime {
 public:
  Nanos now() override { return inner_->now(); }
  Nanos wall_now() override { return inner_->wall_now(); }
  void sleep_until(Nanos deadline) override { inner_->sleep_until(deadline); }
  void random(std::span<std::byte> out) override { inner_->random(out); }
  std::unique_ptr<Thread> spawn(std::string name, std::function<void()> body) override {
    return inner_->spawn(std::move(name), std::move(body));
  }
  std::unique_ptr<Monitor> monitor() override { return std::make_unique<Counting>(*this); }

  void wait_for_waiters(int count) const {
    for (int seen = waiting_; seen != count; seen = waiting_) waiting_.wait(seen);
  }

 private:
  class Counting final : public Monitor {
   public:
    explicit Counting(CountingRuntime& runtime)
        : runtime_(runtime), inner_(runtime.inner_->monitor()) {}
    void lock() override { inner_->lock(); }
    void unlock() override { inner_->unlock(); }
    void wait_until(Nanos deadline) override {
      runtime_.add(1);
      inner_->wait_until(deadline);
      runtime_.add(-1);
    }
    void notify_all() override { inner_->notify_all(); }

   private:
    CountingRuntime& runtime_;
    const std::unique_ptr<Monitor> inner_;
  };
  void add(int count) {
    waiting_ += count;
    waiting_.notify_all();
  }

  const std::unique_ptr<Runtime> inner_ = io::make_thread_runtime();
  std::atomic<int> waiting_ = 0;
};

/// A log that answers by plan and notes the sizes of commits. One commit at a time.
class PlannedLog final : public SegmentedWal {
 public:
  explicit PlannedLog(Runtime& runtime) : runtime_(runtime) {}
  std::function<void()> before_commit = [] {};
  std::deque<Status> verdicts;  ///< of the commits to come; then all succeed
  std::vector<size_t> sizes;
  std::map<Lsn, std::string> texts;

  using SegmentedWal::append;
  Result<Lsn> commit(std::span<const WalRecord> records) override {
    EXPECT_EQ(++committing_, 1);
    before_commit();
    sizes.push_back(records.size());
    const Status verdict = verdicts.empty() ? ok() : verdicts.front();
    if (!verdicts.empty()) verdicts.pop_front();
    const Lsn first_lsn = texts.size() + 1;
    for (const WalRecord& record : records) {
      if (verdict.ok()) texts[texts.size() + 1] = as_text(record.head);
    }
    --committing_;
    TRY(verdict);
    return first_lsn;
  }
  Status check(const WalRecord&) const override { return ok(); }
  Result<Lsn> append(std::span<const WalRecord>) override { return Lsn{0}; }
  Status sync() override { return ok(); }
  Status wait_durable(Lsn) override { return ok(); }
  Lsn durable_lsn() const override { return texts.size(); }
  Lsn next_lsn() const override { return texts.size() + 1; }
  Status roll() override { return ok(); }
  Result<WalTruncation> truncate_before(Lsn) override { return WalTruncation{}; }
  Status retention() const override { return ok(); }
  std::vector<WalSegment> list_segments() const override { return {}; }
  uint64_t total_size_bytes() const override { return 0; }
  Lsn active_segment_first_lsn() const override { return 1; }
  Result<std::unique_ptr<WalReader>> read(WalReadOptions) override {
    return Error(Code::kUnsupported, "not planned");
  }
  Status set_keys(std::shared_ptr<const KeyRing>) override { return ok(); }
  std::shared_ptr<const KeyRing> key_ring() const override { return nullptr; }
  const WalRepair& repair() const override { return repair_; }
  WalProtection protection() const override { return {}; }
  Status attach_side_file() override { return ok(); }
  Status close() override { return ok(); }
  Runtime& runtime() const override { return runtime_; }

 private:
  Runtime& runtime_;
  std::atomic<int> committing_ = 0;
  WalRepair repair_;
};

/// A first client commits alone; all others come while it does.
struct Crowd {
  explicit Crowd(size_t count) : verdicts(count, Lsn{0}) {
    log.before_commit = [this] {
      if (log.sizes.empty()) runtime.wait_for_waiters(static_cast<int>(verdicts.size()) - 1);
    };
  }
  void run(GroupCommitOptions options = {}) {
    GroupCommitter committer(runtime, log, options);
    std::atomic<bool> first_is_in = false;
    const auto before = log.before_commit;
    log.before_commit = [&, before] {
      first_is_in = true;
      first_is_in.notify_all();
      before();
    };
    in_threads(runtime, verdicts.size(), [&](size_t number) {
      if (number > 0) first_is_in.wait(false);
      verdicts[number] = submit(committer, "client " + std::to_string(number));
    });
    after = submit(committer, "after");
  }

  CountingRuntime runtime;
  PlannedLog log{runtime};
  std::vector<Result<Lsn>> verdicts;
  Result<Lsn> after = Lsn{0};
};

class CrowdOf : public ::testing::TestWithParam<size_t> {};
INSTANTIATE_TEST_SUITE_P(Clients, CrowdOf, ::testing::Values(2, 10, 200));

TEST_P(CrowdOf, ClientsWhoComeDuringACommitShareTheNextAndEachHasItsOwnLsn) {
  Crowd crowd(GetParam());
  crowd.run();
  EXPECT_EQ(crowd.log.sizes, (std::vector<size_t>{1, GetParam() - 1, 1}));
  for (size_t number = 0; number < crowd.verdicts.size(); ++number) {
    const Lsn lsn = crowd.verdicts[number].value();
    EXPECT_EQ(crowd.log.texts[lsn], "client " + std::to_string(number));
  }
  EXPECT_EQ(crowd.after.value(), GetParam() + 1);
}

TEST_P(CrowdOf, AGroupOnAFullDiskFailsExactlyItsOwn) {
  Crowd crowd(GetParam());
  crowd.log.verdicts = {ok(), Error(Code::kFull, "no space")};
  crowd.run();
  EXPECT_EQ(crowd.verdicts[0].value(), 1u);
  for (size_t number = 1; number < crowd.verdicts.size(); ++number) {
    ASSERT_FALSE(crowd.verdicts[number].ok());
    EXPECT_EQ(crowd.verdicts[number].error().code(), Code::kFull);
  }
  EXPECT_EQ(crowd.after.value(), 2u);
}

TEST_P(CrowdOf, AGroupThatIsCommittedBorrowsNoVerdictFromTheOneBefore) {
  Crowd crowd(GetParam());
  crowd.log.verdicts = {Error(Code::kFull, "no space")};
  crowd.run();
  EXPECT_EQ(crowd.verdicts[0].error().code(), Code::kFull);
  std::set<Lsn> lsns;
  for (size_t number = 1; number < crowd.verdicts.size(); ++number) {
    lsns.insert(crowd.verdicts[number].value());
  }
  EXPECT_EQ(lsns.size(), GetParam() - 1);
}

TEST_P(CrowdOf, AGroupIsNoLargerThanItMayBe) {
  Crowd crowd(GetParam());
  crowd.run({.group_bytes_max = 1});
  EXPECT_EQ(crowd.log.sizes, std::vector<size_t>(GetParam() + 1, 1));
  std::set<Lsn> lsns;
  for (const Result<Lsn>& verdict : crowd.verdicts) lsns.insert(verdict.value());
  EXPECT_EQ(lsns.size(), GetParam());
}

TEST(GroupCommitPace, ClientsWhoAlwaysComeBackHaveTheirOwnLsnsWhetherTheyAreGatheredOrNot) {
  CountingRuntime runtime;
  PlannedLog log{runtime};
  // A device that takes its time, so that waiting for others may pay.
  log.before_commit = [&] { runtime.sleep_until(runtime.now() + 50 * kMicrosecond); };
  GroupCommitter committer(runtime, log);
  constexpr size_t kClients = 12;
  constexpr int kEach = 150;
  std::vector<std::map<Lsn, std::string>> own(kClients);
  in_threads(runtime, kClients, [&](size_t number) {
    for (int i = 0; i < kEach; ++i) {
      const std::string text = std::to_string(number) + " says " + std::to_string(i);
      own[number][submit(committer, text).value()] = text;
    }
  });
  EXPECT_EQ(log.texts.size(), kClients * kEach);
  for (const auto& records : own) {
    EXPECT_EQ(records.size(), static_cast<size_t>(kEach));
    for (const auto& [lsn, text] : records) EXPECT_EQ(log.texts.at(lsn), text);
  }
}

/// A log in a directory of this machine.
class ManyClients : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    directory_ = std::filesystem::path(::testing::TempDir()) /
                 ("sluice-group-commit-" + std::string(GetParam() ? "sealed-" : "plain-") +
                  name.substr(0, name.find('/')));
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    disk_ = io::open_posix_disk(directory_).value();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::shared_ptr<const KeyRing> keys() const { return GetParam() ? test_ring(1, 9) : nullptr; }
  std::unique_ptr<SegmentedWal> open(uint64_t segment_bytes) {
    return SegmentedWal::open(*runtime_, *disk_, {.segment_bytes = segment_bytes, .keys = keys()})
        .value();
  }
  std::map<Lsn, std::string> reopened() {
    TestRuntime runtime(5);
    const std::unique_ptr<Log> log = Log::open(runtime, *disk_, {.keys = keys()}).value();
    std::map<Lsn, std::string> found;
    for (const auto& [lsn, text] : frames(*log).value()) found[lsn] = text;
    return found;
  }

  const std::unique_ptr<Runtime> runtime_ = io::make_thread_runtime();
  std::filesystem::path directory_;
  std::unique_ptr<Disk> disk_;
};
INSTANTIATE_TEST_SUITE_P(Logs, ManyClients, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "Encrypted" : "Plain"; });

TEST_P(ManyClients, ADelayOnlyDelays) {
  const auto log = open(64 << 20);
  constexpr Nanos kDelay = 2 * kMillisecond;
  GroupCommitter committer(*runtime_, *log, {.delay = kDelay});
  const Nanos start = runtime_->now();
  EXPECT_EQ(submit(committer, "one").value(), 1u);
  EXPECT_GE(runtime_->now() - start, kDelay);
}

TEST_P(ManyClients, TenThreadsHaveTenDurableRecords) {
  {
    const auto log = open(64 << 20);
    GroupCommitter committer(*runtime_, *log);
    std::vector<Lsn> lsns(10);
    in_threads(*runtime_, 10, [&](size_t number) {
      lsns[number] = submit(committer, "client " + std::to_string(number)).value();
      EXPECT_GE(committer.durable_lsn(), lsns[number]);
    });
    EXPECT_EQ(log->durable_lsn(), 10u);
    EXPECT_EQ(std::set<Lsn>(lsns.begin(), lsns.end()).size(), 10u);
  }
  EXPECT_EQ(reopened().size(), 10u);
}

TEST_P(ManyClients, OfTwoHundredThreadsEachHasTheLsnOfItsOwnRecordsAcrossSegments) {
  std::vector<std::map<Lsn, std::string>> own(200);
  {
    const auto log = open(16 << 10);
    GroupCommitter committer(*runtime_, *log);
    in_threads(*runtime_, own.size(), [&](size_t number) {
      for (int i = 0; i < 5; ++i) {
        const std::string text = std::to_string(number) + " says " + std::to_string(i);
        own[number][submit(committer, text).value()] = text;
      }
    });
    EXPECT_GT(log->list_segments().size(), 1u);
  }
  const std::map<Lsn, std::string> found = reopened();
  EXPECT_EQ(found.size(), 1000u);
  EXPECT_EQ(found.rbegin()->first, 1000u);
  for (const auto& records : own) {
    EXPECT_EQ(records.size(), 5u);
    for (const auto& [lsn, text] : records) EXPECT_EQ(found.at(lsn), text);
  }
}

TEST_P(ManyClients, AppendersSyncersAndCommittersShareOneLog) {
  std::vector<std::map<Lsn, std::string>> own(24);
  {
    const auto log = open(32 << 10);
    GroupCommitter committer(*runtime_, *log);
    in_threads(*runtime_, own.size(), [&](size_t number) {
      for (int i = 0; i < 20; ++i) {
        const std::string text = std::to_string(number) + " says " + std::to_string(i);
        const Lsn lsn =
            number % 3 == 0 ? submit(committer, text).value() : append(*log, text).value();
        EXPECT_TRUE(number % 3 != 1 || log->sync().ok());
        EXPECT_TRUE(number % 3 != 2 || log->wait_durable(lsn).ok());
        EXPECT_GE(log->durable_lsn(), lsn);
        own[number][lsn] = text;
        EXPECT_TRUE(number != 1 || i != 10 || log->roll().ok());
        EXPECT_TRUE(number != 2 || i != 10 || log->truncate_before(0).ok());
      }
    });
  }
  const std::map<Lsn, std::string> found = reopened();
  EXPECT_EQ(found.size(), own.size() * 20);
  for (const auto& records : own) {
    EXPECT_EQ(records.size(), 20u);
    for (const auto& [lsn, text] : records) EXPECT_EQ(found.at(lsn), text);
  }
}

TEST_P(ManyClients, ACloseInTheMiddleGivesEachOfThemADurableYesOrAClearNo) {
  constexpr size_t kClients = 64;
  std::vector<std::map<Lsn, std::string>> own(kClients);
  {
    const auto log = open(64 << 10);
    GroupCommitter committer(*runtime_, *log);
    std::atomic<int> yes = 0;
    in_threads(*runtime_, kClients + 1, [&](size_t number) {
      if (number == kClients) {
        for (int seen = yes; seen < 300; seen = yes) yes.wait(seen);
        EXPECT_TRUE(log->close().ok());
        return;
      }
      for (;;) {
        const std::string text = std::to_string(number) + " says " + std::to_string(yes);
        Result<Lsn> lsn = number % 4 > 0 ? submit(committer, text) : append(*log, text);
        EXPECT_TRUE(!lsn.ok() || number % 4 > 0 || log->wait_durable(*lsn).ok());
        if (!lsn.ok()) {
          EXPECT_EQ(lsn.error().reason(), Reason::kClosed);
          break;
        }
        own[number][*lsn] = text;
        ++yes;
        yes.notify_all();
      }
    });
  }
  const std::map<Lsn, std::string> found = reopened();
  size_t answered = 0;
  for (const auto& records : own) {
    answered += records.size();
    for (const auto& [lsn, text] : records) EXPECT_EQ(found.at(lsn), text);
  }
  EXPECT_EQ(found.size(), answered);
}

}  // namespace
}  // namespace sluice::wal
