#include "source/line_protocol.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "sluice/options.h"
#include "source/text_fixture.h"

namespace sluice::source {
namespace {

using Lines = std::vector<std::string>;

/// A row by its columns' names, those without a value left out: "cpu series='h=a' time=@... v=1".
std::string show_named(const std::string& collection, const Batch& batch, size_t row) {
  std::string text = collection;
  for (size_t column = 0; column < batch.schema()->size(); ++column) {
    if (batch.column(column).is_null(row)) continue;
    text += " " + (*batch.schema())[column].name + "=" + show(batch.column(column), row);
  }
  return text;
}

struct Points {
  std::vector<DecodedPoints> parts;
  Lines rows;
  std::vector<Reject> rejects;
};

Points decode_points(std::string_view text, const LineProtocolOptions& options = {},
                     size_t piece_bytes = SIZE_MAX) {
  Points all;
  PiecewiseInput input(text.substr(options.start.offset), piece_bytes);
  LineProtocolDecoder decoder(input, options);
  for (;;) {
    Result<std::optional<DecodedPoints>> part = decoder.next();
    if (!part.ok()) ADD_FAILURE() << part.error().to_string();
    if (!part.ok() || !*part) return all;
    for (uint32_t row = 0; row < (*part)->batch.rows(); ++row) {
      all.rows.push_back(show_named((*part)->collection, (*part)->batch, row));
    }
    for (const Reject& reject : (*part)->rejects) all.rejects.push_back(reject);
    all.parts.push_back(std::move(**part));
  }
}

/// What becomes of one line: its row without series and time, or why it is rejected.
std::string fields_of(const std::string& line, const LineProtocolOptions& options = {}) {
  const Points all = decode_points(line, options);
  if (all.rows.empty()) return all.rejects.empty() ? "" : show_rejects(all.rejects)[0].substr(2);
  const size_t time = all.rows[0].find(" time=");
  return all.rows[0].substr(all.rows[0].find(' ', time + 1) + 1);
}

std::string value_of(const std::string& literal) {
  const std::string shown = fields_of("m v=" + literal + " 1");
  return shown.starts_with("v=") ? shown.substr(2) : shown.substr(shown.find(':') + 1);
}

std::string said(RejectReason reason) {
  return std::string(to_string(reason));
}

TEST(LineProtocol, MakesATableOfSeriesTimeTagsAndFields) {
  const Points all = decode_points(
      "cpu,host=a,zone=b load=0.5,n=3i 1000000000\n"
      "cpu,host=a load=2,up=t,note=\"x y\" 2000000000\n"
      "cpu load=1 3000000000\n");
  EXPECT_EQ(all.rows,
            (Lines{"cpu series='host=a,zone=b' time=@1970-01-01T00:00:01Z host='a' zone='b' "
                   "load=0.5 n=3",
                   "cpu series='host=a' time=@1970-01-01T00:00:02Z host='a' load=2 up=true "
                   "note='x y'",
                   "cpu series='' time=@1970-01-01T00:00:03Z load=1"}));
  EXPECT_TRUE(all.rejects.empty());
}

TEST(LineProtocol, TheTypeOfAValueIsAsItIsSpelled) {
  EXPECT_EQ(value_of("1i"), "1");
  EXPECT_EQ(value_of("-9223372036854775808i"), "-9223372036854775808");
  EXPECT_EQ(value_of("9223372036854775807u"), "9223372036854775807");
  EXPECT_EQ(value_of("+7i"), "7");
  EXPECT_EQ(value_of("007i"), "7");
  EXPECT_EQ(value_of("9223372036854775808i"), said(RejectReason::kOutOfRange));
  EXPECT_EQ(value_of("9223372036854775808u"), said(RejectReason::kOutOfRange));
  EXPECT_EQ(value_of("0.1"), "0.10000000000000001");
  EXPECT_EQ(value_of("1e3"), "1000");
  EXPECT_EQ(value_of("+1.5E-1"), "0.14999999999999999");
  EXPECT_EQ(value_of("-.5"), "-0.5");
  EXPECT_EQ(value_of("5."), "5");
  EXPECT_EQ(value_of("9007199254740993"), "9007199254740992");
  EXPECT_EQ(value_of("1e999"), said(RejectReason::kOutOfRange));
  for (const char* word : {"t", "T", "true", "True", "TRUE"}) EXPECT_EQ(value_of(word), "true");
  for (const char* word : {"f", "F", "false", "False", "FALSE"}) EXPECT_EQ(value_of(word), "false");
  EXPECT_EQ(value_of("\"\""), "''");
  EXPECT_EQ(value_of("\"a, b=\nc\""), "'a, b=\nc'");
  for (const char* wrong : {"NaN", "nan", "inf", "-Infinity", "tRUE", "yes", "1ii", "i", "-1u",
                            "1.5i", "0x1", ".", "-", "1e", "1.2.3", "1e1.5", "'x'", "1_0", "--1"}) {
    EXPECT_EQ(value_of(wrong), said(RejectReason::kInvalidFieldValue)) << wrong;
  }
}

TEST(LineProtocol, TakesEscapesWhereTheyMeanSomething) {
  const Points all = decode_points(
      "my\\,me\\ a\\=b,k\\,\\ \\=1=v\\,\\ \\=2,p=c:\\dir f\\ \\=\\,\\x=\"q\\\"\\\\\\n\" 1\n");
  ASSERT_EQ(all.rows.size(), 1u);
  EXPECT_EQ(all.rows[0],
            "my_x2cme_x20a_x5c_x3db series='k\\,\\ \\=1=v\\,\\ \\=2,p=c:\\dir' "
            "time=@1970-01-01T00:00:00.000000001Z k, =1='v, =2' p='c:\\dir' f =,\\x='q\"\\\\n'");
}

TEST(LineProtocol, TellsTagSetsThatDifferOnlyInEscapesApart) {
  const Points all = decode_points("m,a=1\\,b\\=2 v=1 1\nm,a=1,b=2 v=1 1\nm,b=2,a=1 v=1 1\n");
  ASSERT_EQ(all.rows.size(), 3u);
  EXPECT_NE(all.rows[0].find("series='a=1\\,b\\=2' "), std::string::npos);
  EXPECT_NE(all.rows[1].find("series='a=1,b=2' "), std::string::npos);
  EXPECT_NE(all.rows[2].find("series='a=1,b=2' "), std::string::npos);
}

TEST(LineProtocol, SkipsCommentsAndBlanksAndPutsUpWithSpaces) {
  const Points all = decode_points(
      "# a \"comment\n\n   \n  # indented\r\n\t m,a=b   v=1   5  \r\nm,a=c w=\"x\" 6");
  EXPECT_EQ(all.rows.size(), 2u);
  EXPECT_TRUE(all.rejects.empty());
}

TEST(LineProtocol, EveryDefectHasItsReason) {
  const std::pair<const char*, RejectReason> cases[] = {
      {",a=b v=1 1", RejectReason::kMissingMeasurement},
      {"m,a v=1 1", RejectReason::kInvalidTag},
      {"m,a= v=1 1", RejectReason::kInvalidTag},
      {"m,=b v=1 1", RejectReason::kInvalidTag},
      {"m, v=1 1", RejectReason::kInvalidTag},
      {"m,,a=b v=1 1", RejectReason::kInvalidTag},
      {"m,a=b=c v=1 1", RejectReason::kInvalidTag},
      {"m", RejectReason::kMissingField},
      {"m,a=b", RejectReason::kMissingField},
      {"m\\ v=1", RejectReason::kMissingField},
      {"m 1", RejectReason::kInvalidField},
      {"m =1 1", RejectReason::kInvalidField},
      {"m v= 1", RejectReason::kInvalidField},
      {"m v=1,w= 1", RejectReason::kInvalidField},
      {"m v=1, w=1 1", RejectReason::kInvalidField},
      {"m v=1, 1", RejectReason::kInvalidField},
      {"m v=a\"b\" 1", RejectReason::kInvalidFieldValue},
      {"m v=1=2 1", RejectReason::kInvalidFieldValue},
      {"m v=1\\", RejectReason::kInvalidFieldValue},
      {"m v=\"a\"b 1", RejectReason::kInvalidQuoting},
      {"m v=\"a 1", RejectReason::kInvalidQuoting},
      {"m v=\"a\\\" 1", RejectReason::kInvalidQuoting},
      {"m v=1", RejectReason::kMissingTime},
      {"m v=1 ", RejectReason::kMissingTime},
      {"m v=1 x", RejectReason::kInvalidTimestamp},
      {"m v=1 1.5", RejectReason::kInvalidTimestamp},
      {"m v=1 1 2", RejectReason::kInvalidTimestamp},
      {"m v=1 1\\", RejectReason::kInvalidTimestamp},
      {"m v=1 9223372036854775808", RejectReason::kTimeOutOfRange},
      {"m,a=1,a=2 v=1 1", RejectReason::kDuplicateColumn},
      {"m,a=1,b=2,a=2 v=1 1", RejectReason::kDuplicateColumn},
      {"m v=1,v=1 1", RejectReason::kDuplicateColumn},
      {"m,v=1 v=\"1\" 1", RejectReason::kDuplicateColumn},
      {"m time=1,x_time=1 1", RejectReason::kDuplicateColumn},
      {"m v=\"\xff\" 1", RejectReason::kInvalidUtf8},
      {"\xc3 v=1 1", RejectReason::kInvalidUtf8},
  };
  for (const auto& [text, reason] : cases) {
    const Points all = decode_points(std::string(text) + "\nm,z=1 ok=2 3\n");
    EXPECT_EQ(all.rows.size(), 1u) << text;
    ASSERT_EQ(all.rejects.size(), 1u) << text;
    EXPECT_EQ(to_string(all.rejects[0].reason), to_string(reason)) << text;
    EXPECT_EQ(all.rejects[0].raw, text);
    EXPECT_EQ(all.rejects[0].at, Position{}) << text;
  }
}

TEST(LineProtocol, ARejectedPointLeavesNoTraceInTheTable) {
  const Points all = decode_points("m v=1i,w=1,w=1 1\nm v=1.5 1\nm new=1 x\nm v=2.5 2\n");
  EXPECT_EQ(all.rows.size(), 2u);
  EXPECT_EQ(all.parts.at(0).batch.schema()->fields(),
            (std::vector<Field>{
                {"series", Type::kString}, {"time", Type::kTimestamp}, {"v", Type::kDouble}}));
}

TEST(LineProtocol, CountsTimeInThePrecisionGiven) {
  const auto time_of = [](const char* time, TimeUnit precision) {
    const Points all = decode_points("m v=1 " + std::string(time), {.precision = precision});
    return all.rows.empty() ? said(all.rejects.at(0).reason) : all.rows[0].substr(17, 26);
  };
  EXPECT_EQ(time_of("1500", TimeUnit::kMillis), "@1970-01-01T00:00:01.5Z v=");
  EXPECT_EQ(time_of("1500", TimeUnit::kMicros), "@1970-01-01T00:00:00.0015Z");
  EXPECT_EQ(time_of("-0001", TimeUnit::kSeconds), "@1969-12-31T23:59:59Z v=1");
  EXPECT_EQ(time_of("9223372037", TimeUnit::kSeconds), said(RejectReason::kTimeOutOfRange));
}

TEST(LineProtocol, NamesOfOurColumnsAreGivenAnother) {
  EXPECT_EQ(fields_of("m,series=a,time=b _id=1,_rest=2 1"),
            "x_series='a' x_time='b' x_id=1 x_rest=2");
}

TEST(LineProtocol, TwoNamesNeverShareAColumn) {
  const Points all = decode_points("m _id=1 1\nm x_id=2 2\nm _id=3 3\n");
  EXPECT_EQ(all.rows.size(), 2u);
  EXPECT_EQ(show_rejects(all.rejects), (Lines{"2:x_id:" + said(RejectReason::kNameClash)}));
}

TEST(LineProtocol, ATagAndAStringFieldOfOneNameShareAColumn) {
  const Points all = decode_points("m,a=x v=1 1\nm a=\"y\" 2\nm a=1 3\n");
  ASSERT_EQ(all.rows.size(), 2u);
  EXPECT_NE(all.rows[0].find("series='a=x'"), std::string::npos);
  EXPECT_NE(all.rows[1].find("series='' time=@1970-01-01T00:00:00.000000002Z a='y'"),
            std::string::npos);
  EXPECT_EQ(show_rejects(all.rejects), (Lines{"3:a:" + said(RejectReason::kTypeMismatch)}));
}

TEST(LineProtocol, MeasurementsNeverShareATable) {
  EXPECT_EQ(collection_of("cpu_load-5"), "cpu_load-5");
  EXPECT_EQ(collection_of("-a-"), "_x2da-");
  EXPECT_EQ(collection_of("a b"), "a_x20b");
  EXPECT_EQ(collection_of("a_x20b"), "a_x5fx20b");
  EXPECT_EQ(collection_of("_x2"), "_x2");
  EXPECT_EQ(collection_of("_xA0"), "_xA0");
  EXPECT_EQ(collection_of("\xc3\xa9"), "_xc3_xa9");
  EXPECT_EQ(collection_of(std::string(100, 'a')), std::string(100, 'a'));
  EXPECT_EQ(collection_of(std::string(101, 'a')), std::nullopt);
  EXPECT_EQ(collection_of(std::string(26, '.')), std::nullopt);
  std::mt19937_64 random(3);
  std::map<std::string, std::string> measurement_of;
  for (int i = 0; i < 100'000; ++i) {
    std::string measurement;
    for (size_t size = 1 + random() % 9; size > 0; --size) measurement += "_x5f2 -"[random() % 7];
    const std::string collection = collection_of(measurement).value();
    EXPECT_TRUE(TableName::parse("db." + collection).ok()) << collection;
    EXPECT_EQ(measurement_of.emplace(collection, measurement).first->second, measurement);
  }
  EXPECT_EQ(show_rejects(decode_points(std::string(101, 'a') + " v=1 1").rejects),
            (Lines{"1::" + said(RejectReason::kMeasurementTooLong)}));
}

TEST(LineProtocol, GivesEachMeasurementItsOwnTableOrRejectsAllButOne) {
  const std::string_view text = "a v=1 1\nb v=2i 2\na v=3 3\n";
  const Points all = decode_points(text);
  ASSERT_EQ(all.parts.size(), 2u);
  EXPECT_EQ(all.parts[0].collection, "a");
  EXPECT_EQ(all.parts[0].batch.rows(), 2u);
  EXPECT_EQ(all.parts[1].collection, "b");
  const Points one = decode_points(text, {.only_collection = "a"});
  EXPECT_EQ(one.rows.size(), 2u);
  EXPECT_EQ(show_rejects(one.rejects), (Lines{"2::" + said(RejectReason::kOtherMeasurement)}));
}

TEST(LineProtocol, ANewColumnEndsTheBatchBeforeIt) {
  const Points all = decode_points("a v=1 1\nb v=1 1\na v=2 2\na v=3,w=1 3\na w=2 4\n");
  ASSERT_EQ(all.parts.size(), 3u);
  EXPECT_EQ(all.parts[0].batch.rows(), 2u);
  EXPECT_EQ(all.parts[0].batch.schema()->size(), 3u);
  EXPECT_EQ(all.parts[0].end, (Position{24, 4}));
  EXPECT_EQ(all.parts[1].batch.schema()->size(), 4u);
  EXPECT_EQ(all.parts[1].collection, "a");
  EXPECT_EQ(all.parts[2].collection, "b");
  EXPECT_EQ(all.parts[2].end.offset, 44u);
}

TEST(LineProtocol, EndsABatchAtItsLimits) {
  std::string text;
  for (int i = 0; i < 10; ++i) text += "m v=\"" + std::string(100, 'x') + "\" 1\n";
  const auto rows_of = [&](LineProtocolOptions options) {
    std::vector<uint32_t> rows;
    for (const DecodedPoints& part : decode_points(text, options).parts) {
      rows.push_back(part.batch.rows());
    }
    return rows;
  };
  EXPECT_EQ(rows_of({.batch_rows_max = 4}), (std::vector<uint32_t>{4, 4, 2}));
  EXPECT_EQ(rows_of({.batch_bytes_max = 500}), (std::vector<uint32_t>{3, 3, 3, 1}));
  EXPECT_EQ(rows_of({.batch_bytes_max = 1}), (std::vector<uint32_t>(10, 1)));
  EXPECT_EQ(rows_of({.held_bytes_max = 300}), (std::vector<uint32_t>{2, 2, 2, 2, 2}));
}

TEST(LineProtocol, GivesTheLargestTableWhenAllHoldTooMuch) {
  std::string text = "small v=1 1\n";
  for (int i = 0; i < 9; ++i) text += "large v=1 " + std::to_string(i) + "\n";
  const Points all = decode_points(text, {.held_bytes_max = 400});
  ASSERT_EQ(all.parts.size(), 3u);
  EXPECT_EQ(all.parts[0].collection, "large");
  EXPECT_GT(all.parts[0].batch.rows(), 4u);
  EXPECT_EQ(all.rows.size(), 10u);
}

TEST(LineProtocol, RejectsAreGivenInOrderWithTheBatchThatFollowsThem) {
  std::string text;
  for (size_t i = 0; i < LineProtocolDecoder::kRejectsMax + 5; ++i) text += "m\n";
  const Points all = decode_points(text + "m v=1 1\nm\n");
  ASSERT_EQ(all.parts.size(), 2u);
  EXPECT_TRUE(all.parts[0].batch.empty());
  EXPECT_EQ(all.parts[0].rejects.size(), LineProtocolDecoder::kRejectsMax);
  EXPECT_EQ(all.parts[1].rejects.size(), 6u);
  EXPECT_EQ(all.parts[1].batch.rows(), 1u);
}

Result<std::optional<DecodedPoints>> decode_to_error(const std::string& text) {
  PiecewiseInput input(text);
  LineProtocolDecoder decoder(input, {});
  for (;;) {
    Result<std::optional<DecodedPoints>> part = decoder.next();
    if (!part.ok() || !*part) return part;
  }
}

TEST(LineProtocol, TooManyMeasurementsAreAnErrorThatSaysWhatToDo) {
  std::string text;
  for (size_t i = 0; i < LineProtocolDecoder::kMeasurementsMax; ++i) {
    text += "m" + std::to_string(i) + " v=1 1\n";
  }
  EXPECT_TRUE(decode_to_error(text).ok());
  const auto end = decode_to_error(text + "m v=1 1\n");
  ASSERT_FALSE(end.ok());
  EXPECT_EQ(end.error().reason(), Reason::kPayloadTooLarge);
  EXPECT_NE(end.error().message().find("split the file"), std::string::npos);
}

std::string wide_point(const std::string& measurement, size_t fields, const std::string& prefix) {
  std::string text = measurement + " ";
  for (size_t i = 0; i < fields; ++i) {
    text += (i == 0 ? "" : ",") + prefix + std::to_string(i) + "=1";
  }
  return text + " 1\n";
}

TEST(LineProtocol, TooManyColumnsOfAllMeasurementsAreAnErrorThatSaysWhatToDo) {
  std::string text;
  for (int i = 0; i < 25; ++i) text += wide_point("m" + std::to_string(i), 4000, "f");
  EXPECT_TRUE(decode_to_error(text).ok());
  const auto end = decode_to_error(text + wide_point("last", 1, "f"));
  ASSERT_FALSE(end.ok());
  EXPECT_EQ(end.error().reason(), Reason::kPayloadTooLarge);
}

TEST(LineProtocol, AColumnTooManyOrWithTooLongANameIsAConflict) {
  const std::string wide = wide_point("m", kColumnsMax - 3, "f");
  EXPECT_EQ(show_rejects(decode_points(wide + "m f0=1,more=1 2\n").rejects),
            (Lines{"2:more:" + said(RejectReason::kTooManyColumns)}));
  const Points kept = decode_points(wide + "m f0=1,more=1 2\n", {.on_conflict = OnConflict::kKeep});
  ASSERT_EQ(kept.rows.size(), 2u);
  EXPECT_TRUE(kept.rows[1].ends_with("f0=1 _rest='{\"more\":1.0}'")) << kept.rows[1];
  EXPECT_EQ(kept.parts.back().batch.schema()->size(), kColumnsMax);
  const std::string name(256, 'n');
  EXPECT_EQ(fields_of("m " + name + "=1 1"), name + ":" + said(RejectReason::kColumnNameTooLong));
  EXPECT_EQ(fields_of("m " + name + "=1 1", {.on_conflict = OnConflict::kKeep}),
            "_rest='{\"" + name + "\":1.0}'");
}

LineProtocolOptions known_table(std::vector<Field> fields, OnConflict on_conflict) {
  fields.push_back({"time", Type::kTimestamp});
  fields.push_back({"series", Type::kString});
  LineProtocolOptions options{.on_conflict = on_conflict};
  options.tables["m"] = {std::move(fields)};
  return options;
}

TEST(LineProtocol, TheTypesOfAKnownTableHold) {
  const LineProtocolOptions options =
      known_table({{"v", Type::kInt64}, {"a", Type::kDouble}}, OnConflict::kReject);
  EXPECT_EQ(fields_of("m v=1 1", options), "v:" + said(RejectReason::kTypeMismatch));
  EXPECT_EQ(fields_of("m,a=x v=1i 1", options), "a:" + said(RejectReason::kTypeMismatch));
  const Points all = decode_points("m v=1i 1\n", options);
  EXPECT_EQ(all.rows, (Lines{"m v=1 time=@1970-01-01T00:00:00.000000001Z series=''"}));
}

TEST(LineProtocol, KeepsWhatDoesNotFitAsJsonWithoutLoss) {
  const auto options = known_table({{"v", Type::kInt64}, {"d", Type::kDouble}, {"a", Type::kBool}},
                                   OnConflict::kKeep);
  const auto kept = [&](const std::string& line) {
    const Points all = decode_points(line, options);
    EXPECT_EQ(all.parts.at(0).kept.total(), 1u);
    const std::string& row = all.rows.at(0);
    return row.substr(row.find("_rest=") + 6);
  };
  EXPECT_EQ(kept("m v=1 1"), "'{\"v\":1.0}'");
  EXPECT_EQ(kept("m v=+01.50e+3 1"), "'{\"v\":1.50e+3}'");
  EXPECT_EQ(kept("m v=-.5,d=007i 1"), "'{\"v\":-0.5,\"d\":7}'");
  EXPECT_EQ(kept("m v=1e5,d=-0i 1"), "'{\"v\":1.0e5,\"d\":-0}'");
  EXPECT_EQ(kept("m v=18446744073709551615u 1"), "'{\"v\":18446744073709551615}'");
  EXPECT_EQ(kept("m d=1e999 1"), "'{\"d\":1.0e999}'");
  EXPECT_EQ(kept("m v=\"a\\\"\\\\\n\" 1"), "'{\"v\":\"a\\\"\\\\\\u000a\"}'");
  EXPECT_EQ(kept("m v=T,d=f 1"), "'{\"v\":true,\"d\":false}'");
  EXPECT_EQ(kept("m,a=x d=1 1"), "'{\"a\":\"x\"}'");
  EXPECT_EQ(kept("m v\\ \"=99999999999999999999i 1"), "'{\"v \\\"\":99999999999999999999}'");
  const Points whole = decode_points("m v=1i,d=1 1\nm v=x 2\nm v=1,v=2i 3\n", options);
  EXPECT_EQ(whole.rows.size(), 1u);
  EXPECT_EQ(whole.rows[0].find("_rest"), std::string::npos);
  EXPECT_EQ(whole.rejects.size(), 2u);
}

/// Points of a few measurements with columns that come and go, conflicts and defects among them.
std::string random_points(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto pick = [&](auto... options) {
    const std::string all[] = {std::string(options)...};
    return all[random() % sizeof...(options)];
  };
  std::string text;
  for (size_t lines = random() % 80; lines > 0; --lines) {
    if (random() % 10 == 0) text += pick("\n", "# x \"\n", "  \r\n", "m v=\"open\n", "m\n", ",\n");
    text += pick("m", "n", "o\\ o", "p");
    for (size_t tags = random() % 3; tags > 0; --tags) {
      text += pick(",a=1", ",b=\\,", ",c=x", ",time=t");
    }
    text += " ";
    for (size_t fields = 1 + random() % 3; fields > 0; --fields) {
      text += pick("v=", "w=", "x=", "a=", "long\\ name=");
      text += pick("1", "1", "1", "2i", "\"s\n,\"", "\"\\\"\"", "t", "99999999999999999999i", "?");
      if (fields > 1) text += ",";
    }
    text += " " + std::to_string(random() % 1000) + pick("\n", "\n", "\r\n");
  }
  return text;
}

TEST(LineProtocol, TheSameBytesGiveTheSameHoweverTheyArrive) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const std::string text = random_points(seed);
    LineProtocolOptions options{.batch_rows_max = 7, .record_bytes_max = 100};
    if (seed % 2 == 0) options.on_conflict = OnConflict::kKeep;
    const Points whole = decode_points(text, options);
    const Points pieces = decode_points(text, options, 1 + seed % 9);
    ASSERT_EQ(pieces.rows, whole.rows) << seed;
    ASSERT_EQ(show_rejects(pieces.rejects), show_rejects(whole.rejects)) << seed;
    ASSERT_EQ(pieces.parts.size(), whole.parts.size());
    for (size_t i = 0; i < whole.parts.size(); ++i) {
      EXPECT_EQ(pieces.parts[i].end, whole.parts[i].end);
    }
  }
}

