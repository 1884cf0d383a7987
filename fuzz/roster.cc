// Any bytes as a roster: an error, or what encodes to the same bytes.
#include "table/roster.h"

#include "base/check.h"
#include "fuzz/target.h"

using namespace sluice;
using namespace sluice::table;

namespace {

constexpr std::string_view kKey = "db/coll/groups/00000000000000000000000000000003.bin";

CommitId commit(const char* hex) {
  return CommitId::parse(hex).value();
}

}  // namespace

std::vector<std::string> seeds() {
  const std::vector<RosterRef> below = {{commit("00000000000000000000000000000001"), 4000, 100},
                                        {commit("00000000000000000000000000000002"), 90, 1}};
  const std::vector<Membership> devices = {{"", 3}, {"a", 0}, {"b", 2}};
  return {encode_roster(below, devices, 4, kKey), encode_roster({}, devices, 9, kKey)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string text(reinterpret_cast<const char*>(bytes), size);
  const auto roster = Roster::decode(text, kKey);
  if (!roster.ok()) return 0;
  std::vector<Membership> devices;
  for (uint32_t at = 0; at < roster->size(); ++at) {
    devices.push_back((*roster)[at]);
    CHECK(roster->lower_bound(devices.back().device) == at);
  }
  CHECK(encode_roster(roster->below(), devices, roster->groups(), kKey) == text);
  return 0;
}
