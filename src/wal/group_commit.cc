// The queue of a GroupCommitter: groups of waiters, of which one at a time is committed.
//
// A waiter joins the last group that waits, or makes one; the first of a group leads it. When the
// group before is done, the leader commits the records of all; they stay where the callers hold
// them. Then it lets the next leader begin, and after that it tells its followers. The leaders wait
// on one monitor and the followers on one of their group, so that nobody wakes who has nothing to
// do.
//
// Clients who were just answered often come back at once. A leader who begins without them leaves
// them to the next commit, and halves what each commit carries; so it may pay to wait for as many
// as there were, for part of the time of a commit. Whoever completes the group leads it then.
// Where the processors are the limit it does not pay: Pace measures that.
#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "sluice/runtime.h"
#include "sluice/wal_log.h"

namespace sluice {
namespace {

/// Whether groups are gathered: both ways are tried now and then, and the faster one is used.
class Pace {
 public:
  bool gathers() const { return way_ == Way::kGather; }
  /// After each commit.
  void note(size_t records, Nanos now);

 private:
  enum class Way : uint8_t { kAtOnce, kGather };
  static constexpr int kWarmCommits = 16;  ///< of a trial, before it is measured
  static constexpr int kTrialCommits = 64;
  static constexpr int kUseCommits = 4096;
  /// By how much gathering has to be faster.
  static constexpr double kGain = 1.1;

  void decide(double rate);

  Way way_ = Way::kAtOnce;
  bool is_trial_ = true;
  int commits_ = 0;  ///< in this way
  size_t records_ = 0;
  Nanos since_ = 0;
  double rate_at_once_ = 0;
};

void Pace::note(size_t records, Nanos now) {
  ++commits_;
  records_ += records;
  if (commits_ == kWarmCommits) {
    records_ = 0;
    since_ = now;
  }
  if (commits_ < (is_trial_ ? kTrialCommits : kUseCommits)) return;
  decide(static_cast<double>(records_) / static_cast<double>(now - since_ + 1));
  commits_ = 0;
}

void Pace::decide(double rate) {
  if (!is_trial_) {
    is_trial_ = true;
    way_ = Way::kAtOnce;
  } else if (way_ == Way::kAtOnce) {
    rate_at_once_ = rate;
    way_ = Way::kGather;
  } else {
    is_trial_ = false;
    if (rate < kGain * rate_at_once_) way_ = Way::kAtOnce;
  }
}

constexpr Nanos kPatienceMax = kMillisecond;

}  // namespace

class GroupCommitter::Queue {
 public:
  Queue(Runtime& runtime, SegmentedWal& log, GroupCommitOptions options);
  Result<Lsn> submit(const WalRecord& record);

 private:
  struct Group {
    // Guarded by the queue's monitor; the leader's alone once it leads.
    std::vector<WalRecord> records{};
    uint64_t bytes = 0;
    bool led = false;  ///< by its first member, or by the one who completed it
    // Guarded by the group's monitor.
    std::unique_ptr<Monitor> monitor{};
    bool done = false;
    Result<Lsn> verdict = Lsn{0};  ///< of the first record
    size_t left = 0;               ///< members who have their verdict
  };

  Group& join(const WalRecord& record);
  bool wait_for_turn(const Group& group);
  bool completes(const Group& group) const;
  void note_commit(const Group& group, Nanos start);
  void lead(Group& group);
  Result<Lsn> take_verdict(Group& group, size_t place);

