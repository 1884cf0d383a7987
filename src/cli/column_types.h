// ColumnTypes: types that the user declares for columns, as text: "price:double,at:timestamp".
#pragma once

#include <string_view>
#include <vector>

#include "sluice/options.h"

namespace sluice::cli {

/// Columns apart by commas, each a name as the file or the table has it, a colon and a type: long,
/// double, string, bool or timestamp. kInvalid says which of them is wrong, and how.
Result<std::vector<Field>> parse_column_types(std::string_view text);

/// Adds `more` to `types`. kInvalid: a column would be declared twice, where() names it.
Status declare(const std::vector<Field>& more, std::vector<Field>& types);

/// kInvalid (kTypeMismatch): the table has one of the columns with another type.
Status check_declared(const std::vector<Field>& types, const TableSpec& spec);

/// `columns` and those of `types` that are not among them.
std::vector<Field> with_declared(std::vector<Field> columns, const std::vector<Field>& types);

}  // namespace sluice::cli
