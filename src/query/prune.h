// Prune: which parts cannot hold a row that passes. Pure.
//
// In a table with key only key and time may prune: another column's value may stand in an older
// version of a row, and the version that replaced it may lie in the very part that is skipped. In a
// table without key every row stands for itself, so every column may.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "part/meta.h"
#include "part/reader.h"
#include "sluice/options.h"
#include "sluice/snapshot.h"
#include "table/metadata.h"

namespace sluice::query {

/// lower <= value <= upper; none at all if lower > upper.
struct Interval {
  std::optional<Value> lower;
  std::optional<Value> upper;
};
using Intervals = std::map<std::string, Interval>;  // by column

/// What the truth of a bound predicate says of each column by itself: a row with null, or with a
/// value outside of its interval, does not pass. Columns of which it says nothing are left out.
Intervals intervals_of(const Predicate& bound);

/// Forgets the columns that may not prune.
Intervals prunable(Intervals intervals, const TableSpec& spec);

/// The same for a reader of parts.
std::vector<part::Range> ranges_of(const Intervals& intervals, const table::TableSchema& schema);

/// False only if no row of the part can pass: its bounds say so. Of doubles whose NaNs are not
/// counted, and of bounds that are absent or malformed, nothing is believed.
bool may_hold(const part::Meta& part, const std::vector<part::Range>& ranges,
              const table::TableSchema& schema);

/// What no value of a column is less than; nothing if the part does not say, of doubles too. Times
/// in nanoseconds.
std::optional<Value> lower_bound_of(const part::Meta& part, const part::Column& column);

}  // namespace sluice::query
