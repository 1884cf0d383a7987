#include "memtable/buffer.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"

namespace sluice::memtable {

uint64_t Run::rows() const {
  if (shares.empty()) return batch.rows();
  uint64_t rows = 0;
  for (const Share& share : shares) rows += share.rows;
  return rows;
}

// Now, if there are too many rows.
Nanos Buffer::due_at(const Pending& pending) const {
  return pending.rows >= patience_.rows_max ? pending.oldest : pending.due;
}

void Buffer::append(Run run, Nanos now) {
  CHECK(runs_.empty() || run.lsn > runs_.back().lsn);
  CHECK(!run.shares.empty());
  const Nanos due = now > kForever - patience_.age_max ? kForever : now + patience_.age_max;
  for (const Share& share : run.shares) {
    const auto [entry, is_new] = partitions_.try_emplace(share.partition->name);
    Pending& pending = entry->second;
    if (is_new) pending = {share.partition, 0, run.lsn, now, due};
    pending.rows += share.rows;
    rows_ += share.rows;
    next_due_ = std::min(next_due_, due_at(pending));
  }
  bytes_ += charge(run.batch);
  runs_.push_back(std::move(run));
}

void Buffer::hurry(const std::string& partition, Nanos at) {
  const auto found = partitions_.find(partition);
  if (found == partitions_.end()) return;
  found->second.due = std::min(found->second.due, at);
  next_due_ = std::min(next_due_, at);
}

std::vector<Run> Buffer::take(const std::function<bool(const Pending&)>& wanted) {
  PendingMap taken;
  for (auto entry = partitions_.begin(); entry != partitions_.end();) {
    const auto next = std::next(entry);
    if (wanted(entry->second)) taken.insert(partitions_.extract(entry));
    entry = next;
  }
  std::vector<Run> runs;
  if (partitions_.empty()) {
    runs = std::exchange(runs_, {});
  } else if (!taken.empty()) {
    const auto is_taken = [&](const Share& share) { return taken.contains(share.partition->name); };
    for (Run& run : runs_) {
      Run part = run;
      std::erase_if(part.shares, [&](const Share& share) { return !is_taken(share); });
      std::erase_if(run.shares, is_taken);
      if (!part.shares.empty()) runs.push_back(std::move(part));
    }
    std::erase_if(runs_, [](const Run& run) { return run.shares.empty(); });
  }
  sum_up();
  return runs;
}

void Buffer::put_back(std::vector<Run> runs, const PendingMap& ages) {
  PendingMap all = ages;
  for (const auto& [name, pending] : partitions_) {
    const auto [entry, is_new] = all.try_emplace(name, pending);
    if (is_new) continue;
    entry->second.oldest = std::min(entry->second.oldest, pending.oldest);
    entry->second.due = std::min(entry->second.due, pending.due);
  }
  std::vector<Run> mixed;
  std::merge(std::make_move_iterator(runs.begin()), std::make_move_iterator(runs.end()),
             std::make_move_iterator(runs_.begin()), std::make_move_iterator(runs_.end()),
             std::back_inserter(mixed), [](const Run& a, const Run& b) { return a.lsn < b.lsn; });
  runs_.clear();
  for (Run& run : mixed) {
    if (runs_.empty() || runs_.back().lsn != run.lsn) {
      runs_.push_back(std::move(run));
    } else {
      std::vector<Share>& shares = runs_.back().shares;
      shares.insert(shares.end(), run.shares.begin(), run.shares.end());
    }
  }
  recount(all);
}

void Buffer::drop(const std::function<bool(const Run&, const Share&)>& covered) {
  const auto is_needless = [&](Run& run) {
    std::erase_if(run.shares, [&](const Share& share) { return covered(run, share); });
    return run.shares.empty();
  };
  std::erase_if(runs_, is_needless);
  recount(PendingMap(partitions_));
}

// What is there of each partition; it is as old as `ages` says.
void Buffer::recount(const PendingMap& ages) {
  partitions_.clear();
  for (const Run& run : runs_) {
    for (const Share& share : run.shares) {
      const auto [entry, is_new] = partitions_.try_emplace(share.partition->name);
      Pending& pending = entry->second;
      if (is_new) {
        const auto age = ages.find(share.partition->name);
        CHECK(age != ages.end());
        pending = {share.partition, 0, run.lsn, age->second.oldest, age->second.due};
      }
      pending.rows += share.rows;
    }
  }
  sum_up();
}

void Buffer::sum_up() {
  rows_ = 0;
  bytes_ = 0;
  next_due_ = kForever;
  for (const Run& run : runs_) bytes_ += charge(run.batch);
  for (const auto& [name, pending] : partitions_) {
    rows_ += pending.rows;
    next_due_ = std::min(next_due_, due_at(pending));
  }
}

}  // namespace sluice::memtable
