// Predicates bound to columns, and their truth for the rows of a batch.
//
// Three-valued: a comparison with null is unknown. Doubles compare as IEEE 754 has it: a NaN is
// different from everything, itself included, and in no order, so `x != 1` and `not x < 1` are true
// of it. Strings and binaries compare by bytes, false is less than true.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/batch.h"
#include "sluice/result.h"
#include "sluice/snapshot.h"

namespace sluice::query {

/// The same predicate with every literal in the type of its column: a time's text as a timestamp, a
/// number as long or double. A long is compared with a fraction exactly. kInvalid: kUnknownColumn
/// or kTypeMismatch, where() is the column; a predicate that is malformed or nested too deep.
Result<Predicate> bind_predicate(const Predicate& predicate, const std::vector<Field>& columns);

/// The columns that a predicate names, each once, in order of their first mention.
std::vector<std::string> columns_of(const Predicate& predicate);

/// Rows, ascending, for which a bound predicate is true. The batch has its columns.
std::vector<uint32_t> passing_rows(const Predicate& bound, const Batch& batch);

/// The operator of a predicate that is true where one with `op` is false, and unknown where it is
/// unknown; of `and` and `or` if their operands are turned too; kNot stays. Not so for doubles: see
/// above.
Predicate::Op opposite(Predicate::Op op);

/// A bound test of a time column.
Predicate make_time_test(const std::string& column, Predicate::Op op, Nanos time);

/// Less than, equal to or greater than 0. Two values of one type, neither null nor NaN.
int compare(const Value& a, const Value& b);

/// The column of that name. kInvalid (kUnknownColumn).
Result<Field> find_column(const std::vector<Field>& columns, std::string_view name);

}  // namespace sluice::query