  Runtime& runtime_;
  SegmentedWal& log_;
  const GroupCommitOptions options_;
  const std::unique_ptr<Monitor> monitor_;
  // Guarded by monitor_.
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<Group*> idle_;
  std::deque<Group*> waiting_;
  bool leading_ = false;  ///< a group is being committed
  size_t expected_ = 1;   ///< who might come together
  Nanos gathers_until_ = 0;
  Pace pace_;
};

GroupCommitter::GroupCommitter(Runtime& runtime, SegmentedWal& log, GroupCommitOptions options)
    : log_(log), queue_(std::make_unique<Queue>(runtime, log, options)) {}

GroupCommitter::~GroupCommitter() = default;

Result<Lsn> GroupCommitter::submit(const WalRecord& record) {
  return queue_->submit(record);
}

GroupCommitter::Queue::Queue(Runtime& runtime, SegmentedWal& log, GroupCommitOptions options)
    : runtime_(runtime), log_(log), options_(options), monitor_(runtime.monitor()) {}

Result<Lsn> GroupCommitter::Queue::submit(const WalRecord& record) {
  // Refused like any other append, and counted.
  if (!log_.check(record).ok()) return log_.append(record);
  Group* group = nullptr;
  size_t place = 0;
  bool leads = false;
  {
    const MonitorLock lock(*monitor_);
    group = &join(record);
    place = group->records.size() - 1;
    leads = place == 0 ? wait_for_turn(*group) : completes(*group);
    if (leads) {
      leading_ = group->led = true;
      waiting_.pop_front();
    }
  }
  if (leads) lead(*group);
  return take_verdict(*group, place);
}

/// The monitor is held. The group whose last member the caller is.
GroupCommitter::Queue::Group& GroupCommitter::Queue::join(const WalRecord& record) {
  const uint64_t bytes = record.payload_bytes();
  if (waiting_.empty() || waiting_.back()->bytes + bytes > options_.group_bytes_max) {
    if (idle_.empty()) {
      groups_.push_back(std::make_unique<Group>());
      groups_.back()->monitor = runtime_.monitor();
      idle_.push_back(groups_.back().get());
    }
    waiting_.push_back(idle_.back());
    idle_.pop_back();
  }
  Group& group = *waiting_.back();
  group.records.push_back(record);
  group.bytes += bytes;
  return group;
}

/// The monitor is held. False: another member leads the group.
bool GroupCommitter::Queue::wait_for_turn(const Group& group) {
  const Nanos delayed_until = options_.delay > 0 ? runtime_.now() + options_.delay : 0;
  while (!group.led) {
    if (leading_ || waiting_.front() != &group) {
      monitor_->wait_until(kForever);
      continue;
    }
    const bool is_whole = group.records.size() >= expected_;
    const Nanos until = std::max(delayed_until, is_whole ? 0 : gathers_until_);
    if (until == 0 || group.bytes >= options_.group_bytes_max || runtime_.now() >= until) {
      return true;
    }
    monitor_->wait_until(until);
  }
  return false;
}

/// The monitor is held. The caller is the last who was waited for.
bool GroupCommitter::Queue::completes(const Group& group) const {
  return gathers_until_ > 0 && options_.delay == 0 && !leading_ && waiting_.front() == &group &&
         group.records.size() >= expected_;
}

void GroupCommitter::Queue::lead(Group& group) {
  const Nanos start = runtime_.now();
  Result<Lsn> verdict = log_.commit(group.records);
  bool somebody_waits = false;
  {
    const MonitorLock lock(*monitor_);
    leading_ = false;
    note_commit(group, start);
    somebody_waits = !waiting_.empty();
  }
  // Whoever wakes finds the monitors free.
  if (somebody_waits) monitor_->notify_all();
  {
    const MonitorLock lock(*group.monitor);
    group.verdict = std::move(verdict);
    group.done = true;
  }
  group.monitor->notify_all();
}

/// The monitor is held.
void GroupCommitter::Queue::note_commit(const Group& group, Nanos start) {
  const Nanos now = runtime_.now();
  pace_.note(group.records.size(), now);
  expected_ = group.records.size();
  for (const Group* waiting : waiting_) expected_ += waiting->records.size();
  const bool gathers = pace_.gathers() && expected_ > 1;
  gathers_until_ = gathers ? now + std::min((now - start) / 2, kPatienceMax) : 0;
}

/// Its own: the LSNs of a group follow each other, an error is of all of it.
Result<Lsn> GroupCommitter::Queue::take_verdict(Group& group, size_t place) {
  Result<Lsn> verdict = Lsn{0};
  {
    const MonitorLock lock(*group.monitor);
    while (!group.done) group.monitor->wait_until(kForever);
    verdict = group.verdict;
    if (++group.left < group.records.size()) return verdict.ok() ? *verdict + place : verdict;
    group.records.clear();
    group.bytes = 0;
    group.left = 0;
    group.done = false;
    group.led = false;
  }
  const MonitorLock lock(*monitor_);
  idle_.push_back(&group);
  return verdict.ok() ? *verdict + place : verdict;
}

}  // namespace sluice
