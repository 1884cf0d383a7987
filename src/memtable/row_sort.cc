#include "memtable/row_sort.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "model/partitioner.h"

namespace sluice::memtable {

namespace {

/// So many keys are numbered in any case, and beyond them one for so many rows.
constexpr size_t kGroupsMin = 4096;
constexpr size_t kRowsPerGroup = 8;
constexpr size_t kSlotsMin = 1024;

/// Orders like the number.
uint64_t word_of(int64_t value) {
  return static_cast<uint64_t>(value) ^ (1ull << 63);
}

/// The number of a row that is not its run's.
constexpr uint32_t kSkipped = UINT32_MAX;

// Which numbers of partitions are the run's, where some are not; empty: all.
std::vector<bool> numbers_of_shares(const Run& run, const std::vector<uint32_t>& numbers) {
  if (run.shares.empty() || run.rows() == run.batch.rows()) return {};
  std::vector<bool> taken(*std::max_element(numbers.begin(), numbers.end()) + 1, false);
  for (const Share& share : run.shares) taken[numbers[share.first_row]] = true;
  return taken;
}

bool came_earlier(RowRef a, RowRef b) {
  return a.run != b.run ? a.run < b.run : a.row < b.row;
}

}  // namespace

RowSort::RowSort(const std::vector<Run>& runs, const TableSpec& spec)
    : runs_(runs), spec_(spec), keys_(runs, spec), by_key_(!keys_.empty()) {
  if (!spec.time.empty()) {
    for (const Run& run : runs)
      times_.push_back(run.batch.column(*run.batch.schema()->find(spec.time)));
  }
  const std::vector<uint32_t> places = place_partitions(number_rows());
  const std::vector<uint32_t> ranked = rank_groups(places);
  deal_rows(ranked);
  size_t begin = 0;
  for (const uint32_t group : ranked) {
    const size_t end = ends_[group];
    settle(begin, end, partitions_[places[groups_[group].partition]]);
    begin = end;
  }
  std::erase_if(partitions_, [](const PartitionRows& rows) { return rows.count == 0; });
  groups_ = {};
  ends_ = {};
}

std::vector<model::PartitionTuple> RowSort::number_rows() {
  size_t rows = 0;
  for (const Run& run : runs_) rows += run.batch.rows();
  CHECK(rows < UINT32_MAX);
  numbers_.reserve(rows);
  groups_max_ = std::max(kGroupsMin, rows / kRowsPerGroup);
  slots_.resize(kSlotsMin);
  model::Partitioner partitioner(model::partition_of(spec_));
  std::vector<uint32_t> partitions;
  for (uint32_t run = 0; run < runs_.size(); ++run) {
    const Batch& batch = runs_[run].batch;
    partitioner.number_rows(batch, partitions);
    const std::vector<bool> taken = numbers_of_shares(runs_[run], partitions);
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      if (!taken.empty() && !taken[partitions[row]]) {
        numbers_.push_back(kSkipped);
        continue;
      }
      const uint32_t group = group_of(partitions[row], {run, row});
      ++ends_[group];
      numbers_.push_back(group);
    }
  }
  slots_ = {};
  return partitioner.tuples();
}

uint32_t RowSort::group_of(uint32_t partition, RowRef at) {
  if (by_key_) {
    const uint32_t group = group_of_key(partition, at);
    if (groups_.size() <= groups_max_) return group;
    number_by_partition();
  }
  while (partition >= groups_.size()) add_group({static_cast<uint32_t>(groups_.size()), at, {}});
  return partition;
}

uint32_t RowSort::group_of_key(uint32_t partition, RowRef at) {
  const Group found{partition, at, keys_.first_value(at)};
  const uint64_t hashed = hash(found);
  const auto tag = static_cast<uint32_t>(hashed >> 32);
  const size_t mask = slots_.size() - 1;
  for (size_t place = hashed & mask;; place = (place + 1) & mask) {
    Slot& slot = slots_[place];
    if (slot.next_group == 0) {
      const uint32_t number = add_group(found);
      slot = {tag, number + 1};
      if (2 * groups_.size() > slots_.size()) grow();
      return number;
    }
    if (slot.tag != tag) continue;
    const Group& group = groups_[slot.next_group - 1];
    if (group.partition == partition && same_text(group.value, found.value) &&
        keys_.rest_equal(group.first, at)) {
      return slot.next_group - 1;
    }
  }
}

uint32_t RowSort::add_group(Group group) {
  groups_.push_back(group);
  ends_.push_back(0);
  return static_cast<uint32_t>(groups_.size() - 1);
}

uint64_t RowSort::hash(const Group& group) const {
  return keys_.hash(group.value, group.first) ^ group.partition * kHashSeed;
}

void RowSort::grow() {
  std::vector<Slot> slots(2 * slots_.size());
  const size_t mask = slots.size() - 1;
  for (uint32_t number = 0; number < groups_.size(); ++number) {
    const uint64_t hashed = hash(groups_[number]);
    size_t place = hashed & mask;
    while (slots[place].next_group != 0) place = (place + 1) & mask;
    slots[place] = {static_cast<uint32_t>(hashed >> 32), number + 1};
  }
  slots_ = std::move(slots);
}

// Too many keys: what was numbered by key becomes numbered by partition.
void RowSort::number_by_partition() {
  by_key_ = false;
  const std::vector<Group> keyed = std::exchange(groups_, {});
  const std::vector<size_t> rows = std::exchange(ends_, {});
  slots_ = {};
  for (size_t number = 0; number < keyed.size(); ++number) {
    const Group& group = keyed[number];
    while (group.partition >= groups_.size()) {
      add_group({static_cast<uint32_t>(groups_.size()), group.first, {}});
    }
    ends_[group.partition] += rows[number];
  }
  for (uint32_t& number : numbers_) {
    if (number != kSkipped) number = keyed[number].partition;
  }
}

