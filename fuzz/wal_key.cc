// Any bytes as the key of a log: the text of a key, a wrapped key in a segment's header or in a
// reopening, and the payload of a reopening. A wrapped key opens if nothing was changed, and only
// then; whatever decodes encodes to the same bytes.
//
// Input: a byte that says which, the bytes: the text, what is flipped of the block, the payload.
#include <algorithm>
#include <cstdlib>

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/target.h"
#include "sluice/wal_check.h"
#include "wal/cipher.h"
#include "wal/log_fixture.h"

namespace {

using namespace sluice;
using namespace sluice::wal;

constexpr const char* kVariable = "SLUICE_FUZZED_KEY";
constexpr std::string_view kDigits = "0123456789abcdefABCDEF";

/// setenv() keeps every value that it was ever given, and there are millions.
void set_variable(const std::string& value) {
  static std::string assignment;
  CHECK(unsetenv(kVariable) == 0);  // nothing may point to what is assigned to
  assignment = std::string(kVariable) + "=" + value;
  CHECK(putenv(assignment.data()) == 0);
}

void try_text(std::string_view text) {
  const std::string value(text.substr(0, text.find('\0')));
  set_variable(value);
  const auto ring = wal_key_from_environment(kVariable);
  std::string_view digits = value;
  while (digits.ends_with('\n') || digits.ends_with('\r')) digits.remove_suffix(1);
  const bool is_hex = digits.size() == 64 && digits.find_first_not_of(kDigits) == std::string::npos;
  CHECK(ring.ok() == (is_hex || value.size() == WalEncryptionKey::kBytes));
  if (!ring.ok()) {
    CHECK(ring.error().code() == Code::kInvalid && ring.error().found() == value.size());
    return;
  }
  const WalEncryptionKey key = (*ring)->find((*ring)->current_id()).value();
  if (!is_hex) CHECK(as_text(key.bytes()) == value);
  for (size_t i = 0; is_hex && i < key.bytes().size(); ++i) {
    const std::string byte(digits.substr(2 * i, 2));
    CHECK(std::to_integer<unsigned long>(key.bytes()[i]) == std::stoul(byte, nullptr, 16));
  }
}

/// `flips`: of one place each, a u16 and what its byte is changed by. Whether anything changed.
bool flip(std::span<std::byte> bytes, ByteView flips) {
  const std::vector<std::byte> before(bytes.begin(), bytes.end());
  ByteReader reader(flips);
  while (reader.remaining() >= 3) {
    const size_t at = reader.fixed<uint16_t>() % bytes.size();
    bytes[at] ^= static_cast<std::byte>(reader.fixed<uint8_t>());
  }
  return !std::ranges::equal(before, bytes);
}

void try_header(ByteView flips) {
  TestRuntime runtime;
  const auto ring = test_ring(3, 9);
  SegmentHeader header;
  header.log = LogId::draw(runtime);
  header.opening = OpeningId::draw(runtime);
  header.segment = SegmentId::draw(runtime);
  header.base_lsn = 5;
  header.birth_end = 2 * kBlockBytes;
  const WalEncryptionKey drawn = draw_data_key(runtime, *ring, header).value();
  std::vector<std::byte> block = encode_segment_header(header);
  const bool is_changed = flip(std::span(block).first(200), flips);
  store(block.data() + kBlockBytes - sizeof(uint32_t),
        crc32c(ByteView(block).first(kBlockBytes - sizeof(uint32_t))));
  const auto read = decode_segment_header(block, "segment");
  if (!read.ok()) return;
  CHECK(std::ranges::equal(encode_segment_header(*read), block));
  if (!read->is_encrypted()) return;
  const auto key = unwrap_data_key(ring.get(), *read, "segment");
  CHECK(key.ok() == !is_changed);
  if (key.ok()) CHECK(std::ranges::equal(key->bytes(), drawn.bytes()));
  CHECK(!unwrap_data_key(test_ring(3, 8).get(), *read, "segment").ok());
}

void try_wrapped_reopening(ByteView flips) {
  TestRuntime runtime;
  const auto ring = test_ring(3, 9);
  Reopening reopening{.accepted = {5000, 7}, .base_lsn = 8};
  const ReopeningPlace place{SegmentId::draw(runtime), 2 * kBlockBytes};
  const WalEncryptionKey drawn = draw_data_key(runtime, *ring, place, reopening).value();
  std::vector<std::byte> payload = encode_reopening(reopening);
  const bool is_changed = flip(payload, flips);
  const auto read = decode_reopening(payload);
  if (!read.ok() || read->key.id == 0) return;
  const auto key = unwrap_data_key(ring.get(), place, *read);
  CHECK(key.ok() == !is_changed);
  if (key.ok()) CHECK(std::ranges::equal(key->bytes(), drawn.bytes()));
  const ReopeningPlace elsewhere{place.segment, place.offset + kBlockBytes};
  CHECK(!unwrap_data_key(ring.get(), elsewhere, *read).ok());
}

void try_reopening(ByteView payload) {
  const auto read = decode_reopening(payload);
  if (read.ok()) CHECK(std::ranges::equal(encode_reopening(*read), payload));
}

}  // namespace

std::vector<std::string> seeds() {
  const Reopening reopening{.accepted = {5000, 7}, .base_lsn = 9, .numbering = Numbering::kRising};
  const std::string flips("\x4c\0\1\x88\0\1", 6);
  return {'\0' + std::string(32, 'k'),
          '\0' + std::string(64, 'a') + "\n",
          '\0' + std::string(60, 'F') + "0123\r\n",
          '\1' + flips,
          std::string(1, '\1'),
          '\2' + flips,
          std::string(1, '\2'),
          '\3' + std::string(as_text(encode_reopening(reopening)))};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const ByteView input = std::as_bytes(std::span(bytes, size)).subspan(1);
  if (bytes[0] % 4 == 0) try_text(as_text(input));
  if (bytes[0] % 4 == 1) try_header(input);
  if (bytes[0] % 4 == 2) try_wrapped_reopening(input);
  if (bytes[0] % 4 == 3) try_reopening(input);
  return 0;
}
