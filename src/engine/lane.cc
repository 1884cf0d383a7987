#include "engine/lane.h"

#include <algorithm>

#include "base/check.h"

namespace sluice::engine {

namespace {

uint64_t charge(const std::vector<memtable::Run>& runs) {
  uint64_t bytes = 0;
  for (const memtable::Run& run : runs) bytes += memtable::charge(run.batch);
  return bytes;
}

}  // namespace

bool Lane::claimed() const {
  return head_ != nullptr && head_->metadata.owner == opening_.hex();
}

void Lane::pin(const table::HeadPtr& head) {
  std::erase_if(pinned_, [&](const auto& held) { return held.expired() || held.lock() == head; });
  pinned_.push_back(head);
}

std::vector<table::HeadPtr> Lane::pinned() {
  std::vector<table::HeadPtr> heads;
  for (const auto& held : pinned_) {
    if (table::HeadPtr head = held.lock()) heads.push_back(std::move(head));
  }
  return heads;
}

void Lane::set_head(table::HeadPtr head) {
  if (head_ != nullptr && head->metadata.version < head_->metadata.version) return;
  head_ = std::move(head);
  spec_ = std::make_shared<const TableSpec>(head_->metadata.spec());
  for (const auto& [source, coverage] : head_->marks.sources) {
    uint64_t& known = positions_[source];
    known = std::max(known, coverage.low_water);
  }
}

bool Lane::covers(const memtable::Run& run) const {
  if (head_ == nullptr) return false;
  const table::Marks& marks = head_->marks;
  if (run.lsn <= marks.flushed(log_, "")) return true;
  return run.source != nullptr && run.position <= marks.position(*run.source, "");
}

bool Lane::apply(memtable::Run run, Nanos now) {
  if (run.source != nullptr) {
    uint64_t& known = positions_[*run.source];
    known = std::max(known, run.position);
  }
  if (covers(run)) return false;
  if (stopped_) {
    if (!pinned_from_) pinned_from_ = run.lsn;
    return false;
  }
  active_.append(std::move(run), now);
  return true;
}

uint64_t Lane::stop(Error error) {
  pinned_from_ = oldest_unflushed();
  stopped_ = std::move(error);
  const uint64_t freed = active_.bytes() + (cut_ ? charge(cut_->runs) : 0);
  active_ = {};
  cut_.reset();
  return freed;
}

uint64_t Lane::drop_covered() {
  const uint64_t before = active_.bytes();
  active_.drop([this](const memtable::Run& run) { return covers(run); });
  return before - active_.bytes();
}

const Cut& Lane::freeze(uint64_t lsn) {
  CHECK(!flushing());
  cut_ = Cut{lsn, active_.runs(), head_};
  active_ = {};
  return *cut_;
}

uint64_t Lane::release(table::HeadPtr head) {
  CHECK(flushing());
  const uint64_t freed = charge(cut_->runs);
  cut_.reset();
  set_head(std::move(head));
  return freed;
}

uint64_t Lane::rebase(table::HeadPtr head) {
  set_head(std::move(head));
  memtable::Buffer all;
  uint64_t freed = active_.bytes();
  if (cut_) {
    freed += charge(cut_->runs);
    for (memtable::Run& run : cut_->runs) all.append(std::move(run), active_.oldest());
    cut_.reset();
  }
  for (const memtable::Run& run : active_.runs()) all.append(run, active_.oldest());
  active_ = std::move(all);
  drop_covered();
  return freed - active_.bytes();
}

std::optional<uint64_t> Lane::oldest_unflushed() const {
  std::optional<uint64_t> oldest = pinned_from_;
  const auto take = [&](uint64_t lsn) { oldest = oldest ? std::min(*oldest, lsn) : lsn; };
  if (cut_ && !cut_->runs.empty()) take(cut_->runs.front().lsn);
  if (!active_.empty()) take(active_.first_lsn());
  return oldest;
}

uint64_t Lane::unflushed_rows() const {
  uint64_t rows = active_.rows();
  if (cut_) {
    for (const memtable::Run& run : cut_->runs) rows += run.batch.rows();
  }
  return rows;
}

std::vector<memtable::Run> Lane::unflushed_runs() const {
  std::vector<memtable::Run> runs = cut_ ? cut_->runs : std::vector<memtable::Run>{};
  runs.insert(runs.end(), active_.runs().begin(), active_.runs().end());
  std::erase_if(runs, [this](const memtable::Run& run) { return covers(run); });
  return runs;
}

}  // namespace sluice::engine
