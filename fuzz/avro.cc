// Any bytes as an Avro file: an error, or values of the schema that it names.
#include "table/avro.h"

#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/target.h"

namespace {

using namespace sluice;
using namespace sluice::table;

constexpr std::string_view kSchema =
    R"({"type":"record","name":"r","fields":[{"name":"n","type":["null","long"]},)"
    R"({"name":"t","type":"string"},{"name":"x","type":{"type":"fixed","name":"f","size":3}},)"
    R"({"name":"m","type":{"type":"map","values":"double"}},{"name":"b","type":"boolean"},)"
    R"({"name":"l","type":{"type":"array","items":{"type":"record","name":"i","fields":[)"
    R"({"name":"e","type":{"type":"enum","name":"c","symbols":["A","B"]}}]}}}]})";

}  // namespace

std::vector<std::string> seeds() {
  AvroWriter entry;
  entry.present();
  entry.number(-77);
  entry.text("text");
  entry.raw("abc");
  entry.begin_items(1);
  entry.text("key");
  entry.raw("12345678");
  entry.end_items();
  entry.boolean(true);
  entry.begin_items(2);
  entry.number(0);
  entry.number(1);
  entry.end_items();
  const std::vector<std::byte> sync(16, std::byte{9});
  const AvroHeader header{{"avro.codec", "null"}, {"avro.schema", std::string(kSchema)}};
  return {avro_file(header, std::span<const std::byte, 16>(sync), 1, entry.take())};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto file = AvroFile::open({reinterpret_cast<const char*>(bytes), size});
  if (!file.ok()) return 0;
  const Status read = file->read([](AvroReader& in, const AvroType& type) {
    in.skip(type);
    return ok();
  });
  if (!read.ok()) CHECK(read.error().found() <= size);
  return 0;
}
