#include "source/sample.h"

#include <gtest/gtest.h>

#include "source/text_fixture.h"

namespace sluice::source {
namespace {

/// The type that a CSV column of these values gets, "!" appended if JSON would keep it verbatim.
std::string csv_type(const std::vector<std::string>& values) {
  std::string text = "v,w\n";
  for (const std::string& value : values) text += value + ",x\n";
  const Result<Sample> sample = sample_text(text, Format::kCsv);
  EXPECT_TRUE(sample.ok());
  return std::string(to_string(sample->columns[0].field.type));
}

std::string json_type(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += "{\"v\":" + value + "}\n";
  const Result<Sample> sample = sample_text(text, Format::kNdjson);
  EXPECT_TRUE(sample.ok());
  const Column& column = sample->columns[0];
  return std::string(to_string(column.field.type)) + (column.verbatim ? "!" : "");
}

TEST(Sample, DecidesTheTypeOfACsvColumnByAllItsValues) {
  EXPECT_EQ(csv_type({"1", "-2", "", "9223372036854775807"}), "long");
  EXPECT_EQ(csv_type({"1", "2.5", ""}), "double");
  EXPECT_EQ(csv_type({"1e3"}), "double");
  EXPECT_EQ(csv_type({".5", "-5.", "-0"}), "double");
  EXPECT_EQ(csv_type({"1.5", "NaN", "-inf"}), "double");
  EXPECT_EQ(csv_type({"\"1\"", "2"}), "long");
  EXPECT_EQ(csv_type({"true", "FALSE"}), "bool");
  EXPECT_EQ(csv_type({"2000-01-01", "Jan 1 2000"}), "timestamp");
  EXPECT_EQ(csv_type({"2000-01-01", "soon"}), "string");
  EXPECT_EQ(csv_type({"", ""}), "string");
  EXPECT_EQ(csv_type({"1", "x"}), "string");
  EXPECT_EQ(csv_type({"1", "\"\""}), "string");
  EXPECT_EQ(csv_type({"NaN", "inf"}), "string");
}

TEST(Sample, KeepsAsTextWhatANumberWouldChange) {
  EXPECT_EQ(csv_type({"00501", "10001"}), "string");
  EXPECT_EQ(csv_type({"+1"}), "string");
  EXPECT_EQ(csv_type({" 1"}), "string");
  EXPECT_EQ(csv_type({"0x10"}), "string");
  EXPECT_EQ(csv_type({"9223372036854775808"}), "string");
  EXPECT_EQ(csv_type({"0.5", "9007199254740993"}), "string");
  EXPECT_EQ(csv_type({"0.5", "9007199254740992"}), "double");
}

TEST(Sample, DecidesTheTypeOfAJsonColumnByAllItsValues) {
  EXPECT_EQ(json_type({"1", "null", "-5"}), "long");
  EXPECT_EQ(json_type({"1", "1.0"}), "double");
  EXPECT_EQ(json_type({"true", "false"}), "bool");
  EXPECT_EQ(json_type({"\"2000-01-01T00:00:00Z\"", "null"}), "timestamp");
  EXPECT_EQ(json_type({"\"1\"", "\"2\""}), "string");
  EXPECT_EQ(json_type({"\"NaN\"", "1.5"}), "string!");
  EXPECT_EQ(json_type({"\"a\"", "1", "true"}), "string!");
  EXPECT_EQ(json_type({"{\"a\":1}", "[1,2]"}), "string!");
  EXPECT_EQ(json_type({"null"}), "string!");
  EXPECT_EQ(json_type({"18446744073709551616"}), "string!");
}

TEST(Sample, ReportsWhatItSawOfEachColumn) {
  const Result<Sample> sample = sample_text(
      "{\"a\":1,\"b\":\"x\"}\n{\"a\":null,\"c\":{\"d\": [1, 2]}}\nbad\n", Format::kNdjson);
  ASSERT_TRUE(sample.ok());
  EXPECT_EQ(sample->records, 2u);
  EXPECT_EQ(sample->records_rejected, 1u);
  ASSERT_EQ(sample->columns.size(), 3u);
  EXPECT_EQ(sample->columns[2].field.name, "c");
  EXPECT_EQ(sample->reports[0].values, 1u);
  EXPECT_EQ(sample->reports[0].nulls, 1u);
  EXPECT_EQ(sample->reports[0].why, "all whole numbers");
  EXPECT_EQ(sample->reports[1].example, "x");
  EXPECT_EQ(sample->reports[2].example, "{\"d\":[1,2]}");
  EXPECT_EQ(sample->reports[2].why, "objects or arrays, kept as JSON text");
  EXPECT_EQ(sample_text("a,b\n1,\nx,\n", Format::kCsv)->reports[0].why,
            "mixed (whole 1, text 1), kept as written");
}

TEST(Sample, CutsALongExampleBetweenCharacters) {
  std::string text = "a,b\n";
  for (int i = 0; i < 30; ++i) text += "\xc3\xa9";
  const Result<Sample> sample = sample_text(text + "x,1\n", Format::kCsv);
  EXPECT_EQ(sample->reports[0].example.size(), 40 + 3u);
  const Result<Sample> odd = sample_text("a,b\nx" + text.substr(4) + ",1\n", Format::kCsv);
  EXPECT_EQ(odd->reports[0].example.size(), 39 + 3u);
}

TEST(Sample, TakesDeclaredTypesAndTheirUnits) {
  const SampleOptions options{.declared = {{"t", Type::kTimestamp}, {"n", Type::kDouble}},
                              .required = {"t"}};
  const Result<Sample> sample = sample_text(
      "t,n\n0,1\n1600000000000,2\n1600000000001,3\n5,4\n1600000000002,5\n", Format::kCsv, options);
  ASSERT_TRUE(sample.ok());
  EXPECT_EQ(sample->columns[0].unit, TimeUnit::kMillis);
  EXPECT_TRUE(sample->columns[0].required);
  EXPECT_EQ(sample->reports[0].why, "given as timestamp, numbers are milliseconds");
  EXPECT_EQ(sample->columns[1].field.type, Type::kDouble);
  EXPECT_EQ(sample_text("t\n2000-01-01\n", Format::kCsv, options)->columns[0].unit,
            TimeUnit::kNone);
}

TEST(Sample, AddsDeclaredColumnsThatJsonMayStillBring) {
  const SampleOptions options{.declared = {{"b", Type::kBool}}, .required = {}};
  EXPECT_EQ(sample_text("{\"a\":1}", Format::kNdjson, options)->columns.size(), 2u);
  EXPECT_EQ(sample_text("a\n1\n", Format::kCsv, options)->columns.size(), 1u);
}

TEST(Sample, RenamesWhatATableCannotNameAndSaysSo) {
  const Result<Sample> csv = sample_text(",_id, a ,a,a_2,\n1,2,3,4,5,x\n", Format::kCsv);
  ASSERT_TRUE(csv.ok());
  std::vector<std::string> names;
  for (const Column& column : csv->columns) names.push_back(column.field.name);
  EXPECT_EQ(names, (std::vector<std::string>{"unnamed", "x_id", "a", "a_2", "a_2_2", "unnamed_2"}));
  EXPECT_EQ(csv->reports[1].why, "renamed from \"_id\"; all whole numbers");
  EXPECT_EQ(csv->reports[2].why, "all whole numbers");
  const Result<Sample> json = sample_text("{\"_id\":1}", Format::kNdjson);
  EXPECT_EQ(json->columns[0].field.name, "x_id");
  EXPECT_EQ(json->columns[0].source_name, "_id");
  const Result<Sample> clash = sample_text("{\"_id\":1,\"x_id\":2}", Format::kNdjson);
  EXPECT_EQ(clash.error().code(), Code::kInvalid);
}

TEST(Sample, RefusesWhatHasNoUsableColumns) {
  EXPECT_EQ(sample_text("", Format::kCsv).error().code(), Code::kNotFound);
  EXPECT_EQ(sample_text("\n\n", Format::kNdjson).error().code(), Code::kNotFound);
  EXPECT_EQ(sample_text("1,2\n3,4\n", Format::kCsv).error().reason(), Reason::kMissingColumn);
  EXPECT_EQ(sample_text("a,\"b\n", Format::kCsv).error().reason(), Reason::kDecodeFailure);
  EXPECT_EQ(sample_text("a,\xff\n", Format::kCsv).error().reason(), Reason::kDecodeFailure);
  EXPECT_EQ(sample_text("bad\n", Format::kNdjson).error().reason(), Reason::kDecodeFailure);
  EXPECT_EQ(sample_text("{\n\"a\":1\n}\n", Format::kNdjson).error().reason(),
            Reason::kDecodeFailure);
  EXPECT_EQ(sample_text(std::string(300, 'n') + ",a\n", Format::kCsv).error().reason(),
            Reason::kPayloadTooLarge);
  std::string wide = "{";
  for (size_t i = 0; i <= kColumnsMax; ++i) wide += "\"c" + std::to_string(i) + "\":1,";
  wide.back() = '}';
  EXPECT_EQ(sample_text(wide, Format::kNdjson).error().reason(), Reason::kPayloadTooLarge);
  const SampleOptions required{.declared = {}, .required = {"k"}};
  EXPECT_EQ(sample_text("a\n1\n", Format::kCsv, required).error().reason(), Reason::kMissingColumn);
  EXPECT_EQ(sample_text("k,a\n,1\n", Format::kCsv, required).error().reason(),
            Reason::kMissingColumn);
  const SampleOptions binary{.declared = {{"a", Type::kBinary}}, .required = {}};
  EXPECT_EQ(sample_text("a\n1\n", Format::kCsv, binary).error().code(), Code::kUnsupported);
}

TEST(Sample, IgnoresTheRecordThatAnIncompleteHeadCuts) {
  const auto sample = [](std::string_view text, Format format) {
    return sample_head({std::string(text), false}, format, {});
  };
  EXPECT_EQ(sample("{\"a\":1}\n{\"a\":1.", Format::kNdjson)->columns[0].field.type, Type::kInt64);
  EXPECT_EQ(sample("{\"a\":1}\n{\"a\":1.", Format::kNdjson)->records_rejected, 0u);
  EXPECT_EQ(sample("a,b\n1,2\n3,\"4", Format::kCsv)->records_rejected, 0u);
  EXPECT_EQ(sample("[{\"a\":1},{\"a\":", Format::kJsonArray)->records_rejected, 0u);
  EXPECT_EQ(sample("{\"a\":", Format::kNdjson).error().reason(), Reason::kPayloadTooLarge);
}

TEST(Sample, StopsAtItsNumberOfRecords) {
  const SampleOptions options{.declared = {}, .required = {}, .records_max = 2};
  EXPECT_EQ(sample_text("{\"a\":1}\n{\"a\":2}\n{\"a\":\"x\"}\n", Format::kNdjson, options)->records,
            2u);
  EXPECT_EQ(sample_text("a\n1\n2\nx\n", Format::kCsv, options)->columns[0].field.type,
            Type::kInt64);
}

TEST(Source, DetectsTheFormatByExtensionThenByTheFirstBytes) {
  EXPECT_EQ(detect_format("x.CSV", "{"), Format::kCsv);
  EXPECT_EQ(detect_format("x.tsv", ""), Format::kTsv);
  EXPECT_EQ(detect_format("x.json", "\xef\xbb\xbf \n[{"), Format::kJsonArray);
  EXPECT_EQ(detect_format("x.json", "{"), Format::kNdjson);
  EXPECT_EQ(detect_format("x.ndjson", ""), Format::kNdjson);
  EXPECT_EQ(detect_format("x.jsonl", ""), Format::kNdjson);
  EXPECT_EQ(detect_format("-", "{\"a\":1}"), Format::kNdjson);
  EXPECT_EQ(detect_format("-", "[{}]"), Format::kJsonArray);
  EXPECT_EQ(detect_format("-", "a,b\n1\t2\n"), Format::kCsv);
  EXPECT_EQ(detect_format("-", "a\tb\n1,2\n"), Format::kTsv);
}

TEST(Source, ReadsAHeadAndReplaysIt) {
  const std::string text(kHeadBytesMax + 10, 'x');
  for (const size_t size : {size_t{0}, size_t{5}, kHeadBytesMax, text.size()}) {
    PiecewiseInput input(std::string_view(text).substr(0, size), 1'000'000);
    const Result<Head> head = read_head(input);
    ASSERT_TRUE(head.ok());
    EXPECT_EQ(head->complete, size < kHeadBytesMax);
    EXPECT_EQ(head->bytes.size(), std::min(size, kHeadBytesMax));
    HeadedInput whole(*head, input);
    EXPECT_EQ(read_head(whole)->bytes.size(), std::min(size, kHeadBytesMax));
    std::byte rest[20];
    EXPECT_EQ(*whole.read(rest), size > kHeadBytesMax ? 10u : 0u);
  }
}

}  // namespace
}  // namespace sluice::source
