// Any bytes as a log's checkpoint: an error, or what encodes to the same bytes.
#include "wal/checkpoint.h"

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/target.h"

using namespace sluice;

std::vector<std::string> seeds() {
  const auto opening = [](std::string_view hex) { return OpeningId::parse(hex).value(); };
  wal::Checkpoint checkpoint;
  checkpoint.chain = {{opening("00000000000000000000000000000001"), 1},
                      {opening("000102030405060708090a0b0c0d0e0f"), 9}};
  checkpoint.trim_lsn = 7;
  checkpoint.application.assign(5, std::byte{0x41});
  return {std::string(as_text(wal::encode_checkpoint(checkpoint)))};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const ByteView input = std::as_bytes(std::span(bytes, size));
  const auto checkpoint = wal::decode_checkpoint(input);
  if (!checkpoint.ok()) return 0;
  CHECK(wal::checkpoint_bytes(*checkpoint) == size);
  CHECK(as_text(wal::encode_checkpoint(*checkpoint)) == as_text(input));
  return 0;
}
