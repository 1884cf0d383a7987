// Any text as marks: an error, or what encodes to equal ones.
#include "table/marks.h"

#include "base/check.h"
#include "fuzz/target.h"

using namespace sluice;
using namespace sluice::table;

std::vector<std::string> seeds() {
  Marks marks;
  marks.logs = {{LogId::parse("00000000000000000000000000000001").value(),
                 OpeningId::parse("00000000000000000000000000000002").value(),
                 {7, {{"2024-01-01", 9}, {"2024-01-02", 12}}}}};
  marks.sources["file.csv"] = {4, {{"-", 5}}};
  return {marks.encode(), Marks{}.encode()};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto marks = Marks::decode({reinterpret_cast<const char*>(bytes), size});
  if (!marks.ok()) return 0;
  const auto again = Marks::decode(marks->encode());
  CHECK(again.ok() && *again == *marks);
  return 0;
}
