#include "table/metadata.h"

#include <gtest/gtest.h>

#include "table/edit.h"
#include "table/fakes_test.h"
#include "table/format.h"

namespace sluice::table {
namespace {

constexpr std::string_view kGolden =
    R"({"format-version":2,"table-uuid":"00000000-0000-4000-8000-000000000001",)"
    R"("location":"/lake/db/coll","last-sequence-number":1,"last-updated-ms":2000,)"
    R"("last-column-id":4,"current-schema-id":0,"schemas":[{"type":"struct","schema-id":0,)"
    R"("identifier-field-ids":[1,2],"fields":[{"id":1,"name":"device","required":true,)"
    R"("type":"string"},{"id":2,"name":"time","required":true,"type":"timestamptz"},)"
    R"({"id":3,"name":"temp","required":false,"type":"double"},{"id":4,"name":"_version",)"
    R"("required":true,"type":"long"}]}],"default-spec-id":0,"partition-specs":[{"spec-id":0,)"
    R"("fields":[{"source-id":2,"field-id":1000,"name":"time_day","transform":"day"}]}],)"
    R"("last-partition-id":1000,"default-sort-order-id":1,)"
    R"("sort-orders":[{"order-id":0,"fields":[]},{"order-id":1,"fields":[)"
    R"({"transform":"identity","source-id":1,"direction":"asc","null-order":"nulls-first"},)"
    R"({"transform":"identity","source-id":2,"direction":"asc","null-order":"nulls-first"}]}],)"
    R"("properties":{"owner":"me \"\\ \u0001 é",)"
    R"("sluice.commit-id":"00000000000000000000000000000002","sluice.epoch":"1",)"
    R"("sluice.format":"0","sluice.key":"[\"device\"]",)"
    R"("sluice.log":"00000000000000000000000000000001",)"
    R"("sluice.marks":"/lake/db/coll/marks/00000000000000000000000000000002.json",)"
    R"("sluice.owner":"00000000000000000000000000000011","sluice.time":"time"},)"
    R"("current-snapshot-id":7,"refs":{"main":{"snapshot-id":7,"type":"branch"}},)"
    R"("snapshots":[{"snapshot-id":7,"sequence-number":1,"timestamp-ms":2000,"schema-id":0,)"
    R"("manifest-list":"/lake/db/coll/metadata/)"
    R"(snap-7-00000000000000000000000000000002.avro","summary":{"added-data-files":"1",)"
    R"("added-files-size":"100","added-records":"10","changed-partition-count":"1",)"
    R"("operation":"append","sluice.commit-id":"00000000000000000000000000000002",)"
    R"("sluice.epoch":"1","sluice.flush-id":"00000000000000000000000000000009",)"
    R"("sluice.log":"00000000000000000000000000000001","sluice.low-water":"5",)"
    R"("sluice.rows-replaced":"3","total-data-files":"1","total-delete-files":"0",)"
    R"("total-equality-deletes":"0","total-files-size":"100","total-position-deletes":"0",)"
    R"("total-records":"10"}}],"snapshot-log":[{"timestamp-ms":2000,"snapshot-id":7}],)"
    R"("metadata-log":[{"timestamp-ms":1000,)"
    R"("metadata-file":"/lake/db/coll/metadata/v1.metadata.json"}]})";

/// A table with one flush, as pure values.
Metadata one_flush() {
  const Writer writer = writer_of(1, 1);
  const auto made =
      propose_table(kName, keyed_spec(), "/lake/db/coll", writer, {id_of<CommitId>(1), 1000, 0});
  Head head = *made.value().head;
  head.metadata.other_properties["owner"] = "me \"\\ \1 é";
  FlushEdit edit;
  edit.flush = id_of<FlushId>(9);
  edit.base = std::make_shared<const Head>(head);
  edit.parts = {part_of("p")};
  edit.lsns.low_water = 5;
  edit.rows_replaced = 3;
  const auto next =
      propose_flush(head, edit, writer, {}, CommitterOptions{}, {id_of<CommitId>(2), 2000, 15});
  return next.value()->head->metadata;
}

TEST(Metadata, EncodesToTheGoldenTextAndBack) {
  EXPECT_EQ(one_flush().encode(), kGolden);
  const auto decoded = Metadata::decode(kGolden, 2, "db/coll");
  ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
  EXPECT_EQ(decoded->encode(), kGolden);
  EXPECT_EQ(decoded->version, 2u);
}

TEST(Metadata, DecodesAMovedTableToItsNewKeys) {
  const auto decoded = Metadata::decode(kGolden, 2, "other/place");
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->marks_key, "other/place/marks/00000000000000000000000000000002.json");
  EXPECT_EQ(decoded->snapshots[0].manifest_list,
            "other/place/metadata/snap-7-00000000000000000000000000000002.avro");
  // Recorded addresses stay as they are, so that old and new ones agree.
  EXPECT_EQ(decoded->encode(), kGolden);
}

