// Any bytes as a footer or a page header: nothing, or one that is no larger than its bytes.
//
// Input: a byte that chooses, the bytes.
#include "part/part_fixture.h"

#include "base/check.h"
#include "fuzz/target.h"

namespace {

using namespace sluice;
using namespace sluice::part;

void try_footer(ByteView bytes) {
  const auto footer = parquet::decode_footer(bytes);
  if (!footer) return;
  // The input bounds what it grows into.
  size_t elements = footer->schema.size() + footer->keys.size();
  for (const auto& group : footer->row_groups) elements += 1 + group.chunks.size();
  CHECK(elements <= bytes.size());
}

void try_page_header(ByteView bytes) {
  const auto page = parquet::decode_page_header(bytes);
  if (page) CHECK(page->bytes <= bytes.size());
}

}  // namespace

std::vector<std::string> seeds() {
  MemoryBucket bucket;
  const SchemaPtr schema = make_schema({{"id", Type::kString}, {"at", Type::kTimestamp}});
  const Batch rows = RandomRows(1).batch(schema, 100, 10, 1);
  CHECK(write_part(bucket, "p", {rows}, writer_columns(*schema)).ok());
  const std::string& object = bucket.objects["p"];
  const std::string footer = parquet::encode_footer(footer_of(object));
  return {'\0' + footer, '\1' + object.substr(4, 200)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const ByteView rest = std::as_bytes(std::span(bytes, size)).subspan(1);
  bytes[0] % 2 == 0 ? try_footer(rest) : try_page_header(rest);
  return 0;
}
