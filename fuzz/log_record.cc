// Any bytes as one of the engine's log records: an error, or what encodes to an equal record.
//
// Input: a byte that chooses the kind, the record.
#include "engine/log_record.h"

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/target.h"

namespace {

using namespace sluice;
using namespace sluice::engine;

void try_schema(ByteView record) {
  const auto schema = decode_schema_record(record);
  if (schema.ok()) CHECK(as_text(encode(*schema)) == as_text(record));
}

// The padding of the head is not looked at; the frame's checksum covers it.
void try_batch(ByteView record) {
  const auto batch = decode_batch_record(record);
  if (!batch.ok()) return;
  const std::vector<std::byte> head = encode(batch->head);
  CHECK(head.size() <= kBatchHeadBytesMax && head.size() + batch->batch.size() == record.size());
  const auto again = decode_batch_record(head);
  CHECK(again.ok() && again->head.source == batch->head.source);
}

void try_dictionary(ByteView record) {
  const auto dictionary = Dictionary::decode(record);
  if (!dictionary.ok()) return;
  const std::vector<std::byte> encoded = dictionary->encode();
  const auto again = Dictionary::decode(encoded);
  CHECK(again.ok() && again->encode() == encoded);
}

}  // namespace

std::vector<std::string> seeds() {
  const SchemaPtr schema =
      Schema::make({{"device", Type::kString}, {"time", Type::kTimestamp}}).value();
  const SchemaRecord record{{"db", "coll"}, schema};
  Dictionary dictionary;
  dictionary.add(3, record);
  dictionary.add(8, record);
  const auto input = [](char kind, const std::vector<std::byte>& bytes) {
    return kind + std::string(as_text(bytes));
  };
  return {input('\0', encode(record)), input('\1', encode(BatchHead{3, "file.csv", 10})),
          input('\1', encode(BatchHead{3, "", 0})), input('\2', dictionary.encode())};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const ByteView record = std::as_bytes(std::span(bytes, size)).subspan(1);
  switch (bytes[0] % 3) {
    case 0:
      try_schema(record);
      break;
    case 1:
      try_batch(record);
      break;
    default:
      try_dictionary(record);
  }
  return 0;
}
