// Any bytes as a manifest or a manifest list: an error, or entries that encode and decode again.
//
// Input: a byte that chooses the kind of file and of table, the file.
#include "table/manifest.h"

#include "base/check.h"
#include "fuzz/target.h"
#include "table/edit.h"
#include "table/fakes_test.h"

namespace {

using namespace sluice;
using namespace sluice::table;

constexpr std::string_view kKey = "db/coll/metadata/m0.avro";

/// By the day; or by fields of several types, some of which may be null.
Metadata make_metadata(bool by_fields) {
  TableSpec spec = keyed_spec();
  if (by_fields) {
    spec.key.clear();
    spec.columns.push_back({"flag", Type::kBool});
    spec.columns.push_back({"raw", Type::kBinary});
    spec.partition = parse_partition("device,bucket(7,raw),flag,hour(time)").value();
  }
  return propose_table(kName, spec, "/lake/db/coll", writer_of(1, 1), {id_of<CommitId>(1), 0, 0})
      .value()
      .head->metadata;
}

const Metadata& metadata(bool by_fields) {
  static const Metadata tables[] = {make_metadata(false), make_metadata(true)};
  return tables[by_fields];
}

EncodedManifest encode(const std::vector<ManifestEntry>& entries, bool by_fields) {
  ManifestWriter writer(metadata(by_fields), id_of<CommitId>(5), std::string(kKey), 77, 3);
  for (const ManifestEntry& entry : entries) writer.add(entry);
  return writer.finish();
}

SnapshotEntry snapshot() {
  SnapshotEntry entry;
  entry.id = 77;
  entry.sequence_number = 3;
  return entry;
}

EncodedManifest valid_manifest(bool by_fields) {
  part::Meta old_part = part_of("old", -1, 7, 70);
  part::Meta new_part = part_of("new", 19'000);
  if (by_fields) {
    old_part.partition = {{}, {}, {}, int64_t{-1}};
    new_part.partition = {std::string("a/b"), int64_t{6}, int64_t{1}, int64_t{456'000}};
  }
  return encode({{EntryStatus::kExisting, 11, 1, 2, old_part},
                 {EntryStatus::kAdded, 77, std::nullopt, std::nullopt, new_part}},
                by_fields);
}

void try_manifest(std::string_view bytes, bool by_fields) {
  static const ManifestFile files[] = {valid_manifest(false).file, valid_manifest(true).file};
  const auto entries = decode_manifest(bytes, files[by_fields], metadata(by_fields));
  if (!entries.ok() || entries->empty()) return;
  const EncodedManifest encoded = encode(*entries, by_fields);
  const auto again = decode_manifest(encoded.bytes, encoded.file, metadata(by_fields));
  CHECK(again.ok() && again->size() == entries->size());
  for (size_t at = 0; at < entries->size(); ++at) {
    CHECK((*again)[at].part.partition == (*entries)[at].part.partition);
  }
}

void try_list(std::string_view bytes, bool by_fields) {
  const auto files = decode_manifest_list(bytes, metadata(by_fields));
  if (!files.ok()) return;
  const std::string encoded =
      encode_manifest_list(*files, metadata(by_fields), snapshot(), id_of<CommitId>(5));
  const auto again = decode_manifest_list(encoded, metadata(by_fields));
  CHECK(again.ok() && *again == *files);
}

}  // namespace

std::vector<std::string> seeds() {
  std::vector<std::string> texts;
  for (const bool by_fields : {false, true}) {
    const EncodedManifest manifest = valid_manifest(by_fields);
    const char choice = by_fields ? '\2' : '\0';
    texts.push_back(choice + manifest.bytes);
    texts.push_back(
        static_cast<char>(choice + 1) +
        encode_manifest_list({manifest.file}, metadata(by_fields), snapshot(), id_of<CommitId>(5)));
  }
  return texts;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  const bool by_fields = (bytes[0] & 2) != 0;
  bytes[0] % 2 == 0 ? try_manifest(rest, by_fields) : try_list(rest, by_fields);
  return 0;
}
