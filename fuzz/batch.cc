// Any bytes as a batch: an error, or rows that encode to the same bytes.
//
// Input: a byte with the number of columns, their types, the encoding.
#include "sluice/batch.h"
#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/target.h"

namespace {

using namespace sluice;

constexpr uint8_t kColumnsMax = 16;
constexpr uint8_t kTypes = static_cast<uint8_t>(Type::kTimestamp) + 1;

SchemaPtr schema_of(ByteView types) {
  std::vector<Field> fields;
  for (const std::byte type : types) {
    const auto number = static_cast<uint8_t>(static_cast<uint8_t>(type) % kTypes);
    fields.push_back({"c" + std::to_string(fields.size()), static_cast<Type>(number)});
  }
  return Schema::make(std::move(fields)).value();
}

// A column without any value may say so by its type; the builder chooses for itself.
bool same_types(const Batch& a, const Batch& b) {
  for (size_t column = 0; column < a.schema()->size(); ++column) {
    if (a.column(column).type != b.column(column).type) return false;
  }
  return true;
}

void check_round_trip(const Batch& batch) {
  BatchBuilder builder(batch.schema());
  for (size_t column = 0; column < batch.schema()->size(); ++column) {
    const ColumnView view = batch.column(column);
    for (uint32_t row = 0; row < batch.rows(); ++row) builder.append_from(column, view, row);
  }
  const auto again = builder.finish();
  CHECK(again.ok());
  CHECK(Batch::decode(batch.schema(), again->bytes()).ok());
  if (same_types(batch, *again)) CHECK(as_text(batch.bytes()) == as_text(again->bytes()));
}

}  // namespace

std::vector<std::string> seeds() {
  const std::string types("\x06\x01\x02\x03\x04\x05\x06", 7);
  const SchemaPtr schema = schema_of(as_bytes(types).subspan(1));
  std::vector<std::string> inputs;
  for (const uint32_t rows : {1, 9}) {
    BatchBuilder builder(schema);
    for (uint32_t row = 0; row < rows; ++row) {
      builder.append_bool(0, row % 2 == 0);
      builder.append_int64(1, row);
      builder.append_double(2, row / 8.0);
      row % 3 == 2 ? builder.append_null(3) : builder.append_bytes(3, "t\xc3\xb8");
      builder.append_null(4);
      builder.append_timestamp(5, row * kSecond);
    }
    inputs.push_back(types + std::string(as_text(builder.finish().value().bytes())));
  }
  return inputs;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  ByteReader in(std::as_bytes(std::span(bytes, size)));
  const auto columns = in.fixed<uint8_t>();
  const ByteView types = in.raw(columns % (kColumnsMax + 1));
  if (!in.ok() || types.empty()) return 0;
  const auto batch = Batch::decode(schema_of(types), in.raw(in.remaining()));
  if (batch.ok()) check_round_trip(*batch);
  return 0;
}
