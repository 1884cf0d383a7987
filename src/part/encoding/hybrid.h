// Parquet's hybrid of run lengths and bit packing, for definition levels and dictionary indices.
//
//   run := varint(count << 1)            | value in ceil(width / 8) bytes
//        | varint(groups << 1 | 1)       | groups * 8 values in `width` bits each, lowest first
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "part/encoding/plain.h"

namespace sluice::part {

inline constexpr int kHybridWidthMax = 32;

/// Appends `values`, each less than 2^width. T is uint8_t or uint32_t.
template <class T>
void encode_hybrid(std::span<const T> values, int width, Bytes& out);

/// Reads one encoded sequence piece by piece. Takes any bytes.
class HybridReader {
 public:
  HybridReader() = default;
  HybridReader(ByteView bytes, int width) : bytes_(bytes), width_(width) {}

  /// Fills `out`; false if the bytes end before or make no sense, for good.
  bool read(std::span<uint32_t> out);

 private:
  bool next_run();
  void unpack(std::span<uint32_t> out);

  ByteReader bytes_{ByteView()};
  int width_ = 0;
  uint64_t run_left_ = 0;
  bool packed_ = false;
  uint32_t run_value_ = 0;
  ByteView packed_bytes_;
  uint64_t packed_bit_ = 0;
};

}  // namespace sluice::part
