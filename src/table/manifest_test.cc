#include "table/manifest.h"

#include <gtest/gtest.h>

#include "table/avro.h"
#include "table/edit.h"
#include "table/fakes_test.h"
#include "table/manifest_schema.h"

namespace sluice::table {
namespace {

Metadata table_metadata(const TableSpec& spec = keyed_spec()) {
  return propose_table(kName, spec, "/lake/db/coll", writer_of(1, 1), {id_of<CommitId>(1), 0, 0})
      .value()
      .head->metadata;
}

EncodedManifest some_manifest(const Metadata& metadata) {
  ManifestWriter writer(metadata, id_of<CommitId>(5), "db/coll/metadata/m0.avro", 77, 3);
  writer.add({EntryStatus::kExisting, 11, 1, 2, part_of("old", -1, 7, 70)});
  writer.add({EntryStatus::kAdded, 77, std::nullopt, std::nullopt, part_of("new", 19'000)});
  return writer.finish();
}

constexpr std::string_view kGoldenSchema =
    R"({"type":"record","name":"manifest_entry","fields":[{"name":"status","type":"int","field-)"
    R"(id":0},{"name":"snapshot_id","type":["null","long"],"default":null,"field-id":1},{"name")"
    R"(:"sequence_number","type":["null","long"],"default":null,"field-id":3},{"name":"file_seq)"
    R"(uence_number","type":["null","long"],"default":null,"field-id":4},{"name":"data_file","t)"
    R"(ype":{"type":"record","name":"r2","fields":[{"name":"content","type":"int","field-id":13)"
    R"(4},{"name":"file_path","type":"string","field-id":100},{"name":"file_format","type":"str)"
    R"(ing","field-id":101},{"name":"partition","type":{"type":"record","name":"r102","fields":)"
    R"([{"name":"time_day","type":["null",{"type":"int","logicalType":"date"}],"default":null,")"
    R"(field-id":1000}]},"field-id":102},{"name":"record_count","type":"long","field-id":103},{)"
    R"("name":"file_size_in_bytes","type":"long","field-id":104},{"name":"column_sizes","type":)"
    R"(["null",{"type":"array","items":{"type":"record","name":"k117_v118","fields":[{"name":"k)"
    R"(ey","type":"int","field-id":117},{"name":"value","type":"long","field-id":118}]},"logica)"
    R"(lType":"map"}],"default":null,"field-id":108},{"name":"value_counts","type":["null",{"ty)"
    R"(pe":"array","items":{"type":"record","name":"k119_v120","fields":[{"name":"key","type":")"
    R"(int","field-id":119},{"name":"value","type":"long","field-id":120}]},"logicalType":"map")"
    R"(}],"default":null,"field-id":109},{"name":"null_value_counts","type":["null",{"type":"ar)"
    R"(ray","items":{"type":"record","name":"k121_v122","fields":[{"name":"key","type":"int","f)"
    R"(ield-id":121},{"name":"value","type":"long","field-id":122}]},"logicalType":"map"}],"def)"
    R"(ault":null,"field-id":110},{"name":"nan_value_counts","type":["null",{"type":"array","it)"
    R"(ems":{"type":"record","name":"k138_v139","fields":[{"name":"key","type":"int","field-id")"
    R"(:138},{"name":"value","type":"long","field-id":139}]},"logicalType":"map"}],"default":nu)"
    R"(ll,"field-id":137},{"name":"lower_bounds","type":["null",{"type":"array","items":{"type")"
    R"(:"record","name":"k126_v127","fields":[{"name":"key","type":"int","field-id":126},{"name)"
    R"(":"value","type":"bytes","field-id":127}]},"logicalType":"map"}],"default":null,"field-i)"
    R"(d":125},{"name":"upper_bounds","type":["null",{"type":"array","items":{"type":"record",")"
    R"(name":"k129_v130","fields":[{"name":"key","type":"int","field-id":129},{"name":"value",")"
    R"(type":"bytes","field-id":130}]},"logicalType":"map"}],"default":null,"field-id":128},{"n)"
    R"(ame":"key_metadata","type":["null","bytes"],"default":null,"field-id":131},{"name":"spli)"
    R"(t_offsets","type":["null",{"type":"array","items":"long","element-id":133}],"default":nu)"
    R"(ll,"field-id":132},{"name":"equality_ids","type":["null",{"type":"array","items":"int",")"
    R"(element-id":136}],"default":null,"field-id":135},{"name":"sort_order_id","type":["null",)"
    R"("int"],"default":null,"field-id":140}]},"field-id":2}]})";

/// The block of entries: count, length, entries, sync.
constexpr std::string_view kGoldenBlockHex =
    "04ee0300021602020204003c2f6c616b652f64622f636f6c6c2f646174612f6f6c642e706172717565740e50"
    "41525155455402010e8c0102060250043c063c000206020e040e060e00020602000400060200020206040002"
    "040202610410010101010101010100020402026204100202020202020202000002020800000002029a010000"
    "003c2f6c616b652f64622f636f6c6c2f646174612f6e65772e706172717565740e5041525155455402f0a802"
    "14c80102060250043c063c000206021404140614000206020004000602000202060400020402026104100101"
    "0101010101010002040202620410020202020202020200000202080000000000000000000000000000000000"
    "0005";

void expect_equal(const part::Meta& a, const part::Meta& b) {
  EXPECT_EQ(a.key, b.key);
  EXPECT_EQ(a.bytes, b.bytes);
  EXPECT_EQ(a.rows, b.rows);
  EXPECT_EQ(a.partition, b.partition);
  EXPECT_EQ(a.split_offsets, b.split_offsets);
  ASSERT_EQ(a.columns.size(), b.columns.size());
  for (size_t i = 0; i < a.columns.size(); ++i) {
    EXPECT_EQ(a.columns[i].field_id, b.columns[i].field_id);
    EXPECT_EQ(a.columns[i].bytes, b.columns[i].bytes);
    EXPECT_EQ(a.columns[i].value_count, b.columns[i].value_count);
    EXPECT_EQ(a.columns[i].null_count, b.columns[i].null_count);
    EXPECT_EQ(a.columns[i].nan_count, b.columns[i].nan_count);
    EXPECT_EQ(a.columns[i].lower, b.columns[i].lower);
    EXPECT_EQ(a.columns[i].upper, b.columns[i].upper);
  }
}

std::string to_hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex.append({kDigits[byte >> 4], kDigits[byte & 15]});
  }
  return hex;
}

