// The columnar encoding of a Batch, version 0: this header is its specification.
//
// One string of little-endian bytes, a multiple of 8 long, read in place at an 8-byte aligned
// address:
//
//     0  magic "SLB" | version u8 | rows u32 | columns u32 | bytes u32      Header
//    16  type u8 | zero u8[3] | null_count u32 | validity_offset u32        ColumnDescriptor
//        offsets_offset u32 | values_offset u32 | values_bytes u32          ... one a column
//     .  validity | offsets | values                                        sections of column 0
//     .  validity | offsets | values                                        sections of column 1
//     .  ...
//
// Sections follow each other without gaps, each padded with zeros to a multiple of 8. Section
// offsets count from the header's first byte; the offset of an empty section is 0.
//   validity   only if null_count > 0: one bit a row, lowest bit first; 1: the row has a value.
//              Bits behind the last row are zero.
//   offsets    only of string and binary: rows + 1 times u32; row i is
//              values[offsets[i], offsets[i + 1]). The first is 0, none is less than the one
//              before, the last is values_bytes.
//   values     bool: one byte a row, 0 or 1; long, timestamp, double: 8 bytes a row; string,
//   binary:
//              the bytes of all rows; strings are UTF-8, each by itself.
// The value of a null row is zero or empty. A column of type null has no sections and null_count =
// rows; it stands for any type of the schema. The schema itself is not here: who stores the bytes
// refers to it.
//
// Limits: kBatchRowsMax rows, kBatchBytesMax bytes. No columns, no rows.
// Validity: bytes are valid if and only if each of the rules above holds; check_encoding() tests
// them all. So a schema, the rows and the types of the descriptors give exactly one encoding.
// Versions: 0 is the only one; a higher one is kUnsupported (kVersion). Integrity against rot is
// the container's: there is no checksum here.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "sluice/batch.h"
#include "sluice/result.h"

namespace sluice::model {

inline constexpr std::array<char, 3> kBatchMagic = {'S', 'L', 'B'};
inline constexpr uint8_t kBatchVersion = 0;

struct Header {
  std::array<char, 3> magic = kBatchMagic;
  uint8_t version = kBatchVersion;
  uint32_t rows = 0;
  uint32_t columns = 0;
  uint32_t bytes = 0;
};
static_assert(sizeof(Header) == 16);

struct ColumnDescriptor {
  Type type = Type::kNull;
  std::array<uint8_t, 3> zero{};
  uint32_t null_count = 0;
  uint32_t validity_offset = 0;
  uint32_t offsets_offset = 0;
  uint32_t values_offset = 0;
  uint32_t values_bytes = 0;
  friend bool operator==(const ColumnDescriptor&, const ColumnDescriptor&) = default;
};
static_assert(sizeof(ColumnDescriptor) == 24);

inline constexpr bool is_text(Type type) {
  return type == Type::kString || type == Type::kBinary;
}
/// Bytes of one value; 0 if values have no fixed width.
inline constexpr uint64_t value_bytes(Type type) {
  if (type == Type::kNull || is_text(type)) return 0;
  return type == Type::kBool ? 1 : 8;
}

/// What decides the size of a column.
struct ColumnShape {
  Type type = Type::kNull;
  uint32_t rows = 0;
  uint32_t null_count = 0;
  uint64_t text_bytes = 0;  ///< of string and binary; 0 for others
};
/// Bytes of its sections, padding included.
uint64_t section_bytes(const ColumnShape& shape);
/// Bytes of the header and the descriptors.
inline constexpr uint64_t head_bytes(uint64_t columns) {
  return sizeof(Header) + columns * sizeof(ColumnDescriptor);
}

/// Lays the sections out, column after column: the one place that knows where things lie. The
/// encoder obeys it and the decoder compares with it.
class Layout {
 public:
  Layout(uint32_t rows, size_t columns) : rows_(rows), bytes_(head_bytes(columns)) {
    descriptors_.reserve(columns);
  }
  /// The next column. The descriptor means something only while bytes() is at most kBatchBytesMax.
  const ColumnDescriptor& place(const ColumnShape& shape);
  uint32_t rows() const { return rows_; }
  uint64_t bytes() const { return bytes_; }
  const std::vector<ColumnDescriptor>& descriptors() const { return descriptors_; }

 private:
  uint32_t take(uint64_t bytes);

  uint32_t rows_;
  uint64_t bytes_;
  std::vector<ColumnDescriptor> descriptors_;
};

/// The memory of a new batch: header, descriptors and padding are written; its maker fills every
/// section. The layout is complete, of at most kBatchBytesMax bytes, and outlives this.
class Encoding {
 public:
  /// Where to write one column; null where there is no such section. `validity` are whole words.
  struct Space {
    uint64_t* validity = nullptr;
    uint32_t* offsets = nullptr;
    std::byte* values = nullptr;
  };

  explicit Encoding(const Layout& layout);
  Space space(size_t column);
  ByteView bytes() const { return {base(), layout_.bytes()}; }
  std::shared_ptr<const void> owner() const { return words_; }

 private:
  std::byte* base() const { return reinterpret_cast<std::byte*>(words_.get()); }

  const Layout& layout_;
  std::shared_ptr<uint64_t[]> words_;
};

/// Uninitialised memory for `bytes` bytes, 8-byte aligned.
std::shared_ptr<uint64_t[]> allocate_words(uint64_t bytes);

/// A view of column `index` of a valid encoding.
ColumnView view_column(ByteView bytes, size_t index);

/// Whether the bytes (any bytes, 8-byte aligned) are valid under `schema`. kCorrupt
/// (kDecodeFailure): found() is the offset of the damaged header, descriptor or section;
/// kUnsupported (kVersion).
Status check_encoding(const Schema& schema, ByteView bytes);

/// The first row of a string column that is not UTF-8 by itself.
std::optional<uint32_t> first_row_not_utf8(const ColumnView& strings);

}  // namespace sluice::model
