// ColumnWriter: one column of the open row group: batches in, encoded pages held, a chunk out.
//
// A chunk begins with a dictionary, if its type can have one. At the end of the first page the
// dictionary stays if page and dictionary together are smaller than the values; later it is left
// when it is full. The pages from then on are PLAIN.
#pragma once

#include <memory>
#include <vector>

#include "part/encoding/zstd.h"
#include "part/format.h"
#include "part/tally.h"
#include "part/writer.h"
#include "sluice/batch.h"
#include "sluice/io.h"

namespace sluice::part {

struct RowRange {
  uint32_t first = 0;
  uint32_t count = 0;
};

/// A chunk that is written. Offsets are the file's.
struct WrittenChunk {
  parquet::Chunk chunk;
  std::vector<parquet::PageEntry> pages;
  /// Every page is all null or has both bounds, so the pages can have a column index.
  bool indexable = true;
  parquet::BoundaryOrder order = parquet::BoundaryOrder::kUnordered;
  Tally tally;
};

class ColumnWriter {
 public:
  virtual ~ColumnWriter() = default;
  /// Rows of a batch column that fits (the writer has checked). The range is small against a page:
  /// pages end between ranges.
  virtual void append(const ColumnView& view, RowRange rows) = 0;
  /// Encoded pages, the open page and the dictionary.
  virtual uint64_t held_bytes() const = 0;
  /// Writes everything held at `offset` of the file and begins the next chunk.
  virtual Result<WrittenChunk> finish_chunk(Upload& upload, uint64_t offset) = 0;
};

/// Both outlive the writer; the compressor may be shared by the columns.
std::unique_ptr<ColumnWriter> make_column_writer(const WriterColumn& column,
                                                 const WriterOptions& options,
                                                 Compressor& compressor);

}  // namespace sluice::part
