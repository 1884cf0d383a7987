#include "landing/blocks.h"

#include "base/bytes.h"
#include "table/metadata.h"

namespace sluice::landing {
namespace {

template <class T>
std::optional<T> number_of(const std::string& bound) {
  if (bound.size() != sizeof(T)) return std::nullopt;
  return load<T>(as_bytes(bound).data());
}

/// `spread`: what the part's column does not hold of a value (table/metadata.h: microseconds).
Value value_of(part::PhysicalType type, const std::optional<std::string>& bound, Nanos spread) {
  Value value;
  if (!bound) return value;
  value.type = table::logical_type(type);
  switch (type) {
    case part::PhysicalType::kBool:
      value.boolean = *bound == std::string(1, '\1');
      return value;
    case part::PhysicalType::kInt32:
      value.int64 = number_of<int32_t>(*bound).value_or(0);
      return value;
    case part::PhysicalType::kInt64:
      value.int64 = number_of<int64_t>(*bound).value_or(0);
      return value;
    case part::PhysicalType::kTimestampMicros:
      value.int64 = number_of<int64_t>(*bound).value_or(0) * kMicrosecond + spread;
      return value;
    case part::PhysicalType::kFloat:
      value.real = number_of<float>(*bound).value_or(0);
      return value;
    case part::PhysicalType::kDouble:
      value.real = number_of<double>(*bound).value_or(0);
      return value;
    case part::PhysicalType::kString:
    case part::PhysicalType::kBinary:
      value.bytes = *bound;
      return value;
  }
  return value;
}

ColumnSummary summarize(const part::Column& column, const part::ColumnStats& stats) {
  ColumnSummary summary;
  summary.name = column.name;
  summary.type = table::logical_type(column.type);
  summary.null_count = stats.null_count;
  summary.lower = value_of(column.type, stats.lower, 0);
  summary.upper = value_of(column.type, stats.upper, kMicrosecond - 1);
  return summary;
}

}  // namespace

AtomicFlushResult describe(const Plan& plan, const Parts& parts) {
  AtomicFlushResult result;
  result.flush_id = plan.flush.hex();
  result.range = plan.range;
  for (const part::Meta& meta : parts.metas) {
    BlockMetadata block;
    block.id = result.flush_id + "-" + std::to_string(result.blocks.size());
    block.key = meta.key;
    block.flush_id = result.flush_id;
    block.rows = meta.rows;
    block.bytes = meta.bytes;
    block.min_lsn = plan.range.min_lsn;
    block.max_lsn = plan.range.max_lsn;
    block.seq = plan.range.seq;
    block.created_wall_time = plan.created_wall_time;
    for (const part::ColumnStats& stats : meta.columns) {
      for (const part::Column& column : parts.columns) {
        if (column.field_id == stats.field_id) block.columns.push_back(summarize(column, stats));
      }
    }
    result.rows += meta.rows;
    result.blocks.push_back(std::move(block));
  }
  return result;
}

}  // namespace sluice::landing
