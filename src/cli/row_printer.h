// RowPrinter: rows on standard output, in one of four formats.
//
//   table   aligned columns, names and types first; long values are cut. For people
//   csv     RFC 4180 with lines that end in \n: null is empty, the empty string is ""
//   json    one array of objects
//   ndjson  one object a line
#pragma once

#include <cstdint>
#include <memory>

#include "cli/output.h"
#include "sluice/batch.h"

namespace sluice::cli {

enum class RowFormat : uint8_t { kTable, kCsv, kJson, kNdjson };

/// begin, then print any number of times, then end. Memory: what one batch prints to.
class RowPrinter {
 public:
  virtual ~RowPrinter() = default;
  virtual Status begin() = 0;
  virtual Status print(const Batch& rows) = 0;
  virtual Status end() = 0;
};

/// `output` outlives the printer.
std::unique_ptr<RowPrinter> make_row_printer(RowFormat format, SchemaPtr schema, Output& output);

}  // namespace sluice::cli