TEST(Manifest, EncodesToTheGoldenBytes) {
  const EncodedManifest manifest = some_manifest(table_metadata());
  EXPECT_NE(manifest.bytes.find(kGoldenSchema), std::string::npos);
  ASSERT_GT(manifest.bytes.size(), kGoldenBlockHex.size() / 2);
  const size_t block = manifest.bytes.size() - kGoldenBlockHex.size() / 2;
  EXPECT_EQ(to_hex(manifest.bytes.substr(block)), kGoldenBlockHex);
}

// T8: entries that are not new keep their own numbers; new ones take the manifest's.
TEST(Manifest, DecodesToWhatWasWritten) {
  const Metadata metadata = table_metadata();
  const EncodedManifest manifest = some_manifest(metadata);
  const auto entries = decode_manifest(manifest.bytes, manifest.file, metadata);
  ASSERT_TRUE(entries.ok()) << entries.error().to_string();
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].status, EntryStatus::kExisting);
  EXPECT_EQ((*entries)[0].snapshot_id, 11);
  EXPECT_EQ((*entries)[0].sequence_number, 1);
  EXPECT_EQ((*entries)[0].file_sequence_number, 2);
  expect_equal((*entries)[0].part, part_of("old", -1, 7, 70));
  EXPECT_EQ((*entries)[1].status, EntryStatus::kAdded);
  EXPECT_EQ((*entries)[1].snapshot_id, 77);
  EXPECT_EQ((*entries)[1].sequence_number, 3);
  expect_equal((*entries)[1].part, part_of("new", 19'000));
}

TEST(Manifest, CountsItsEntries) {
  const ManifestFile file = some_manifest(table_metadata()).file;
  EXPECT_EQ(file.added_files, 1u);
  EXPECT_EQ(file.added_rows, 10u);
  EXPECT_EQ(file.existing_files, 1u);
  EXPECT_EQ(file.existing_rows, 7u);
  EXPECT_EQ(file.sequence_number, 3);
  EXPECT_EQ(file.min_sequence_number, 1);
  EXPECT_EQ(file.partitions, (PartitionSummaries{{false, -1, 19'000}}));
}

TEST(Manifest, LeavesEmptyBoundsOut) {
  const Metadata metadata = table_metadata();
  part::Meta part = part_of("p");
  part.columns[0].lower = "";
  ManifestWriter writer(metadata, id_of<CommitId>(5), "db/coll/metadata/m0.avro", 77, 3);
  writer.add({EntryStatus::kAdded, 77, std::nullopt, std::nullopt, part});
  const EncodedManifest manifest = writer.finish();
  const auto entries = decode_manifest(manifest.bytes, manifest.file, metadata);
  ASSERT_TRUE(entries.ok());
  EXPECT_FALSE((*entries)[0].part.columns[0].lower.has_value());
  EXPECT_EQ((*entries)[0].part.columns[0].upper, "b");
}

TEST(Manifest, OfAnUnpartitionedTableHasNoPartitions) {
  TableSpec spec = keyed_spec();
  spec.time.clear();
  const Metadata metadata = table_metadata(spec);
  part::Meta part = part_of("p");
  part.partition.clear();
  ManifestWriter writer(metadata, id_of<CommitId>(5), "db/coll/metadata/m0.avro", 77, 3);
  writer.add({EntryStatus::kAdded, 77, std::nullopt, std::nullopt, part});
  const EncodedManifest manifest = writer.finish();
  const auto entries = decode_manifest(manifest.bytes, manifest.file, metadata);
  ASSERT_TRUE(entries.ok()) << entries.error().to_string();
  expect_equal((*entries)[0].part, part);
  EXPECT_EQ(manifest.file.partitions, PartitionSummaries());
}

TEST(Manifest, NamesThePartitionFieldAsAvroAllows) {
  EXPECT_EQ(avro_name("2 é.day"), "_2_x20_xC3_xA9_x2Eday");
}

TEST(ManifestList, DecodesToWhatWasWritten) {
  const Metadata metadata = table_metadata();
  std::vector<ManifestFile> files = {some_manifest(metadata).file, some_manifest(metadata).file};
  files[1].key = "db/coll/metadata/m1.avro";
  files[1].deleted_files = 4;
  files[1].deleted_rows = 1ull << 40;
  const std::string bytes = encode_manifest_list(files, metadata, {}, id_of<CommitId>(5));
  const auto decoded = decode_manifest_list(bytes, metadata);
  ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
  EXPECT_EQ(*decoded, files);
}

TEST(ManifestList, WithoutPartitionsIsWrittenAgainWithoutThem) {
  const Metadata metadata = table_metadata();
  ManifestFile file = some_manifest(metadata).file;
  file.partitions.reset();
  const auto decoded =
      decode_manifest_list(encode_manifest_list({file}, metadata, {}, {}), metadata);
  ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
  EXPECT_EQ(*decoded, std::vector<ManifestFile>{file});
}

TEST(ManifestList, MayBeEmpty) {
  const Metadata metadata = table_metadata();
  const auto decoded = decode_manifest_list(encode_manifest_list({}, metadata, {}, {}), metadata);
  ASSERT_TRUE(decoded.ok());
  EXPECT_TRUE(decoded->empty());
}

TEST(Manifest, DecodesEveryTruncationAndFlipToAValueOrAnError) {
  const Metadata metadata = table_metadata();
  const EncodedManifest manifest = some_manifest(metadata);
  const std::string list = encode_manifest_list({manifest.file}, metadata, {}, {});
  for (size_t at = 0; at < manifest.bytes.size(); ++at) {
    // A cut exactly behind the header leaves a manifest without entries.
    const auto cut = decode_manifest(manifest.bytes.substr(0, at), manifest.file, metadata);
    EXPECT_TRUE(!cut.ok() || cut->empty());
    std::string damaged = manifest.bytes;
    for (const char flip : {'\x41', '\x80'}) {
      damaged[at] = static_cast<char>(manifest.bytes[at] ^ flip);
      const auto decoded = decode_manifest(damaged, manifest.file, metadata);
      EXPECT_TRUE(decoded.ok() || decoded.error().code() != Code::kNotFound);
    }
  }
  for (size_t at = 0; at < list.size(); ++at) {
    const auto cut = decode_manifest_list(list.substr(0, at), metadata);
    EXPECT_TRUE(!cut.ok() || cut->empty());
    std::string damaged = list;
    damaged[at] = static_cast<char>(list[at] ^ 0x81);
    const auto decoded = decode_manifest_list(damaged, metadata);
    EXPECT_TRUE(decoded.ok() || decoded.error().code() != Code::kNotFound);
  }
}

/// An Avro file of one long block of `entries`, with `schema`.
std::string file_of(const std::string& schema, size_t count, const std::string& entries) {
  return avro_file({{"avro.schema", schema}}, CommitId{}.bytes(), count, entries);
}

TEST(Avro, RefusesItemsWithoutBytesThatWouldNeverEnd) {
  AvroWriter endless;
  endless.number(INT64_MAX);
  const std::string schema = R"({"type":"array","items":"null"})";
  const std::string bytes = file_of(schema, 1, endless.take());
  const auto file = AvroFile::open(bytes);
  ASSERT_TRUE(file.ok());
  const Status read = file->read([](AvroReader& in, const AvroType& type) {
    in.skip(type);
    return ok();
  });
  EXPECT_EQ(read.error().code(), Code::kCorrupt);
}

TEST(Avro, RefusesEntriesWithoutBytes) {
  const std::string bytes = file_of(R"("null")", 1ull << 40, "");
  const auto file = AvroFile::open(bytes);
  ASSERT_TRUE(file.ok());
  const Status read = file->read([](AvroReader&, const AvroType&) { return ok(); });
  EXPECT_EQ(read.error().code(), Code::kCorrupt);
}

TEST(Avro, RefusesCodecsAndSchemasThatItDoesNotKnow) {
  const auto deflated = avro_file({{"avro.schema", R"("null")"}, {"avro.codec", "deflate"}},
                                  CommitId{}.bytes(), 0, "");
  EXPECT_EQ(AvroFile::open(deflated).error().code(), Code::kUnsupported);
  EXPECT_EQ(AvroFile::open(file_of(R"("other")", 0, "")).error().code(), Code::kUnsupported);
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += R"({"type":"array","items":)";
  deep += R"("null")" + std::string(500, '}');
  EXPECT_EQ(AvroFile::open(file_of(deep, 0, "")).error().code(), Code::kCorrupt);
}

TEST(Avro, ReadsNumbersOfEveryLength) {
  for (const int64_t value : {int64_t{0}, int64_t{-1}, int64_t{63}, int64_t{64}, int64_t{-65},
                              INT64_MAX, INT64_MIN, int64_t{1} << 40}) {
    AvroWriter out;
    out.number(value);
    const std::string bytes = out.take();
    AvroReader in(as_bytes(bytes));
    EXPECT_EQ(in.number(), value);
    EXPECT_TRUE(in.ok() && in.at_end());
  }
  AvroReader in(as_bytes(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")));
  in.number();
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace sluice::table
