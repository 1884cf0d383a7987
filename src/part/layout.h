// What a decoded footer must agree on before it is used.
#pragma once

#include <string>
#include <vector>

#include "part/chunk_stream.h"
#include "part/format.h"
#include "part/meta.h"

namespace sluice::part {

/// The columns of a flat schema. kCorrupt, kUnsupported at `offset` of the object.
Result<std::vector<Column>> columns_of(const parquet::Footer& footer, const std::string& key,
                                       uint64_t offset);

/// Every row group has a chunk for every column, all of its rows, within the first `offset` bytes,
/// and the rows of the groups add up.
Status check_row_groups(const parquet::Footer& footer, const std::string& key, uint64_t offset);

/// Where the pages of a checked chunk are.
Extent extent_of(const parquet::Chunk& chunk);

}  // namespace sluice::part
