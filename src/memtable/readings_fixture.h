// Readings of a keyed table, as runs, and what a Frozen made of them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "memtable/gatherer.h"

namespace sluice::memtable {

inline constexpr Nanos kDay = 86'400 * kSecond;

inline const TableSpec kKeyed = {
    {{"id", Type::kString}, {"time", Type::kTimestamp}, {"n", Type::kInt64}}, {"id"}, "time"};

inline TableSpec without_key() {
  TableSpec spec = kKeyed;
  spec.key.clear();
  return spec;
}

struct Reading {
  std::string id;
  Nanos time;
  int64_t n;
};

inline Batch batch_of(const std::vector<Reading>& readings) {
  BatchBuilder builder(Schema::make(kKeyed.columns).value());
  for (const Reading& reading : readings) {
    builder.append_bytes(0, reading.id);
    builder.append_timestamp(1, reading.time);
    builder.append_int64(2, reading.n);
  }
  return builder.finish().value();
}

/// One batch of every vector; LSNs from 1.
inline std::vector<Run> runs_of(const std::vector<std::vector<Reading>>& batches) {
  std::vector<Run> runs;
  for (const auto& batch : batches) runs.push_back({batch_of(batch), runs.size() + 1, nullptr, 0});
  return runs;
}

inline std::vector<Run> run_of(Batch batch) {
  std::vector<Run> runs;
  runs.push_back({std::move(batch), 1, nullptr, 0});
  return runs;
}

/// The long in column `name` of all rows, in order.
inline std::vector<int64_t> longs(const Frozen& frozen, const std::string& name = "n",
                                  uint64_t epoch = 0) {
  Gatherer gatherer(frozen, Schema::make({{name, Type::kInt64}}).value(), epoch);
  std::vector<int64_t> values;
  while (values.size() < frozen.rows()) {
    const size_t count = std::min<size_t>(frozen.rows() - values.size(), 1000);
    const Batch batch = gatherer.rows(values.size(), count).value();
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      values.push_back(batch.column(0).int64(row));
    }
  }
  return values;
}

using Longs = std::vector<int64_t>;

}  // namespace sluice::memtable