/// What tables hold after the first batches were sent.
class Tables {
 public:
  /// Columns are made before rows are sent.
  void make(const DecodedPoints& part) {
    KnownTable& table = known_[part.collection];
    for (const Field& field : part.batch.schema()->fields()) {
      const auto is_it = [&](const Field& have) { return have.name == field.name; };
      if (std::none_of(table.columns.begin(), table.columns.end(), is_it)) {
        table.columns.push_back(field);
      }
    }
  }
  void take(const DecodedPoints& part) {
    for (uint32_t row = 0; row < part.batch.rows(); ++row) rows_.insert(sorted(part, row));
    known_[part.collection].taken = part.end.offset;
  }
  const std::map<std::string, KnownTable>& known() const { return known_; }
  const std::multiset<std::string>& rows() const { return rows_; }

 private:
  static std::string sorted(const DecodedPoints& part, uint32_t row) {
    std::map<std::string, std::string> cells;
    for (size_t column = 0; column < part.batch.schema()->size(); ++column) {
      if (part.batch.column(column).is_null(row)) continue;
      cells[(*part.batch.schema())[column].name] = show(part.batch.column(column), row);
    }
    std::string text = part.collection;
    for (const auto& [name, value] : cells) text += " " + name + "=" + value;
    return text;
  }

