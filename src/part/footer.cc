#include "part/footer.h"

#include "base/bytes.h"
#include "base/object_checksum.h"
#include "part/thrift.h"

namespace sluice::part::parquet {
namespace {

using thrift::Field;
using thrift::Wire;

// ConvertedType and the members of the union LogicalType.
constexpr int32_t kConvertedUtf8 = 0;
constexpr int32_t kConvertedTimestampMicros = 10;
constexpr int32_t kConvertedInt32 = 17;
constexpr int32_t kConvertedInt64 = 18;
constexpr int16_t kLogicalString = 1;
constexpr int16_t kLogicalTimestamp = 8;
constexpr int16_t kLogicalInteger = 10;
constexpr int16_t kUnitMicros = 2;

// The fields that each of them must have take as much.
constexpr thrift::Elements kSchemaElements{Wire::kStruct, 4};
constexpr thrift::Elements kRowGroups{Wire::kStruct, 7};
constexpr thrift::Elements kChunks{Wire::kStruct, 16};
constexpr thrift::Elements kKeyValues{Wire::kStruct, 3};

template <class Enum>
int32_t number(Enum value) {
  return static_cast<int32_t>(value);
}

std::string take_text(const thrift::Writer& out) {
  return std::string(as_text(out.view()));
}

// --- writing -------------------------------------------------------------------------------------

void write_annotation(thrift::Writer& out, const SchemaElement& element) {
  if (element.annotation == Annotation::kNone) return;
  out.structure(10);
  if (element.annotation == Annotation::kString) {
    out.structure(kLogicalString);
  } else {
    out.structure(kLogicalTimestamp);
    out.boolean(1, true);
    out.structure(2);
    out.structure(kUnitMicros);
    out.end();
    out.end();
  }
  out.end();
  out.end();
}

void write_schema_element(thrift::Writer& out, const SchemaElement& element) {
  out.begin();
  if (element.type) out.i32(1, number(*element.type));
  if (element.repetition) out.i32(3, number(*element.repetition));
  out.binary(4, element.name);
  if (!element.type) out.i32(5, element.children);
  if (element.annotation == Annotation::kString) out.i32(6, kConvertedUtf8);
  if (element.annotation == Annotation::kTimestampMicrosUtc) out.i32(6, kConvertedTimestampMicros);
  if (element.type) out.i32(9, element.field_id);
  write_annotation(out, element);
  out.end();
}

void write_statistics(thrift::Writer& out, const Statistics& statistics) {
  out.structure(12);
  if (statistics.null_count) out.i64(3, *statistics.null_count);
  if (statistics.upper) out.binary(5, *statistics.upper);
  if (statistics.lower) out.binary(6, *statistics.lower);
  if (statistics.upper) out.boolean(7, statistics.upper_exact);
  if (statistics.lower) out.boolean(8, statistics.lower_exact);
  out.end();
}

void write_chunk(thrift::Writer& out, const Chunk& chunk) {
  out.begin();
  out.i64(2, 0);  // file_offset: deprecated, zero by the specification
  out.structure(3);
  out.i32(1, number(chunk.type));
  out.list(2, Wire::kI32, chunk.encodings.size());
  for (const Encoding encoding : chunk.encodings) out.i32(number(encoding));
  out.list(3, Wire::kBinary, 1);
  out.binary(chunk.path);
  out.i32(4, number(chunk.compression));
  out.i64(5, chunk.values);
  out.i64(6, chunk.plain_bytes);
  out.i64(7, chunk.stored_bytes);
  out.i64(9, chunk.pages_offset);
  if (chunk.dictionary_offset) out.i64(11, *chunk.dictionary_offset);
  write_statistics(out, chunk.statistics);
  out.end();
  if (chunk.offset_index_bytes > 0) {
    out.i64(4, chunk.offset_index_offset);
    out.i32(5, chunk.offset_index_bytes);
  }
  if (chunk.column_index_bytes > 0) {
    out.i64(6, chunk.column_index_offset);
    out.i32(7, chunk.column_index_bytes);
  }
  out.end();
}

void write_row_group(thrift::Writer& out, const RowGroup& group, size_t ordinal) {
  out.begin();
  out.list(1, Wire::kStruct, group.chunks.size());
  for (const Chunk& chunk : group.chunks) write_chunk(out, chunk);
  out.i64(2, group.plain_bytes);
  out.i64(3, group.rows);
  out.i64(5, group.offset);
  out.i64(6, group.stored_bytes);
  if (ordinal <= INT16_MAX) out.i16(7, static_cast<int16_t>(ordinal));
  out.end();
}

// --- reading -------------------------------------------------------------------------------------

bool is_micros(thrift::Reader& in, Field unit) {
  bool micros = false;
  in.structure(unit, [&](Field field) {
    micros = field.id == kUnitMicros;
    in.skip(field);
  });
  return micros;
}

Annotation read_logical_timestamp(thrift::Reader& in, Field timestamp) {
  bool utc = false;
  bool micros = false;
  in.structure(timestamp, [&](Field field) {
    if (field.id == 1) {
      utc = in.boolean(field);
    } else if (field.id == 2) {
      micros = is_micros(in, field);
    } else {
      in.skip(field);
    }
  });
  return utc && micros ? Annotation::kTimestampMicrosUtc : Annotation::kOther;
}

/// A signed integer says no more than the physical type: its width is checked by nobody.
Annotation read_logical_integer(thrift::Reader& in, Field integer) {
  bool is_signed = false;
  in.structure(integer, [&](Field field) {
    if (field.id == 2) {
      is_signed = in.boolean(field);
    } else {
      in.skip(field);
    }
  });
  return is_signed ? Annotation::kNone : Annotation::kOther;
}

Annotation read_logical(thrift::Reader& in, Field logical) {
  Annotation annotation = Annotation::kOther;
  in.structure(logical, [&](Field field) {
    if (field.id == kLogicalTimestamp) {
      annotation = read_logical_timestamp(in, field);
    } else if (field.id == kLogicalInteger) {
      annotation = read_logical_integer(in, field);
    } else {
      annotation = field.id == kLogicalString ? Annotation::kString : Annotation::kOther;
      in.skip(field);
    }
  });
  return annotation;
}

Annotation annotation_of_converted(int32_t converted) {
  switch (converted) {
    case kConvertedUtf8:
      return Annotation::kString;
    case kConvertedTimestampMicros:
      return Annotation::kTimestampMicrosUtc;
    case kConvertedInt32:
    case kConvertedInt64:
      return Annotation::kNone;
    default:
      return Annotation::kOther;
  }
}

SchemaElement read_schema_element(thrift::Reader& in) {
  SchemaElement element;
  std::optional<Annotation> logical;
  in.structure([&](Field field) {
    switch (field.id) {
      case 1:
        element.type = static_cast<Physical>(in.i32(field));
        break;
      case 3:
        element.repetition = static_cast<Repetition>(in.i32(field));
        break;
      case 4:
        element.name = in.binary(field);
        break;
      case 5:
        element.children = in.i32(field);
        break;
      case 6:
        element.annotation = annotation_of_converted(in.i32(field));
        break;
      case 9:
        element.field_id = in.i32(field);
        break;
      case 10:
        logical = read_logical(in, field);
        break;
      default:
        in.skip(field);
    }
  });
  if (logical) element.annotation = *logical;
  return element;
}

Statistics read_statistics(thrift::Reader& in, Field statistics_field) {
  Statistics statistics;
  in.structure(statistics_field, [&](Field field) {
    switch (field.id) {
      case 3:
        statistics.null_count = in.i64(field);
        break;
      case 5:
        statistics.upper = in.binary(field);
        break;
      case 6:
        statistics.lower = in.binary(field);
        break;
      case 7:
        statistics.upper_exact = in.boolean(field);
        break;
      case 8:
        statistics.lower_exact = in.boolean(field);
        break;
      default:
        in.skip(field);
    }
  });
  return statistics;
}

void read_chunk_body(thrift::Reader& in, Field body, Chunk& chunk) {
  in.structure(body, [&](Field field) {
    switch (field.id) {
      case 1:
        chunk.type = static_cast<Physical>(in.i32(field));
        break;
      case 2:
        in.list(field, {Wire::kI32, 1},
                [&] { chunk.encodings.push_back(static_cast<Encoding>(in.i32())); });
        break;
      case 3:
        in.list(field, {Wire::kBinary, 1}, [&] {
          if (!chunk.path.empty()) chunk.path += '.';
          chunk.path += in.binary();
        });
        break;
      case 4:
        chunk.compression = static_cast<Compression>(in.i32(field));
        break;
      case 5:
        chunk.values = in.i64(field);
        break;
      case 6:
        chunk.plain_bytes = in.i64(field);
        break;
      case 7:
        chunk.stored_bytes = in.i64(field);
        break;
      case 9:
        chunk.pages_offset = in.i64(field);
        break;
      case 11:
        chunk.dictionary_offset = in.i64(field);
        break;
      case 12:
        chunk.statistics = read_statistics(in, field);
        break;
      default:
        in.skip(field);
    }
  });
}

Chunk read_chunk(thrift::Reader& in) {
  Chunk chunk;
  chunk.elsewhere = true;
  bool foreign = false;
  in.structure([&](Field field) {
    switch (field.id) {
      case 3:
        chunk.elsewhere = false;
        return read_chunk_body(in, field, chunk);
      case 4:
        chunk.offset_index_offset = in.i64(field);
        return;
      case 5:
        chunk.offset_index_bytes = in.i32(field);
        return;
      case 6:
        chunk.column_index_offset = in.i64(field);
        return;
      case 7:
        chunk.column_index_bytes = in.i32(field);
        return;
      default:
        break;
    }
    // file_path, crypto_metadata, encrypted_column_metadata
    foreign = foreign || field.id == 1 || field.id == 8 || field.id == 9;
    in.skip(field);
  });
  chunk.elsewhere = chunk.elsewhere || foreign;
  return chunk;
}

RowGroup read_row_group(thrift::Reader& in) {
  RowGroup group;
  in.structure([&](Field field) {
    switch (field.id) {
      case 1:
        in.list(field, kChunks, [&] { group.chunks.push_back(read_chunk(in)); });
        break;
      case 2:
        group.plain_bytes = in.i64(field);
        break;
      case 3:
        group.rows = in.i64(field);
        break;
      default:
        in.skip(field);
    }
  });
  return group;
}

std::pair<std::string, std::string> read_key_value(thrift::Reader& in) {
  std::pair<std::string, std::string> key_value;
  in.structure([&](Field field) {
    if (field.id == 1) {
      key_value.first = in.binary(field);
    } else if (field.id == 2) {
      key_value.second = in.binary(field);
    } else {
      in.skip(field);
    }
  });
  return key_value;
}

void read_dictionary_header(thrift::Reader& in, Field body, PageHeader& header) {
  in.structure(body, [&](Field field) {
    if (field.id == 1) {
      header.values = in.i32(field);
    } else if (field.id == 2) {
      header.encoding = static_cast<Encoding>(in.i32(field));
    } else {
      in.skip(field);
    }
  });
}

void read_v1_header(thrift::Reader& in, Field body, PageHeader& header) {
  in.structure(body, [&](Field field) {
    switch (field.id) {
      case 1:
        header.values = in.i32(field);
        break;
      case 2:
        header.encoding = static_cast<Encoding>(in.i32(field));
        break;
      case 3:
        header.levels_encoding = static_cast<Encoding>(in.i32(field));
        break;
      default:
        in.skip(field);
    }
  });
}

void read_v2_header(thrift::Reader& in, Field body, PageHeader& header) {
  in.structure(body, [&](Field field) {
    switch (field.id) {
      case 1:
        header.values = in.i32(field);
        break;
      case 4:
        header.encoding = static_cast<Encoding>(in.i32(field));
        break;
      case 5:
        header.levels_bytes = in.i32(field);
        break;
      case 6:
        header.repetition_bytes = in.i32(field);
        break;
      case 7:
        header.compressed = in.boolean(field);
        break;
      default:
        in.skip(field);
    }
  });
}

}  // namespace

std::string encode_footer(const Footer& footer) {
  thrift::Writer out;
  out.begin();
  out.i32(1, 2);
  out.list(2, Wire::kStruct, footer.schema.size());
  for (const SchemaElement& element : footer.schema) write_schema_element(out, element);
  out.i64(3, footer.rows);
  out.list(4, Wire::kStruct, footer.row_groups.size());
  for (size_t i = 0; i < footer.row_groups.size(); ++i) {
    write_row_group(out, footer.row_groups[i], i);
  }
  out.list(5, Wire::kStruct, footer.keys.size());
  for (const auto& [key, value] : footer.keys) {
    out.begin();
    out.binary(1, key);
    out.binary(2, value);
    out.end();
  }
  out.binary(6, footer.created_by);
  out.list(7, Wire::kStruct, footer.schema.size() - 1);
  for (size_t column = 1; column < footer.schema.size(); ++column) {
    out.begin();
    out.structure(1);  // TYPE_ORDER
    out.end();
    out.end();
  }
  out.end();
  return take_text(out);
}

std::optional<Footer> decode_footer(ByteView bytes) {
  thrift::Reader in(bytes);
  Footer footer;
  in.structure([&](Field field) {
    switch (field.id) {
      case 2:
        in.list(field, kSchemaElements, [&] { footer.schema.push_back(read_schema_element(in)); });
        break;
      case 3:
        footer.rows = in.i64(field);
        break;
      case 4:
        in.list(field, kRowGroups, [&] { footer.row_groups.push_back(read_row_group(in)); });
        break;
      case 5:
        in.list(field, kKeyValues, [&] { footer.keys.push_back(read_key_value(in)); });
        break;
      case 6:
        footer.created_by = in.binary(field);
        break;
      default:
        in.skip(field);
    }
  });
  if (!in.ok()) return std::nullopt;
  return footer;
}

std::optional<size_t> find_checksum(std::string_view footer) {
  // The key, then its value: a binary field one above, and its length.
  const std::string start = std::string(kChecksumName) + "\x18\x10";
  static_assert(2 * kChecksumDigits == 0x10);
  const size_t at = footer.rfind(start);
  if (at == std::string_view::npos) return std::nullopt;
  const size_t digits = at + start.size();
  if (footer.size() - digits < 2 * kChecksumDigits) return std::nullopt;
  return digits;
}

std::string encode_page_header(const PageHeader& header) {
  thrift::Writer out;
  out.begin();
  out.i32(1, number(header.type));
  out.i32(2, header.plain_bytes);
  out.i32(3, header.stored_bytes);
  if (header.crc) out.i32(4, static_cast<int32_t>(*header.crc));
  out.structure(header.type == PageType::kV1 ? 5 : 7);
  out.i32(1, header.values);
  out.i32(2, number(header.encoding));
  if (header.type == PageType::kV1) {
    out.i32(3, number(Encoding::kRle));
    out.i32(4, number(Encoding::kRle));
  }
  out.end();
  out.end();
  return take_text(out);
}

std::optional<DecodedPageHeader> decode_page_header(ByteView bytes) {
  thrift::Reader in(bytes);
  PageHeader header;
  in.structure([&](Field field) {
    switch (field.id) {
      case 1:
        header.type = static_cast<PageType>(in.i32(field));
        break;
      case 2:
        header.plain_bytes = in.i32(field);
        break;
      case 3:
        header.stored_bytes = in.i32(field);
        break;
      case 4:
        header.crc = static_cast<uint32_t>(in.i32(field));
        break;
      case 5:
        read_v1_header(in, field, header);
        break;
      case 7:
        read_dictionary_header(in, field, header);
        break;
      case 8:
        read_v2_header(in, field, header);
        break;
      default:
        in.skip(field);
    }
  });
  if (!in.ok()) return std::nullopt;
  return DecodedPageHeader{header, in.offset()};
}

std::string encode_column_index(std::span<const PageEntry> pages, BoundaryOrder order) {
  thrift::Writer out;
  out.begin();
  out.list(1, Wire::kTrue, pages.size());
  for (const PageEntry& page : pages) out.boolean(page.all_null);
  out.list(2, Wire::kBinary, pages.size());
  for (const PageEntry& page : pages) out.binary(page.lower);
  out.list(3, Wire::kBinary, pages.size());
  for (const PageEntry& page : pages) out.binary(page.upper);
  out.i32(4, number(order));
  out.list(5, Wire::kI64, pages.size());
  for (const PageEntry& page : pages) out.i64(page.null_count);
  out.end();
  return take_text(out);
}

std::string encode_offset_index(std::span<const PageEntry> pages) {
  thrift::Writer out;
  out.begin();
  out.list(1, Wire::kStruct, pages.size());
  for (const PageEntry& page : pages) {
    out.begin();
    out.i64(1, page.offset);
    out.i32(2, page.bytes);
    out.i64(3, page.first_row);
    out.end();
  }
  out.end();
  return take_text(out);
}

}  // namespace sluice::part::parquet
