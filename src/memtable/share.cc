#include "memtable/share.h"

#include <algorithm>
#include <utility>

#include "model/partitioner.h"

namespace sluice::memtable {

namespace {

constexpr Nanos kDay = 24 * 3600 * kSecond;

Nanos day_of(Nanos time) {
  return time / kDay - (time % kDay < 0 ? 1 : 0);
}

struct Span {
  Nanos first = kForever;
  Nanos last = INT64_MIN;
};

Span span_of(const ColumnView& time) {
  Span span;
  for (size_t row = 0; row < time.rows; ++row) {
    span.first = std::min(span.first, time.int64(row));
    span.last = std::max(span.last, time.int64(row));
  }
  return span;
}

bool is_of_one_day(const std::vector<PartitionField>& fields, const TableSpec& spec,
                   const Span& span) {
  return fields.size() == 1 && fields[0].transform == Transform::kDay &&
         fields[0].column == spec.time && day_of(span.first) == day_of(span.last);
}

}  // namespace

std::vector<Share> share_out(const Batch& batch, const TableSpec& spec) {
  const std::vector<PartitionField> fields = model::partition_of(spec);
  const bool has_time = !spec.time.empty();
  const ColumnView time = has_time ? batch.column(*batch.schema()->find(spec.time)) : ColumnView{};
  const Span span = has_time ? span_of(time) : Span{};
  const auto name = [&](model::PartitionTuple values) {
    std::string text = model::partition_text(spec, values);
    return std::make_shared<const PartitionId>(PartitionId{std::move(values), std::move(text)});
  };
  if (fields.empty()) return {{name({}), batch.rows(), 0, span.first}};
  if (is_of_one_day(fields, spec, span)) {
    return {{name({model::PartitionValue(day_of(span.first))}), batch.rows(), 0, span.first}};
  }
  model::Partitioner partitioner(fields);
  std::vector<uint32_t> numbers;
  partitioner.number_rows(batch, numbers);
  std::vector<model::PartitionTuple> tuples = partitioner.tuples();
  std::vector<Share> shares(tuples.size());
  for (uint32_t row = 0; row < numbers.size(); ++row) {
    Share& share = shares[numbers[row]];
    if (share.rows++ == 0) share.first_row = row;
    if (has_time) share.earliest = std::min(share.earliest, time.int64(row));
  }
  for (size_t number = 0; number < shares.size(); ++number) {
    shares[number].partition = name(std::move(tuples[number]));
  }
  return shares;
}

}  // namespace sluice::memtable
