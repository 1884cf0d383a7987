// Any bytes as NDJSON, a JSON array, CSV or TSV: sampled, then rows and rejects, the same however
// the bytes arrive and whichever batch a decoder goes on behind.
//
// Input: a byte of options, the text.
#include "base/check.h"
#include "fuzz/target.h"
#include "source/text_fixture.h"

namespace {

using namespace sluice;
using namespace sluice::source;

constexpr Format kFormats[] = {Format::kNdjson, Format::kJsonArray, Format::kCsv, Format::kTsv};

}  // namespace

std::vector<std::string> seeds() {
  return {
      std::string(1, '\0') + "{\"a\":1,\"b\":\"x\\u00e9\"}\n{\"a\":2.5,\"c\":[1,{}]}\n{\"a\":}\n",
      std::string(1, '\4') + "{\"a\":1}\r\n\n{\"b\":\"2020-01-01\",\"a\":\"x\"}",
      std::string(1, '\x8') + "{\"a\":1}\n\n{\"a\":\"x\"}\n{\"a\":2}\n",
      std::string(1, '\1') + "[{\"a\":true},\n{\"a\":null,\"b\":-0.0}]\n",
      std::string(1, '\2') + "a,\"b\"\"c\",_id\n1,\"x\n\",2020-01-01\n2,,\nz,\"open\n3\n",
      std::string(1, '\7') + "a\tb\n1\tNaN\n007\t1e400\n"};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  SampleOptions sampling;
  sampling.records_max = 2;  // so that later records conflict
  const Result<Sample> sample = sample_text(text, kFormats[bytes[0] % 4], sampling);
  if (!sample.ok()) return 0;
  CHECK(sample->columns.size() == sample->reports.size());
  DecoderOptions options;
  if ((bytes[0] & 4) != 0) options.on_conflict = OnConflict::kKeep;
  if ((bytes[0] & 8) != 0) options.on_conflict = OnConflict::kRefuse;
  options.batch_rows_max = 3;
  options.record_bytes_max = 1u << 16;
  const Everything whole = decode_all(text, *sample, options);
  const Everything pieces = decode_all(text, *sample, options, 7);
  CHECK(pieces.rows == whole.rows && pieces.rejects.size() == whole.rejects.size());
  size_t rows = 0;
  for (const Decoded& part : whole.parts) {
    rows += part.batch.rows();
    options.start = part.end;
    CHECK(decode_all(text, *sample, options).rows.size() == whole.rows.size() - rows);
  }
  return 0;
}
