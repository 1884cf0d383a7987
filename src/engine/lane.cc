#include "engine/lane.h"

#include <algorithm>

#include "base/check.h"

namespace sluice::engine {

namespace {

// Of a cut, what stays behind when only some partitions were flushed.
bool is_left(const std::map<std::string, Error>& left, const memtable::Share& share) {
  return left.contains(share.partition->name);
}

constexpr Nanos kHurry = kSecond;

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

bool Lane::covers(const memtable::Run& run, const memtable::Share& share) const {
  if (head_ == nullptr) return false;
  const table::Marks& marks = head_->marks;
  const std::string& partition = share.partition->name;
  if (run.lsn <= marks.flushed(log_, partition)) return true;
  return run.source != nullptr && run.position <= marks.position(*run.source, partition);
}

bool Lane::covers_all(const memtable::Run& run) const {
  if (head_ == nullptr) return false;
  const table::Marks& marks = head_->marks;
  const table::LogMarks* ours = marks.find(log_);
  if (ours != nullptr && run.lsn <= ours->lsns.low_water) return true;
  if (run.source == nullptr) return false;
  const auto source = marks.sources.find(*run.source);
  return source != marks.sources.end() && run.position <= source->second.low_water;
}

bool Lane::prune(memtable::Run& run) const {
  std::erase_if(run.shares, [&](const memtable::Share& share) { return covers(run, share); });
  return !run.shares.empty();
}

bool Lane::apply(memtable::Run run, Nanos now, Nanos cold_before) {
  if (run.source != nullptr) {
    uint64_t& known = positions_[*run.source];
    known = std::max(known, run.position);
  }
  if (covers_all(run)) return false;
  if (stopped_) {
    if (!pinned_from_) pinned_from_ = run.lsn;
    return false;
  }
  if (!prune(run)) return false;
  std::vector<std::string> cold;
  for (const memtable::Share& share : run.shares) {
    if (share.earliest < cold_before) cold.push_back(share.partition->name);
  }
  active_.append(std::move(run), now);
  for (const std::string& partition : cold) active_.hurry(partition, now + kHurry);
  return true;
}

void Lane::stop(Error error) {
  pinned_from_ = oldest_unflushed();
  stopped_ = std::move(error);
  active_.take([](const memtable::Pending&) { return true; });
  cuts_.clear();
}

Cut* Lane::find(uint64_t cut) {
  const auto found =
      std::find_if(cuts_.begin(), cuts_.end(), [&](const Cut& c) { return c.number == cut; });
  return found == cuts_.end() ? nullptr : &*found;
}

void Lane::try_again_now() {
  for (Cut& cut : cuts_) cut.retry_at = 0;
}

bool Lane::is_in_cut(std::string_view partition) const {
  return std::any_of(cuts_.begin(), cuts_.end(),
                     [&](const Cut& cut) { return cut.partitions.contains(partition); });
}

bool Lane::is_covered(uint64_t number) const {
  const auto cut =
      std::find_if(cuts_.begin(), cuts_.end(), [&](const Cut& c) { return c.number == number; });
  CHECK(cut != cuts_.end());
  return std::any_of(cut->runs.begin(), cut->runs.end(), [&](const memtable::Run& run) {
    return std::any_of(run.shares.begin(), run.shares.end(),
                       [&](const memtable::Share& share) { return covers(run, share); });
  });
}

void Lane::drop_covered() {
  active_.drop([this](const memtable::Run& run, const memtable::Share& share) {
    return covers(run, share);
  });
}

const Cut* Lane::freeze(uint64_t lsn, const std::function<bool(const memtable::Pending&)>& wanted) {
  Cut cut;
  const auto takes = [&](const memtable::Pending& pending) {
    return !is_in_cut(pending.partition->name) && wanted(pending);
  };
  const auto& partitions = active_.partitions();
  if (std::none_of(partitions.begin(), partitions.end(),
                   [&](const auto& entry) { return takes(entry.second); })) {
    return nullptr;
  }
  drop_covered();  // E10
  for (const auto& [name, pending] : partitions) {
    if (takes(pending)) cut.partitions.emplace(name, pending);
  }
  if (cut.partitions.empty()) return nullptr;
  cut.number = ++last_cut_;
  cut.lsn = lsn;
  cut.runs = active_.take(takes);
  return &cuts_.emplace_back(std::move(cut));
}

// Every run with rows that will still not be in the table: a cut that was committed may wait for
// its release.
template <class See>
void Lane::each_other(uint64_t number, const std::map<std::string, Error>& left, See see) const {
  const auto look = [&](const std::vector<memtable::Run>& runs, bool is_ours) {
    for (const memtable::Run& run : runs) {
      const bool stays =
          std::any_of(run.shares.begin(), run.shares.end(), [&](const memtable::Share& share) {
            return is_ours ? is_left(left, share) : !covers(run, share);
          });
      if (stays) see(run);
    }
  };
  look(active_.runs(), false);
  for (const Cut& cut : cuts_) look(cut.runs, cut.number == number);
}

// E12: low water stays below every row that this commit does not bring in; partitions that are
// ahead of it are exceptions.
MarksOfFlush Lane::marks_after(uint64_t number, const std::map<std::string, Error>& left,
                               uint64_t applied_lsn) const {
  const auto cut =
      std::find_if(cuts_.begin(), cuts_.end(), [&](const Cut& c) { return c.number == number; });
  CHECK(cut != cuts_.end());
  MarksOfFlush marks;
  marks.lsns.low_water = applied_lsn;
  std::map<std::string, uint64_t> waiting;  // of each source, the least position
  each_other(number, left, [&](const memtable::Run& run) {
    marks.lsns.low_water = std::min(marks.lsns.low_water, run.lsn - 1);
    if (run.source == nullptr) return;
    const auto [entry, is_new] = waiting.try_emplace(*run.source, run.position);
    if (!is_new) entry->second = std::min(entry->second, run.position);
  });
  for (const auto& [name, pending] : cut->partitions) {
    if (!left.contains(name)) marks.lsns.exceptions[name] = cut->lsn;
  }
  for (const memtable::Run& run : cut->runs) {
    if (run.source == nullptr) continue;
    for (const memtable::Share& share : run.shares) {
      if (is_left(left, share)) continue;
      uint64_t& position = marks.sources[*run.source].exceptions[share.partition->name];
      position = std::max(position, run.position);
    }
  }
  for (const auto& [source, known] : head_->marks.sources) {
    if (!known.exceptions.empty()) marks.sources.try_emplace(source);
  }
  for (auto& [source, coverage] : marks.sources) {
    const auto least = waiting.find(source);
    const auto is_past = [&](uint64_t position) {
      return least == waiting.end() || position < least->second;
    };
    table::Coverage all = coverage;
    if (const auto known = head_->marks.sources.find(source); known != head_->marks.sources.end()) {
      all.raise(known->second);
    }
    for (const auto& [partition, position] : all.exceptions) {
      if (is_past(position)) coverage.low_water = std::max(coverage.low_water, position);
    }
  }
  return marks;
}

void Lane::release(uint64_t number, table::HeadPtr head, const std::map<std::string, Error>& left) {
  Cut* cut = find(number);
  CHECK(cut != nullptr);
  for (memtable::Run& run : cut->runs) {
    std::erase_if(run.shares, [&](const memtable::Share& share) { return !is_left(left, share); });
  }
  std::erase_if(cut->runs, [](const memtable::Run& run) { return run.shares.empty(); });
  std::erase_if(cut->partitions, [&](const auto& entry) { return !left.contains(entry.first); });
  if (cut->partitions.empty()) {
    cuts_.remove_if([&](const Cut& c) { return c.number == number; });
  }
  set_head(std::move(head));
}

void Lane::rebase(uint64_t number, table::HeadPtr head) {
  set_head(std::move(head));
  if (Cut* cut = find(number)) {
    active_.put_back(std::move(cut->runs), cut->partitions);
    cuts_.remove_if([&](const Cut& c) { return c.number == number; });
  }
  drop_covered();
}

std::optional<uint64_t> Lane::oldest_unflushed() const {
  std::optional<uint64_t> oldest = pinned_from_;
  const auto take = [&](uint64_t lsn) { oldest = oldest ? std::min(*oldest, lsn) : lsn; };
  for (const Cut& cut : cuts_) take(cut.runs.front().lsn);
  if (!active_.empty()) take(active_.first_lsn());
  return oldest;
}

uint64_t Lane::unflushed_rows() const {
  uint64_t rows = active_.rows();
  for (const Cut& cut : cuts_) {
    for (const memtable::Run& run : cut.runs) rows += run.rows();
  }
  return rows;
}

uint64_t Lane::bytes() const {
  uint64_t bytes = active_.bytes();
  for (const Cut& cut : cuts_) {
    for (const memtable::Run& run : cut.runs) bytes += memtable::charge(run.batch);
  }
  return bytes;
}

bool Lane::fails() const {
  return std::any_of(cuts_.begin(), cuts_.end(), [](const Cut& cut) { return cut.failures > 0; });
}

std::vector<memtable::Run> Lane::unflushed_runs() const {
  std::vector<memtable::Run> runs;
  for (const Cut& cut : cuts_) runs.insert(runs.end(), cut.runs.begin(), cut.runs.end());
  runs.insert(runs.end(), active_.runs().begin(), active_.runs().end());
  std::stable_sort(runs.begin(), runs.end(),
                   [](const memtable::Run& a, const memtable::Run& b) { return a.lsn < b.lsn; });
  for (memtable::Run& run : runs) {
    run.held = nullptr;
    prune(run);
  }
  std::erase_if(runs, [](const memtable::Run& run) { return run.shares.empty(); });
  return runs;
}

}  // namespace sluice::engine
