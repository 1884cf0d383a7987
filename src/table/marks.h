// Marks: which rows of which log, and which positions of which source, are in the table. Table
// state: committed with the rows they speak of, in an immutable side object `<table>/marks/<commit
// id>.json`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "sluice/result.h"

namespace sluice::table {

/// A row of partition p is in the table iff its number <= max(low_water, exceptions[p]).
struct Coverage {
  uint64_t low_water = 0;
  std::map<std::string, uint64_t> exceptions;

  uint64_t of(std::string_view partition) const;
  uint64_t highest() const;
  /// Takes the maximum of both, everywhere; drops exceptions that low_water covers.
  void raise(const Coverage& other);
  friend bool operator==(const Coverage&, const Coverage&) = default;
};

struct LogMarks {
  LogId log;
  OpeningId opening;  ///< the opening that wrote this entry
  Coverage lsns;
  friend bool operator==(const LogMarks&, const LogMarks&) = default;
};

struct Marks {
  std::vector<LogMarks> logs;  ///< sorted by log id, one entry a log
  std::map<std::string, Coverage> sources;

  const LogMarks* find(const LogId& log) const;
  uint64_t flushed(const LogId& log, std::string_view partition) const;
  uint64_t position(std::string_view source, std::string_view partition) const;
  std::string encode() const;                          ///< JSON
  static Result<Marks> decode(std::string_view text);  ///< kCorrupt, kUnsupported
  friend bool operator==(const Marks&, const Marks&) = default;
};

/// One opening of a log and the first LSN it could give out.
struct Opening {
  OpeningId id;
  uint64_t base_lsn = 0;
};

/// kFenced (kForked) if `marks` were written by an opening outside `chain`, or name an LSN that
/// belongs to a later opening of the chain or to none: then this log is a copy, or went back in
/// time. ok if the log has no entry.
Status check_lineage(const Marks& marks, const LogId& log, const std::vector<Opening>& chain,
                     uint64_t next_lsn);

}  // namespace sluice::table
