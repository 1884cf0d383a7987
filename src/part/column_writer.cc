#include "part/column_writer.h"

#include <bit>
#include <string_view>
#include <type_traits>

#include "base/check.h"
#include "base/hash.h"
#include "part/chunk_pages.h"
#include "part/encoding/dictionary.h"
#include "part/encoding/hybrid.h"
#include "part/encoding/plain.h"
#include "part/micros.h"

namespace sluice::part {
namespace {

using parquet::Encoding;

/// Bits of an index into `size` values; one at least, which every reader expects.
int index_width(size_t size) {
  return size <= 2 ? 1 : std::bit_width(size - 1);
}

/// T is what the column stores: uint8_t (bool), int32_t, int64_t, float, double, std::string_view.
template <class T>
class TypedColumnWriter final : public ColumnWriter {
 public:
  TypedColumnWriter(const WriterColumn& column, const WriterOptions& options,
                    Compressor& compressor)
      : column_(column), options_(options), pages_(column_.column, compressor) {
    begin_chunk();
  }

  void append(const ColumnView& view, RowRange rows) override {
    const std::span<const T> values = gather(view, rows);
    const uint64_t bytes = plain_bytes(values);
    if (in_dictionary_ && dictionary_.plain().size() + bytes > options_.dictionary_bytes) {
      cut_page();
      in_dictionary_ = false;
    }
    append_levels(view, rows, values.size());
    append_values(values);
    open_bytes_ += bytes;
    tally_.rows += rows.count;
    tally_.null_count += rows.count - values.size();
    tally_.add(column_.column.type, values);
    if (open_bytes_ >= options_.page_bytes || tally_.rows >= parquet::kPageRowsMax) cut_page();
  }

  uint64_t held_bytes() const override {
    return pages_.held_bytes() + dictionary_.plain().size() + plain_.size() +
           indices_.size() * sizeof(uint32_t) + levels_.size();
  }

  Result<WrittenChunk> finish_chunk(Upload& upload, uint64_t offset) override {
    cut_page();
    WrittenChunk written =
        TRY(pages_.write(upload, offset, dictionary_.plain(), dictionary_.size()));
    begin_chunk();
    return written;
  }

 private:
  static constexpr bool kIsBool = std::is_same_v<T, uint8_t>;

  void begin_chunk() {
    dictionary_.clear();
    in_dictionary_ = !kIsBool;
  }

  /// The values that are not null, transformed; in the batch itself where that is the same.
  std::span<const T> gather(const ColumnView& view, RowRange rows) {
    if (view.type == Type::kNull) return {};
    if constexpr (std::is_same_v<T, std::string_view>) {
      return collect(view, rows, [&](uint32_t row) { return view.bytes(row); });
    } else if constexpr (std::is_same_v<T, int32_t>) {
      if (column_.transform == Transform::kNanos) {
        return collect(view, rows, [&](uint32_t row) { return nanos_remainder(view.int64(row)); });
      }
      return collect(view, rows, [&](uint32_t row) { return static_cast<T>(view.int64(row)); });
    } else if constexpr (std::is_same_v<T, float>) {
      return collect(view, rows, [&](uint32_t row) { return static_cast<T>(view.real(row)); });
    } else {
      if (column_.transform == Transform::kMicros) {
        return collect(view, rows,
                       [&](uint32_t row) { return static_cast<T>(floor_micros(view.int64(row))); });
      }
      const T* values = reinterpret_cast<const T*>(view.values);
      if (view.null_count == 0) return {values + rows.first, rows.count};
      return collect(view, rows, [&](uint32_t row) { return values[row]; });
    }
  }

  template <class Get>
  std::span<const T> collect(const ColumnView& view, RowRange rows, Get get) {
    values_.resize(rows.count);
    T* out = values_.data();
    const uint32_t end = rows.first + rows.count;
    if (view.null_count == 0) {
      for (uint32_t row = rows.first; row < end; ++row) *out++ = get(row);
    } else {
      for (uint32_t row = rows.first; row < end; ++row) {
        if (!view.is_null(row)) *out++ = get(row);
      }
    }
    return {values_.data(), out};
  }

