#include "sluice/batch.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "model/codec.h"

namespace sluice {
namespace {

using model::ColumnShape;
using model::Encoding;
using model::is_text;
using model::Layout;

/// The validity bits of rows [first, first + 64), one for rows that have a value; zero behind the
/// end.
uint64_t validity_word(const ColumnView& view, uint64_t first) {
  const auto word_at = [&](uint64_t word) {
    const auto* bits = reinterpret_cast<const std::byte*>(view.validity);
    return word * 64 < view.rows ? load<uint64_t>(bits + word * 8) : 0;
  };
  const uint64_t shift = first % 64;
  if (shift == 0) return word_at(first / 64);
  return word_at(first / 64) >> shift | word_at(first / 64 + 1) << (64 - shift);
}

/// The first `count` bits, one to 64.
uint64_t low_bits(uint64_t count) {
  return ~uint64_t{0} >> (64 - std::min<uint64_t>(count, 64));
}

/// Rows [first, first + rows) of a column.
struct Range {
  ColumnView view;
  uint32_t first;
  uint32_t rows;

  uint32_t null_count() const {
    if (view.type == Type::kNull) return rows;
    if (view.validity == nullptr) return 0;
    uint32_t values = 0;
    for (uint32_t row = 0; row < rows; row += 64) {
      values += static_cast<uint32_t>(
          std::popcount(validity_word(view, uint64_t{first} + row) & low_bits(rows - row)));
    }
    return rows - values;
  }

  ColumnShape shape() const {
    const uint64_t text_bytes =
        is_text(view.type) ? view.offsets[first + rows] - view.offsets[first] : 0;
    return {view.type, rows, null_count(), text_bytes};
  }

  void copy_to(Encoding::Space space) const {
    if (space.validity != nullptr) {
      for (uint32_t row = 0; row < rows; row += 64) {
        space.validity[row / 64] =
            validity_word(view, uint64_t{first} + row) & low_bits(rows - row);
      }
    }
    uint64_t from = first * model::value_bytes(view.type);
    uint64_t bytes = rows * model::value_bytes(view.type);
    if (space.offsets != nullptr) {
      from = view.offsets[first];
      bytes = view.offsets[first + rows] - from;
      for (uint32_t row = 0; row <= rows; ++row) {
        space.offsets[row] = view.offsets[first + row] - view.offsets[first];
      }
    }
    if (space.values != nullptr) std::memcpy(space.values, view.values + from, bytes);
  }
};

Error too_large(const char* message, uint64_t limit, uint64_t found) {
  return Error({Code::kInvalid, Reason::kPayloadTooLarge, message, {}, limit, found});
}

}  // namespace

Result<Batch> Batch::decode(SchemaPtr schema, ByteView bytes, std::shared_ptr<const void> owner) {
  CHECK(schema != nullptr);
  if (owner == nullptr && bytes.size() <= kBatchBytesMax) {
    const auto copy = model::allocate_words(bytes.size());
    if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
    bytes = {reinterpret_cast<const std::byte*>(copy.get()), bytes.size()};
    owner = copy;
  }
  CHECK(owner == nullptr || reinterpret_cast<uintptr_t>(bytes.data()) % 8 == 0);
  TRY(model::check_encoding(*schema, bytes));
  Batch batch;
  batch.rows_ = load<model::Header>(bytes.data()).rows;
  batch.schema_ = std::move(schema);
  batch.owner_ = std::move(owner);
  batch.bytes_ = bytes;
  return batch;
}

ColumnView Batch::column(size_t index) const {
  CHECK(schema_ != nullptr && index < schema_->size());
  return model::view_column(bytes_, index);
}

Batch Batch::slice(uint32_t first, uint32_t count) const {
  CHECK(first <= rows_ && count <= rows_ - first);
  if (count == rows_) return *this;
  Layout layout(count, schema_->size());
  for (size_t index = 0; index < schema_->size(); ++index) {
    layout.place(Range{column(index), first, count}.shape());
  }
  Encoding encoding(layout);
  for (size_t index = 0; index < schema_->size(); ++index) {
    Range{column(index), first, count}.copy_to(encoding.space(index));
  }
  Batch batch;
  batch.schema_ = schema_;
  batch.owner_ = encoding.owner();
  batch.bytes_ = encoding.bytes();
  batch.rows_ = count;
  return batch;
}

/// The rows of one column so far.
struct BatchBuilder::Column {
  Type type = Type::kNull;
  uint32_t rows = 0;
  std::vector<uint32_t> nulls;  ///< the rows without a value, ascending
  std::vector<uint64_t> words;  ///< values of 8 bytes
  std::vector<char> text;       ///< bools; the bytes of all strings
  std::vector<uint64_t> ends;   ///< of each string in `text`

