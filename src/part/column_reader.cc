#include "part/column_reader.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "base/crc32.h"
#include "part/footer.h"

namespace sluice::part {
namespace {

using parquet::Compression;
using parquet::Encoding;
using parquet::PageHeader;
using parquet::PageType;
using parquet::Physical;

/// Bytes of a header to try first, and growing: its length is not known before it is read.
constexpr uint64_t kHeaderBytesGuess = 256;

}  // namespace

Error ColumnReader::malformed(std::string message) const {
  return corrupt(stream_.key(), page_offset_, std::move(message));
}

Status ColumnReader::fill() {
  if (rows() > 0) return ok();
  CHECK(rows_left_ > 0);
  while (page_rows_left_ == 0) TRY(next_page());
  return read_window(std::min(page_rows_left_, kWindowRows));
}

Status ColumnReader::next_page() {
  page_offset_ = stream_.offset();
  if (stream_.remaining() == 0) return malformed("a column chunk has too few rows");
  const PageHeader header = TRY(read_header());
  if (header.stored_bytes < 0 || header.plain_bytes < 0 || header.values < 0 ||
      static_cast<uint64_t>(header.stored_bytes) > stream_.remaining() ||
      static_cast<uint64_t>(header.plain_bytes) > parquet::kPageBytesMax) {
    return malformed("a page header has impossible sizes");
  }
  switch (header.type) {
    case PageType::kDictionary:
      return read_dictionary(header);
    case PageType::kV1:
      return open_v1(header);
    case PageType::kV2:
      return open_v2(header);
    case PageType::kIndex:
      break;
  }
  return unsupported(stream_.key(), page_offset_, "a page of unknown type");
}

Result<PageHeader> ColumnReader::read_header() {
  const uint64_t limit = std::min(stream_.remaining(), parquet::kPageHeaderBytesMax);
  for (uint64_t bytes = std::min(limit, kHeaderBytesGuess);;) {
    const auto decoded = parquet::decode_page_header(TRY(stream_.peek(bytes)));
    if (decoded) {
      stream_.consume(decoded->bytes);
      return decoded->header;
    }
    if (bytes == limit) return malformed("a page header cannot be read");
    bytes = std::min(limit, bytes * 8);
  }
}

/// The body into `out`; its first `prefix` bytes are not compressed.
Status ColumnReader::unpack(const PageHeader& header, uint64_t prefix, bool compressed,
                            Bytes& out) {
  const auto stored_bytes = static_cast<uint64_t>(header.stored_bytes);
  const auto plain_bytes = static_cast<uint64_t>(header.plain_bytes);
  const ByteView stored = TRY(stream_.peek(stored_bytes));
  stream_.consume(stored_bytes);
  if (header.crc && *header.crc != crc32(stored)) {
    return Error({Code::kCorrupt, Reason::kCrcMismatch,
                  "a page's bytes are not those that were written", stream_.key(), 0,
                  page_offset_});
  }
  if (prefix > stored_bytes || prefix > plain_bytes) return malformed("levels outside of a page");
  if (!compressed || compression_ == Compression::kNone) {
    if (stored_bytes != plain_bytes) return malformed("two sizes of an uncompressed page");
    out.assign(stored.begin(), stored.end());
    return ok();
  }
  if (plain_bytes - prefix > zstd_content_bytes_max(stored_bytes - prefix)) {
    return malformed("a page is larger than its bytes can hold");
  }
  out.assign(stored.begin(), stored.begin() + static_cast<ptrdiff_t>(prefix));
  out.resize(plain_bytes);
  const bool empty = stored_bytes == prefix && plain_bytes == prefix;
  if (!empty && !decompressor_.decompress(stored.subspan(prefix), std::span(out).subspan(prefix))) {
    return malformed("a page cannot be decompressed");
  }
  return ok();
}

Status ColumnReader::read_dictionary(const PageHeader& header) {
  if (has_dictionary_) return malformed("a second dictionary");
  if (header.encoding != Encoding::kPlain && header.encoding != Encoding::kPlainDictionary) {
    return unsupported(stream_.key(), page_offset_, "a dictionary of unknown encoding");
  }
  TRY(unpack(header, 0, true, dictionary_bytes_));
  has_dictionary_ = true;
  const auto count = static_cast<uint32_t>(header.values);
  // Every value takes four bytes or more.
  if (count > dictionary_bytes_.size() / 4 || type_ == Physical::kBoolean) {
    return malformed("a dictionary of impossible size");
  }
  values_ = {};
  values_.plain = ByteReader(dictionary_bytes_);
  std::vector<std::string_view> texts(has_texts() ? count : 0);
  dictionary_numbers_.resize(has_texts() ? 0 : count);
  if (!read_plain(count, dictionary_numbers_, texts)) return malformed("a dictionary ends early");
  if (!has_texts()) {
    dictionary_bytes_ = {};
    return ok();
  }
  dictionary_texts_.reserve(count);
  uint64_t begin = 0;
  for (const std::string_view text : texts) {
    dictionary_texts_.push_back(static_cast<uint32_t>(begin));
    begin += sizeof(uint32_t) + text.size();
  }
  return ok();
}

Status ColumnReader::open_v1(const PageHeader& header) {
  TRY(unpack(header, 0, true, page_));
  ByteReader body(page_);
  if (!required_) {
    if (header.levels_encoding != Encoding::kRle) {
      return unsupported(stream_.key(), page_offset_, "definition levels of unknown encoding");
    }
    levels_ = HybridReader(body.raw(body.fixed<uint32_t>()), 1);
  }
  if (!body.ok()) return malformed("levels outside of a page");
  page_rows_left_ = static_cast<uint32_t>(header.values);
  return open_values(header.encoding, body.raw(body.remaining()));
}

Status ColumnReader::open_v2(const PageHeader& header) {
  if (header.repetition_bytes != 0 || header.levels_bytes < 0) {
    return malformed("a flat page with repetition levels");
  }
  const auto levels_bytes = static_cast<uint64_t>(header.levels_bytes);
  TRY(unpack(header, levels_bytes, header.compressed, page_));
  const ByteView body(page_);
  if (levels_bytes > body.size()) return malformed("levels outside of a page");
  levels_ = HybridReader(body.first(levels_bytes), 1);
  page_rows_left_ = static_cast<uint32_t>(header.values);
  return open_values(header.encoding, body.subspan(levels_bytes));
}

Status ColumnReader::open_values(Encoding encoding, ByteView bytes) {
  if (page_rows_left_ > rows_left_) return malformed("a column chunk has too many rows");
  values_ = {};
  switch (encoding) {
    case Encoding::kPlain:
      values_.plain = ByteReader(bytes);
      return ok();
    case Encoding::kPlainDictionary:
    case Encoding::kRleDictionary: {
      if (!has_dictionary_) return malformed("a page without its dictionary");
      values_.indexed = true;
      if (bytes.empty()) return ok();  // no values
      const int width = static_cast<int>(bytes[0]);
      if (width > kHybridWidthMax) return malformed("a dictionary index of impossible width");
      values_.indices = HybridReader(bytes.subspan(1), width);
      return ok();
    }
    case Encoding::kRle:
      break;
  }
  return unsupported(stream_.key(), page_offset_, "a page of unknown encoding");
}

Status ColumnReader::read_window(uint32_t rows) {
  present_.assign(rows, 1);
  has_texts() ? texts_.resize(kWindowRows) : numbers_.resize(kWindowRows);
  if (!required_ && !levels_.read(present_)) return malformed("the levels of a page end early");
  uint32_t count = 0;
  for (const uint32_t level : present_) {
    if (level > 1) return malformed("a level of a flat column is above 1");
    count += level;
  }
  if (!read_values(count)) return malformed("the values of a page end early or have no meaning");
  if (count < rows) has_texts() ? spread(texts_, count) : spread(numbers_, count);
  page_rows_left_ -= rows;
  rows_left_ -= rows;
  window_rows_ = rows;
  has_nulls_ = count < rows;
  at_ = 0;
  return ok();
}

bool ColumnReader::read_values(uint32_t count) {
  return values_.indexed ? read_indexed(count) : read_plain(count, numbers_, texts_);
}

bool ColumnReader::read_indexed(uint32_t count) {
  indices_.resize(count);
  if (!values_.indices.read(indices_)) return false;
  const size_t size = has_texts() ? dictionary_texts_.size() : dictionary_numbers_.size();
  for (const uint32_t index : indices_) {
    if (index >= size) return false;
  }
  for (uint32_t i = 0; i < count; ++i) {
    if (has_texts()) {
      texts_[i] = dictionary_text(indices_[i]);
    } else {
      numbers_[i] = dictionary_numbers_[indices_[i]];
    }
  }
  return true;
}

std::string_view ColumnReader::dictionary_text(uint32_t index) const {
  const std::byte* const length = dictionary_bytes_.data() + dictionary_texts_[index];
  const auto* const text = reinterpret_cast<const char*>(length + sizeof(uint32_t));
  return {text, load<uint32_t>(length)};
}

/// The next `count` values; the vectors are as long as they need to be, or longer.
bool ColumnReader::read_plain(uint32_t count, std::vector<int64_t>& numbers,
                              std::vector<std::string_view>& texts) {
  ByteReader& plain = values_.plain;
  switch (type_) {
    case Physical::kBoolean:
      return read_bits(count, numbers);
    case Physical::kInt32:
      for (uint32_t i = 0; i < count; ++i) numbers[i] = plain.fixed<int32_t>();
      return plain.ok();
    case Physical::kFloat:
      for (uint32_t i = 0; i < count; ++i) {
        numbers[i] = std::bit_cast<int64_t>(
            static_cast<double>(std::bit_cast<float>(plain.fixed<uint32_t>())));
      }
      return plain.ok();
    case Physical::kInt64:
    case Physical::kDouble: {
      const ByteView bytes = plain.raw(count * sizeof(int64_t));
      if (!bytes.empty()) std::memcpy(numbers.data(), bytes.data(), bytes.size());
      return plain.ok();
    }
    case Physical::kByteArray:
      for (uint32_t i = 0; i < count; ++i) texts[i] = plain.text();
      return plain.ok();
    default:
      return false;
  }
}

bool ColumnReader::read_bits(uint32_t count, std::vector<int64_t>& numbers) {
  for (uint32_t i = 0; i < count; ++i, ++values_.bit) {
    if (values_.bit % 8 == 0) values_.bits = values_.plain.fixed<uint8_t>();
    numbers[i] = values_.bits >> values_.bit % 8 & 1;
  }
  return values_.plain.ok();
}

/// Moves the values to the rows that have one, from the back, so that none is overwritten.
template <class T>
void ColumnReader::spread(std::vector<T>& values, uint32_t count) {
  for (size_t row = present_.size(); row > 0; --row) {
    values[row - 1] = present_[row - 1] != 0 ? values[--count] : T{};
  }
}

}  // namespace sluice::part