  std::map<std::string, KnownTable> known_;
  std::multiset<std::string> rows_;
};

std::vector<uint64_t> places_of(const std::vector<Reject>& rejects) {
  std::vector<uint64_t> places;
  for (const Reject& reject : rejects) places.push_back(reject.at.offset);
  return places;
}

void send(const Points& points, size_t first, size_t last, Tables& tables) {
  for (size_t i = first; i < last; ++i) {
    if (points.parts[i].batch.empty()) continue;
    tables.make(points.parts[i]);
    tables.take(points.parts[i]);
  }
}

TEST(LineProtocol, ReadAgainAfterAnyBatchEachRowLandsOnceAndRejectsComeAgain) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const std::string text = random_points(seed);
    LineProtocolOptions options{.batch_rows_max = 5, .held_bytes_max = 600};
    if (seed % 2 == 0) options.on_conflict = OnConflict::kKeep;
    const Points whole = decode_points(text, options);
    Tables expected;
    send(whole, 0, whole.parts.size(), expected);
    for (size_t sent = 0; sent <= whole.parts.size(); ++sent) {
      Tables tables;
      send(whole, 0, sent, tables);
      // The columns of the batch that was not sent may be there already.
      if (sent < whole.parts.size() && !whole.parts[sent].batch.empty()) {
        tables.make(whole.parts[sent]);
      }
      LineProtocolOptions again = options;
      again.tables = tables.known();
      again.batch_rows_max = 3;
      const Points rest = decode_points(text, again);
      send(rest, 0, rest.parts.size(), tables);
      ASSERT_EQ(tables.rows(), expected.rows()) << seed << " after " << sent;
      // Of several columns that conflict, another one may be named.
      ASSERT_EQ(places_of(rest.rejects), places_of(whole.rejects)) << seed;
    }
  }
}

