// Any bytes as files of the atomic flush writer: an error, or what encodes to equal ones.
#include "base/bytes.h"
#include "base/check.h"
#include "fuzz/target.h"
#include "landing/format.h"

using namespace sluice;
using namespace sluice::landing;

namespace {

IntentName seed_name() {
  return parse_intent_name("0000000000000003-00000000000000000000000000000007.pending").value();
}

Plan seed_plan() {
  Plan plan;
  plan.flush = seed_name().flush;
  plan.ticket = seed_name().ticket;
  plan.range = {10, 20, 5};
  plan.prefix = "db/coll";
  plan.lsns = {{"", {{10, 12}, {20, 20}}}, {"a", {{11, 11}}}};
  return plan;
}

void check_intent(ByteView bytes) {
  const auto intent = decode_intent(bytes, seed_name());
  if (!intent.ok()) return;
  std::string again = encode_plan(intent->plan);
  const uint64_t offset = parts_offset(intent->plan);
  again.resize(offset);
  if (intent->parts) again += encode_parts(intent->plan.flush, *intent->parts);
  const auto same = decode_intent(as_bytes(again), seed_name());
  CHECK(same.ok() && same->plan.range == intent->plan.range);
  CHECK(same->plan.lsns == intent->plan.lsns);
  CHECK(same->parts.has_value() == intent->parts.has_value());
  if (intent->parts) CHECK(same->parts->metas.size() == intent->parts->metas.size());
}

void check_identity(ByteView bytes) {
  const auto identity = decode_identity(bytes);
  if (!identity.ok()) return;
  const std::string again = encode_identity(*identity);
  CHECK(decode_identity(as_bytes(again)).value() == *identity);
}

}  // namespace

std::vector<std::string> seeds() {
  Parts parts;
  parts.columns = {{1, "n", part::PhysicalType::kInt64, false}};
  part::Meta meta;
  meta.key = "db/coll/data/x.parquet";
  meta.partition = {model::PartitionValue(19'000), model::PartitionValue("x")};
  meta.columns = {{1, 80, 11, 1, 0, std::string(8, '\1'), std::nullopt}};
  meta.split_offsets = {4};
  parts.metas = {meta};
  std::string whole = encode_plan(seed_plan());
  whole.resize(parts_offset(seed_plan()));
  whole += encode_parts(seed_plan().flush, parts);
  Identity identity;
  identity.openings = {{OpeningId(), 1}};
  return {encode_plan(seed_plan()), whole, encode_identity(identity)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto view = std::as_bytes(std::span(bytes, size));
  check_intent(view);
  check_identity(view);
  return 0;
}