  void append_levels(const ColumnView& view, RowRange rows, size_t values) {
    if (column_.column.required) return;
    if (values == rows.count || values == 0) {
      levels_.resize(levels_.size() + rows.count, values == 0 ? 0 : 1);
      return;
    }
    for (uint32_t i = 0; i < rows.count; ++i) {
      levels_.push_back(view.is_null(rows.first + i) ? 0 : 1);
    }
  }

  void append_values(std::span<const T> values) {
    if (!in_dictionary_) return append_plain(values, plain_);
    const size_t first = indices_.size();
    indices_.resize(first + values.size());
    uint32_t* index = indices_.data() + first;
    if constexpr (std::is_same_v<T, std::string_view>) {
      for (size_t at = 0; at < values.size(); ++at, ++index) {  // sorted parts have long runs
        const bool repeats = at > 0 && same_text(values[at], values[at - 1]);
        *index = repeats ? index[-1] : dictionary_.index_of(values[at]);
      }
    } else {
      for (const T value : values) *index++ = dictionary_.index_of(value);
    }
  }

  void cut_page() {
    if (tally_.rows == 0) return;
    if (in_dictionary_ && !pages_.use_dictionary() && !dictionary_pays()) drop_dictionary();
    body_.clear();
    if (!column_.column.required) put_levels();
    if (in_dictionary_) {
      const int width = index_width(dictionary_.size());
      body_.push_back(static_cast<std::byte>(width));
      encode_hybrid(std::span<const uint32_t>(indices_), width, body_);
    } else if constexpr (kIsBool) {
      append_bits(plain_, body_);
    } else {
      body_.insert(body_.end(), plain_.begin(), plain_.end());
    }
    pages_.add(in_dictionary_ ? Encoding::kRleDictionary : Encoding::kPlain, body_, tally_);
    plain_.clear();
    indices_.clear();
    levels_.clear();
    tally_ = {};
    open_bytes_ = 0;
  }

  void put_levels() {
    body_.resize(sizeof(uint32_t));
    encode_hybrid(std::span<const uint8_t>(levels_), 1, body_);
    store(body_.data(), static_cast<uint32_t>(body_.size() - sizeof(uint32_t)));
  }

  /// Decided by the first page, as if the chunk ended with it: a chunk that goes on only gains.
  bool dictionary_pays() const {
    const auto width = static_cast<uint64_t>(index_width(dictionary_.size()));
    return dictionary_.plain().size() + indices_.size() * width / 8 < open_bytes_;
  }

  void drop_dictionary() {
    for (const uint32_t index : indices_) {
      const T value = dictionary_[index];
      append_plain(std::span<const T>(&value, 1), plain_);
    }
    indices_.clear();
    dictionary_.clear();
    in_dictionary_ = false;
  }

  const WriterColumn column_;
  const WriterOptions& options_;
  ChunkPages pages_;
  Dictionary<T> dictionary_;
  bool in_dictionary_ = false;  // the open page goes through the dictionary
  // The open page.
  std::vector<uint8_t> levels_;
  std::vector<uint32_t> indices_;
  Bytes plain_;
  uint64_t open_bytes_ = 0;  // of its values, PLAIN
  Tally tally_;
  // Scratch.
  std::vector<T> values_;
  Bytes body_;
};

}  // namespace

std::unique_ptr<ColumnWriter> make_column_writer(const WriterColumn& column,
                                                 const WriterOptions& options,
                                                 Compressor& compressor) {
  switch (column.column.type) {
    case PhysicalType::kBool:
      return std::make_unique<TypedColumnWriter<uint8_t>>(column, options, compressor);
    case PhysicalType::kInt32:
      return std::make_unique<TypedColumnWriter<int32_t>>(column, options, compressor);
    case PhysicalType::kInt64:
    case PhysicalType::kTimestampMicros:
      return std::make_unique<TypedColumnWriter<int64_t>>(column, options, compressor);
    case PhysicalType::kFloat:
      return std::make_unique<TypedColumnWriter<float>>(column, options, compressor);
    case PhysicalType::kDouble:
      return std::make_unique<TypedColumnWriter<double>>(column, options, compressor);
    case PhysicalType::kString:
    case PhysicalType::kBinary:
      return std::make_unique<TypedColumnWriter<std::string_view>>(column, options, compressor);
  }
  CHECK(false);
}

}  // namespace sluice::part