TEST(LineProtocol, OneTableGoesOnBehindAnyBatch) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const std::string text = random_points(seed);
    LineProtocolOptions options{.only_collection = "m", .batch_rows_max = 5};
    const Points whole = decode_points(text, options);
    Tables expected;
    send(whole, 0, whole.parts.size(), expected);
    size_t rejects = 0;
    for (size_t sent = 1; sent <= whole.parts.size(); ++sent) {
      Tables tables;
      send(whole, 0, sent, tables);
      rejects += whole.parts[sent - 1].rejects.size();
      LineProtocolOptions again = options;
      again.tables = tables.known();
      again.start = whole.parts[sent - 1].end;
      const Points rest = decode_points(text, again);
      send(rest, 0, rest.parts.size(), tables);
      ASSERT_EQ(tables.rows(), expected.rows()) << seed << " after " << sent;
      ASSERT_EQ(rest.rejects.size(), whole.rejects.size() - rejects) << seed;
    }
  }
}

TEST(LineProtocol, SurvivesFlippedBytes) {
  std::mt19937_64 random(7);
  for (uint64_t seed = 0; seed < 500; ++seed) {
    std::string text = random_points(seed) + "\n";
    for (size_t flips = 1 + random() % 8; flips > 0; --flips) {
      const char hostile[] = "\"\n\\, =#iu\t\xff\xc3\0001e.-";
      text[random() % text.size()] = hostile[random() % (sizeof hostile - 1)];
    }
    const LineProtocolOptions options{.on_conflict = OnConflict::kKeep, .batch_rows_max = 7};
    const Points whole = decode_points(text, options);
    const Points pieces = decode_points(text, options, 5);
    ASSERT_EQ(pieces.rows, whole.rows) << seed;
    ASSERT_EQ(show_rejects(pieces.rejects), show_rejects(whole.rejects)) << seed;
  }
}

}  // namespace
}  // namespace sluice::source
