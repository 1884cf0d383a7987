// A Retainer, and a log with one, on the operating system's threads.
#include "wal/retainer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "io/thread_runtime.h"
#include "wal/segmented_fixture.h"

namespace sluice::wal {
namespace {

/// A number that threads wait for.
class Count {
 public:
  void add() {
    ++count_;
    count_.notify_all();
  }
  void wait_for(int least) const {
    for (int seen = count_; seen < least; seen = count_) count_.wait(seen);
  }
  int value() const { return count_; }

 private:
  std::atomic<int> count_ = 0;
};

class RetainerTest : public testing::Test {
 protected:
  const std::unique_ptr<Runtime> runtime_ = io::make_thread_runtime();
  Count begun_;
  Count ended_;
};

TEST_F(RetainerTest, AttemptsAtOnceAndWheneverItIsWoken) {
  Retainer retainer(*runtime_, [&] {
    begun_.add();
    return Retainer::Attempted();
  });
  begun_.wait_for(1);
  for (int attempts = 2; attempts < 20; ++attempts) {
    retainer.wake();
    begun_.wait_for(attempts);
  }
  EXPECT_TRUE(retainer.verdict().ok());
}

TEST_F(RetainerTest, ACallDuringAnAttemptIsAnsweredByAnother) {
  Count woken;
  Retainer retainer(*runtime_, [&] {
    begun_.add();
    if (begun_.value() == 1) woken.wait_for(1);
    return Retainer::Attempted();
  });
  begun_.wait_for(1);
  retainer.wake();
  woken.add();
  begun_.wait_for(2);
}

TEST_F(RetainerTest, AttemptsAgainWhenTheLastOneSaidAndKeepsItsVerdict) {
  Retainer retainer(*runtime_, [&] {
    begun_.add();
    if (begun_.value() == 3) return Retainer::Attempted{ok(), kForever};
    return Retainer::Attempted{Error(Code::kIo, "no tape"), runtime_->now() + kMillisecond};
  });
  begun_.wait_for(3);
  retainer.stop();
  EXPECT_TRUE(retainer.verdict().ok());
}

TEST_F(RetainerTest, StoppingWaitsForTheAttemptThatIsUnderWayAndNoneFollows) {
  Count may_end;
  Retainer retainer(*runtime_, [&] {
    begun_.add();
    may_end.wait_for(1);
    ended_.add();
    return Retainer::Attempted{Error(Code::kIo, "no tape"), runtime_->now()};
  });
  begun_.wait_for(1);
  retainer.wake();
  std::thread other([&] { may_end.add(); });
  retainer.stop();
  EXPECT_EQ(ended_.value(), begun_.value());
  EXPECT_EQ(retainer.verdict().error().message(), "no tape");
  retainer.wake();
  retainer.stop();
  EXPECT_EQ(ended_.value(), begun_.value());
  other.join();
}

class RetainingLogTest : public RetainerTest {
 protected:
  RetainingLogTest() {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~RetainingLogTest() override { std::filesystem::remove_all(directory_); }
  std::unique_ptr<SegmentedWal> open(SegmentedWalOptions options) {
    return SegmentedWal::open(directory_, std::move(options)).value();
  }
  const std::string directory_ =
      testing::TempDir() + testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(RetainingLogTest, ManyCommitWhileTheArchiveTakesEverySegmentOnce) {
  constexpr Lsn kCommits = 400;
  std::vector<WalSegment> taken;  // by one thread at a time
  SegmentedWalOptions options{.segment_bytes = 20 << 10};
  options.retention.bytes_max = 1;
  options.archive = [&](const WalSegment& segment, File&) {
    taken.push_back(segment);
    begun_.add();
    return ok();
  };
  {
    const std::unique_ptr<SegmentedWal> log = open(options);
    GroupCommitter committer(*log);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (Lsn commit = 0; commit < kCommits / 4; ++commit) {
          EXPECT_TRUE(committer.submit({.head = as_bytes("payload")}).ok());
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    begun_.wait_for(1);
    EXPECT_TRUE(log->close().ok());
    EXPECT_TRUE(log->retention().ok());
    Lsn next_lsn = 1;
    for (const WalSegment& segment : taken) {
      EXPECT_EQ(segment.first_lsn, next_lsn);
      next_lsn = segment.last_lsn + 1;
    }
    EXPECT_LE(first_lsns(*log).front(), next_lsn) << "it may have closed before the last one went";
  }
}

TEST_F(RetainingLogTest, ASegmentIsAsOldAsItsFileAfterARestart) {
  SegmentedWalOptions options;
  {
    const std::unique_ptr<SegmentedWal> log = open(options);
    for (int i = 0; i < 3; ++i) {
      ASSERT_OK(append(*log, "old"));
      ASSERT_OK(log->roll());
    }
    ASSERT_OK(log->close());
  }
  using std::chrono::hours;
  const auto now = std::filesystem::file_time_type::clock::now();
  const auto set_age = [&](Lsn first_lsn, hours age) {
    std::filesystem::last_write_time(directory_ + "/" + segment_name(first_lsn), now - age);
  };
  set_age(1, hours(49));
  set_age(2, hours(25));
  set_age(3, hours(23));
  options.retention.age_max = 24 * 3600 * kSecond;
  options.archive = [&](const WalSegment&, File&) { return begun_.add(), ok(); };
  const std::unique_ptr<SegmentedWal> log = open(options);
  begun_.wait_for(2);
  ASSERT_OK(log->close());
  EXPECT_EQ(begun_.value(), 2);
  EXPECT_GE(first_lsns(*log).front(), 2u);
}

}  // namespace
}  // namespace sluice::wal