  static Column& at(std::vector<Column>& columns, size_t index) {
    CHECK(index < columns.size());
    CHECK(columns[index].rows < UINT32_MAX);
    return columns[index];
  }

  void append_word(Type expected, uint64_t word) {
    CHECK(type == expected);
    words.push_back(word);
    ++rows;
  }

  void append_text(std::string_view value) {
    text.insert(text.end(), value.begin(), value.end());
    ends.push_back(text.size());
    ++rows;
  }

  void append_words(const ColumnView& source, size_t row, size_t count) {
    const size_t first = words.size();
    words.resize(first + count);
    if (count > 0) std::memcpy(words.data() + first, source.values + row * 8, count * 8);
    rows += static_cast<uint32_t>(count);
  }

  void append_texts(const ColumnView& source, size_t row, size_t count) {
    const uint64_t moved = text.size() - source.offsets[row];
    const auto* bytes = reinterpret_cast<const char*>(source.values);
    text.insert(text.end(), bytes + source.offsets[row], bytes + source.offsets[row + count]);
    for (size_t end = row + 1; end <= row + count; ++end) {
      ends.push_back(moved + source.offsets[end]);
    }
    rows += static_cast<uint32_t>(count);
  }

  void append_null() {
    if (type == Type::kBool) {
      text.push_back(0);
    } else if (is_text(type)) {
      ends.push_back(text.size());
    } else if (type != Type::kNull) {
      words.push_back(0);
    }
    nulls.push_back(rows++);
  }

  void truncate(uint32_t kept) {
    if (kept >= rows) return;
    rows = kept;
    while (!nulls.empty() && nulls.back() >= kept) nulls.pop_back();
    if (is_text(type)) {
      ends.resize(kept);
      text.resize(kept == 0 ? 0 : ends.back());
    } else if (type == Type::kBool) {
      text.resize(kept);
    } else if (type != Type::kNull) {
      words.resize(kept);
    }
  }

  ColumnShape shape() const {
    return {type, rows, static_cast<uint32_t>(nulls.size()), is_text(type) ? text.size() : 0};
  }

  void copy_to(Encoding::Space space) const {
    if (space.validity != nullptr) {
      for (uint32_t row = 0; row < rows; row += 64) space.validity[row / 64] = low_bits(rows - row);
      for (const uint32_t row : nulls) space.validity[row / 64] &= ~(uint64_t{1} << (row % 64));
    }
    if (space.offsets != nullptr) {
      space.offsets[0] = 0;
      for (uint32_t row = 0; row < rows; ++row) {
        space.offsets[row + 1] = static_cast<uint32_t>(ends[row]);
      }
    }
    if (space.values == nullptr) return;
    const ByteView values =
        words.empty() ? std::as_bytes(std::span(text)) : std::as_bytes(std::span(words));
    std::memcpy(space.values, values.data(), values.size());
  }

