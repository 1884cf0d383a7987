// Any text as the file BUCKET: an error, or what encodes to the same place.
#include "engine/bucket_file.h"

#include "base/check.h"
#include "fuzz/target.h"

using namespace sluice;

std::vector<std::string> seeds() {
  return {engine::encode_bucket_file({"lake", "a/b=1", "http://127.0.0.1:9000", "eu-central-1"}),
          engine::encode_bucket_file({"lake", "", "", "us-east-1"})};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto place = engine::decode_bucket_file({reinterpret_cast<const char*>(bytes), size});
  if (!place.ok()) return 0;
  const auto again = engine::decode_bucket_file(engine::encode_bucket_file(*place));
  CHECK(again.ok() && *again == *place);
  return 0;
}
