// Inspection of one file, wherever it lies: a Parquet file of any writer, a segment of a log.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/inspect.h"
#include "sluice/io.h"
#include "sluice/result.h"

namespace sluice {

struct ChunkDescription {
  std::string column;  ///< dotted path
  std::string type;    ///< Parquet's name
  std::vector<std::string> encodings;
  std::string codec;
  uint64_t offset = 0;
  uint64_t values = 0;  ///< nulls included
  std::optional<uint64_t> nulls;
  uint64_t plain_bytes = 0;
  uint64_t stored_bytes = 0;
  std::string lower, upper;  ///< for people; empty: none
  bool has_column_index = false;
  bool has_offset_index = false;
};
struct RowGroupDescription {
  uint64_t rows = 0;
  std::vector<ChunkDescription> chunks;
};
struct ParquetColumn {
  std::string name;
  std::string type;        ///< Parquet's, with its annotation
  std::string repetition;  ///< "required", "optional", "repeated"
  int32_t field_id = 0;    ///< 0: none
};
struct ParquetFile {
  uint64_t bytes = 0;
  uint64_t rows = 0;
  std::string created_by;
  std::vector<ParquetColumn> columns;  ///< groups included, depth first
  std::vector<RowGroupDescription> row_groups;
  std::vector<std::pair<std::string, std::string>> keys;  ///< key-value metadata
  std::optional<Error> unreadable;                        ///< why `sluice` could not read its rows
};
/// The footer of a Parquet file of any writer. kCorrupt, kUnsupported (encrypted), kIo.
Result<ParquetFile> inspect_part(std::unique_ptr<File> file, const std::string& name);

struct FrameDescription {
  uint64_t offset = 0;
  uint64_t bytes = 0;  ///< whole
  std::string type;    ///< "batch", "schema", "mark", "pad", "checkpoint", or a number
  uint64_t lsn = 0;    ///< of the log's own frames: that of the record before
  std::string table;   ///< of batch and schema; empty: its schema is not in this file
  uint64_t rows = 0;
  std::string source;
  uint64_t position = 0;
  uint64_t confirmed_end = 0;  ///< of a mark
  uint64_t trim_lsn = 0;       ///< of a checkpoint
};
/// Shows each valid frame to `visit`, then says how the segment ends. An error only if the header
/// cannot be read.
Result<SegmentDescription> inspect_segment(
    std::unique_ptr<File> file, const std::string& name,
    const std::function<void(const FrameDescription&)>& visit);

}  // namespace sluice
