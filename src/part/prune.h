// Which row groups a range can skip, by their statistics.
#pragma once

#include "part/format.h"
#include "part/reader.h"

namespace sluice::part {

/// Whose statistics they are.
enum class Author : uint8_t {
  kSluice,   ///< writes no bounds where a NaN is
  kForeign,  ///< may: bounds of doubles are not believed
};

/// False only if no row of the chunk is in the range.
bool may_hold(const Column& column, const parquet::Chunk& chunk, const Range& range, Author author);

}  // namespace sluice::part
