// Writer: sorted rows in, one Parquet part out.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "part/meta.h"
#include "sluice/batch.h"
#include "sluice/io.h"

namespace sluice::part {

/// How a part column is made from a column of the batches.
enum class Transform : uint8_t {
  kNone,    ///< the value as it is
  kMicros,  ///< of a timestamp: floor(nanoseconds / 1000)
  kNanos,   ///< of a timestamp: the remainder, 0 to 999, as int32
};

struct WriterColumn {
  Column column;
  size_t input = 0;  ///< index of the batch column
  Transform transform = Transform::kNone;
};

struct WriterOptions {
  uint64_t row_group_bytes = 16ull << 20;  ///< encoded bytes at which a row group is written out
  uint32_t page_bytes = 64u << 10;         ///< unencoded bytes of a page, about
  uint64_t dictionary_bytes =
      512u << 10;  ///< a column's dictionary grows to this, then the column goes on plain
  int zstd_level = 1;
  std::string key;             ///< of the object: its checksums begin with the name
  std::string iceberg_schema;  ///< footer key `iceberg.schema`
  std::vector<std::pair<std::string, std::string>>
      footer;  ///< further footer keys (flush id, LSN range)
};

/// Holds at most row_group_bytes of encoded pages, one page a column, and the dictionaries. One
/// thread.
class Writer {
 public:
  /// Does not own the upload, which outlives the writer and is finished by the caller after
  /// finish().
  Writer(Upload& upload, std::vector<WriterColumn> columns, WriterOptions options);
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// All rows of `batch`, in order. The caller keeps the order of the part's sort; the writer does
  /// not check it. kInvalid (kNullKey): a null in a required column. Errors of the upload are
  /// passed on; the writer is then useless.
  Status append(const Batch& batch);
  /// Bytes given to the upload and still held, about: to decide when to end the part.
  uint64_t bytes() const;
  uint64_t rows() const;
  /// Writes what is left, page indexes and footer. `key` and `partition` of the result are the
  /// caller's to set.
  Result<Meta> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::part
