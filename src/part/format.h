// The subset of Apache Parquet that parts are made of.
//
//   "PAR1"
//   row group *      the column chunks, in the order of the schema
//     chunk            [dictionary page] data page *
//       page             PageHeader (Thrift compact) | body, compressed as a whole with zstd
//   ColumnIndex *    bounds and null counts of the pages of one chunk
//   OffsetIndex *    places and first rows of the pages of one chunk
//   Footer           (Thrift compact)
//   u32 footer bytes | "PAR1"
//
// Body of a dictionary page: the distinct values, PLAIN.
// Body of a data page (V1): [u32 bytes | definition levels, RLE] of an OPTIONAL column, then the
// values that are not null: PLAIN, or RLE_DICTIONARY (u8 bit width | indices, RLE hybrid).
// PLAIN: little-endian numbers; byte arrays as u32 length and bytes; booleans as bits, lowest
// first.
//
// Checksums. Every page header carries the CRC-32 of its stored body, as Parquet has it. The footer
// has the key sluice.crc32c (base/object_checksum.h) with 16 digits: the first eight are the
// CRC-32C of all bytes before the footer, the other eight are over the footer and what follows it,
// without these eight themselves; both begin with the object's name. So whoever opens a part knows
// its footer to be whole, whoever reads a page knows the page, and verification knows every byte.
// What another program wrote has fewer of them, and is read as it is.
//
// Written: flat schemas, V1 pages, PLAIN and RLE_DICTIONARY, zstd. Read besides: V2 pages,
// PLAIN_DICTIONARY, no compression. All else is kUnsupported. The structs below hold what we use of
// the Thrift structs of the same fields; the codec skips the rest.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "part/meta.h"

namespace sluice::part::parquet {

inline constexpr std::string_view kMagic = "PAR1";
inline constexpr std::string_view kEncryptedMagic = "PARE";
inline constexpr std::string_view kCreatedBy = "sluice version 0.1.0";
inline constexpr uint64_t kTrailerBytes = 8;  ///< footer length and magic
inline constexpr uint64_t kFooterBytesMax = 64ull << 20;
inline constexpr uint64_t kPageBytesMax = 256ull << 20;  ///< of a body, uncompressed
inline constexpr uint64_t kPageHeaderBytesMax = 1ull << 20;
inline constexpr uint64_t kPageRowsMax = 20'000;  ///< that we write

enum class Physical : int32_t {
  kBoolean = 0,
  kInt32 = 1,
  kInt64 = 2,
  kInt96 = 3,
  kFloat = 4,
  kDouble = 5,
  kByteArray = 6,
  kFixedByteArray = 7,
};
enum class Repetition : int32_t { kRequired = 0, kOptional = 1, kRepeated = 2 };
enum class Encoding : int32_t {
  kPlain = 0,
  kPlainDictionary = 2,
  kRle = 3,
  kRleDictionary = 8,
};
enum class Compression : int32_t { kNone = 0, kZstd = 6 };
enum class PageType : int32_t { kV1 = 0, kIndex = 1, kDictionary = 2, kV2 = 3 };
enum class BoundaryOrder : int32_t { kUnordered = 0, kAscending = 1, kDescending = 2 };

/// What ConvertedType and LogicalType say together.
enum class Annotation : uint8_t {
  kNone,  ///< also signed integers of the physical width
  kString,
  kTimestampMicrosUtc,
  kOther,
};

/// How a column type is stored.
inline constexpr Physical physical(PhysicalType type) {
  switch (type) {
    case PhysicalType::kBool:
      return Physical::kBoolean;
    case PhysicalType::kInt32:
      return Physical::kInt32;
    case PhysicalType::kInt64:
    case PhysicalType::kTimestampMicros:
      return Physical::kInt64;
    case PhysicalType::kFloat:
      return Physical::kFloat;
    case PhysicalType::kDouble:
      return Physical::kDouble;
    case PhysicalType::kString:
    case PhysicalType::kBinary:
      break;
  }
  return Physical::kByteArray;
}

struct SchemaElement {
  std::string name;
  std::optional<Physical> type;  ///< absent: a group
  std::optional<Repetition> repetition;
  int32_t children = 0;
  int32_t field_id = 0;
  Annotation annotation = Annotation::kNone;
};

/// Bounds are PLAIN values without length prefix, so they look like Iceberg's.
struct Statistics {
  std::optional<std::string> lower;
  std::optional<std::string> upper;
  bool lower_exact = true;
  bool upper_exact = true;
  std::optional<int64_t> null_count;
};

/// A column of a row group.
struct Chunk {
  Physical type = Physical::kInt64;
  std::vector<Encoding> encodings;
  std::string path;
  Compression compression = Compression::kNone;
  int64_t values = 0;  ///< nulls included
  int64_t plain_bytes = 0;
  int64_t stored_bytes = 0;
  int64_t pages_offset = 0;
  std::optional<int64_t> dictionary_offset;
  Statistics statistics;
  bool elsewhere = false;  ///< in another file, or encrypted
  int64_t column_index_offset = 0;
  int32_t column_index_bytes = 0;
  int64_t offset_index_offset = 0;
  int32_t offset_index_bytes = 0;
};

struct RowGroup {
  std::vector<Chunk> chunks;
  int64_t rows = 0;
  int64_t plain_bytes = 0;
  int64_t stored_bytes = 0;
  int64_t offset = 0;
};

struct Footer {
  std::vector<SchemaElement> schema;  ///< the root, then its children
  int64_t rows = 0;
  std::vector<RowGroup> row_groups;
  std::vector<std::pair<std::string, std::string>> keys;
  std::string created_by;
};

struct PageHeader {
  PageType type = PageType::kV1;
  int32_t plain_bytes = 0;      ///< body, uncompressed; of V2 with its levels
  int32_t stored_bytes = 0;     ///< body as it is in the file
  std::optional<uint32_t> crc;  ///< CRC-32 of that
  int32_t values = 0;
  Encoding encoding = Encoding::kPlain;
  Encoding levels_encoding = Encoding::kRle;  ///< V1
  int32_t levels_bytes = 0;                   ///< definition levels of V2
  int32_t repetition_bytes = 0;               ///< V2
  bool compressed = true;                     ///< V2
};

/// A page of a chunk, as the page index describes it.
struct PageEntry {
  int64_t offset = 0;
  int32_t bytes = 0;  ///< header and stored body
  int64_t first_row = 0;
  int64_t null_count = 0;
  bool all_null = false;
  std::string lower;
  std::string upper;
};

}  // namespace sluice::part::parquet
