// ColumnReader: the values of one column chunk, a window of rows at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "part/chunk_stream.h"
#include "part/encoding/hybrid.h"
#include "part/encoding/zstd.h"
#include "part/format.h"

namespace sluice::part {

class ColumnReader {
 public:
  /// `extent` lies within the object. The decompressor outlives the reader and may be shared.
  ColumnReader(ChunkStream stream, const parquet::Chunk& chunk, bool required,
               Decompressor& decompressor)
      : stream_(std::move(stream)),
        type_(chunk.type),
        compression_(chunk.compression),
        required_(required),
        decompressor_(decompressor),
        rows_left_(static_cast<uint64_t>(chunk.values)) {}

  /// Decodes the next rows if the window is used up. The chunk must have rows left.
  Status fill();
  /// Rows left in the window; row 0 is the next one. Views are valid until the next fill().
  uint32_t rows() const { return window_rows_ - at_; }
  void advance(uint32_t rows) { at_ += rows; }
  bool is_null(uint32_t row) const { return present_[at_ + row] == 0; }
  /// Booleans, integers, and the bits of doubles; floats as doubles.
  int64_t number(uint32_t row) const { return numbers_[at_ + row]; }
  std::string_view text(uint32_t row) const { return texts_[at_ + row]; }
  /// Of the whole window.
  bool has_nulls() const { return has_nulls_; }
  const int64_t* numbers() const { return numbers_.data() + at_; }
  bool has_texts() const { return type_ == parquet::Physical::kByteArray; }

 private:
  static constexpr uint32_t kWindowRows = 1024;

  /// How the values of a page are read: from `plain`, or by `indices` into the dictionary.
  struct Values {
    bool indexed = false;
    HybridReader indices;
    ByteReader plain{ByteView()};
    uint64_t bit = 0;  ///< booleans read
    uint8_t bits = 0;  ///< the byte that holds the last one
  };

  Status next_page();
  Result<parquet::PageHeader> read_header();
  Status unpack(const parquet::PageHeader& header, uint64_t prefix, bool compressed, Bytes& out);
  Status read_dictionary(const parquet::PageHeader& header);
  Status open_v1(const parquet::PageHeader& header);
  Status open_v2(const parquet::PageHeader& header);
  Status open_values(parquet::Encoding encoding, ByteView bytes);

  Status read_window(uint32_t rows);
  bool read_values(uint32_t count);
  bool read_indexed(uint32_t count);
  std::string_view dictionary_text(uint32_t index) const;
  bool read_plain(uint32_t count, std::vector<int64_t>& numbers,
                  std::vector<std::string_view>& texts);
  bool read_bits(uint32_t count, std::vector<int64_t>& numbers);
  template <class T>
  void spread(std::vector<T>& values, uint32_t count);

  Error malformed(std::string message) const;

  ChunkStream stream_;
  parquet::Physical type_;
  parquet::Compression compression_;
  bool required_;
  Decompressor& decompressor_;
  uint64_t rows_left_;  // in the chunk, behind the window

  bool has_dictionary_ = false;
  Bytes dictionary_bytes_;
  std::vector<int64_t> dictionary_numbers_;
  std::vector<uint32_t> dictionary_texts_;  // where each begins in the bytes: with its length

  uint64_t page_offset_ = 0;
  Bytes page_;
  uint32_t page_rows_left_ = 0;
  HybridReader levels_;
  Values values_;

  uint32_t window_rows_ = 0;
  uint32_t at_ = 0;
  bool has_nulls_ = false;
  std::vector<uint32_t> present_;
  std::vector<uint32_t> indices_;
  std::vector<int64_t> numbers_;
  std::vector<std::string_view> texts_;
};

}  // namespace sluice::part
