// Compression: gzip and zstd streams as the text that they hold.
//
// Several members or frames, one behind the other, are one text. Checksums are checked where the
// stream has them: gzip always, zstd if it was made with one (its command does).
#pragma once

#include <memory>
#include <string_view>

#include "source/source.h"

namespace sluice::source {

enum class Compression : uint8_t { kNone, kGzip, kZstd };
std::string_view to_string(Compression compression);

/// By the first bytes, never by the name. kInvalid: the name promises gzip or zstd and the bytes
/// are not. kUnsupported: a compression that is not known here, such as xz.
Result<Compression> detect_compression(std::string_view file_name, std::string_view first_bytes);
/// So many first bytes are enough.
inline constexpr size_t kMagicBytesMax = 8;

/// "a.csv" of "a.csv.gz": the name that tells the format.
std::string_view without_compression(std::string_view file_name);

/// A zstd frame that needs a larger window is refused: the window is held in memory.
inline constexpr unsigned kWindowLogMax = 27;  // 128 MiB, what the zstd command allows too

/// The text of `compressed`, which must outlive it; not for kNone. read() gives kInvalid, with
/// found() the offset in the compressed stream: kIncompletePayload if it ends too early,
/// kCrcMismatch, or kDecodeFailure, also for bytes behind the last member (zeros are padding).
/// kUnsupported (kPayloadTooLarge): the window. After an error it is spent.
std::unique_ptr<Input> decompress(Compression compression, Input& compressed);

/// Reads `count` bytes and forgets them. kConflict: there are fewer.
Status skip(Input& input, uint64_t count);

}  // namespace sluice::source
