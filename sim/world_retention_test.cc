// Retention of a log: its thread, its archive and its clock, in simulated time.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "sim/disk.h"
#include "sim/runtime.h"
#include "sluice/wal_log.h"

namespace sluice::sim {
namespace {

constexpr Nanos kMinute = 60 * kSecond;
constexpr Nanos kHour = 60 * kMinute;

/// Every test runs under some schedules.
class Retention : public testing::TestWithParam<uint64_t> {
 protected:
  void run(std::function<void()> body) {
    const RunReport report = runtime_.run(std::move(body));
    EXPECT_TRUE(report.ok()) << report.to_string();
  }
  void sleep(Nanos span) { runtime_.sleep_until(runtime_.now() + span); }

  void open(SegmentedWalOptions options) {
    log_ = SegmentedWal::open(runtime_, disk_, std::move(options)).value();
  }
  /// A durable record, and the segment that holds it ends.
  void add_segment() {
    EXPECT_TRUE(log_->append({.head = as_bytes(text_)}).ok());
    EXPECT_TRUE(log_->roll().ok());
  }
  void add_segments(int count) {
    while (count-- > 0) add_segment();
  }
  std::vector<Lsn> first_lsns() const {
    std::vector<Lsn> lsns;
    for (const WalSegment& segment : log_->list_segments()) lsns.push_back(segment.first_lsn);
    return lsns;
  }
  /// The one record that is read from there on.
  std::string text_at(Lsn lsn) {
    const auto reader = log_->read({.from = lsn}).value();
    const auto frame = reader->next();
    return frame.ok() && *frame ? std::string(as_text((*frame)->payload)) : "nothing";
  }
  /// A way to archive that notes first LSNs.
  WalArchive noting() {
    return [this](const WalSegment& segment, File&) {
      archived_.push_back(segment.first_lsn);
      return ok();
    };
  }

