// Any bytes as line protocol: rows and rejects, the same however the bytes arrive and whichever
// batch a decoder goes on behind.
//
// Input: a byte of options, the text.
#include "source/line_protocol.h"

#include "base/check.h"
#include "fuzz/target.h"
#include "source/text_fixture.h"

namespace {

using namespace sluice;
using namespace sluice::source;

struct Counts {
  uint64_t rows = 0;
  uint64_t rejects = 0;
  friend bool operator==(const Counts&, const Counts&) = default;
};

Counts decode(std::string_view text, LineProtocolOptions options, size_t piece_bytes,
              std::vector<DecodedPoints>* parts = nullptr) {
  Counts counts;
  PiecewiseInput input(text, piece_bytes);
  LineProtocolDecoder decoder(input, std::move(options));
  for (;;) {
    auto part = decoder.next();
    if (!part.ok()) CHECK(part.error().reason() == Reason::kPayloadTooLarge);
    if (!part.ok() || !*part) return counts;
    CHECK((*part)->end.offset <= text.size());
    counts.rows += (*part)->batch.rows();
    counts.rejects += (*part)->rejects.size();
    for (const Reject& reject : (*part)->rejects) {
      CHECK(to_string(reject.reason) != "unknown" && reject.at.offset < text.size());
    }
    if (parts != nullptr) parts->push_back(std::move(**part));
  }
}

}  // namespace

std::vector<std::string> seeds() {
  const std::string text =
      "# points\ncpu,host=a\\,b,zone=\\=x load=0.5,n=3i,u=7u,up=t,note=\"a \\\"b\\\"\nc\" 17\r\n"
      "disk\\ io,b=1,a=2 v=1e3 -5\ncpu,host=c load=7i,_id=1 18\ncpu load=\"open\n\nm\n";
  return {std::string(1, '\0') + text, std::string(1, '\7') + text, std::string(1, '\x10') + text};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  LineProtocolOptions options;
  if ((bytes[0] & 1) != 0) options.on_conflict = OnConflict::kKeep;
  if ((bytes[0] & 16) != 0) options.on_conflict = OnConflict::kRefuse;
  options.batch_rows_max = 1 + (bytes[0] >> 1) % 8;
  options.record_bytes_max = 1u << 16;
  std::vector<DecodedPoints> parts;
  const Counts whole = decode(text, options, SIZE_MAX, &parts);
  CHECK(decode(text, options, 7) == whole);
  uint64_t rows = 0;
  for (const DecodedPoints& part : parts) {
    if (part.batch.empty()) continue;
    rows += part.batch.rows();
    options.tables[part.collection] = {part.batch.schema()->fields(), part.end.offset};
    CHECK(decode(text, options, SIZE_MAX).rows == whole.rows - rows);
  }
  return 0;
}
