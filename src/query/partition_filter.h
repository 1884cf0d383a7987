// Partition filter: which partitions of a table cannot hold a row that passes. Pure.
//
// A partition is known by its values, those of a manifest by the least and the greatest. In a table
// with key they are functions of key and time, so that all versions of a row are in or out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/partition.h"
#include "sluice/options.h"
#include "sluice/snapshot.h"
#include "table/partitioning.h"

namespace sluice::query {

class PartitionFilter {
 public:
  PartitionFilter() = default;
  /// `where` is bound to the columns; absent: every row passes.
  PartitionFilter(const TableSpec& spec, std::optional<Predicate> where);
  /// Also rows before `time` do not pass.
  void require_from(const std::string& time_column, Nanos time);

  /// False only if no row of the partition can pass.
  bool may_hold(const model::PartitionTuple& values) const;
  /// The same for all partitions that the summaries hold.
  bool may_hold(const table::PartitionSummaries& summaries) const;

  /// No row of the partition, nor of those that come after it, is before that time; nothing if the
  /// partitions are not in the order of time.
  std::optional<Nanos> start_of(const model::PartitionTuple& values) const;

 private:
  struct Field {
    PartitionField partition;
    Type type = Type::kNull;  ///< of the column
  };
  bool may_pass(const Predicate& predicate, bool wanted,
                const table::PartitionSummaries& summaries) const;
  static bool may_pass(const Field& field, const table::PartitionSummary& summary, Predicate::Op op,
                       const Value& value);

  std::vector<Field> fields_;
  std::string time_;
  std::optional<Predicate> where_;
};

/// Whether partitions come in the order of that column, rows with one value of it together.
bool rise_with(const std::vector<PartitionField>& fields, std::string_view column);

}  // namespace sluice::query
