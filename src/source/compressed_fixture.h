// What the tests of compressed inputs share: text as a gzip member or a zstd frame.
#pragma once

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <string>
#include <string_view>

#include "base/check.h"

namespace sluice::source {

inline std::string gzip_member(std::string_view text) {
  isal_zstream stream;
  isal_deflate_init(&stream);
  std::string out(text.size() + 4096, '\0');
  std::string in(text);
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.next_in = reinterpret_cast<uint8_t*>(in.data());
  stream.avail_in = static_cast<uint32_t>(in.size());
  stream.next_out = reinterpret_cast<uint8_t*>(out.data());
  stream.avail_out = static_cast<uint32_t>(out.size());
  CHECK(isal_deflate(&stream) == COMP_OK && stream.internal_state.state == ZSTATE_END);
  out.resize(stream.total_out);
  return out;
}

/// With a checksum, as the zstd command makes it.
inline std::string zstd_frame(std::string_view text, int window_log = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
  ZSTD_inBuffer in = {text.data(), text.size(), 0};
  ZSTD_outBuffer to = {out.data(), out.size(), 0};
  // The size is left unknown, so that the frame names its window.
  while (ZSTD_compressStream2(context, &to, &in, ZSTD_e_continue) != 0 && in.pos < in.size) {
  }
  CHECK(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end) == 0);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

}  // namespace sluice::source