  const std::string text_ = "text";
  SimRuntime runtime_{{.seed = GetParam(), .switch_permille = 200}};
  SimDisk disk_{runtime_};
  std::unique_ptr<SegmentedWal> log_;
  std::vector<Lsn> archived_;
};
INSTANTIATE_TEST_SUITE_P(Schedules, Retention, testing::Range<uint64_t>(1, 6));

TEST_P(Retention, AnArchiveThatTakesItsTimeHoldsUpNobody) {
  run([&] {
    SegmentedWalOptions options{.segment_bytes = 100};
    options.retention.bytes_max = 1;
    options.archive = [&](const WalSegment& segment, File&) {
      sleep(kHour);
      archived_.push_back(segment.first_lsn);
      return ok();
    };
    open(options);
    GroupCommitter committer(*log_);
    const Nanos start = runtime_.now();
    for (Lsn lsn = 1; lsn <= 20; ++lsn) {
      const WalRecord record{.head = as_bytes(text_)};
      if (lsn % 2 == 0) {
        EXPECT_EQ(committer.submit(record).value(), lsn);
      } else {
        EXPECT_EQ(log_->append(record).value(), lsn);
        EXPECT_TRUE(log_->sync().ok());
      }
    }
    EXPECT_LT(runtime_.now() - start, kMinute);
    EXPECT_EQ(log_->list_segments().size(), 20u);
    sleep(30 * kHour);
    EXPECT_EQ(first_lsns(), std::vector<Lsn>{20});
    EXPECT_EQ(archived_.size(), 19u);
    log_.reset();
  });
}

TEST_P(Retention, ItsErrorsCanBeAskedForAndWhatFailedIsTriedAgain) {
  run([&] {
    std::string refusal = "no tape";
    SegmentedWalOptions options;
    options.retention.bytes_max = 1;
    options.archive = [&](const WalSegment&, File&) {
      if (!refusal.empty()) return Status(Error(Code::kIo, refusal));
      disk_.set_faults({.sync_dir_permille = 1000});
      return ok();
    };
    open(options);
    EXPECT_TRUE(log_->retention().ok());
    add_segment();
    sleep(kSecond);
    EXPECT_EQ(log_->retention().error().message(), "no tape");
    EXPECT_EQ(first_lsns(), (std::vector<Lsn>{1, 2}));
    refusal.clear();
    sleep(kMinute);
    EXPECT_EQ(log_->retention().error().code(), Code::kIo);
    EXPECT_EQ(log_->retention().error().where(), "directory") << "it was not synced";
    EXPECT_TRUE(log_->append({.head = as_bytes(text_)}).ok()) << "nobody else is concerned";
    EXPECT_TRUE(log_->sync().ok());
    disk_.set_faults({});
    sleep(kMinute);
    EXPECT_TRUE(log_->retention().ok());
    EXPECT_EQ(first_lsns(), std::vector<Lsn>{2});
    log_.reset();
  });
}

TEST_P(Retention, AnIdleLogLosesWhatComesOfAgeButNeverItsActiveSegment) {
  run([&] {
    SegmentedWalOptions options;
    options.retention.age_max = kHour;
    options.archive = noting();
    open(options);
    add_segment();
    sleep(30 * kMinute);
    add_segments(2);
    EXPECT_TRUE(log_->append({.head = as_bytes("the last")}).ok());
    EXPECT_TRUE(log_->sync().ok());
    sleep(29 * kMinute);
    EXPECT_EQ(first_lsns(), (std::vector<Lsn>{1, 2, 3, 4}));
    sleep(2 * kMinute);
    EXPECT_EQ(first_lsns(), (std::vector<Lsn>{2, 3, 4}));
    sleep(27 * kMinute);
    EXPECT_EQ(first_lsns(), (std::vector<Lsn>{2, 3, 4}));
    sleep(3 * kMinute);
    EXPECT_EQ(first_lsns(), std::vector<Lsn>{4});
    sleep(1000 * kHour);
    EXPECT_EQ(first_lsns(), std::vector<Lsn>{4});
    EXPECT_EQ(text_at(4), "the last");
    EXPECT_EQ(archived_, (std::vector<Lsn>{1, 2, 3}));
    log_.reset();
  });
}

TEST_P(Retention, AgesGoOnWhileTheLogIsNotOpen) {
  run([&] {
    SegmentedWalOptions options;
    options.retention.age_max = 50 * kHour;
    for (int day = 0; day < 3; ++day) {
      open(options);
      EXPECT_TRUE(log_->append({.head = as_bytes(text_)}).ok());
      sleep(kMinute);
      EXPECT_EQ(first_lsns().front(), 1u) << "day " << day;
      EXPECT_TRUE(log_->close().ok());
      log_.reset();
      sleep(24 * kHour);
    }
    open(options);
    sleep(kMinute);
    EXPECT_EQ(first_lsns(), (std::vector<Lsn>{2, 3, 4}));
    log_.reset();
  });
}

TEST_P(Retention, AWallClockThatWentBackMakesNothingOlder) {
  run([&] {
    SegmentedWalOptions options;
    open(options);
    add_segment();
    EXPECT_TRUE(log_->close().ok());
    log_.reset();
    runtime_.step_wall_clock(-100 * kHour);
    options.retention.age_max = kHour;
    open(options);
    sleep(59 * kMinute);
    EXPECT_EQ(first_lsns(), (std::vector<Lsn>{1, 2}));
    sleep(2 * kMinute);
    EXPECT_EQ(first_lsns(), std::vector<Lsn>{2}) << "since it was opened";
    log_.reset();
  });
}

TEST_P(Retention, BytesAreKeptToAsFarAsTheActiveSegmentLets) {
  run([&] {
    SegmentedWalOptions options;
    options.retention.bytes_max = 24'000;
    open(options);
    const std::string large(100'000, 'x');
    add_segment();
    sleep(kMinute);
    EXPECT_EQ(first_lsns(), (std::vector<Lsn>{1, 2})) << "there is room for two";
    add_segments(2);
    sleep(kMinute);
    EXPECT_EQ(first_lsns().back(), 4u);
    EXPECT_LE(log_->total_size_bytes(), options.retention.bytes_max);
    EXPECT_TRUE(log_->append({.head = as_bytes(large)}).ok());
    EXPECT_TRUE(log_->sync().ok());
    sleep(kMinute);
    EXPECT_GT(log_->total_size_bytes(), options.retention.bytes_max);
    EXPECT_EQ(text_at(4), large) << "what is active stays";
    EXPECT_TRUE(log_->roll().ok());
    sleep(kMinute);
    EXPECT_EQ(first_lsns(), std::vector<Lsn>{5});
    log_.reset();
  });
}

TEST_P(Retention, WithoutAnArchiveWhatIsPastTheLimitIsGoneForGood) {
  run([&] {
    SegmentedWalOptions options;
    options.retention.bytes_max = 1;
    open(options);
    add_segments(3);
    sleep(kMinute);
    EXPECT_TRUE(log_->retention().ok());
    EXPECT_EQ(first_lsns(), std::vector<Lsn>{4});
    EXPECT_EQ(text_at(1), "nothing");
    EXPECT_TRUE(log_->close().ok());
    log_.reset();
    open({});
    EXPECT_EQ(first_lsns(), std::vector<Lsn>{4});
    log_.reset();
  });
}

TEST_P(Retention, WhatIsTooMuchWhenTheLogIsOpenedGoesThen) {
  run([&] {
    open({});
    add_segments(3);
    log_.reset();
    SegmentedWalOptions options;
    options.retention.bytes_max = 1;
    options.archive = noting();
    open(options);
    sleep(kMinute);
    EXPECT_EQ(archived_, (std::vector<Lsn>{1, 2, 3}));
    log_.reset();
  });
}

/// An archive that reads the log it is of, and takes an hour.
class EndOfRetention : public Retention {
 protected:
  void open_and_keep_busy(int segments) {
    SegmentedWalOptions options;
    options.retention.bytes_max = 1;
    options.archive = [this](const WalSegment& segment, File&) {
      EXPECT_EQ(segment.first_lsn, 1u) << "no other is shown";
      ++begun_;
      sleep(kHour);
      EXPECT_EQ(log_there_->list_segments().front().first_lsn, 1u);
      EXPECT_TRUE(log_there_->read({}).value()->next().value().has_value());
      ++ended_;
      return ok();
    };
    open(options);
    log_there_ = log_.get();
    add_segments(segments);
    sleep(kMinute);
    EXPECT_EQ(begun_, 1);
    EXPECT_EQ(ended_, 0);
  }
  SegmentedWal* log_there_ = nullptr;
  int begun_ = 0;
  int ended_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Schedules, EndOfRetention, testing::Range<uint64_t>(1, 6));

TEST_P(EndOfRetention, ClosingWaitsForTheArchiveThatIsUnderWay) {
  run([&] {
    open_and_keep_busy(2);
    EXPECT_TRUE(log_->close().ok());
    EXPECT_EQ(ended_, 1);
    sleep(10 * kHour);
    EXPECT_EQ(begun_, 1);
    log_.reset();
  });
}

TEST_P(EndOfRetention, SoDoesDestroyingTheLog) {
  run([&] {
    open_and_keep_busy(2);
    log_.reset();
    EXPECT_EQ(begun_, 1);
    EXPECT_EQ(ended_, 1);
  });
}

TEST_P(EndOfRetention, ATruncationWaitsItsTurnAndIsDoneWhenItReturns) {
  run([&] {
    open_and_keep_busy(1);
    EXPECT_EQ(log_->truncate_before(2).value().segments, 0u) << "the retention took it";
    EXPECT_EQ(ended_, 1);
    EXPECT_EQ(first_lsns(), std::vector<Lsn>{2});
    log_.reset();
  });
}

TEST_P(Retention, ThoseWhoCommitOneAfterAnotherLeaveATruncationItsTurn) {
  run([&] {
    open({});
    add_segment();
    bool stops = false;
    int commits = 0;
    std::vector<std::unique_ptr<Thread>> threads;
    for (int i = 0; i < 3; ++i) {
      threads.push_back(runtime_.spawn("commits", [&] {
        while (!stops) {
          const WalRecord record{.head = as_bytes(text_)};
          EXPECT_TRUE(log_->commit(std::span(&record, 1)).ok());
          ++commits;
        }
      }));
    }
    sleep(kSecond);
    for (int i = 0; i < 10; ++i) {
      const int before = commits;
      EXPECT_TRUE(log_->roll().ok());
      EXPECT_TRUE(log_->truncate_before(log_->durable_lsn()).ok());
      EXPECT_LE(commits - before, 4);
    }
    stops = true;
    for (const auto& thread : threads) thread->join();
    log_.reset();
  });
}

}  // namespace
}  // namespace sluice::sim
