// The pure rules by which tables accept columns, specifications and batches. No state, no I/O.
#pragma once

#include <string_view>
#include <vector>

#include "sluice/batch.h"
#include "sluice/options.h"
#include "sluice/result.h"

namespace sluice::model {

/// The one column of users whose name begins with '_', a string: what a row's other columns could
/// not take, as a JSON object.
inline constexpr std::string_view kRestColumn = "_rest";
/// Whether a column of this name is the user's rather than Sluice's own.
constexpr bool is_user_column(std::string_view name) {
  return !name.starts_with('_') || name == kRestColumn;
}

/// What must be added to the columns `have` of a table, so that all of `want` have a place; in the
/// order of `want`. A wanted column of type null has no opinion and adds nothing. kInvalid:
/// kTypeMismatch, a name wanted twice, or one that a table may not have; where() is the column.
Result<std::vector<Field>> merge_columns(const std::vector<Field>& have,
                                         const std::vector<Field>& want);

/// Whether a table can be made of it: at least one column; names as Schema has them and not
/// beginning with '_' (those are Sluice's own, but for kRestColumn); types other than null; key and
/// time as TableSpec says, each column named once; a partition as check_partition has it. kInvalid:
/// where() is the column.
Status check_table_spec(const TableSpec& spec);

/// Whether the table can take the batch. Every column exists (kUnknownColumn) with the same type or
/// type null (kTypeMismatch); key and time columns are there (kMissingColumn) and without null
/// (kNullKey, found() is the row). kInvalid: where() is the column.
Status check_batch_fits(const TableSpec& spec, const Batch& batch);

}  // namespace sluice::model
