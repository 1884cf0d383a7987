// Head: a committed state of a table.
#pragma once

#include <memory>

#include "table/marks.h"
#include "table/metadata.h"

namespace sluice::table {

/// Immutable; shared freely.
struct Head {
  Metadata metadata;
  Marks marks;
};
using HeadPtr = std::shared_ptr<const Head>;

}  // namespace sluice::table
