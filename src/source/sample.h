// Sample: the columns of a source and their types, decided by its first records.
//
// A column's type, from the values seen:
//   declared by the caller              that type; a timestamp's numbers get their unit from the
//                                       magnitude of most of them
//   all true or false                   bool
//   all whole numbers in int64          long
//   numbers, some with fraction         double, if it holds the whole ones exactly
//   all texts that parse_time reads     timestamp
//   all other texts                     string
//   anything else, or no value          string; from JSON values of other kinds as JSON text
// Null and, in CSV, an empty field have no say. "007" is text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "source/source.h"

namespace sluice::source {

struct SampleOptions {
  /// Columns whose type is given, by table name: of an existing table, or {--time, kTimestamp}.
  std::vector<Field> declared;
  /// Key and time columns, by table name. A row without a value there is rejected.
  std::vector<std::string> required;
  uint64_t records_max = 10'000;
};

/// What the user is told of a column.
struct ColumnReport {
  uint64_t values = 0;
  uint64_t nulls = 0;   ///< absent ones included
  std::string example;  ///< the beginning of the first value
  std::string why;      ///< why it has its type, and its name if that is not the file's
};

struct Sample {
  Format format = Format::kNdjson;
  std::vector<Column> columns;        ///< in order of first appearance, then declared ones unseen
  std::vector<ColumnReport> reports;  ///< of the same columns
  uint64_t records = 0;
  uint64_t records_rejected = 0;
};

/// kNotFound: no record. kInvalid: no record can be read, a CSV header is missing or not UTF-8, a
/// required column is missing (kMissingColumn), names clash, or there are too many. kUnsupported: a
/// column is declared binary.
Result<Sample> sample_head(const Head& head, Format format, const SampleOptions& options);

}  // namespace sluice::source
