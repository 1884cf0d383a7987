#include "source/rest.h"

#include <gtest/gtest.h>

#include "source/text_fixture.h"

namespace sluice::source {
namespace {

using Lines = std::vector<std::string>;
constexpr DecoderOptions kKeep{.on_conflict = OnConflict::kKeep};

Sample make_sample(Format format, std::vector<Field> fields) {
  Sample sample;
  sample.format = format;
  for (Field& field : fields) sample.columns.push_back({.source_name = field.name, .field = field});
  sample.reports.resize(fields.size());
  return sample;
}

/// What becomes of one JSON value in a column: "value _rest", or the reason.
std::string keep_json(Type type, const std::string& text) {
  const Everything all =
      decode_all("{\"v\":" + text + "}", make_sample(Format::kNdjson, {{"v", type}}), kKeep);
  return all.rows.empty() ? std::string(to_string(all.rejects.at(0).reason)) : all.rows[0];
}

std::string keep_csv(Type type, const std::string& text) {
  const Everything all = decode_all(
      "v,w\n" + text + ",\n", make_sample(Format::kCsv, {{"v", type}, {"w", Type::kBool}}), kKeep);
  return all.rows.empty() ? std::string(to_string(all.rejects.at(0).reason)) : all.rows[0];
}

std::string said(RejectReason reason) {
  return std::string(to_string(reason));
}

TEST(Rest, KeepsJsonValuesThatDoNotFitAsTheyAreWritten) {
  EXPECT_EQ(keep_json(Type::kInt64, "1.50"), "null '{\"v\":1.50}'");
  EXPECT_EQ(keep_json(Type::kInt64, "9223372036854775808"), "null '{\"v\":9223372036854775808}'");
  EXPECT_EQ(keep_json(Type::kInt64, "\"a\\u00e9\\\"\""), "null '{\"v\":\"a\\u00e9\\\"\"}'");
  EXPECT_EQ(keep_json(Type::kInt64, " { \"a\" : [ 1.0 , null ] } "),
            "null '{\"v\":{\"a\":[1.0,null]}}'");
  EXPECT_EQ(keep_json(Type::kInt64, "true"), "null '{\"v\":true}'");
  EXPECT_EQ(keep_json(Type::kDouble, "9007199254740993"), "null '{\"v\":9007199254740993}'");
  EXPECT_EQ(keep_json(Type::kDouble, "1e999"), "null '{\"v\":1e999}'");
  EXPECT_EQ(keep_json(Type::kString, "12"), "null '{\"v\":12}'");
  EXPECT_EQ(keep_json(Type::kBool, "[]"), "null '{\"v\":[]}'");
  EXPECT_EQ(keep_json(Type::kTimestamp, "\"2001-02-29\""), "null '{\"v\":\"2001-02-29\"}'");
  EXPECT_EQ(keep_json(Type::kTimestamp, "\"2001\\u002d02-29\""),
            "null '{\"v\":\"2001\\u002d02-29\"}'");
  EXPECT_EQ(keep_json(Type::kTimestamp, "\"2016-12-31T23:59:60Z\""),
            "null '{\"v\":\"2016-12-31T23:59:60Z\"}'");
  EXPECT_EQ(keep_json(Type::kTimestamp, "17"), "null '{\"v\":17}'");
  EXPECT_EQ(keep_json(Type::kInt64, "1"), "1");
  EXPECT_EQ(keep_json(Type::kInt64, "null"), "null");
}

TEST(Rest, BrokenJsonIsRejectedAllTheSame) {
  for (const Type type : {Type::kInt64, Type::kTimestamp, Type::kString}) {
    for (const char* text : {"01", "tru", "[1,]", "{\"a\" 1}", "\"\\x\"", "\"\\ud800\""}) {
      EXPECT_EQ(keep_json(type, text), said(RejectReason::kInvalidJson)) << text;
    }
    EXPECT_EQ(keep_json(type, "\"\xff\""), said(RejectReason::kInvalidUtf8));
  }
  EXPECT_EQ(keep_json(Type::kInt64, std::string(500, '[') + std::string(500, ']')),
            said(RejectReason::kNestedTooDeep));
}

TEST(Rest, KeepsUnknownMembersUnderTheirNames) {
  const Sample sample = make_sample(Format::kNdjson, {{"a", Type::kInt64}, {"b", Type::kInt64}});
  const Everything all = decode_all(
      "{\"x\\\"\\u0041\":[1 , 2],\"a\":1,\"_rest\":null,\"b\":\"c\"}\n"
      "{\"a\":2,\"z\":1,\"\\u007a\":2}\n"
      "{\"a\":3,\"\":\"\"}\n",
      sample, kKeep);
  EXPECT_EQ(all.rows, (Lines{"1 null '{\"x\\\"\\u0041\":[1,2],\"_rest\":null,\"b\":\"c\"}'",
                             "3 null '{\"\":\"\"}'"}));
  EXPECT_EQ(show_rejects(all.rejects), (Lines{"2::" + said(RejectReason::kDuplicateColumn)}));
}

TEST(Rest, KeepsCsvTextThatDoesNotFitAsJsonStrings) {
  EXPECT_EQ(keep_csv(Type::kInt64, "1.5"), "null null '{\"v\":\"1.5\"}'");
  EXPECT_EQ(keep_csv(Type::kInt64, "007"), "null null '{\"v\":\"007\"}'");
  EXPECT_EQ(keep_csv(Type::kInt64, "\"\""), "null null '{\"v\":\"\"}'");
  EXPECT_EQ(keep_csv(Type::kDouble, "\"a \"\"b\"\" \\\n\x01\xc3\xa9\""),
            "null null '{\"v\":\"a \\\"b\\\" \\\\\\u000a\\u0001\xc3\xa9\"}'");
  EXPECT_EQ(keep_csv(Type::kTimestamp, "2001-02-29"), "null null '{\"v\":\"2001-02-29\"}'");
  EXPECT_EQ(keep_csv(Type::kInt64, "1,2"), said(RejectReason::kRaggedRow));
  EXPECT_EQ(keep_csv(Type::kInt64, "\xff"), said(RejectReason::kInvalidUtf8));
  EXPECT_EQ(keep_csv(Type::kInt64, "a\"b"), said(RejectReason::kInvalidQuoting));
}

TEST(Rest, TwoCsvColumnsOfOneNameAreKeptUnderTheirOwn) {
  const Result<Sample> sample = sample_text("a,a,b\n1,1,1\n", Format::kCsv);
  EXPECT_EQ(decode_all("a,a,b\nx,y,z\n", *sample, kKeep).rows,
            (Lines{"null null null '{\"a\":\"x\",\"a_2\":\"y\",\"b\":\"z\"}'"}));
}

TEST(Rest, KeysAndTimesThatDoNotFitAreRejected) {
  for (const Format format : {Format::kNdjson, Format::kCsv}) {
    Sample sample = make_sample(format, {{"k", Type::kInt64}, {"v", Type::kInt64}});
    sample.columns[0].required = true;
    const Everything all = decode_all(format == Format::kCsv ? "k,v\nx,1\n1,x\n,1\n"
                                                             : "{\"k\":\"x\",\"v\":1}\n"
                                                               "{\"k\":1,\"v\":\"x\"}\n"
                                                               "{\"v\":1}\n",
                                      sample, kKeep);
    EXPECT_EQ(all.rows, (Lines{"1 null '{\"v\":\"x\"}'"}));
    EXPECT_EQ(all.rejects.size(), 2u);
  }
}

TEST(Rest, TheColumnComesWithTheFirstRowThatNeedsIt) {
  const Sample sample = make_sample(Format::kCsv, {{"v", Type::kInt64}});
  const Everything all = decode_all("v\n1\n2\nx\n3\ny\n", sample, kKeep);
  ASSERT_EQ(all.parts.size(), 2u);
  EXPECT_EQ(all.parts[0].batch.schema()->size(), 1u);
  EXPECT_EQ(all.parts[0].kept.total(), 0u);
  EXPECT_EQ(all.parts[0].end.offset, 6u);
  EXPECT_EQ((*all.parts[1].batch.schema())[1], (Field{"_rest", Type::kString}));
  EXPECT_EQ(all.parts[1].kept.total(), 2u);
  EXPECT_EQ(all.rows, (Lines{"1", "2", "null '{\"v\":\"x\"}'", "3 null", "null '{\"v\":\"y\"}'"}));
}

TEST(Rest, WhatIsKeptCountsTowardsTheLimitsOfABatch) {
  const Sample sample = make_sample(Format::kCsv, {{"v", Type::kInt64}});
  std::string text = "v\n";
  for (int i = 0; i < 4; ++i) text += std::string(1000, '\x01') + "\n";
  const Everything all =
      decode_all(text, sample, {.batch_bytes_max = 9000, .on_conflict = OnConflict::kKeep});
  EXPECT_EQ(all.rows.size(), 4u);
  EXPECT_EQ(all.parts.size(), 4u);
  const Everything large =
      decode_all("v\n" + std::string(11u << 20, '\x01') + "\n1\n", sample, kKeep);
  EXPECT_EQ(large.rows, (Lines{"1"}));
  EXPECT_EQ(large.rejects.at(0).reason, RejectReason::kRecordTooLong);
}

TEST(Rest, AFileThatNamesAColumnRestCannotReachOurs) {
  SampleOptions options;
  options.declared = {{"a", Type::kInt64}, {"_rest", Type::kString}};
  const Result<Sample> sample = sample_text("{\"a\":1}\n", Format::kNdjson, options);
  ASSERT_EQ(sample->columns.size(), 1u);
  EXPECT_EQ(decode_all("{\"a\":1,\"_rest\":\"x\"}", *sample, kKeep).rows,
            (Lines{"1 '{\"_rest\":\"x\"}'"}));
  EXPECT_EQ(decode_all("{\"a\":1,\"_rest\":\"x\"}", *sample).rejects.at(0).reason,
            RejectReason::kUnknownColumn);
}

}  // namespace
}  // namespace sluice::source
