// Batch: rows as columns, from the parser to the part.
//
// A Batch is a handle to one immutable, contiguous, 8-byte aligned byte string in the columnar
// encoding of src/model/codec.h. The same bytes are the log's payload and the memtable's memory:
// nothing is decoded twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"

namespace sluice {

enum class Type : uint8_t {
  kNull = 0,  ///< a column without any value yet
  kBool = 1,
  kInt64 = 2,
  kDouble = 3,
  kString = 4,  ///< UTF-8
  kBinary = 5,
  kTimestamp = 6,  ///< int64 nanoseconds since 1970 UTC, 1677 to 2262
};
std::string_view to_string(
    Type type);  ///< "null", "bool", "long", "double", "string", "binary", "timestamp"
std::optional<Type> parse_type(std::string_view name);

struct Field {
  std::string name;
  Type type = Type::kNull;
  friend bool operator==(const Field&, const Field&) = default;
};

/// The columns of a batch, in order. Names are unique, non-empty and at most 255 bytes of UTF-8.
class Schema {
 public:
  static Result<std::shared_ptr<const Schema>> make(std::vector<Field> fields);
  const std::vector<Field>& fields() const { return fields_; }
  size_t size() const { return fields_.size(); }
  const Field& operator[](size_t column) const { return fields_[column]; }
  std::optional<size_t> find(std::string_view name) const;
  friend bool operator==(const Schema& a, const Schema& b) { return a.fields_ == b.fields_; }

 private:
  explicit Schema(std::vector<Field> fields) : fields_(std::move(fields)) {}
  std::vector<Field> fields_;
};
using SchemaPtr = std::shared_ptr<const Schema>;

/// A view of one column; valid as long as its Batch. Rows are counted from 0; reading a null row's
/// value is allowed and yields zero or an empty string. The accessor must fit the type; anything
/// else is a bug.
class ColumnView {
 public:
  Type type = Type::kNull;
  uint32_t rows = 0;
  uint32_t null_count = 0;
  const uint8_t* validity =
      nullptr;  ///< bit i set: row i has a value. Absent: all have (kNull: none has)
  const std::byte* values =
      nullptr;  ///< bool: u8; int64, double, timestamp: 8 bytes; string, binary: the bytes
  const uint32_t* offsets = nullptr;  ///< string, binary: rows + 1 offsets into `values`

  bool is_null(size_t row) const {
    if (type == Type::kNull) return true;
    return validity != nullptr && ((validity[row / 8] >> (row % 8)) & 1) == 0;
  }
  bool boolean(size_t row) const { return reinterpret_cast<const uint8_t*>(values)[row] != 0; }
  int64_t int64(size_t row) const {
    return reinterpret_cast<const int64_t*>(values)[row];
  }  // also timestamps
  double real(size_t row) const { return reinterpret_cast<const double*>(values)[row]; }
  std::string_view bytes(size_t row) const {
    return {reinterpret_cast<const char*>(values) + offsets[row], offsets[row + 1] - offsets[row]};
  }
};

inline constexpr uint32_t kBatchRowsMax = 1u << 20;
inline constexpr uint64_t kBatchBytesMax = 64ull << 20;

/// Copying copies a handle. Immutable, so any thread may read it.
class Batch {
 public:
  Batch() = default;
  /// Checks the bytes completely against `schema`: lengths, offsets, counts, UTF-8. `bytes` is
  /// copied unless `owner` keeps it alive (then it must be 8-byte aligned). kCorrupt
  /// (kDecodeFailure) names what is wrong.
  static Result<Batch> decode(SchemaPtr schema, ByteView bytes,
                              std::shared_ptr<const void> owner = nullptr);

  bool empty() const { return rows_ == 0; }
  uint32_t rows() const { return rows_; }
  const SchemaPtr& schema() const { return schema_; }
  ColumnView column(size_t index) const;
  /// The encoding: what the log writes and what memory accounting counts.
  ByteView bytes() const { return bytes_; }
  /// A copy of rows [first, first + count); both within rows().
  Batch slice(uint32_t first, uint32_t count) const;

 private:
  friend class BatchBuilder;
  SchemaPtr schema_;
  std::shared_ptr<const void> owner_;
  ByteView bytes_;
  uint32_t rows_ = 0;
};

/// Collects rows column by column, in either order: row after row or column after column. One
/// thread.
class BatchBuilder {
 public:
  explicit BatchBuilder(SchemaPtr schema);
  ~BatchBuilder();
  BatchBuilder(BatchBuilder&&) noexcept;
  BatchBuilder& operator=(BatchBuilder&&) noexcept;

  // The value must fit the column's type; anything else is a bug. Strings must be UTF-8: finish()
  // checks.
  void append_null(size_t column);
  void append_bool(size_t column, bool value);
  void append_int64(size_t column, int64_t value);
  void append_double(size_t column, double value);
  void append_timestamp(size_t column, Nanos value);
  void append_bytes(size_t column, std::string_view value);  ///< string and binary
  /// One row: a value for each column in order. bool; integers for long, and for timestamp in
  /// nanoseconds; float, double; text for string and binary; std::nullopt for null; or a
  /// std::optional of these. With too few values finish() fails; too many are a bug.
  template <class... Values>
  void append_row(const Values&... values) {
    size_t column = 0;
    (append_value(column++, values), ...);
  }
  /// Copies one value of a column of the same type (or null).
  void append_from(size_t column, const ColumnView& source, size_t row);
  /// The same of `count` values, from `row` on.
  void append_run(size_t column, const ColumnView& source, size_t row, size_t count);

  /// Rows that every column has.
  uint32_t rows() const;
  /// Forgets what goes beyond the first `rows` rows in any column: drops a row that turned out bad
  /// halfway.
  void truncate(uint32_t rows);
  /// Bytes that finish() would encode, within 1 %.
  uint64_t bytes() const;
  /// The batch; the builder is empty afterwards. kInvalid: columns of unequal length, a string that
  /// is not UTF-8 (found() is the row, where() the column), more than kBatchRowsMax rows or
  /// kBatchBytesMax bytes.
  Result<Batch> finish();

 private:
  struct Column;
  template <class T>
  void append_value(size_t column, const T& value);
  template <class T>
  void append_value(size_t column, const std::optional<T>& value) {
    value ? append_value(column, *value) : append_null(column);
  }
  void append_integer(size_t column, int64_t value);

  SchemaPtr schema_;
  std::vector<Column> columns_;
};

template <class T>
void BatchBuilder::append_value(size_t column, const T& value) {
  if constexpr (std::is_same_v<T, std::nullopt_t>) {
    append_null(column);
  } else if constexpr (std::is_same_v<T, bool>) {
    append_bool(column, value);
  } else if constexpr (std::is_integral_v<T>) {
    static_assert(std::is_signed_v<T> || sizeof(T) < 8, "a column holds int64: convert the value");
    append_integer(column, value);
  } else if constexpr (std::is_floating_point_v<T>) {
    append_double(column, value);
  } else {
    append_bytes(column, value);
  }
}

}  // namespace sluice
