// The rows of an open part, row group by row group.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "part/format.h"
#include "part/reader.h"

namespace sluice::part {

/// A part whose footer is read and checked.
struct OpenFile {
  Bucket& bucket;
  const std::string key;
  const parquet::Footer footer;
  const std::vector<Column> columns;
};

/// The file outlives the rows. Errors: see Reader::read().
Result<std::unique_ptr<Rows>> read_rows(const OpenFile& file,
                                        const std::vector<ReadColumn>& columns,
                                        const std::vector<Range>& ranges, ReadOptions options);

}  // namespace sluice::part
