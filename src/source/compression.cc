#include "source/compression.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "base/check.h"

namespace sluice::source {
namespace {

using std::string_view_literals::operator""sv;

constexpr size_t kPieceBytes = 256u << 10;

struct Magic {
  std::string_view bytes;
  std::string_view name;
};
constexpr Magic kForeignMagics[] = {{"BZh"sv, "bzip2"},
                                    {"\xfd"
                                     "7zXZ\0"sv,
                                     "xz"},
                                    {"\x04\x22\x4d\x18"sv, "lz4"},
                                    {"PK\x03\x04"sv, "zip"},
                                    {"7z\xbc\xaf\x27\x1c"sv, "7-Zip"}};

bool is_zstd(std::string_view bytes) {
  if (bytes.starts_with("\x28\xb5\x2f\xfd"sv)) return true;
  return bytes.size() >= 4 && (static_cast<unsigned char>(bytes[0]) & 0xf0) == 0x50 &&
         bytes.substr(1).starts_with("\x2a\x4d\x18"sv);  // a frame to be skipped
}

/// What the name promises, and how long the extension is.
std::pair<Compression, size_t> promised(std::string_view file_name) {
  constexpr std::pair<std::string_view, Compression> kExtensions[] = {
      {".gz", Compression::kGzip},
      {".gzip", Compression::kGzip},
      {".zst", Compression::kZstd},
      {".zstd", Compression::kZstd}};
  std::string name(file_name.substr(file_name.size() - std::min<size_t>(file_name.size(), 5)));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  for (const auto& [extension, compression] : kExtensions) {
    if (name.ends_with(extension)) return {compression, extension.size()};
  }
  return {Compression::kNone, 0};
}

/// The compressed bytes that were read and not yet used.
class Piece {
 public:
  explicit Piece(Input& input) : input_(input), buffer_(kPieceBytes) {}

  /// Reads on if nothing is left.
  Status fill() {
    if (!left_.empty() || ended_) return ok();
    const size_t got = TRY(input_.read(buffer_));
    ended_ = got == 0;
    left_ = std::span(buffer_).first(got);
    return ok();
  }
  std::span<std::byte> left() const { return left_; }
  void use(size_t count) {
    left_ = left_.subspan(count);
    used_ += count;
  }
  bool is_at_end() const { return ended_ && left_.empty(); }
  uint64_t used() const { return used_; }

 private:
  Input& input_;
  std::vector<std::byte> buffer_;
  std::span<std::byte> left_;
  uint64_t used_ = 0;
  bool ended_ = false;
};

Error fault(Reason reason, const std::string& what, uint64_t offset) {
  return Error({Code::kInvalid, reason,
                what + ", at byte " + std::to_string(offset) +
                    " of the compressed file; fetch or make the file again",
                "", 0, offset});
}

Error truncated(Compression compression, uint64_t offset) {
  return fault(Reason::kIncompletePayload,
               "the " + std::string(to_string(compression)) + " stream is cut off", offset);
}

class GzipInput final : public Input {
 public:
  explicit GzipInput(Input& compressed)
      : piece_(compressed), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }

  Result<size_t> read(std::span<std::byte> into) override {
    CHECK(!into.empty());
    for (;;) {
      TRY(piece_.fill());
      if (is_between_ && !TRY(begin_member())) return size_t{0};
      const size_t got = TRY(inflate(into));
      is_between_ = state_->block_state == ISAL_BLOCK_FINISH;
      if (got > 0) return got;
      if (!is_between_ && piece_.is_at_end()) return truncated(Compression::kGzip, piece_.used());
    }
  }

 private:
  /// False at the end. Zeros behind the last member are padding.
  Result<bool> begin_member() {
    while (!piece_.left().empty() && piece_.left()[0] == std::byte{0}) {
      is_padding_ = true;
      const auto left = piece_.left();
      const auto other = std::find_if(left.begin(), left.end(),
                                      [](std::byte byte) { return byte != std::byte{0}; });
      piece_.use(static_cast<size_t>(other - left.begin()));
      TRY(piece_.fill());
    }
    if (piece_.is_at_end()) return false;
    if (is_padding_ || piece_.left()[0] != std::byte{0x1f}) {
      return fault(Reason::kDecodeFailure, "something else is behind the gzip stream",
                   piece_.used());
    }
    isal_inflate_reset(state_.get());
    state_->crc_flag = ISAL_GZIP;
    return true;
  }

