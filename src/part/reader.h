// Reader: a Parquet part (ours, or of another writer within the subset below) back into batches.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "part/meta.h"
#include "sluice/batch.h"
#include "sluice/io.h"
#include "sluice/snapshot.h"

namespace sluice::part {

/// A column to read, found by field id. A part without it yields nulls.
struct ReadColumn {
  int32_t field_id = 0;
  std::string name;            ///< name in the batches
  Type type = Type::kNull;     ///< type in the batches: int32 reads as kInt64, float as kDouble,
                               ///< timestamp micros as kTimestamp
  int32_t nanos_field_id = 0;  ///< a timestamp's companion with the remainder; 0: none
};

/// Rows outside are allowed to be missing: lower <= value <= upper. Used to skip row groups by
/// their statistics only; the caller still filters rows.
struct Range {
  int32_t field_id = 0;
  std::optional<Value> lower;
  std::optional<Value> upper;
};

class Decompressor;
std::shared_ptr<Decompressor> make_decompressor();

/// What is held of a part while it is read. Smaller where many are read side by side.
struct ReadOptions {
  uint64_t ahead_bytes = 256u << 10;       ///< of each column, stored; a page, if that is more
  uint32_t batch_rows = 8192;              ///< at most, 1 to 8192
  uint64_t batch_text_bytes = 8ull << 20;  ///< a batch ends when it holds so much; a row, if more
  std::shared_ptr<Decompressor> decompressor;  ///< shared by parts that one thread reads; may be
                                               ///< null
};

/// The rows of a part in file order. Holds for each column a page, a dictionary, what is read ahead
/// and 1024 decoded rows. One thread.
class Rows {
 public:
  virtual ~Rows() = default;
  virtual const SchemaPtr& schema() const = 0;
  /// The next 1 to batch_rows rows, or nothing at the end. kCorrupt names the object and the
  /// offset.
  virtual Result<std::optional<Batch>> next() = 0;
};

class Reader {
 public:
  /// Reads the footer. `bytes` is the object's size. kCorrupt, kUnsupported (an encoding, codec or
  /// nesting that we do not read), kNotFound, kIo.
  static Result<std::unique_ptr<Reader>> open(Bucket& bucket, std::string key, uint64_t bytes);
  virtual ~Reader() = default;
  /// Reads every byte before the footer, in pieces. kCorrupt: the checksum of a part of ours is
  /// missing, or does not fit.
  virtual Status check_bytes() = 0;
  virtual uint64_t rows() const = 0;
  virtual const std::vector<Column>& columns() const = 0;
  virtual const std::vector<std::pair<std::string, std::string>>& footer() const = 0;
  /// The reader outlives the rows. kInvalid (kTypeMismatch) if a column cannot be read as its type.
  virtual Result<std::unique_ptr<Rows>> read(std::vector<ReadColumn> columns,
                                             const std::vector<Range>& ranges,
                                             ReadOptions options = {}) = 0;
};

}  // namespace sluice::part
