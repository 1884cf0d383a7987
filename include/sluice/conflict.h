// OnConflict: what becomes of a row that a table cannot take as it is.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice {

/// A table remembers one (TableSpec::on_conflict); whoever brings rows may be told another. The
/// engine itself refuses whole batches: this is for those who make batches of text.
enum class OnConflict : uint8_t {
  kReject,  ///< the row is left out and told with its reason; the others go on
  /// A value that fits no column is kept in the column `_rest`. A row that this cannot help (its
  /// key or time is missing or does not fit, it is too large, it is no row) is rejected.
  kKeep,
  kRefuse,  ///< the input or the request ends at the row, with an error that names it
};
/// "reject", "keep", "refuse".
std::string_view to_string(OnConflict on_conflict);
std::optional<OnConflict> parse_on_conflict(std::string_view word);

}  // namespace sluice
