// RowParser: one record's text becomes one row. Implemented for JSON and CSV.
#pragma once

#include <string_view>

#include "source/rest.h"
#include "source/source.h"

namespace sluice::source {

struct Fault {
  RejectReason reason = RejectReason::kNone;
  std::string_view column;  ///< valid until the parser's next record
  bool ok() const { return reason == RejectReason::kNone; }
};

class RowParser {
 public:
  virtual ~RowParser() = default;
  /// Appends a value to every column of `rows`. On a fault some columns may have got one: the
  /// caller truncates. What conflicts with its column is a fault, or goes to the parser's Rest, if
  /// it has one, and leaves a null. kRecordPaddingBytes behind `record` must be readable.
  virtual Fault append(std::string_view record, BatchBuilder& rows) = 0;
};

}  // namespace sluice::source