  static Result<Batch> encode(const SchemaPtr& schema, const std::vector<Column>& columns);
};

BatchBuilder::BatchBuilder(SchemaPtr schema) : schema_(std::move(schema)) {
  CHECK(schema_ != nullptr);
  columns_.resize(schema_->size());
  for (size_t index = 0; index < columns_.size(); ++index) {
    columns_[index].type = (*schema_)[index].type;
  }
}
BatchBuilder::~BatchBuilder() = default;
BatchBuilder::BatchBuilder(BatchBuilder&&) noexcept = default;
BatchBuilder& BatchBuilder::operator=(BatchBuilder&&) noexcept = default;

void BatchBuilder::append_null(size_t column) {
  Column::at(columns_, column).append_null();
}

void BatchBuilder::append_bool(size_t column, bool value) {
  Column& to = Column::at(columns_, column);
  CHECK(to.type == Type::kBool);
  to.text.push_back(value ? 1 : 0);
  ++to.rows;
}

void BatchBuilder::append_int64(size_t column, int64_t value) {
  Column::at(columns_, column).append_word(Type::kInt64, std::bit_cast<uint64_t>(value));
}

void BatchBuilder::append_double(size_t column, double value) {
  Column::at(columns_, column).append_word(Type::kDouble, std::bit_cast<uint64_t>(value));
}

void BatchBuilder::append_timestamp(size_t column, Nanos value) {
  Column::at(columns_, column).append_word(Type::kTimestamp, std::bit_cast<uint64_t>(value));
}

void BatchBuilder::append_integer(size_t column, int64_t value) {
  const Type type = Column::at(columns_, column).type;
  type == Type::kTimestamp ? append_timestamp(column, value) : append_int64(column, value);
}

void BatchBuilder::append_bytes(size_t column, std::string_view value) {
  Column& to = Column::at(columns_, column);
  CHECK(is_text(to.type));
  to.append_text(value);
}

void BatchBuilder::append_from(size_t column, const ColumnView& source, size_t row) {
  CHECK(row < source.rows);
  if (source.is_null(row)) return append_null(column);
  Column& to = Column::at(columns_, column);
  CHECK(to.type == source.type);
  if (is_text(to.type)) {
    to.append_text(source.bytes(row));
  } else if (to.type == Type::kBool) {
    append_bool(column, source.boolean(row));
  } else {
    to.append_word(to.type, load<uint64_t>(source.values + row * 8));
  }
}

void BatchBuilder::append_run(size_t column, const ColumnView& source, size_t row, size_t count) {
  CHECK(row <= source.rows && count <= source.rows - row);
  Column& to = Column::at(columns_, column);
  if (source.null_count > 0 || to.type == Type::kBool || to.type == Type::kNull) {
    for (const size_t end = row + count; row < end; ++row) append_from(column, source, row);
    return;
  }
  CHECK(to.type == source.type && count <= UINT32_MAX - to.rows);
  is_text(to.type) ? to.append_texts(source, row, count) : to.append_words(source, row, count);
}

uint32_t BatchBuilder::rows() const {
  if (columns_.empty()) return 0;
  const auto by_rows = [](const Column& a, const Column& b) { return a.rows < b.rows; };
  return std::min_element(columns_.begin(), columns_.end(), by_rows)->rows;
}

void BatchBuilder::truncate(uint32_t rows) {
  for (Column& column : columns_) column.truncate(rows);
}

uint64_t BatchBuilder::bytes() const {
  uint64_t bytes = model::head_bytes(columns_.size());
  for (const Column& column : columns_) bytes += model::section_bytes(column.shape());
  return bytes;
}

Result<Batch> BatchBuilder::Column::encode(const SchemaPtr& schema,
                                           const std::vector<Column>& columns) {
  const uint32_t rows = columns.empty() ? 0 : columns.front().rows;
  if (rows > kBatchRowsMax) return too_large("too many rows for one batch", kBatchRowsMax, rows);
  Layout layout(rows, columns.size());
  for (size_t index = 0; index < columns.size(); ++index) {
    if (columns[index].rows != rows) {
      return Error({Code::kInvalid, Reason::kNone,
                    "the column has more or fewer rows than the first", (*schema)[index].name, rows,
                    columns[index].rows});
    }
    layout.place(columns[index].shape());
  }
  if (layout.bytes() > kBatchBytesMax) {
    return too_large("too many bytes for one batch", kBatchBytesMax, layout.bytes());
  }
  Encoding encoding(layout);
  for (size_t index = 0; index < columns.size(); ++index) {
    columns[index].copy_to(encoding.space(index));
    if (columns[index].type != Type::kString) continue;
    const auto row = model::first_row_not_utf8(model::view_column(encoding.bytes(), index));
    if (row) {
      return Error({Code::kInvalid, Reason::kDecodeFailure, "the string is not UTF-8",
                    (*schema)[index].name, 0, *row});
    }
  }
  Batch batch;
  batch.schema_ = schema;
  batch.owner_ = encoding.owner();
  batch.bytes_ = encoding.bytes();
  batch.rows_ = rows;
  return batch;
}

Result<Batch> BatchBuilder::finish() {
  Result<Batch> batch = Column::encode(schema_, columns_);
  truncate(0);
  return batch;
}

}  // namespace sluice
