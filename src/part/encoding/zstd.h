// zstd frames with a content checksum. One thread each.
#pragma once

#include <memory>
#include <span>

#include "part/encoding/plain.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace sluice::part {

class Compressor {
 public:
  /// A level outside of what zstd knows is taken as the nearest one.
  explicit Compressor(int level);
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  /// One frame; valid until the next call.
  ByteView compress(ByteView bytes);

 private:
  ZSTD_CCtx_s* context_;
  Bytes frame_;
};

class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  /// Whether `bytes` (any bytes) are frames of exactly out.size() bytes of content.
  bool decompress(ByteView bytes, std::span<std::byte> out);

 private:
  ZSTD_DCtx_s* context_;
};

/// No frame of `bytes` bytes holds more: a block of 4 bytes or more yields at most 128 KiB.
inline constexpr uint64_t zstd_content_bytes_max(uint64_t bytes) {
  return bytes / 4 * (128u << 10);
}

}  // namespace sluice::part
