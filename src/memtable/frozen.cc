#include "memtable/frozen.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include "base/check.h"
#include "model/partitioner.h"

namespace sluice::memtable {

namespace {

size_t common_prefix(std::string_view a, std::string_view b) {
  const size_t limit = std::min(a.size(), b.size());
  size_t length = 0;
  while (length < limit && a[length] == b[length]) ++length;
  return length;
}

// What the texts of a key column have in common, so that eight bytes tell most of them apart.
struct Texts {
  size_t shared = 0;   ///< bytes that all begin with
  size_t longest = 0;  ///< bytes
  /// One word holds what is behind the shared bytes, and its length.
  bool fit_a_word() const { return longest - shared <= 7; }
};

Texts survey(const std::vector<ColumnView>& column) {
  Texts texts;
  std::string_view prefix;
  bool first = true;
  for (const ColumnView& view : column) {
    for (size_t row = 0; row < view.rows; ++row) {
      const std::string_view text = view.bytes(row);
      prefix = first ? text : prefix.substr(0, common_prefix(prefix, text));
      texts.longest = std::max(texts.longest, text.size());
      first = false;
    }
  }
  texts.shared = prefix.size();
  return texts;
}

// The bytes behind the shared ones as a number that orders like them. Where seven hold them all,
// the length comes last: it tells "a" from "a\0", and the number is the text.
uint64_t order_of(std::string_view text, const Texts& texts) {
  text.remove_prefix(texts.shared);
  uint64_t word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), std::min<size_t>(8, text.size()));
  word = __builtin_bswap64(word);
  return texts.fit_a_word() ? word | text.size() : word;
}

uint64_t order_of(int64_t value) {
  return static_cast<uint64_t>(value) ^ (1ull << 63);
}

bool is_text(Type type) {
  return type == Type::kString || type == Type::kBinary;
}

int compare_values(const ColumnView& a, size_t row_a, const ColumnView& b, size_t row_b) {
  if (is_text(a.type)) {
    const int order = a.bytes(row_a).compare(b.bytes(row_b));
    return order < 0 ? -1 : order > 0;
  }
  const int64_t x = a.type == Type::kBool ? a.boolean(row_a) : a.int64(row_a);
  const int64_t y = b.type == Type::kBool ? b.boolean(row_b) : b.int64(row_b);
  return x < y ? -1 : x > y;
}

// Which numbers of partitions are the run's, where some are not; empty: all.
std::vector<bool> numbers_of_shares(const Run& run, const std::vector<uint32_t>& numbers) {
  if (run.shares.empty() || run.rows() == run.batch.rows()) return {};
  std::vector<bool> taken(*std::max_element(numbers.begin(), numbers.end()) + 1, false);
  for (const Share& share : run.shares) taken[numbers[share.first_row]] = true;
  return taken;
}

}  // namespace

int64_t make_version(uint64_t epoch, uint64_t lsn) {
  CHECK(epoch <= kEpochMax && lsn <= kLsnMax);
  return static_cast<int64_t>(epoch << kVersionLsnBits | lsn);
}

Frozen::Frozen(std::vector<Run> runs, const TableSpec& spec) : runs_(std::move(runs)) {
  CHECK(runs_.size() < UINT32_MAX);
  collect(spec);
  find_nanos(spec);
  sort_rows();
  if (!keys_.empty()) drop_replaced();
  keys_.clear();
  count_partitions();
}

void Frozen::collect(const TableSpec& spec) {
  for (const std::string& name : spec.key) {
    auto& column = keys_.emplace_back();
    for (const Run& run : runs_)
      column.push_back(run.batch.column(*run.batch.schema()->find(name)));
  }
  const bool text = !keys_.empty() && !runs_.empty() && is_text(keys_[0][0].type);
  const Texts texts = text ? survey(keys_[0]) : Texts{};
  prefix_is_key_ = keys_.size() == 1 && texts.fit_a_word();
  size_t rows = 0;
  for (const Run& run : runs_) rows += run.rows();
  order_.reserve(rows);
  model::Partitioner partitioner(model::partition_of(spec));
  std::vector<uint32_t> numbers;
  for (uint32_t run = 0; run < runs_.size(); ++run) {
    const Batch& batch = runs_[run].batch;
    partitioner.number_rows(batch, numbers);
    const std::vector<bool> taken = numbers_of_shares(runs_[run], numbers);
    const ColumnView time =
        spec.time.empty() ? ColumnView{} : batch.column(*batch.schema()->find(spec.time));
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      if (!taken.empty() && !taken[numbers[row]]) continue;
      const int64_t at = spec.time.empty() ? 0 : time.int64(row);
      uint64_t prefix = 0;
      if (!keys_.empty()) {
        const ColumnView& key = keys_[0][run];
        prefix = text ? order_of(key.bytes(row), texts)
                      : order_of(key.type == Type::kBool ? key.boolean(row) : key.int64(row));
      }
      order_.push_back({numbers[row], run, row, prefix, at});
    }
  }
  order_partitions(partitioner.tuples());
}

// From the order in which partitions were met to their own.
void Frozen::order_partitions(std::vector<model::PartitionTuple> tuples) {
  std::vector<uint32_t> sorted(tuples.size());
  std::iota(sorted.begin(), sorted.end(), 0u);
  std::sort(sorted.begin(), sorted.end(),
            [&](uint32_t a, uint32_t b) { return tuples[a] < tuples[b]; });
  std::vector<uint32_t> places(tuples.size());
  for (uint32_t place = 0; place < sorted.size(); ++place) {
    places[sorted[place]] = place;
    partitions_.push_back({std::move(tuples[sorted[place]]), 0, 0});
  }
  if (partitions_.size() == 1) return;
  for (Row& row : order_) row.partition = places[row.partition];
}

