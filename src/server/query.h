// Query: points of a collection, columns per device.
//
// The range is half-open everywhere: start_time <= time < end_time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "server/answer.h"
#include "server/http.h"
#include "server/options.h"
#include "sluice/engine.h"

namespace sluice::server {

struct Query {
  std::optional<Nanos> from;
  std::optional<Nanos> to;
  std::string start_text;  ///< as they were given; empty: open
  std::string end_text;
  Nanos offset = 0;                 ///< of the times in the answer from UTC: that of start_time
  std::vector<std::string> ids;     ///< empty: all
  std::vector<std::string> fields;  ///< empty: all
  uint64_t limit = 0;               ///< points of a device; 0: all
  std::optional<Period> interval;
  std::string zone = "UTC";  ///< whose calendar the interval follows
  Aggregate::Function aggregation = Aggregate::Function::kSum;  ///< with an interval
};

/// Of the parameters of a GET or the JSON of a POST. The refusal is the client's fault.
std::optional<Refusal> read_query(const Request& request, Query& query);

/// Runs it to its end: waits for the snapshot and reads. Any thread.
Result<std::string> run_query(Engine& engine, const TableName& name, const Query& query,
                              const Options& options);

}  // namespace sluice::server
