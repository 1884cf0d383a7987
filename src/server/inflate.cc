#include "server/inflate.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "source/compression.h"
#include "source/records.h"

namespace sluice::server {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

/// A text as an input.
class TextInput final : public source::Input {
 public:
  explicit TextInput(std::string_view text) : text_(text) {}
  Result<size_t> read(std::span<std::byte> into) override {
    const size_t count = std::min(into.size(), text_.size());
    std::memcpy(into.data(), text_.data(), count);
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
};

Refusal unreadable(const Error& error) {
  std::string message = "the compressed body cannot be read: ";
  return invalid_request(message.append(error.message()));
}

}  // namespace

std::optional<Refusal> inflate(Request& request, uint64_t bytes_max) {
  const std::string_view encoding = request.header("content-encoding");
  if (encoding.empty() || encoding == "identity") return std::nullopt;
  const bool is_gzip = encoding == "gzip";
  if (!is_gzip && encoding != "zstd") {
    return Refusal{415, "ERROR", "content encodings are gzip and zstd"};
  }
  TextInput compressed(request.body);
  const auto plain = source::decompress(
      is_gzip ? source::Compression::kGzip : source::Compression::kZstd, compressed);
  std::string text;
  std::vector<std::byte> piece(kPieceBytes);
  for (;;) {
    const auto got = plain->read(piece);
    if (!got.ok()) return unreadable(got.error());
    if (*got == 0) break;
    text.append(reinterpret_cast<const char*>(piece.data()), *got);
    if (text.size() > bytes_max) {
      return Refusal{413, "BATCH_TOO_LARGE", "the body is too large when it is unpacked"};
    }
  }
  text.reserve(text.size() + source::kRecordPaddingBytes);
  request.body = std::move(text);
  return std::nullopt;
}

}  // namespace sluice::server
