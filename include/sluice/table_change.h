// TableChange: what an operator does to a table besides writing rows into it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/batch.h"
#include "sluice/runtime.h"

namespace sluice {

/// One change of a table's columns. The changes of one call are one commit and speak of the table
/// as it was before: so two columns can swap their names, and a column can be dropped and another
/// of its name be added. Columns are told apart by field ids that are never used again: rows of
/// before have null in an added column, whatever it is called.
struct SchemaChange {
  enum class Kind : uint8_t {
    kAdd,
    kRename,  ///< key and time columns too; their roles go with them
    kDrop,    ///< not of key, time or partition. Its values stay in the parts and are not read
    kWiden,   ///< int to long, float to double
  };
  Kind kind = Kind::kAdd;
  std::string column;
  std::string new_name = {};  ///< of kRename
  /// Of kAdd. Of kWiden: what the column shall be, kNull for its wide form; anything else than that
  /// is refused.
  Type type = Type::kNull;
  bool narrow = false;  ///< of kAdd: stored in four bytes (TableSpec::narrow)
};

}  // namespace sluice
