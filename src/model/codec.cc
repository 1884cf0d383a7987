#include "model/codec.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/bytes.h"
#include "base/utf8.h"

namespace sluice::model {
namespace {

uint64_t validity_section_bytes(const ColumnShape& shape) {
  const bool present = shape.type != Type::kNull && shape.null_count > 0;
  return present ? align_up(shape.rows, 64) / 8 : 0;
}

uint64_t offsets_section_bytes(const ColumnShape& shape) {
  return is_text(shape.type) ? align_up((uint64_t{shape.rows} + 1) * sizeof(uint32_t), 8) : 0;
}

uint64_t unpadded_values_bytes(const ColumnShape& shape) {
  return is_text(shape.type) ? shape.text_bytes : shape.rows * value_bytes(shape.type);
}

ColumnView view_of(ByteView bytes, uint32_t rows, const ColumnDescriptor& column) {
  ColumnView view;
  view.type = column.type;
  view.rows = rows;
  view.null_count = column.null_count;
  if (column.type == Type::kNull) return view;
  const std::byte* base = bytes.data();
  view.values = base + column.values_offset;
  if (column.validity_offset != 0) {
    view.validity = reinterpret_cast<const uint8_t*>(base + column.validity_offset);
  }
  if (column.offsets_offset != 0) {
    view.offsets = reinterpret_cast<const uint32_t*>(base + column.offsets_offset);
  }
  return view;
}

Error corrupt(uint64_t offset, std::string what) {
  return Error({Code::kCorrupt, Reason::kDecodeFailure, std::move(what), {}, 0, offset});
}

bool is_zero(const std::byte* at, uint64_t bytes) {
  return std::all_of(at, at + bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

bool is_zero_value(const ColumnView& view, uint32_t row) {
  if (is_text(view.type)) return view.offsets[row] == view.offsets[row + 1];
  if (view.type == Type::kBool) return view.values[row] == std::byte{0};
  return load<uint64_t>(view.values + row * 8ull) == 0;
}

/// The bits are as many as they should be, none lies behind the last row, and nulls have no value.
/// Offsets are checked already.
bool is_valid_validity(const ColumnView& view) {
  uint64_t values = 0;
  for (uint32_t first = 0; first < view.rows; first += 64) {
    const uint32_t rows = std::min<uint32_t>(64, view.rows - first);
    const uint64_t mask = ~uint64_t{0} >> (64 - rows);
    const auto word = load<uint64_t>(reinterpret_cast<const std::byte*>(view.validity) + first / 8);
    if ((word & ~mask) != 0) return false;
    values += static_cast<uint64_t>(std::popcount(word));
    for (uint64_t nulls = ~word & mask; nulls != 0; nulls &= nulls - 1) {
      if (!is_zero_value(view, first + static_cast<uint32_t>(std::countr_zero(nulls))))
        return false;
    }
  }
  return values + view.null_count == view.rows;
}

bool is_valid_offsets(const ColumnView& view, uint32_t values_bytes) {
  bool descends = false;
  for (uint32_t row = 0; row < view.rows; ++row) {
    descends |= view.offsets[row + 1] < view.offsets[row];
  }
  const bool is_padded = view.rows % 2 == 1 || view.offsets[view.rows + 1] == 0;
  return !descends && is_padded && view.offsets[0] == 0 && view.offsets[view.rows] == values_bytes;
}

bool is_valid_bools(const ColumnView& view) {
  return std::all_of(view.values, view.values + view.rows,
                     [](std::byte byte) { return byte <= std::byte{1}; });
}

/// The sections lie within the bytes already.
Status check_sections(ByteView bytes, uint32_t rows, const ColumnDescriptor& column) {
  if (column.type == Type::kNull) return ok();
  const ColumnView view = view_of(bytes, rows, column);
  if (view.offsets != nullptr && !is_valid_offsets(view, column.values_bytes)) {
    return corrupt(column.offsets_offset, "its offsets are wrong");
  }
  if (view.validity != nullptr && !is_valid_validity(view)) {
    return corrupt(column.validity_offset,
                   "its validity bits fit neither the count nor the values");
  }
  const uint64_t padding_bytes = align_up(column.values_bytes, 8) - column.values_bytes;
  if (!is_zero(view.values + column.values_bytes, padding_bytes)) {
    return corrupt(column.values_offset, "its padding is not zero");
  }
  if (column.type == Type::kBool && !is_valid_bools(view)) {
    return corrupt(column.values_offset, "a bool is neither 0 nor 1");
  }
  if (column.type == Type::kString) {
    const std::optional<uint32_t> row = first_row_not_utf8(view);
    if (row) return corrupt(column.values_offset, "row " + std::to_string(*row) + " is not UTF-8");
  }
  return ok();
}

Result<Header> check_header(const Schema& schema, ByteView bytes) {
  if (bytes.size() < sizeof(Header)) return corrupt(0, "the batch is shorter than its header");
  const auto header = load<Header>(bytes.data());
  if (header.magic != kBatchMagic) return corrupt(0, "this is not a batch");
  if (header.version > kBatchVersion) {
    return Error({Code::kUnsupported,
                  Reason::kVersion,
                  "the batch has a newer format",
                  {},
                  kBatchVersion,
                  header.version});
  }
  if (bytes.size() > kBatchBytesMax || header.bytes != bytes.size()) {
    return corrupt(0, "the batch is not as long as its header says");
  }
  if (header.columns != schema.size()) return corrupt(0, "the columns are not the schema's");
  if (header.rows > (header.columns == 0 ? 0 : kBatchRowsMax)) {
    return corrupt(0, "the batch has more rows than it may");
  }
  if (head_bytes(header.columns) > bytes.size()) {
    return corrupt(0, "the batch is shorter than its descriptors");
  }
  return header;
}

Status check_column(ByteView bytes, size_t index, Type type, Layout& layout) {
  const uint64_t offset = head_bytes(index);
  const auto column = load<ColumnDescriptor>(bytes.data() + offset);
  if (column.type != type && column.type != Type::kNull) {
    return corrupt(offset, "its type is not the schema's");
  }
  const uint32_t rows = layout.rows();
  const bool is_count_right =
      column.type == Type::kNull ? column.null_count == rows : column.null_count <= rows;
  if (!is_count_right) return corrupt(offset, "its count of nulls is wrong");
  const uint64_t text_bytes = is_text(column.type) ? column.values_bytes : 0;
  const ColumnDescriptor& placed = layout.place({column.type, rows, column.null_count, text_bytes});
  if (layout.bytes() > bytes.size() || !(column == placed)) {
    return corrupt(offset, "its sections do not lie where they must");
  }
  return check_sections(bytes, rows, column);
}

}  // namespace

uint64_t section_bytes(const ColumnShape& shape) {
  return validity_section_bytes(shape) + offsets_section_bytes(shape) +
         align_up(unpadded_values_bytes(shape), 8);
}

const ColumnDescriptor& Layout::place(const ColumnShape& shape) {
  ColumnDescriptor& column = descriptors_.emplace_back();
  column.type = shape.type;
  column.null_count = shape.null_count;
  column.validity_offset = take(validity_section_bytes(shape));
  column.offsets_offset = take(offsets_section_bytes(shape));
  column.values_offset = take(align_up(unpadded_values_bytes(shape), 8));
  column.values_bytes = static_cast<uint32_t>(unpadded_values_bytes(shape));
  return column;
}

uint32_t Layout::take(uint64_t bytes) {
  if (bytes == 0) return 0;
  const uint64_t offset = bytes_;
  bytes_ += bytes;
  return static_cast<uint32_t>(offset);
}

Encoding::Encoding(const Layout& layout) : layout_(layout), words_(allocate_words(layout.bytes())) {
  const std::vector<ColumnDescriptor>& columns = layout.descriptors();
  Header header;
  header.rows = layout.rows();
  header.columns = static_cast<uint32_t>(columns.size());
  header.bytes = static_cast<uint32_t>(layout.bytes());
  store(base(), header);
  std::byte* at = base() + sizeof(Header);
  for (const ColumnDescriptor& column : columns) {
    store(at, column);
    at += sizeof(ColumnDescriptor);
    // The last word of a section holds its padding.
    if (column.offsets_offset != 0) {
      words_[(column.offsets_offset + (layout.rows() + 1ull) * sizeof(uint32_t) - 1) / 8] = 0;
    }
    if (column.values_offset != 0) {
      words_[(column.values_offset + uint64_t{column.values_bytes} - 1) / 8] = 0;
    }
  }
}

Encoding::Space Encoding::space(size_t column) {
  const ColumnDescriptor& placed = layout_.descriptors()[column];
  Space space;
  if (placed.validity_offset != 0) space.validity = words_.get() + placed.validity_offset / 8;
  if (placed.offsets_offset != 0) {
    space.offsets = reinterpret_cast<uint32_t*>(base() + placed.offsets_offset);
  }
  if (placed.values_offset != 0) space.values = base() + placed.values_offset;
  return space;
}

std::shared_ptr<uint64_t[]> allocate_words(uint64_t bytes) {
  return std::make_shared_for_overwrite<uint64_t[]>((bytes + 7) / 8);
}

ColumnView view_column(ByteView bytes, size_t index) {
  const auto header = load<Header>(bytes.data());
  return view_of(bytes, header.rows, load<ColumnDescriptor>(bytes.data() + head_bytes(index)));
}

Status check_encoding(const Schema& schema, ByteView bytes) {
  const Header header = TRY(check_header(schema, bytes));
  Layout layout(header.rows, header.columns);
  for (size_t index = 0; index < header.columns; ++index) {
    const Status status = check_column(bytes, index, schema[index].type, layout);
    if (!status.ok()) return status.error().with_context("column " + schema[index].name);
  }
  if (layout.bytes() != bytes.size())
    return corrupt(layout.bytes(), "bytes behind the last column");
  return ok();
}

std::optional<uint32_t> first_row_not_utf8(const ColumnView& strings) {
  const std::string_view all(reinterpret_cast<const char*>(strings.values),
                             strings.offsets[strings.rows]);
  // Each string is well-formed iff all of them in a row are and none begins inside a character.
  const auto begins_inside = [&](uint32_t offset) {
    return offset < all.size() && (static_cast<uint8_t>(all[offset]) & 0xc0) == 0x80;
  };
  if (is_utf8(all) &&
      std::none_of(strings.offsets, strings.offsets + strings.rows, begins_inside)) {
    return std::nullopt;
  }
  for (uint32_t row = 0; row < strings.rows; ++row) {
    if (!is_utf8(strings.bytes(row))) return row;
  }
  return std::nullopt;
}

}  // namespace sluice::model
