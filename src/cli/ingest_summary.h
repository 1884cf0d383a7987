// IngestSummary: what an ingest did, as text or JSON, and the warnings that it deserves.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "cli/intake.h"
#include "cli/progress.h"
#include "sluice/engine.h"

namespace sluice::cli {

enum class SummaryFormat : uint8_t { kText, kJson };

struct IngestSummary {
  TableName name;
  std::string data_dir;
  std::vector<TableName> tables;  ///< of a database: those that were sent something
  TableDescription table;         ///< without a location: no input held a record, no table was made
  Intake::Totals totals;
  std::deque<InputReport> inputs;  ///< the last ones
  uint64_t rows_replaced = 0;
  bool knows_all_replaced = true;  ///< else only those within one flush were counted
  uint64_t bytes_stored = 0;
  Nanos duration = 0;
  bool is_complete = true;  ///< every input was taken to its end
};

Status print(const IngestSummary& summary, SummaryFormat format);

/// Loud when the key looks wrong: a key that is no key makes rows vanish.
void warn_of_replaced(const IngestSummary& summary, Progress& progress);
void warn_of_rejects(const IngestSummary& summary, Progress& progress);

}  // namespace sluice::cli