  Result<size_t> inflate(std::span<std::byte> into) {
    const auto room = static_cast<uint32_t>(std::min<size_t>(into.size(), 1u << 30));
    const auto given = static_cast<uint32_t>(piece_.left().size());
    state_->next_in = reinterpret_cast<uint8_t*>(piece_.left().data());
    state_->avail_in = given;
    state_->next_out = reinterpret_cast<uint8_t*>(into.data());
    state_->avail_out = room;
    const int verdict = isal_inflate(state_.get());
    if (verdict == ISAL_INCORRECT_CHECKSUM) {
      return fault(Reason::kCrcMismatch, "the checksum of the gzip stream is wrong",
                   piece_.used() + given - state_->avail_in);
    }
    if (verdict != ISAL_DECOMP_OK) {
      return fault(Reason::kDecodeFailure, "the gzip stream is damaged",
                   piece_.used() + given - state_->avail_in);
    }
    piece_.use(given - state_->avail_in);
    return size_t{room - state_->avail_out};
  }

  Piece piece_;
  std::unique_ptr<inflate_state> state_;
  bool is_between_ = false;  ///< behind a member
  bool is_padding_ = false;
};

class ZstdInput final : public Input {
 public:
  explicit ZstdInput(Input& compressed) : piece_(compressed), context_(ZSTD_createDCtx()) {
    CHECK(context_ != nullptr);
    CHECK(!ZSTD_isError(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax,
                                               static_cast<int>(kWindowLogMax))));
  }

  Result<size_t> read(std::span<std::byte> into) override {
    CHECK(!into.empty());
    for (;;) {
      TRY(piece_.fill());
      if (is_between_ && piece_.is_at_end()) return size_t{0};
      ZSTD_inBuffer in = {piece_.left().data(), piece_.left().size(), 0};
      ZSTD_outBuffer out = {into.data(), into.size(), 0};
      const size_t verdict = ZSTD_decompressStream(context_.get(), &out, &in);
      if (ZSTD_isError(verdict)) return failure(ZSTD_getErrorCode(verdict), piece_.used() + in.pos);
      piece_.use(in.pos);
      is_between_ = verdict == 0;
      if (out.pos > 0) return out.pos;
      if (!is_between_ && piece_.is_at_end()) return truncated(Compression::kZstd, piece_.used());
    }
  }

 private:
  static Error failure(ZSTD_ErrorCode code, uint64_t offset) {
    switch (code) {
      case ZSTD_error_frameParameter_windowTooLarge:
        return Error({Code::kUnsupported, Reason::kPayloadTooLarge,
                      "the zstd frame needs a window of more than 128 MiB; compress it with "
                      "--long=27 or less, or pipe it: zstd -d --long=31 -c FILE | sluice ingest -",
                      "", kWindowLogMax, offset});
      case ZSTD_error_prefix_unknown:
        return fault(Reason::kDecodeFailure, "something else is behind the zstd stream", offset);
      case ZSTD_error_checksum_wrong:
        return fault(Reason::kCrcMismatch, "the checksum of the zstd stream is wrong", offset);
      default:
        return fault(Reason::kDecodeFailure, "the zstd stream is damaged", offset);
    }
  }

  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  Piece piece_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  bool is_between_ = false;  ///< behind a frame
};

}  // namespace

std::string_view to_string(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "plain";
    case Compression::kGzip:
      return "gzip";
    case Compression::kZstd:
      return "zstd";
  }
  return "unknown";
}

Result<Compression> detect_compression(std::string_view file_name, std::string_view first_bytes) {
  for (const Magic& magic : kForeignMagics) {
    if (!first_bytes.starts_with(magic.bytes)) continue;
    return Error(Code::kUnsupported, "this is " + std::string(magic.name) +
                                         ", which is not read here; gzip and zstd are, or pipe its "
                                         "text into: sluice ingest -");
  }
  const Compression found = first_bytes.starts_with("\x1f\x8b"sv) ? Compression::kGzip
                            : is_zstd(first_bytes)                ? Compression::kZstd
                                                                  : Compression::kNone;
  const Compression name = promised(file_name).first;
  if (found == Compression::kNone && name != Compression::kNone) {
    return Error(Code::kInvalid, "the name says " + std::string(to_string(name)) +
                                     ", but the content is not; fetch the file again, or rename it "
                                     "if it was never compressed");
  }
  return found;
}

std::string_view without_compression(std::string_view file_name) {
  file_name.remove_suffix(promised(file_name).second);
  return file_name;
}

std::unique_ptr<Input> decompress(Compression compression, Input& compressed) {
  CHECK(compression != Compression::kNone);
  if (compression == Compression::kGzip) return std::make_unique<GzipInput>(compressed);
  return std::make_unique<ZstdInput>(compressed);
}

Status skip(Input& input, uint64_t count) {
  std::vector<std::byte> piece(std::min<uint64_t>(count, kPieceBytes));
  while (count > 0) {
    const auto room = std::span(piece).first(std::min<uint64_t>(count, piece.size()));
    const size_t got = TRY(input.read(room));
    if (got == 0) return Error(Code::kConflict, "the file became shorter while it was read");
    count -= got;
  }
  return ok();
}

}  // namespace sluice::source
