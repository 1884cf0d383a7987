#include "model/partitioner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "model/transform.h"

namespace sluice::model {

Partitioner::Partitioner(std::vector<PartitionField> fields) {
  for (PartitionField& field : fields) levels_.emplace_back(std::move(field));
}

void Partitioner::number_rows(const Batch& batch, std::vector<uint32_t>& numbers) {
  numbers.assign(batch.rows(), 0);
  for (Level& level : levels_) level.number_rows(batch, numbers);
}

std::vector<PartitionTuple> Partitioner::tuples() const {
  const size_t count = levels_.empty() ? 1 : levels_.back().size();
  std::vector<PartitionTuple> tuples(count, PartitionTuple(levels_.size()));
  for (size_t at = 0; at < count; ++at) {
    auto number = static_cast<uint32_t>(at);
    for (size_t level = levels_.size(); level-- > 0;) {
      const auto& [before, value] = levels_[level].made(number);
      tuples[at][level] = value;
      number = before;
    }
  }
  return tuples;
}

size_t Partitioner::Level::NumberHash::operator()(const NumberKey& key) const {
  // Days and buckets are small and dense: a multiplication spreads them.
  const uint64_t mixed =
      (static_cast<uint64_t>(key.value) + (uint64_t{key.before} << 32)) * 0x9e3779b97f4a7c15;
  return mixed ^ mixed >> 32;
}

void Partitioner::Level::number_rows(const Batch& batch, std::vector<uint32_t>& numbers) {
  const auto index = batch.schema()->find(field_.column);
  const ColumnView view = index ? batch.column(*index) : ColumnView{};
  if (view.type == Type::kNull) {
    for (uint32_t& number : numbers) number = find_null(number);
  } else if (has_text_values(field_, view.type)) {
    number_texts(view, numbers);
  } else {
    number_values(view, numbers);
  }
}

// Rows are mostly of the partition of the row before, or of the few that were just met.
void Partitioner::Level::number_values(const ColumnView& view, std::vector<uint32_t>& numbers) {
  partition_numbers(field_, view, values_);
  const bool has_nulls = view.null_count > 0;
  std::optional<NumberKey> last;
  uint32_t found = 0;
  for (size_t row = 0; row < numbers.size(); ++row) {
    if (has_nulls && view.is_null(row)) {
      numbers[row] = find_null(numbers[row]);
      continue;
    }
    const NumberKey key{numbers[row], values_[row]};
    if (last == key) {
      numbers[row] = found;
      continue;
    }
    auto& [met, number] = met_[NumberHash()(key) % met_.size()];
    if (met != key) {
      number = find(key);
      met = key;
    }
    numbers[row] = found = number;
    last = key;
  }
}

void Partitioner::Level::number_texts(const ColumnView& view, std::vector<uint32_t>& numbers) {
  std::optional<std::pair<uint32_t, std::string_view>> last;
  uint32_t found = 0;
  for (size_t row = 0; row < numbers.size(); ++row) {
    if (view.is_null(row)) {
      numbers[row] = find_null(numbers[row]);
      continue;
    }
    const std::pair key(numbers[row], view.bytes(row));
    if (last != key) found = find(key.first, key.second);
    last = key;
    numbers[row] = found;
  }
}

uint32_t Partitioner::Level::find(const NumberKey& key) {
  const auto [entry, is_new] = by_value_.try_emplace(key, 0);
  if (is_new) entry->second = add(key.before, key.value);
  return entry->second;
}

uint32_t Partitioner::Level::find(uint32_t before, std::string_view text) {
  key_.resize(sizeof(before));
  store(reinterpret_cast<std::byte*>(key_.data()), before);
  key_.append(text);
  const auto [entry, is_new] = by_text_.try_emplace(key_, 0);
  if (is_new) entry->second = add(before, std::string(text));
  return entry->second;
}

uint32_t Partitioner::Level::find_null(uint32_t before) {
  const auto [entry, is_new] = nulls_.try_emplace(before, 0);
  if (is_new) entry->second = add(before, PartitionValue());
  return entry->second;
}

uint32_t Partitioner::Level::add(uint32_t before, PartitionValue value) {
  made_.emplace_back(before, std::move(value));
  return static_cast<uint32_t>(made_.size() - 1);
}

}  // namespace sluice::model