// From the order in which partitions were met to their own.
std::vector<uint32_t> RowSort::place_partitions(std::vector<model::PartitionTuple> tuples) {
  std::vector<uint32_t> sorted(tuples.size());
  std::iota(sorted.begin(), sorted.end(), 0u);
  std::sort(sorted.begin(), sorted.end(),
            [&](uint32_t a, uint32_t b) { return tuples[a] < tuples[b]; });
  std::vector<uint32_t> places(tuples.size());
  for (uint32_t place = 0; place < sorted.size(); ++place) {
    places[sorted[place]] = place;
    partitions_.push_back({std::move(tuples[sorted[place]]), 0, 0});
  }
  return places;
}

std::vector<uint32_t> RowSort::rank_groups(const std::vector<uint32_t>& places) {
  if (by_key_) {
    for (const Group& group : groups_) keys_.survey(group.first);
  }
  struct Ranked {
    uint64_t prefix;
    uint32_t place;
    uint32_t group;
  };
  std::vector<Ranked> ranked;
  for (uint32_t number = 0; number < groups_.size(); ++number) {
    const Group& group = groups_[number];
    ranked.push_back({by_key_ ? keys_.prefix(group.first) : 0, places[group.partition], number});
  }
  std::sort(ranked.begin(), ranked.end(), [&](const Ranked& a, const Ranked& b) {
    if (a.place != b.place) return a.place < b.place;
    if (!by_key_ || a.prefix != b.prefix) return a.prefix < b.prefix;
    return keys_.compare(groups_[a.group].first, groups_[b.group].first) < 0;
  });
  std::vector<uint32_t> order;
  order.reserve(ranked.size());
  for (const Ranked& group : ranked) order.push_back(group.group);
  return order;
}

void RowSort::deal_rows(const std::vector<uint32_t>& ranked) {
  size_t begin = 0;
  for (const uint32_t group : ranked) begin += std::exchange(ends_[group], begin);
  order_ = std::make_unique_for_overwrite<Row[]>(begin);
  if (!by_key_ && !keys_.empty()) survey_rows();
  const uint32_t* number = numbers_.data();
  for (uint32_t run = 0; run < runs_.size(); ++run) {
    set_words(run);
    for (uint32_t row = 0; row < words_.size(); ++row, ++number) {
      if (*number != kSkipped) order_[ends_[*number]++] = {words_[row], {run, row}};
    }
  }
  numbers_ = {};
}

void RowSort::set_words(uint32_t run) {
  words_.assign(runs_[run].batch.rows(), 0);
  if (!by_key_ && !keys_.empty()) {
    for (uint32_t row = 0; row < words_.size(); ++row) words_[row] = keys_.prefix({run, row});
  } else if (!times_.empty()) {
    for (uint32_t row = 0; row < words_.size(); ++row)
      words_[row] = word_of(times_[run].int64(row));
  }
}

void RowSort::survey_rows() {
  for (uint32_t run = 0; run < runs_.size(); ++run) {
    for (uint32_t row = 0; row < runs_[run].batch.rows(); ++row) keys_.survey({run, row});
  }
}

int64_t RowSort::time_of(RowRef at) const {
  return times_.empty() ? 0 : times_[at.run].int64(at.row);
}

// Whether the words alone tell that no row has to move or go.
bool RowSort::is_settled(size_t begin, size_t end) const {
  bool rises = true;
  bool falls = false;
  for (size_t at = begin + 1; at < end; ++at) {
    rises &= order_[at - 1].word < order_[at].word;
    falls |= order_[at - 1].word > order_[at].word;
  }
  return rises || (keys_.empty() && !falls);
}

void RowSort::settle(size_t begin, size_t end, PartitionRows& partition) {
  if (partition.count == 0) partition.first = rows_;
  const size_t before = rows_;
  if (is_settled(begin, end)) {
    if (rows_ < begin) std::copy(&order_[begin], &order_[end], &order_[rows_]);
    rows_ += end - begin;
  } else {
    sort(begin, end);
    for (size_t at = begin; at < end; ++at) {
      const bool is_last = at + 1 == end || !is_replaced(order_[at], order_[at + 1]);
      if (is_last) order_[rows_++] = order_[at];
    }
    replaced_ += (end - begin) - (rows_ - before);
  }
  partition.count += rows_ - before;
}

// What is equal stays in the order in which it came, so the last write is the last of its equals.
void RowSort::sort(size_t begin, size_t end) {
  Row* const first = order_.get() + begin;
  Row* const last = order_.get() + end;
  if (by_key_ || keys_.empty()) {
    return std::sort(first, last, [](const Row& a, const Row& b) {
      return a.word != b.word ? a.word < b.word : came_earlier(a.at, b.at);
    });
  }
  std::sort(first, last, [&](const Row& a, const Row& b) {
    if (a.word != b.word) return a.word < b.word;
    const int order = keys_.prefix_is_key() ? 0 : keys_.compare(a.at, b.at);
    if (order != 0) return order < 0;
    const int64_t time_a = time_of(a.at);
    const int64_t time_b = time_of(b.at);
    return time_a != time_b ? time_a < time_b : came_earlier(a.at, b.at);
  });
}

bool RowSort::is_replaced(const Row& row, const Row& next) const {
  if (keys_.empty() || row.word != next.word) return false;
  if (by_key_) return true;
  return (keys_.prefix_is_key() || keys_.compare(row.at, next.at) == 0) &&
         time_of(row.at) == time_of(next.at);
}

}  // namespace sluice::memtable
