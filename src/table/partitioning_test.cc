#include "table/partitioning.h"

#include <gtest/gtest.h>

#include "table/edit.h"
#include "table/fakes_test.h"
#include "table/format.h"
#include "table/manifest.h"

namespace sluice::table {
namespace {

using model::PartitionTuple;
using model::PartitionValue;

/// A table of every type without key, partitioned by `text`.
Metadata table_of(std::string_view text) {
  TableSpec spec;
  spec.columns = {{"flag", Type::kBool},  {"n", Type::kInt64},        {"name", Type::kString},
                  {"raw", Type::kBinary}, {"time", Type::kTimestamp}, {"seen", Type::kTimestamp}};
  spec.time = "time";
  spec.partition = parse_partition(text).value();
  return propose_table(kName, spec, "/lake/db/coll", writer_of(1, 1), {id_of<CommitId>(1), 0, 0})
      .value()
      .head->metadata;
}

constexpr std::string_view kEveryField =
    "flag,n,name,raw,seen,bucket(7,n),bucket(8,name),bucket(9,raw),bucket(10,seen),day(time)";

PartitionTuple every_value() {
  return {int64_t{1},  int64_t{-5}, std::string("a/b=%"), std::string("\0\xff", 2),
          int64_t{-1}, int64_t{6},  int64_t{0},           int64_t{8},
          int64_t{9},  int64_t{-3}};
}

TEST(Partitioning, IsWrittenAsTheSpecificationHasIt) {
  EXPECT_EQ(partition_fields_json(table_of("month(time),bucket(16,name),raw,hour(seen)")),
            R"([{"source-id":5,"field-id":1000,"name":"time_month","transform":"month"},)"
            R"({"source-id":3,"field-id":1001,"name":"name_bucket","transform":"bucket[16]"},)"
            R"({"source-id":4,"field-id":1002,"name":"raw","transform":"identity"},)"
            R"({"source-id":6,"field-id":1003,"name":"seen_hour","transform":"hour"}])");
  EXPECT_EQ(partition_fields_json(table_of("none")), "[]");
}

TEST(Partitioning, IsReadAsItWasWritten) {
  for (const std::string_view text : std::initializer_list<std::string_view>{
           "none", "day(time)", "month(time),bucket(16,name)", "hour(time),flag", kEveryField}) {
    const Metadata metadata = table_of(text);
    const auto decoded = Metadata::decode(metadata.encode(), 1, "db/coll");
    ASSERT_TRUE(decoded.ok()) << text << ": " << decoded.error().to_string();
    EXPECT_EQ(decoded->partition, metadata.partition);
    EXPECT_EQ(decoded->sort_source_ids, metadata.sort_source_ids);
    EXPECT_EQ(format_partition(*decoded->spec().partition), text);
  }
}

TEST(Partitioning, OfOthersThatRowsCannotBeLaidOutByIsUnsupportedOrCorrupt) {
  const std::string text = table_of("bucket(16,name),day(time)").encode();
  const auto code_with = [&](std::string_view from, std::string_view to) {
    std::string changed = text;
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    const auto decoded = Metadata::decode(changed, 1, "db/coll");
    return decoded.ok() ? std::nullopt : std::optional(decoded.error().code());
  };
  EXPECT_EQ(code_with("bucket[16]", "truncate[16]"), Code::kUnsupported);
  EXPECT_EQ(code_with("bucket[16]", "bucket[0]"), Code::kUnsupported);
  EXPECT_EQ(code_with("bucket[16]", "bucket[65537]"), Code::kUnsupported);
  EXPECT_EQ(code_with("bucket[16]", "bucket[16"), Code::kUnsupported);
  EXPECT_EQ(code_with("bucket[16]", "day"), Code::kUnsupported);
  EXPECT_EQ(code_with(R"("source-id":3)", R"("source-id":99)"), Code::kCorrupt);
  EXPECT_EQ(code_with(R"("field-id":1001)", R"("field-id":1000)"), Code::kCorrupt);
  EXPECT_EQ(code_with(R"("spec-id":0)", R"("spec-id":1)"), Code::kUnsupported);
  EXPECT_EQ(code_with(R"("direction":"asc")", R"("direction":"desc")"), Code::kUnsupported);
  EXPECT_EQ(code_with(R"("order-id":1)", R"("order-id":2)"), Code::kCorrupt);
  // Another name is a name: it stays when a column is renamed.
  EXPECT_EQ(code_with(R"("name":"name_bucket")", R"("name":"other")"), std::nullopt);
}

TEST(Partitioning, OfATableWithoutKeyAndTimeDeclaresNoOrder) {
  TableSpec spec = {{{"n", Type::kInt64}}, {}, {}};
  const Metadata metadata =
      propose_table(kName, spec, "/l/db/coll", writer_of(1, 1), {id_of<CommitId>(1), 0, 0})
          .value()
          .head->metadata;
  EXPECT_TRUE(metadata.sort_source_ids.empty());
  EXPECT_NE(metadata.encode().find(R"("default-sort-order-id":0)"), std::string::npos);
}

TEST(Partitioning, RefusesAColumnThatIsCalledAsAField) {
  const Head head{table_of("bucket(16,name),raw"), {}};
  const auto named = [&](const std::string& name) {
    return propose_columns(head, {{0, name, part::PhysicalType::kInt64}},
                           {id_of<CommitId>(2), 0, 0});
  };
  EXPECT_EQ(named("name_bucket").error().where(), "name_bucket");
  EXPECT_TRUE(named("time_day").ok());
}

TEST(PartitionCodec, TakesValuesOfTheTypeAndNullWhereRowsMayBeNull) {
  const Metadata metadata = table_of(kEveryField);
  const PartitionCodec codec(metadata);
  EXPECT_TRUE(codec.fits(every_value()));
  PartitionTuple nulls(every_value().size());
  EXPECT_FALSE(codec.fits(nulls)) << "time is never null";
  nulls.back() = int64_t{0};
  EXPECT_TRUE(codec.fits(nulls));
  EXPECT_FALSE(codec.fits({}));
  const std::vector<std::pair<size_t, PartitionValue>> wrong = {
      {0, int64_t{2}},  {1, std::string("5")},       {2, int64_t{5}},        {5, int64_t{7}},
      {5, int64_t{-1}}, {9, int64_t{INT32_MAX} + 1}, {9, std::string("day")}};
  for (const auto& [at, value] : wrong) {
    PartitionTuple values = every_value();
    values[at] = value;
    EXPECT_FALSE(codec.fits(values)) << at;
  }
}

part::Meta part_in(const PartitionTuple& partition) {
  part::Meta part = part_of("p" + std::to_string(partition.size()));
  part.partition = partition;
  return part;
}

TEST(PartitionCodec, ManifestsHoldValuesAndTheListWhatLiesBetween) {
  const Metadata metadata = table_of(kEveryField);
  PartitionTuple nulls(every_value().size());
  nulls.back() = int64_t{4};
  PartitionTuple empty = every_value();
  empty[2] = std::string();
  ManifestWriter writer(metadata, id_of<CommitId>(5), "db/coll/metadata/m0.avro", 77, 3);
  const std::vector<PartitionTuple> all = {every_value(), nulls, empty};
  for (const PartitionTuple& values : all) {
    writer.add({EntryStatus::kAdded, 77, std::nullopt, std::nullopt, part_in(values)});
  }
  const EncodedManifest manifest = writer.finish();
  const auto entries = decode_manifest(manifest.bytes, manifest.file, metadata);
  ASSERT_TRUE(entries.ok()) << entries.error().to_string();
  for (size_t at = 0; at < all.size(); ++at) {
    EXPECT_EQ((*entries)[at].part.partition, all[at]);
  }
  const std::string list = encode_manifest_list({manifest.file}, metadata, {}, id_of<CommitId>(5));
  const auto files = decode_manifest_list(list, metadata);
  ASSERT_TRUE(files.ok()) << files.error().to_string();
  EXPECT_EQ((*files)[0], manifest.file);
  const PartitionSummaries& summaries = *(*files)[0].partitions;
  EXPECT_EQ(summaries[2], (PartitionSummary{true, std::string(), std::string("a/b=%")}));
  EXPECT_EQ(summaries[9], (PartitionSummary{false, int64_t{-3}, int64_t{4}}));
  for (const PartitionTuple& values : all) {
    for (size_t at = 0; at < values.size(); ++at) EXPECT_TRUE(summaries[at].holds(values[at]));
  }
  EXPECT_FALSE(summaries[9].holds(int64_t{5}));
  EXPECT_FALSE(summaries[9].holds(PartitionValue()));
}

TEST(PartitionCodec, AnEntryThatDoesNotFitThePartitionIsCorrupt) {
  const Metadata metadata = table_of("bucket(4,name)");
  ManifestWriter writer(metadata, id_of<CommitId>(5), "db/coll/metadata/m0.avro", 77, 3);
  writer.add({EntryStatus::kAdded, 77, std::nullopt, std::nullopt, part_in({int64_t{3}})});
  const EncodedManifest manifest = writer.finish();
  const Metadata fewer = table_of("bucket(3,name)");
  EXPECT_EQ(decode_manifest(manifest.bytes, manifest.file, fewer).error().code(), Code::kCorrupt);
  EXPECT_TRUE(decode_manifest(manifest.bytes, manifest.file, metadata).ok());
}

/// A manifest list with the summaries of one manifest, bounds as these bytes; what is read of it.
std::optional<PartitionSummaries> read_bounds(const std::optional<std::string>& lower,
                                              const std::optional<std::string>& upper,
                                              bool contains_null) {
  const Metadata by_name = table_of("name");
  ManifestFile file;
  file.key = "db/coll/metadata/m0.avro";
  PartitionSummary summary{contains_null, {}, {}};
  if (lower) summary.lower = *lower;
  if (upper) summary.upper = *upper;
  file.partitions = PartitionSummaries{summary};
  const std::string list = encode_manifest_list({file}, by_name, {}, {});
  const auto files = decode_manifest_list(list, table_of("n"));
  return files.value()[0].partitions;
}

TEST(PartitionCodec, BoundsThatCannotBeBelievedSayNothing) {
  const std::string five("\5\0\0\0\0\0\0\0", 8);
  EXPECT_EQ(read_bounds(five, five, false), (PartitionSummaries{{false, int64_t{5}, int64_t{5}}}));
  EXPECT_EQ(read_bounds({}, {}, true), (PartitionSummaries{{true, {}, {}}}));
  EXPECT_FALSE(read_bounds({}, {}, false));
  EXPECT_FALSE(read_bounds(five, {}, true));
  EXPECT_FALSE(read_bounds({}, five, false));
  EXPECT_FALSE(read_bounds("five", "five", true));
}

TEST(Partitioning, OfAManifestOfAnotherShapeIsNotBelieved) {
  const Metadata two = table_of("name,n");
  ManifestFile file;
  file.key = "db/coll/metadata/m0.avro";
  file.partitions = PartitionSummaries{{true, {}, {}}, {true, {}, {}}};
  const std::string list = encode_manifest_list({file}, two, {}, {});
  EXPECT_FALSE(decode_manifest_list(list, table_of("name")).value()[0].partitions);
  EXPECT_FALSE(decode_manifest_list(list, table_of("name,n,flag")).value()[0].partitions);
  EXPECT_EQ(decode_manifest_list(list, table_of("none")).value()[0].partitions,
            PartitionSummaries());
}

}  // namespace
}  // namespace sluice::table
