#include "part/inspect.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/bytes.h"
#include "part/footer_reader.h"
#include "part/layout.h"
#include "part/micros.h"
#include "sluice/time_text.h"

namespace sluice::part {
namespace {

using parquet::Annotation;
using parquet::Physical;

// Names as in the Parquet specification, by their numbers; "" has none.
constexpr std::array<std::string_view, 8> kTypes = {
    "BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"};
constexpr std::array<std::string_view, 10> kEncodings = {"PLAIN",
                                                         "",
                                                         "PLAIN_DICTIONARY",
                                                         "RLE",
                                                         "BIT_PACKED",
                                                         "DELTA_BINARY_PACKED",
                                                         "DELTA_LENGTH_BYTE_ARRAY",
                                                         "DELTA_BYTE_ARRAY",
                                                         "RLE_DICTIONARY",
                                                         "BYTE_STREAM_SPLIT"};
constexpr std::array<std::string_view, 8> kCodecs = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO",
                                                     "BROTLI",       "LZ4",    "ZSTD", "LZ4_RAW"};
constexpr std::array<std::string_view, 3> kRepetitions = {"required", "optional", "repeated"};

template <size_t N, class Enum>
std::string name_of(const std::array<std::string_view, N>& names, Enum value) {
  const auto number = static_cast<int64_t>(value);
  const bool has_name = number >= 0 && number < static_cast<int64_t>(N);
  if (has_name && !names[static_cast<size_t>(number)].empty()) {
    return std::string(names[static_cast<size_t>(number)]);
  }
  return "unknown " + std::to_string(number);
}

uint64_t at_least_zero(int64_t value) {
  return static_cast<uint64_t>(std::max<int64_t>(value, 0));
}

std::string type_of(const parquet::SchemaElement& element) {
  if (!element.type) return "group";
  const std::string type = name_of(kTypes, *element.type);
  switch (element.annotation) {
    case Annotation::kString:
      return type + " (string)";
    case Annotation::kTimestampMicrosUtc:
      return type + " (timestamp, microseconds, UTC)";
    case Annotation::kOther:
      return type + " (another logical type)";
    case Annotation::kNone:
      break;
  }
  return type;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

template <class T>
std::string number_text(std::string_view bytes) {
  if (bytes.size() != sizeof(T)) return hex(bytes);
  std::array<char, 64> text;
  const T value = load<T>(as_bytes(bytes).data());
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return std::string(text.data(), end);
}

std::string time_text(std::string_view bytes) {
  if (bytes.size() != sizeof(int64_t)) return hex(bytes);
  const auto time = join_micros(load<int64_t>(as_bytes(bytes).data()), 0);
  return time ? format_time(*time) : number_text<int64_t>(bytes);
}

/// A bound of the statistics. Of a logical type that we do not know, its bytes.
std::string bound_text(const parquet::SchemaElement& element,
                       const std::optional<std::string>& bound) {
  if (!bound) return "";
  if (element.annotation == Annotation::kString) return *bound;
  if (element.annotation == Annotation::kTimestampMicrosUtc) return time_text(*bound);
  if (element.annotation == Annotation::kOther || !element.type) return hex(*bound);
  switch (*element.type) {
    case Physical::kBoolean:
      return bound->size() == 1 ? (bound->front() != 0 ? "true" : "false") : hex(*bound);
    case Physical::kInt32:
      return number_text<int32_t>(*bound);
    case Physical::kInt64:
      return number_text<int64_t>(*bound);
    case Physical::kFloat:
      return number_text<float>(*bound);
    case Physical::kDouble:
      return number_text<double>(*bound);
    default:
      return hex(*bound);
  }
}

/// The elements that have values: chunks come in their order.
std::vector<const parquet::SchemaElement*> leaves_of(const parquet::Footer& footer) {
  std::vector<const parquet::SchemaElement*> leaves;
  for (const parquet::SchemaElement& element : footer.schema) {
    if (element.type) leaves.push_back(&element);
  }
  return leaves;
}

ChunkDescription describe(const parquet::Chunk& chunk, const parquet::SchemaElement* element) {
  ChunkDescription description;
  description.column = chunk.path;
  description.type = name_of(kTypes, chunk.type);
  for (const parquet::Encoding encoding : chunk.encodings) {
    description.encodings.push_back(name_of(kEncodings, encoding));
  }
  description.codec = name_of(kCodecs, chunk.compression);
  description.offset = extent_of(chunk).offset;
  description.values = at_least_zero(chunk.values);
  if (chunk.statistics.null_count) description.nulls = at_least_zero(*chunk.statistics.null_count);
  description.plain_bytes = at_least_zero(chunk.plain_bytes);
  description.stored_bytes = at_least_zero(chunk.stored_bytes);
  if (element != nullptr) {
    description.lower = bound_text(*element, chunk.statistics.lower);
    description.upper = bound_text(*element, chunk.statistics.upper);
  }
  description.has_column_index = chunk.column_index_bytes > 0;
  description.has_offset_index = chunk.offset_index_bytes > 0;
  return description;
}

std::optional<Error> unreadable(const LocatedFooter& found, const std::string& key) {
  const auto columns = columns_of(found.footer, key, found.offset);
  if (!columns.ok()) return columns.error();
  const Status groups = check_row_groups(found.footer, key, found.offset);
  if (!groups.ok()) return groups.error();
  return std::nullopt;
}

}  // namespace

Result<ParquetFile> inspect(Bucket& bucket, const std::string& key, uint64_t bytes) {
  const LocatedFooter found = TRY(read_footer(bucket, key, bytes));
  const parquet::Footer& footer = found.footer;
  ParquetFile file;
  file.bytes = bytes;
  file.rows = at_least_zero(footer.rows);
  file.created_by = footer.created_by;
  for (size_t at = 1; at < footer.schema.size(); ++at) {
    const parquet::SchemaElement& element = footer.schema[at];
    const std::string repetition =
        element.repetition ? name_of(kRepetitions, *element.repetition) : "";
    file.columns.push_back({element.name, type_of(element), repetition, element.field_id});
  }
  const std::vector<const parquet::SchemaElement*> leaves = leaves_of(footer);
  for (const parquet::RowGroup& group : footer.row_groups) {
    RowGroupDescription& described = file.row_groups.emplace_back();
    described.rows = at_least_zero(group.rows);
    for (size_t at = 0; at < group.chunks.size(); ++at) {
      described.chunks.push_back(
          describe(group.chunks[at], at < leaves.size() ? leaves[at] : nullptr));
    }
  }
  file.keys = footer.keys;
  file.unreadable = unreadable(found, key);
  return file;
}

}  // namespace sluice::part
