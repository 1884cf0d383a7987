// RowParser: one record's text becomes one row. Implemented for JSON and CSV.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "source/source.h"

namespace sluice::source {

struct Fault {
  RejectReason reason = RejectReason::kNone;
  std::string_view column;  ///< valid until the parser's next record
  bool ok() const { return reason == RejectReason::kNone; }
};

/// Names of columns that were left out, with the number of rows that had them.
using SkippedColumns = std::map<std::string, uint64_t>;

class RowParser {
 public:
  virtual ~RowParser() = default;
  /// Appends a value to every column of `rows`. On a fault some columns may have got one: the
  /// caller truncates. kRecordPaddingBytes behind `record` must be readable.
  virtual Fault append(std::string_view record, BatchBuilder& rows) = 0;
};

}  // namespace sluice::source
