// RowParser: one record's text becomes one row. Implemented for JSON and CSV.
#pragma once

#include <string_view>

#include "source/records.h"
#include "source/rest.h"
#include "source/source.h"

namespace sluice::source {

/// Why a record is no row.
struct Fault {
  RejectReason reason = RejectReason::kNone;
  std::string_view column;      ///< valid until the parser's next record, like what follows
  std::string_view found = {};  ///< the value that does not fit, as it is spelled
  Type type = Type::kNull;      ///< of the column
  bool ok() const { return reason == RejectReason::kNone; }
};

/// Copies what it tells of the record.
Reject make_reject(const Record& record, const Fault& fault);

class RowParser {
 public:
  virtual ~RowParser() = default;
  /// Appends a value to every column of `rows`. On a fault some columns may have got one: the
  /// caller truncates. What conflicts with its column is a fault, or goes to the parser's Rest, if
  /// it has one, and leaves a null. kRecordPaddingBytes behind `record` must be readable.
  virtual Fault append(std::string_view record, BatchBuilder& rows) = 0;
};

}  // namespace sluice::source
