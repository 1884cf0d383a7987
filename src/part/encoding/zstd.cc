#include "part/encoding/zstd.h"

#include <zstd.h>

#include "base/check.h"

namespace sluice::part {

Compressor::Compressor(int level) : context_(ZSTD_createCCtx()) {
  CHECK(context_ != nullptr);
  CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level)));
  CHECK(!ZSTD_isError(ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1)));
}

Compressor::~Compressor() {
  ZSTD_freeCCtx(context_);
}

ByteView Compressor::compress(ByteView bytes) {
  const size_t bound = ZSTD_compressBound(bytes.size());
  if (frame_.size() < bound) frame_.resize(bound);
  const size_t size =
      ZSTD_compress2(context_, frame_.data(), frame_.size(), bytes.data(), bytes.size());
  CHECK(!ZSTD_isError(size));
  return ByteView(frame_).first(size);
}

Decompressor::Decompressor() : context_(ZSTD_createDCtx()) {
  CHECK(context_ != nullptr);
}

Decompressor::~Decompressor() {
  ZSTD_freeDCtx(context_);
}

bool Decompressor::decompress(ByteView bytes, std::span<std::byte> out) {
  return ZSTD_decompressDCtx(context_, out.data(), out.size(), bytes.data(), bytes.size()) ==
         out.size();
}

}  // namespace sluice::part