TEST(Metadata, OfATableWithoutADeclaredOrderStaysSo) {
  std::string text(kGolden);
  const size_t first = text.find(R"("default-sort-order-id")");
  const size_t end = text.find(R"("properties")");
  text.replace(first, end - first,
               R"("default-sort-order-id":0,"sort-orders":[{"order-id":0,"fields":[]}],)");
  const auto decoded = Metadata::decode(text, 2, "db/coll");
  ASSERT_TRUE(decoded.ok()) << decoded.error().to_string();
  EXPECT_TRUE(decoded->sort_source_ids.empty());
  EXPECT_EQ(decoded->encode(), text);
}

TEST(Metadata, KeepsPropertiesThatItDoesNotKnow) {
  const auto decoded = Metadata::decode(kGolden, 2, "db/coll");
  EXPECT_EQ(decoded->other_properties,
            (std::map<std::string, std::string>{{"owner", "me \"\\ \1 é"}}));
}

TEST(Metadata, ShowsTheUserNoSystemColumns) {
  const TableSpec spec = one_flush().spec();
  EXPECT_EQ(spec.columns, keyed_spec().columns);
  EXPECT_EQ(spec.key, keyed_spec().key);
  EXPECT_EQ(spec.time, "time");
}

TEST(Metadata, RefusesANewerFormatAndForeignTablesAsUnsupported) {
  const auto decode_with = [](std::string_view from, std::string_view to) {
    std::string text(kGolden);
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos);
    return Metadata::decode(text.replace(at, from.size(), to), 2, "db/coll");
  };
  EXPECT_EQ(decode_with(R"("sluice.format":"0")", R"("sluice.format":"1")").error().reason(),
            Reason::kVersion);
  EXPECT_EQ(decode_with(R"("sluice.format":"0")", R"("x":"0")").error().code(), Code::kUnsupported);
  EXPECT_EQ(decode_with(R"("format-version":2)", R"("format-version":3)").error().code(),
            Code::kUnsupported);
  EXPECT_EQ(decode_with(R"("transform":"day")", R"("transform":"year")").error().code(),
            Code::kUnsupported);
  EXPECT_EQ(decode_with(R"("/lake/db/coll/marks)", R"("/sea/db/coll/marks)").error().code(),
            Code::kCorrupt);
  EXPECT_EQ(decode_with(R"("current-schema-id":0)", R"("current-schema-id":1)").error().code(),
            Code::kCorrupt);
  EXPECT_EQ(decode_with(R"("current-snapshot-id":7)", R"("current-snapshot-id":8)").error().code(),
            Code::kCorrupt);
}

TEST(Metadata, RefusesAnEpochThatNoOpeningReaches) {
  Metadata metadata = one_flush();
  metadata.epoch = kEpochMax;
  EXPECT_TRUE(Metadata::decode(metadata.encode(), 2, "db/coll").ok());
  metadata.epoch = kEpochMax + 1;
  EXPECT_EQ(Metadata::decode(metadata.encode(), 2, "db/coll").error().code(), Code::kCorrupt);
}

TEST(Metadata, DecodesEveryTruncationAndFlipToAValueOrAnError) {
  const std::string text(kGolden);
  for (size_t at = 0; at < text.size(); ++at) {
    EXPECT_FALSE(Metadata::decode(text.substr(0, at), 2, "db/coll").ok());
    for (const char flip : {'\x01', '\x10', '\x80'}) {
      std::string damaged = text;
      damaged[at] = static_cast<char>(damaged[at] ^ flip);
      const auto decoded = Metadata::decode(damaged, 2, "db/coll");
      EXPECT_TRUE(!decoded.ok() || !decoded->encode().empty());
    }
  }
}

TEST(Metadata, KnowsItsOwnKeysOnly) {
  EXPECT_EQ(metadata_version("db/coll", "db/coll/metadata/v12.metadata.json"), 12u);
  for (const char* key :
       {"db/coll/metadata/v.metadata.json", "db/coll/metadata/v0.metadata.json",
        "db/coll/metadata/v01.metadata.json", "db/coll/metadata/v1.metadata.json.tmp",
        "db/coll/metadata/v-1.metadata.json", "db/coll/metadata/version-hint.text",
        "db/coll2/metadata/v1.metadata.json", "db/coll/metadata/v1x.metadata.json",
        "db/coll/metadata/v1234567890123456789.metadata.json"}) {
    EXPECT_FALSE(metadata_version("db/coll", key).has_value()) << key;
  }
}

}  // namespace
}  // namespace sluice::table
