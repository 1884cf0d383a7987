// Any bytes as a manifest or a manifest list: an error, or entries that encode and decode again.
//
// Input: a byte that chooses, the file.
#include "table/manifest.h"

#include "base/check.h"
#include "fuzz/target.h"
#include "table/edit.h"
#include "table/fakes_test.h"

namespace {

using namespace sluice;
using namespace sluice::table;

constexpr std::string_view kKey = "db/coll/metadata/m0.avro";

const Metadata& metadata() {
  static const Metadata value = propose_table(kName, keyed_spec(), "/lake/db/coll", writer_of(1, 1),
                                              {id_of<CommitId>(1), 0, 0})
                                    .value()
                                    .head->metadata;
  return value;
}

EncodedManifest encode(const std::vector<ManifestEntry>& entries) {
  ManifestWriter writer(metadata(), id_of<CommitId>(5), std::string(kKey), 77, 3);
  for (const ManifestEntry& entry : entries) writer.add(entry);
  return writer.finish();
}

SnapshotEntry snapshot() {
  SnapshotEntry entry;
  entry.id = 77;
  entry.sequence_number = 3;
  return entry;
}

EncodedManifest valid_manifest() {
  return encode({{EntryStatus::kExisting, 11, 1, 2, part_of("old", -1, 7, 70)},
                 {EntryStatus::kAdded, 77, std::nullopt, std::nullopt, part_of("new", 19'000)}});
}

void try_manifest(std::string_view bytes) {
  static const ManifestFile file = valid_manifest().file;
  const auto entries = decode_manifest(bytes, file, metadata());
  if (!entries.ok() || entries->empty()) return;
  const EncodedManifest encoded = encode(*entries);
  const auto again = decode_manifest(encoded.bytes, encoded.file, metadata());
  CHECK(again.ok() && again->size() == entries->size());
}

void try_list(std::string_view bytes) {
  const auto files = decode_manifest_list(bytes, metadata());
  if (!files.ok()) return;
  const std::string encoded =
      encode_manifest_list(*files, metadata(), snapshot(), id_of<CommitId>(5));
  const auto again = decode_manifest_list(encoded, metadata());
  CHECK(again.ok() && *again == *files);
}

}  // namespace

std::vector<std::string> seeds() {
  const EncodedManifest manifest = valid_manifest();
  const std::string list =
      encode_manifest_list({manifest.file}, metadata(), snapshot(), id_of<CommitId>(5));
  return {'\0' + manifest.bytes, '\1' + list};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  bytes[0] % 2 == 0 ? try_manifest(rest) : try_list(rest);
  return 0;
}
