// For tests: which rows of which sources are in a table.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "part/reader.h"
#include "sluice/options.h"
#include "sluice/wal_entry.h"
#include "table/read.h"

namespace sluice::landing {

using SourceAndLsn = std::pair<std::string, int64_t>;

/// Of every row of entries.
inline std::multiset<SourceAndLsn> rows_in_table(Bucket& bucket, const TableName& table) {
  std::multiset<SourceAndLsn> found;
  const auto head = table::load_head(bucket, table);
  if (!head.ok()) return found;
  for (const part::Meta& meta : table::read_parts(bucket, (*head)->metadata).value()) {
    const auto reader = part::Reader::open(bucket, meta.key, meta.bytes).value();
    std::vector<part::ReadColumn> wanted(2);
    for (const part::Column& column : reader->columns()) {
      if (column.name == kSourceColumn) wanted[0] = {column.field_id, column.name, Type::kString};
      if (column.name == kLsnColumn) wanted[1] = {column.field_id, column.name, Type::kInt64};
    }
    const auto cursor = reader->read(wanted, {}).value();
    while (const auto batch = cursor->next().value()) {
      for (uint32_t row = 0; row < batch->rows(); ++row) {
        found.emplace(batch->column(0).bytes(row), batch->column(1).int64(row));
      }
    }
  }
  return found;
}

}  // namespace sluice::landing
