// Any bytes as points over HTTP: read once for the columns that they need, and again with them.
//
// Input: a byte of options, the text.
#include "server/points.h"

#include "base/check.h"
#include "fuzz/target.h"
#include "source/records.h"

using namespace sluice;
using namespace sluice::server;

namespace {

LayoutPtr layout_of(const std::vector<Field>& fields) {
  TableSpec spec;
  spec.columns = {{"id", Type::kString}, {"time", Type::kTimestamp}};
  spec.columns.insert(spec.columns.end(), fields.begin(), fields.end());
  spec.key = {"id"};
  spec.time = "time";
  return Layout::of(spec).value();
}

}  // namespace

std::vector<std::string> seeds() {
  const std::string point =
      R"({"id":"a","time":"2026-01-01T00:00:00.5Z","n":1,"v":-1.5e3,"b":true,"s":"\u00e9"})";
  const std::string odd = R"({"time":"2026-01-01T00:00:00+02:00","id":"b","n":1.5,"o":{"a":[1]}})";
  return {std::string(1, '\0') + point, std::string(1, '\1') + R"({"points":[)" + point + "]}",
          std::string(1, '\2') + point + "\n" + odd + "\n{\n",
          std::string(1, '\6') + point + "\n" + odd + "\n",
          std::string(1, '\xa') + point + "\n{\n" + point + "\n"};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const auto form = static_cast<Form>((bytes[0] & 3) % 3);
  constexpr OnConflict kPolicies[] = {OnConflict::kReject, OnConflict::kKeep, OnConflict::kRefuse};
  const OnConflict policy = kPolicies[(bytes[0] >> 2) % 3];
  std::string text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  text.reserve(text.size() + source::kRecordPaddingBytes);
  PointReader reader({100, 10, 16}, policy);
  const TableName name{"d", "c"};
  const Points first = reader.read(name, layout_of({}), text, form).value();
  CHECK(first.faults.size() <= first.faults_total);
  if (form != Form::kLines && first.faults_total > 0) return 0;
  const LayoutPtr whole = layout_of(first.missing);
  const Points second = reader.read(name, whole, text, form).value();
  CHECK(second.missing.empty() && second.batch.rows() == second.count);
  CHECK(second.count == first.count && second.faults_total == first.faults_total);
  return 0;
}
