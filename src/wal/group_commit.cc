// The queue of a GroupCommitter: groups of waiters, of which one at a time is committed.
//
// A waiter joins the last group that waits, or makes one; the first of a group leads it. When the
// group before is done, the leader commits the records of all; they stay where the callers hold
// them. Then it lets the next leader begin, and after that it tells its followers. The leaders wait
// on one monitor and the followers on one of their group, so that nobody wakes who has nothing to
// do.
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "sluice/runtime.h"
#include "sluice/wal_log.h"

namespace sluice {

class GroupCommitter::Queue {
 public:
  Queue(Runtime& runtime, SegmentedWal& log, GroupCommitOptions options);
  Result<Lsn> submit(const WalRecord& record);

 private:
  struct Group {
    // Guarded by the queue's monitor; the leader's alone once it leads.
    std::vector<WalRecord> records{};
    uint64_t bytes = 0;
    // Guarded by the group's monitor.
    std::unique_ptr<Monitor> monitor{};
    bool done = false;
    Result<Lsn> verdict = Lsn{0};  ///< of the first record
    size_t left = 0;               ///< members who have their verdict
  };

  Group& join(const WalRecord& record);
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
  TRY(log_.check(record));
  Group* group = nullptr;
  size_t place = 0;
  {
    const MonitorLock lock(*monitor_);
    group = &join(record);
    place = group->records.size() - 1;
    if (place == 0) {
      const Nanos deadline = options_.delay > 0 ? runtime_.now() + options_.delay : 0;
      while (leading_ || waiting_.front() != group) monitor_->wait_until(kForever);
      leading_ = true;
      while (deadline > 0 && group->bytes < options_.group_bytes_max && runtime_.now() < deadline) {
        monitor_->wait_until(deadline);
      }
      waiting_.pop_front();
    }
  }
  if (place == 0) lead(*group);
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

void GroupCommitter::Queue::lead(Group& group) {
  Result<Lsn> verdict = log_.commit(group.records);
  {
    const MonitorLock lock(*monitor_);
    leading_ = false;
    if (!waiting_.empty()) monitor_->notify_all();
  }
  const MonitorLock lock(*group.monitor);
  group.verdict = std::move(verdict);
  group.done = true;
  group.monitor->notify_all();
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
  }
  const MonitorLock lock(*monitor_);
  idle_.push_back(&group);
  return verdict.ok() ? *verdict + place : verdict;
}

}  // namespace sluice
