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

/// Whether a table can have the column: a name as Schema has it and not beginning with '_' (those
/// are Sluice's own, but for kRestColumn), a type other than null. kInvalid: where() is the column.
Status check_table_column(const Field& field);
/// Whether a column of this type can be stored narrow (TableSpec::narrow).
constexpr bool has_narrow_form(Type type) {
  return type == Type::kInt64 || type == Type::kDouble;
}

/// Whether a table can be made of it: at least one column, each as check_table_column has it; key,
/// time and narrow columns as TableSpec says, each named once; a partition as check_partition has
/// it. kInvalid: where() is the column.
Status check_table_spec(const TableSpec& spec);

/// Whether the table can take the batch. Every column exists (kUnknownColumn) with the same type or
/// type null (kTypeMismatch); key and time columns are there (kMissingColumn) and without null
/// (kNullKey, found() is the row); every value of a narrow column fits it (kOutOfRange, found() is
/// the row). kInvalid: where() is the column.
Status check_batch_fits(const TableSpec& spec, const Batch& batch);

}  // namespace sluice::model
