#include "part/layout.h"

#include <algorithm>
#include <optional>

namespace sluice::part {
namespace {

using parquet::Annotation;
using parquet::Physical;

std::optional<PhysicalType> type_of(const parquet::SchemaElement& element) {
  const Annotation annotation = element.annotation;
  switch (*element.type) {
    case Physical::kBoolean:
      if (annotation == Annotation::kNone) return PhysicalType::kBool;
      break;
    case Physical::kInt32:
      if (annotation == Annotation::kNone) return PhysicalType::kInt32;
      break;
    case Physical::kInt64:
      if (annotation == Annotation::kNone) return PhysicalType::kInt64;
      if (annotation == Annotation::kTimestampMicrosUtc) return PhysicalType::kTimestampMicros;
      break;
    case Physical::kFloat:
      if (annotation == Annotation::kNone) return PhysicalType::kFloat;
      break;
    case Physical::kDouble:
      if (annotation == Annotation::kNone) return PhysicalType::kDouble;
      break;
    case Physical::kByteArray:
      if (annotation == Annotation::kNone) return PhysicalType::kBinary;
      if (annotation == Annotation::kString) return PhysicalType::kString;
      break;
    default:
      break;
  }
  return std::nullopt;
}

/// Where the chunk begins. Some writers say 0 for "no dictionary".
int64_t start_of(const parquet::Chunk& chunk) {
  const int64_t dictionary = chunk.dictionary_offset.value_or(0);
  return dictionary == 0 ? chunk.pages_offset : std::min(dictionary, chunk.pages_offset);
}

bool is_chunk_sound(const parquet::Chunk& chunk, const parquet::RowGroup& group, uint64_t end) {
  const int64_t start = start_of(chunk);
  return chunk.values == group.rows && start >= 0 && chunk.stored_bytes >= 0 &&
         static_cast<uint64_t>(start) <= end &&
         static_cast<uint64_t>(chunk.stored_bytes) <= end - static_cast<uint64_t>(start);
}

}  // namespace

Extent extent_of(const parquet::Chunk& chunk) {
  return {static_cast<uint64_t>(start_of(chunk)), static_cast<uint64_t>(chunk.stored_bytes)};
}

Result<std::vector<Column>> columns_of(const parquet::Footer& footer, const std::string& key,
                                       uint64_t offset) {
  if (footer.schema.empty() || footer.schema[0].type || footer.schema[0].children < 0 ||
      static_cast<size_t>(footer.schema[0].children) > footer.schema.size() - 1) {
    return corrupt(key, offset, "the schema has no sound root");
  }
  std::vector<Column> columns;
  for (size_t i = 1; i < footer.schema.size(); ++i) {
    const parquet::SchemaElement& element = footer.schema[i];
    if (!element.type || element.children != 0 ||
        element.repetition.value_or(parquet::Repetition::kRepeated) ==
            parquet::Repetition::kRepeated) {
      return unsupported(key, offset, "column " + element.name + " is nested");
    }
    const auto type = type_of(element);
    if (!type) return unsupported(key, offset, "column " + element.name + " has an unknown type");
    columns.push_back({element.field_id, element.name, *type,
                       element.repetition == parquet::Repetition::kRequired});
  }
  if (columns.size() != static_cast<size_t>(footer.schema[0].children)) {
    return corrupt(key, offset, "the schema has another number of columns than it says");
  }
  return columns;
}

Status check_row_groups(const parquet::Footer& footer, const std::string& key, uint64_t offset) {
  int64_t rows_left = footer.rows;
  for (const parquet::RowGroup& group : footer.row_groups) {
    if (group.rows < 0 || group.rows > rows_left) {
      return corrupt(key, offset, "the row groups have more rows than the file");
    }
    rows_left -= group.rows;
    if (group.chunks.size() != footer.schema.size() - 1) {
      return corrupt(key, offset, "a row group has another number of columns than the schema");
    }
    for (size_t i = 0; i < group.chunks.size(); ++i) {
      const parquet::Chunk& chunk = group.chunks[i];
      if (chunk.elsewhere) return unsupported(key, offset, "a column chunk is not in this file");
      if (chunk.compression != parquet::Compression::kNone &&
          chunk.compression != parquet::Compression::kZstd) {
        return unsupported(key, offset, "column " + chunk.path + " has an unknown compression");
      }
      if (chunk.type != footer.schema[i + 1].type || !is_chunk_sound(chunk, group, offset)) {
        return corrupt(key, offset, "column " + chunk.path + " has an impossible chunk");
      }
    }
  }
  if (rows_left != 0) return corrupt(key, offset, "the row groups have fewer rows than the file");
  return ok();
}

}  // namespace sluice::part
