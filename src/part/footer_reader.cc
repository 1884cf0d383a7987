#include "part/footer_reader.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/object_checksum.h"
#include "part/chunk_stream.h"
#include "part/footer.h"

namespace sluice::part {
namespace {

/// The last bytes of the object, up to its end.
Result<std::string> read_tail(Bucket& bucket, const std::string& key, Extent extent) {
  ChunkStream stream(bucket, key, extent);
  return std::string(as_text(TRY(stream.peek(extent.bytes))));
}

}  // namespace

Result<LocatedFooter> read_footer(Bucket& bucket, const std::string& key, uint64_t bytes) {
  // Most footers are shorter than this: one request brings trailer and footer.
  constexpr uint64_t kTailBytes = 64u << 10;
  const uint64_t head_bytes = parquet::kMagic.size();
  if (bytes < head_bytes + parquet::kTrailerBytes) return corrupt(key, 0, "no Parquet file");
  uint64_t start = bytes - std::min(bytes, kTailBytes);
  std::string tail = TRY(read_tail(bucket, key, {start, bytes - start}));
  if (tail.ends_with(parquet::kEncryptedMagic)) {
    return unsupported(key, bytes - head_bytes, "the file is encrypted");
  }
  const uint64_t trailer = bytes - parquet::kTrailerBytes;
  if (!tail.ends_with(parquet::kMagic)) return corrupt(key, trailer, "no Parquet file");
  const auto footer_bytes = load<uint32_t>(as_bytes(tail).data() + (trailer - start));
  if (footer_bytes > std::min(trailer - head_bytes, parquet::kFooterBytesMax)) {
    return corrupt(key, trailer, "the footer has an impossible size");
  }
  const uint64_t footer_offset = trailer - footer_bytes;
  if (footer_offset < start) {
    tail = TRY(read_tail(bucket, key, {footer_offset, bytes - footer_offset}));
    start = footer_offset;
  }
  auto footer = parquet::decode_footer(as_bytes(tail).subspan(footer_offset - start, footer_bytes));
  if (!footer) return corrupt(key, footer_offset, "the footer cannot be read");
  LocatedFooter located{*std::move(footer), footer_offset, std::nullopt, ok()};
  const std::string_view end = std::string_view(tail).substr(footer_offset - start);
  const auto digits = parquet::find_checksum(end.substr(0, footer_bytes));
  if (!digits) return located;
  located.body_checksum = end.substr(*digits, kChecksumDigits);
  if (!checksum_fits(end, *digits + kChecksumDigits, checksum_seed(key))) {
    located.checksum = Error({Code::kCorrupt, Reason::kCrcMismatch,
                              "the footer's bytes are not those that were written under this name",
                              key, 0, footer_offset});
  }
  return located;
}

}  // namespace sluice::part
