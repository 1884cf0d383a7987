// A Parquet file as people see it: what its footer says, in words.
#pragma once

#include <string>

#include "sluice/inspect_file.h"
#include "sluice/io.h"
#include "sluice/result.h"

namespace sluice::part {

/// Errors as of read_footer(); what only keeps the Reader from its rows is in `unreadable`.
Result<ParquetFile> inspect(Bucket& bucket, const std::string& key, uint64_t bytes);

}  // namespace sluice::part
