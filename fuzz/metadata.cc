// Any text as a table's metadata: an error, or what encodes to a text that says the same.
#include "table/metadata.h"

#include "base/check.h"
#include "fuzz/target.h"
#include "table/edit.h"
#include "table/evolve.h"
#include "table/fakes_test.h"

namespace {

using namespace sluice;
using namespace sluice::table;

constexpr std::string_view kPrefix = "db/coll";

std::string valid(const TableSpec& spec, const part::Meta& part) {
  const Writer writer = writer_of(1, 1);
  const Head head =
      *propose_table(kName, spec, "/lake/db/coll", writer, {id_of<CommitId>(1), 1000, 0})
           .value()
           .head;
  FlushEdit edit;
  edit.flush = id_of<FlushId>(9);
  edit.base = std::make_shared<const Head>(head);
  edit.parts = {part};
  edit.lsns.low_water = 5;
  const auto next =
      propose_flush(head, edit, writer, {}, CommitterOptions{}, {id_of<CommitId>(2), 2000, 15});
  return next.value()->head->metadata.encode();
}

/// With narrow columns, a tag, and a reference that another program made.
std::string named(const part::Meta& part) {
  TableSpec spec = keyed_spec();
  spec.narrow = {"temp"};
  Metadata metadata = *Metadata::decode(valid(spec, part), 2, std::string(kPrefix));
  const int64_t id = *metadata.current_snapshot_id;
  metadata.refs["release"] = {id, "tag", 1000, {}};
  metadata.refs["audit"] = {id, "branch", std::nullopt, {{"of", R"({"a":[1.5,"x",null]})"}}};
  metadata.refs["main"].others = {{"min-snapshots-to-keep", "3"}};
  return metadata.encode();
}

}  // namespace

std::vector<std::string> seeds() {
  part::Meta unpartitioned = part_of("p");
  unpartitioned.partition.clear();
  part::Meta by_fields = part_of("p");
  by_fields.partition = {std::string("x"), int64_t{3}};
  TableSpec spec = keyed_spec();
  spec.partition = parse_partition("device,bucket(9,time)").value();
  return {named(part_of("p")), valid(keyed_spec(), part_of("p")),
          valid({{{"a", Type::kInt64}}, {}, {}}, unpartitioned), valid(spec, by_fields)};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto metadata = Metadata::decode(text, 2, std::string(kPrefix));
  if (!metadata.ok()) return 0;
  static_cast<void>(metadata->spec());
  static_cast<void>(metadata->current_snapshot());
  for (const SnapshotEntry& snapshot : metadata->snapshots) {
    static_cast<void>(at_snapshot(*metadata, snapshot).spec());
  }
  const std::string encoded = metadata->encode();
  const auto again = Metadata::decode(encoded, 2, std::string(kPrefix));
  CHECK(again.ok() && again->encode() == encoded);
  return 0;
}