void Frozen::find_nanos(const TableSpec& spec) {
  has_nanos_.assign(spec.columns.size(), false);
  for (size_t column = 0; column < spec.columns.size(); ++column) {
    if (spec.columns[column].type != Type::kTimestamp) continue;
    for (const Run& run : runs_) {
      const auto index = run.batch.schema()->find(spec.columns[column].name);
      if (!index || has_nanos_[column]) continue;
      const ColumnView view = run.batch.column(*index);
      if (view.type == Type::kNull) continue;
      for (size_t row = 0; row < view.rows && !has_nanos_[column]; ++row) {
        has_nanos_[column] = view.int64(row) % kMicrosecond != 0;
      }
    }
  }
}

int Frozen::compare_keys(const Row& a, const Row& b) const {
  if (a.prefix != b.prefix) return a.prefix < b.prefix ? -1 : 1;
  if (prefix_is_key_) return 0;
  for (const auto& column : keys_) {
    const int order = compare_values(column[a.run], a.row, column[b.run], b.row);
    if (order != 0) return order;
  }
  return 0;
}

// The newest row of a key comes first; without keys the log's order is kept.
void Frozen::sort_rows() {
  const bool keyed = !keys_.empty();
  std::sort(order_.begin(), order_.end(), [&](const Row& a, const Row& b) {
    if (a.partition != b.partition) return a.partition < b.partition;
    if (keyed) {
      const int order = compare_keys(a, b);
      if (order != 0) return order < 0;
    }
    if (a.time != b.time) return a.time < b.time;
    const bool earlier = a.run != b.run ? a.run < b.run : a.row < b.row;
    return keyed ? !earlier && (a.run != b.run || a.row != b.row) : earlier;
  });
}

void Frozen::drop_replaced() {
  const auto last = std::unique(order_.begin(), order_.end(), [&](const Row& a, const Row& b) {
    return a.partition == b.partition && a.time == b.time && compare_keys(a, b) == 0;
  });
  replaced_ = static_cast<uint64_t>(order_.end() - last);
  order_.erase(last, order_.end());
}

void Frozen::count_partitions() {
  for (const Row& row : order_) ++partitions_[row.partition].count;
  std::erase_if(partitions_, [](const Partition& partition) { return partition.count == 0; });
  size_t first = 0;
  for (Partition& partition : partitions_) {
    partition.first = first;
    first += partition.count;
  }
}

Gatherer::Gatherer(const Frozen& frozen, SchemaPtr columns, uint64_t epoch)
    : frozen_(frozen),
      columns_(std::move(columns)),
      epoch_(epoch),
      slot_of_run_(frozen.runs_.size()) {}

// Only the runs that these rows touch are resolved, so that many small runs and many small
// partitions stay linear.
void Gatherer::resolve(size_t first, size_t count) {
  rows_.clear();
  touched_.clear();
  for (size_t at = first; at < first + count; ++at) {
    const auto& row = frozen_.order_[at];
    uint32_t& slot = slot_of_run_[row.run];
    if (slot >= touched_.size() || touched_[slot] != row.run) {
      slot = static_cast<uint32_t>(touched_.size());
      touched_.push_back(row.run);
    }
    rows_.push_back({slot, row.row});
  }
}

template <class Append>
void Gatherer::each(BatchBuilder& out, size_t column, Append append) const {
  for (const RowRef& at : rows_) {
    const ColumnView& view = views_[at.slot];
    if (view.is_null(at.row)) {
      out.append_null(column);
    } else {
      append(view, at.row);
    }
  }
}

// The switch is taken once a column, not once a value.
void Gatherer::gather_column(BatchBuilder& out, size_t column) {
  const Field& field = (*columns_)[column];
  if (field.name == kVersionColumn) {
    for (const RowRef& at : rows_) {
      out.append_int64(column, make_version(epoch_, frozen_.runs_[touched_[at.slot]].lsn));
    }
    return;
  }
  views_.clear();
  for (const uint32_t run : touched_) {
    const Batch& batch = frozen_.runs_[run].batch;
    const auto index = batch.schema()->find(field.name);
    views_.push_back(index ? batch.column(*index) : ColumnView{});
  }
  using View = const ColumnView&;
  switch (field.type) {
    case Type::kNull:
      return each(out, column, [](View, size_t) { CHECK(false); });
    case Type::kBool:
      return each(out, column, [&](View v, size_t r) { out.append_bool(column, v.boolean(r)); });
    case Type::kInt64:
      return each(out, column, [&](View v, size_t r) { out.append_int64(column, v.int64(r)); });
    case Type::kTimestamp:
      return each(out, column, [&](View v, size_t r) { out.append_timestamp(column, v.int64(r)); });
    case Type::kDouble:
      return each(out, column, [&](View v, size_t r) { out.append_double(column, v.real(r)); });
    case Type::kString:
    case Type::kBinary:
      return each(out, column, [&](View v, size_t r) { out.append_bytes(column, v.bytes(r)); });
  }
}

Result<Batch> Gatherer::rows(size_t first, size_t count) {
  CHECK(count > 0 && count <= 65536 && first + count <= frozen_.order_.size());
  for (;; count /= 2) {
    resolve(first, count);
    BatchBuilder out(columns_);
    for (size_t column = 0; column < columns_->size(); ++column) gather_column(out, column);
    if (count == 1 || out.bytes() <= kGatherBytes) return out.finish();
  }
}

}  // namespace sluice::memtable
