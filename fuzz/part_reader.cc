// Any bytes as a part: an error or rows, never more. The footer's checksum is made right first, or
// nothing gets past it.
#include "part/part_fixture.h"

#include "base/check.h"
#include "base/object_checksum.h"
#include "fuzz/target.h"

namespace {

using sluice::Type;

constexpr std::string_view kKey = "p";

void mend(std::string& object) {
  if (object.size() < sluice::part::parquet::kTrailerBytes) return;
  const size_t end = object.size() - sluice::part::parquet::kTrailerBytes;
  const auto bytes = sluice::load<uint32_t>(sluice::as_bytes(object).data() + end);
  if (bytes > end) return;
  std::string footer = object.substr(end - bytes);
  const auto digits =
      sluice::part::parquet::find_checksum(std::string_view(footer).substr(0, bytes));
  if (!digits) return;
  sluice::put_checksum(footer, *digits + sluice::kChecksumDigits, sluice::checksum_seed(kKey));
  object.replace(end - bytes, footer.size(), footer);
}

void read_column(sluice::part::Reader& reader, int32_t field_id, Type type) {
  sluice::Value lower;
  lower.type = type;
  auto rows = reader.read({{field_id, "c", type, 0}}, {{field_id, lower, {}}});
  // Damaged bytes may claim any number of rows.
  for (int batches = 0; rows.ok() && batches < 4; ++batches) {
    const auto batch = (*rows)->next();
    if (!batch.ok() || !*batch) break;
  }
}

}  // namespace

std::vector<std::string> seeds() {
  using namespace sluice::part;
  std::vector<std::string> objects;
  for (const Type type :
       {Type::kBool, Type::kInt64, Type::kDouble, Type::kString, Type::kBinary, Type::kTimestamp}) {
    MemoryBucket bucket;
    const auto schema = make_schema({{"c", type}});
    const sluice::Batch rows = RandomRows(1).batch(schema, 40, 10, 1);
    CHECK(write_part(bucket, std::string(kKey), {rows}, writer_columns(*schema)).ok());
    objects.push_back(bucket.objects.find(kKey)->second);
  }
  return objects;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  sluice::part::MemoryBucket bucket;
  std::string object(reinterpret_cast<const char*>(bytes), size);
  mend(object);
  bucket.objects.emplace(kKey, std::move(object));
  auto reader = sluice::part::Reader::open(bucket, std::string(kKey), size);
  if (!reader.ok()) return 0;
  for (const sluice::part::Column& column : (*reader)->columns()) {
    for (const Type type : {Type::kBool, Type::kInt64, Type::kDouble, Type::kString, Type::kBinary,
                            Type::kTimestamp}) {
      read_column(**reader, column.field_id, type);
    }
  }
  return 0;
}
