#include "memtable/device_rows.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "model/device_id.h"

namespace sluice::memtable {
namespace {

using Space = std::array<char, model::kNumberIdBytes>;

bool is_number(const std::vector<ColumnView>& views) {
  return !views.empty() && views[0].offsets == nullptr;
}

}  // namespace

Devices::Devices(const Frozen& frozen, const TableSpec& spec) {
  CHECK(!spec.key.empty());
  std::vector<ColumnView> views;
  for (const Run& run : frozen.runs_) {
    views.push_back(run.batch.column(*run.batch.schema()->find(spec.key.front())));
  }
  find_spans(frozen, views);
  name_spans(frozen, views);
}

// Where one row has another device than the one before it.
void Devices::find_spans(const Frozen& frozen, const std::vector<ColumnView>& views) {
  const auto id_at = [&](size_t at, Space& space) {
    const RowRef row = frozen.order_[at].at;
    return model::device_id(views[row.run], row.row, space);
  };
  Space of_span;
  Space of_row;
  const auto& partitions = frozen.partitions();
  for (size_t number = 0; number < partitions.size(); ++number) {
    std::string_view device;
    for (size_t at = partitions[number].first;
         at < partitions[number].first + partitions[number].count; ++at) {
      const bool is_first = at == partitions[number].first;
      if (!is_first && id_at(at, of_row) == device) {
        ++spans_.back().rows.count;
        continue;
      }
      device = id_at(at, of_span);
      spans_.push_back({{static_cast<uint32_t>(number), 0, static_cast<uint32_t>(at), 1}, 0});
    }
  }
}

void Devices::name_spans(const Frozen& frozen, const std::vector<ColumnView>& views) {
  if (is_number(views)) numbers_.reserve(spans_.size() * model::kNumberIdBytes);  // never moves
  std::vector<std::string_view> of_span;
  of_span.reserve(spans_.size());
  for (const Span& span : spans_) {
    Space space;
    const RowRef row = frozen.order_[span.rows.first].at;
    std::string_view id = model::device_id(views[row.run], row.row, space);
    if (is_number(views)) {
      const size_t begin = numbers_.size();
      numbers_.append(id);
      id = std::string_view(numbers_).substr(begin);
    }
    of_span.push_back(id);
  }
  ids_ = of_span;
  const auto precedes = [](std::string_view a, std::string_view b) { return a < b; };
  if (!std::is_sorted(ids_.begin(), ids_.end(), precedes)) std::sort(ids_.begin(), ids_.end());
  ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
  for (size_t at = 0; at < spans_.size(); ++at) {
    const auto place = std::lower_bound(ids_.begin(), ids_.end(), of_span[at]);
    spans_[at].id = static_cast<uint32_t>(place - ids_.begin());
  }
}

std::vector<DeviceRows> Devices::arrange(Frozen& frozen,
                                         const std::vector<uint32_t>& groups) const {
  CHECK(groups.size() == ids_.size());
  std::vector<DeviceRows> arranged;
  arranged.reserve(spans_.size());
  for (const Span& span : spans_) {
    arranged.push_back(span.rows);
    arranged.back().group = groups[span.id];
  }
  const auto precedes = [](const DeviceRows& a, const DeviceRows& b) {
    return a.partition != b.partition ? a.partition < b.partition : a.group < b.group;
  };
  if (std::is_sorted(arranged.begin(), arranged.end(), precedes)) return arranged;
  std::stable_sort(arranged.begin(), arranged.end(), precedes);
  std::vector<RowSort::Row> rows;
  size_t at = 0;
  for (const PartitionRows& partition : frozen.partitions_) {
    rows.assign(&frozen.order_[partition.first], &frozen.order_[partition.first] + partition.count);
    for (size_t to = partition.first; to < partition.first + partition.count; ++at) {
      DeviceRows& device = arranged[at];
      std::copy_n(rows.begin() + static_cast<ptrdiff_t>(device.first - partition.first),
                  device.count, &frozen.order_[to]);
      device.first = static_cast<uint32_t>(to);
      to += device.count;
    }
  }
  return arranged;
}

}  // namespace sluice::memtable
