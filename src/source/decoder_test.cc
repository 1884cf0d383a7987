#include "source/decoder.h"

#include <gtest/gtest.h>

#include <random>

#include "source/text_fixture.h"

namespace sluice::source {
namespace {

using Lines = std::vector<std::string>;

Sample make_sample(Format format, std::vector<Field> fields) {
  Sample sample;
  sample.format = format;
  for (Field& field : fields) sample.columns.push_back({.source_name = field.name, .field = field});
  sample.reports.resize(fields.size());
  return sample;
}

/// What becomes of one value, spelled in JSON, in a column of `type`.
std::string json_value(Type type, const std::string& text, TimeUnit unit = TimeUnit::kNone,
                       bool verbatim = false) {
  Sample sample = make_sample(Format::kNdjson, {{"v", type}});
  sample.columns[0].unit = unit;
  sample.columns[0].verbatim = verbatim;
  const Everything all = decode_all("{\"v\":" + text + "}", sample);
  return all.rows.empty() ? std::string(to_string(all.rejects.at(0).reason)) : all.rows[0];
}

std::string csv_value(Type type, const std::string& text, TimeUnit unit = TimeUnit::kNone) {
  Sample sample = make_sample(Format::kCsv, {{"v", type}, {"w", Type::kBool}});
  sample.columns[0].unit = unit;
  const Everything all = decode_all("v,w\n" + text + ",true\n", sample);
  if (all.rows.empty()) return std::string(to_string(all.rejects.at(0).reason));
  return all.rows[0].substr(0, all.rows[0].rfind(' '));
}

std::string said(RejectReason reason) {
  return std::string(to_string(reason));
}

TEST(Decoder, TakesTheSameNumbersFromJsonAndCsv) {
  const auto both = [](Type type, const std::string& text) {
    const std::string json = json_value(type, text);
    EXPECT_EQ(csv_value(type, text), json) << text;
    return json;
  };
  EXPECT_EQ(both(Type::kInt64, "0"), "0");
  EXPECT_EQ(both(Type::kInt64, "9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(both(Type::kInt64, "-9223372036854775808"), "-9223372036854775808");
  EXPECT_EQ(both(Type::kInt64, "9223372036854775808"), said(RejectReason::kOutOfRange));
  EXPECT_EQ(both(Type::kInt64, "-9223372036854775809"), said(RejectReason::kOutOfRange));
  EXPECT_EQ(both(Type::kInt64, "99999999999999999999999"), said(RejectReason::kOutOfRange));
  EXPECT_EQ(both(Type::kInt64, "1.0"), said(RejectReason::kFractionInLong));
  EXPECT_EQ(both(Type::kInt64, "1e2"), said(RejectReason::kFractionInLong));
  EXPECT_EQ(both(Type::kInt64, "-0"), said(RejectReason::kFractionInLong));
  EXPECT_EQ(both(Type::kInt64, "true"), said(RejectReason::kTypeMismatch));
  EXPECT_EQ(both(Type::kDouble, "1"), "1");
  EXPECT_EQ(both(Type::kDouble, "-0"), "-0");
  EXPECT_EQ(both(Type::kDouble, "0.1"), "0.10000000000000001");
  EXPECT_EQ(both(Type::kDouble, "-2.5E-3"), "-0.0025000000000000001");
  EXPECT_EQ(both(Type::kDouble, "9007199254740992"), "9007199254740992");
  EXPECT_EQ(both(Type::kDouble, "9007199254740993"), said(RejectReason::kInexact));
  EXPECT_EQ(both(Type::kDouble, "18446744073709551616"), "1.8446744073709552e+19");
  EXPECT_EQ(both(Type::kDouble, "18446744073709551617"), said(RejectReason::kInexact));
  EXPECT_EQ(both(Type::kDouble, "1e999"), said(RejectReason::kOutOfRange));
  EXPECT_EQ(both(Type::kDouble, "5e-324"), "4.9406564584124654e-324");
  EXPECT_EQ(both(Type::kBool, "true"), "true");
  EXPECT_EQ(both(Type::kBool, "1"), said(RejectReason::kTypeMismatch));
}

TEST(Decoder, TakesTimesAsTextAndAsNumbersOfAKnownUnit) {
  EXPECT_EQ(json_value(Type::kTimestamp, "\"2000-01-01\""), "@2000-01-01T00:00:00Z");
  EXPECT_EQ(json_value(Type::kTimestamp, "\"2000\\u002d01-01\""), "@2000-01-01T00:00:00Z");
  EXPECT_EQ(json_value(Type::kTimestamp, "1500", TimeUnit::kMillis), "@1970-01-01T00:00:01.5Z");
  EXPECT_EQ(json_value(Type::kTimestamp, "1500"), said(RejectReason::kTimeUnitUnknown));
  EXPECT_EQ(json_value(Type::kTimestamp, "1.5", TimeUnit::kSeconds),
            said(RejectReason::kInvalidTime));
  EXPECT_EQ(json_value(Type::kTimestamp, "99999999999", TimeUnit::kSeconds),
            said(RejectReason::kTimeOutOfRange));
  EXPECT_EQ(json_value(Type::kTimestamp, "\"2001-02-29\""), said(RejectReason::kNoSuchTime));
  EXPECT_EQ(json_value(Type::kTimestamp, "true"), said(RejectReason::kTypeMismatch));
  EXPECT_EQ(csv_value(Type::kTimestamp, "Jan 1 2000"), "@2000-01-01T00:00:00Z");
  EXPECT_EQ(csv_value(Type::kTimestamp, "-1", TimeUnit::kNanos), "@1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(csv_value(Type::kTimestamp, "2016-12-31T23:59:60"), said(RejectReason::kLeapSecond));
}

TEST(Decoder, KeepsCsvTextAsItIs) {
  EXPECT_EQ(csv_value(Type::kString, " a\r "), "' a\r '");
  EXPECT_EQ(csv_value(Type::kString, "007"), "'007'");
  EXPECT_EQ(csv_value(Type::kString, "\"say \"\"hi\"\", a\nb\""), "'say \"hi\", a\nb'");
  EXPECT_EQ(csv_value(Type::kString, ""), "null");
  EXPECT_EQ(csv_value(Type::kString, "\"\""), "''");
  EXPECT_EQ(csv_value(Type::kInt64, "\"12\""), "12");
  EXPECT_EQ(csv_value(Type::kInt64, "\"\""), said(RejectReason::kTypeMismatch));
  EXPECT_EQ(csv_value(Type::kInt64, "012"), said(RejectReason::kTypeMismatch));
  EXPECT_EQ(csv_value(Type::kDouble, "NaN"), "nan");
  EXPECT_EQ(csv_value(Type::kDouble, "-inf"), "-inf");
  EXPECT_EQ(csv_value(Type::kDouble, ".5"), "0.5");
  EXPECT_EQ(csv_value(Type::kDouble, "-5."), "-5");
  EXPECT_EQ(csv_value(Type::kDouble, "."), said(RejectReason::kTypeMismatch));
  EXPECT_EQ(csv_value(Type::kString, "a\"b"), said(RejectReason::kInvalidQuoting));
  EXPECT_EQ(csv_value(Type::kString, "\"a\"b"), said(RejectReason::kInvalidQuoting));
  EXPECT_EQ(csv_value(Type::kString, "\xc3("), said(RejectReason::kInvalidUtf8));
}

TEST(Decoder, KeepsOtherKindsAsJsonTextOnlyWhereTheSampleSawThem) {
  EXPECT_EQ(json_value(Type::kString, "\"a\\n\\u00e9\\\\\""), "'a\n\xc3\xa9\\'");
  EXPECT_EQ(json_value(Type::kString, "12"), said(RejectReason::kTypeMismatch));
  EXPECT_EQ(json_value(Type::kString, "[1]"), said(RejectReason::kTypeMismatch));
  const auto kept = [](const std::string& text) {
    return json_value(Type::kString, text, TimeUnit::kNone, true);
  };
  EXPECT_EQ(kept("12.50"), "'12.50'");
  EXPECT_EQ(kept("true"), "'true'");
  EXPECT_EQ(kept("null"), "null");
  EXPECT_EQ(kept(" { \"a\" : [ 1.10 , \"\\u0041 \\\" }\" , {} , [] ] , \"b\\\\\" : null } "),
            "'{\"a\":[1.10,\"\\u0041 \\\" }\",{},[]],\"b\\\\\":null}'");
  EXPECT_EQ(kept("{\"a\":1,}"), said(RejectReason::kInvalidJson));
  EXPECT_EQ(kept("[1,]"), said(RejectReason::kInvalidJson));
  EXPECT_EQ(kept("[01]"), said(RejectReason::kInvalidJson));
  EXPECT_EQ(kept("[\"\\x\"]"), said(RejectReason::kInvalidJson));
  EXPECT_EQ(kept("{\"\\ud800\":1}"), said(RejectReason::kInvalidJson));
  EXPECT_EQ(kept(std::string(100, '[') + std::string(100, ']')),
            "'" + std::string(100, '[') + std::string(100, ']') + "'");
  EXPECT_EQ(kept(std::string(5000, '[') + std::string(5000, ']')),
            said(RejectReason::kNestedTooDeep));
}

TEST(Decoder, RejectsJsonThatIsNotOneValidObject) {
  const Sample sample = make_sample(Format::kNdjson, {{"a", Type::kInt64}});
  const std::pair<const char*, RejectReason> cases[] = {
      {"[1]", RejectReason::kNotAnObject},
      {"1", RejectReason::kNotAnObject},
      {"\"x\"", RejectReason::kNotAnObject},
      {"{", RejectReason::kInvalidJson},
      {"{\"a\":1", RejectReason::kInvalidJson},
      {"{\"a\":1}}", RejectReason::kInvalidJson},
      {"{\"a\":1} {\"a\":2}", RejectReason::kInvalidJson},
      {"{\"a\":1} x", RejectReason::kInvalidJson},
      {"{\"a\":1,}", RejectReason::kInvalidJson},
      {"{\"a\":}", RejectReason::kInvalidJson},
      {"{\"a\"}", RejectReason::kInvalidJson},
      {"{\"a\" 1}", RejectReason::kInvalidJson},
      {"{a:1}", RejectReason::kInvalidJson},
      {"{\"a\":1 2}", RejectReason::kInvalidJson},
      {"{\"a\":nul}", RejectReason::kInvalidJson},
      {"{\"a\":01}", RejectReason::kInvalidJson},
      {"{\"a\":1.}", RejectReason::kInvalidJson},
      {"{\"a\":NaN}", RejectReason::kInvalidJson},
      {"{\"a\":'1'}", RejectReason::kInvalidJson},
      {"{\"a\":\"x", RejectReason::kInvalidJson},
      {"{\"a\":\"\xff\"}", RejectReason::kInvalidUtf8},
      {"{\"a\":1,\"a\":1}", RejectReason::kDuplicateColumn},
      {"{\"a\":1,\"\\u0061\":1}", RejectReason::kDuplicateColumn},
      {"{\"b\":1}", RejectReason::kUnknownColumn},
      {"{\"ab\":1}", RejectReason::kUnknownColumn},
      {"{\"\":1}", RejectReason::kUnknownColumn},
      {"{\"a\":\"1\"}", RejectReason::kTypeMismatch},
      {"{\"a\":{}}", RejectReason::kTypeMismatch},
  };
  for (const auto& [text, expected] : cases) {
    const Everything all = decode_all(text, sample);
    ASSERT_EQ(all.rejects.size(), 1u) << text;
    EXPECT_EQ(to_string(all.rejects[0].reason), to_string(expected)) << text;
    EXPECT_EQ(all.rejects[0].raw, text);
  }
  EXPECT_EQ(decode_all("{}\n{\"\\u0061\" : 5 }\r\n", sample).rows, (Lines{"null", "5"}));
}

TEST(Decoder, FindsFieldsInAnyOrderAndTakesAbsentOnesAsNull) {
  const Sample sample = make_sample(
      Format::kNdjson, {{"a", Type::kInt64}, {"b", Type::kString}, {"q\"", Type::kBool}});
  EXPECT_EQ(
      decode_all("{\"b\":\"x\",\"a\":1}\n{\"q\\\"\":true,\"b\":null}\n{\"a\":2,\"q\\\"\":false}",
                 sample)
          .rows,
      (Lines{"1 'x' null", "null null true", "2 null false"}));
}

TEST(Decoder, RejectsRowsWithoutKeyOrTime) {
  for (const Format format : {Format::kNdjson, Format::kCsv}) {
    Sample sample = make_sample(format, {{"k", Type::kString}, {"a", Type::kInt64}});
    sample.columns[0].required = true;
    const Everything all = decode_all(
        format == Format::kCsv
            ? "k,a\nx,1\n,2\n\"\",3\n"
            : "{\"k\":\"x\",\"a\":1}\n{\"k\":null,\"a\":2}\n{\"k\":\"\",\"a\":3}\n{\"a\":4}",
        sample);
    EXPECT_EQ(all.rows, (Lines{"'x' 1", "'' 3"}));
    EXPECT_EQ(show_rejects(all.rejects)[0].substr(1), ":k:a key or time column has no value");
    EXPECT_EQ(all.rejects.size(), format == Format::kCsv ? 1u : 2u);
  }
}

TEST(Decoder, RejectsRaggedRowsAndGoesOn) {
  const Sample sample = make_sample(Format::kCsv, {{"a", Type::kInt64}, {"b", Type::kInt64}});
  const Everything all = decode_all("a,b\n1,2\n3\n4,5,6\n\n7,8", sample);
  EXPECT_EQ(all.rows, (Lines{"1 2", "7 8"}));
  EXPECT_EQ(show_rejects(all.rejects),
            (Lines{"3::the row has another number of fields than the header",
                   "4::the row has another number of fields than the header"}));
  EXPECT_EQ(all.rejects[1].at.offset, 10u);
  EXPECT_EQ(all.rejects[1].raw, "4,5,6");
}

TEST(Decoder, CutsTheRawTextOfARejectAndSkipsRecordsBeyondTheLimit) {
  const Sample sample = make_sample(Format::kNdjson, {{"a", Type::kInt64}});
  const std::string large = "{\"b\":\"" + std::string(9000, 'x') + "\"}";
  const Everything all =
      decode_all("{\"a\":1}\n" + large + "\n{\"a\":2}", sample, {.record_bytes_max = 10'000});
  EXPECT_EQ(all.rows, (Lines{"1", "2"}));
  EXPECT_EQ(all.rejects.at(0).raw, large.substr(0, kRejectRawBytesMax));
  EXPECT_EQ(all.rejects.at(0).reason, RejectReason::kUnknownColumn);
  const Everything less =
      decode_all("{\"a\":1}\n" + large + "\n{\"a\":2}", sample, {.record_bytes_max = 9000});
  EXPECT_EQ(less.rows, (Lines{"1", "2"}));
  EXPECT_EQ(less.rejects.at(0).reason, RejectReason::kRecordTooLong);
  EXPECT_EQ(less.rejects.at(0).raw, large.substr(0, kRejectRawBytesMax));
}

TEST(Decoder, EndsABatchAtItsLimits) {
  const Sample sample = make_sample(Format::kCsv, {{"a", Type::kString}, {"b", Type::kBool}});
  std::string text = "a,b\n";
  for (int i = 0; i < 10; ++i) text += std::string(100, 'x') + ",true\n";
  const auto rows_of = [&](const DecoderOptions& options) {
    std::vector<uint32_t> rows;
    for (const Decoded& part : decode_all(text, sample, options).parts) {
      rows.push_back(part.batch.rows());
    }
    return rows;
  };
  EXPECT_EQ(rows_of({.batch_rows_max = 4}), (std::vector<uint32_t>{4, 4, 2}));
  EXPECT_EQ(rows_of({.batch_bytes_max = 144 * 3}), (std::vector<uint32_t>{3, 3, 3, 1}));
  EXPECT_EQ(rows_of({.batch_bytes_max = 1}), (std::vector<uint32_t>(10, 1)));
  std::string bad = "a,b\n";
  for (size_t i = 0; i < 2 * Decoder::kRejectsMax + 1; ++i) bad += "x\n";
  const Everything all = decode_all(bad, sample);
  EXPECT_EQ(all.parts.size(), 3u);
  EXPECT_EQ(all.parts[0].end, (Position{4 + 2 * Decoder::kRejectsMax, 2 + Decoder::kRejectsMax}));
  EXPECT_EQ(all.rejects.size(), 2 * Decoder::kRejectsMax + 1);
}

TEST(Decoder, LeavesALastRecordWithoutItsEndIfTold) {
  DecoderOptions options;
  options.open_end = OpenEnd::kLeave;
  const std::pair<std::string_view, uint64_t> texts[] = {{"v\n1\n23", 4}, {"v\n1\n\"2\n3", 4}};
  for (const auto& [text, end] : texts) {
    const Everything all =
        decode_all(text, make_sample(Format::kCsv, {{"v", Type::kInt64}}), options);
    EXPECT_EQ(all.rows, Lines{"1"}) << text;
    EXPECT_TRUE(all.rejects.empty()) << text;
    EXPECT_EQ(all.parts.back().end.offset, end) << text;
  }
  const Sample json = make_sample(Format::kNdjson, {{"v", Type::kInt64}});
  EXPECT_EQ(decode_all("{\"v\":1}\n{\"v\":2}", json, options).rows, Lines{"1"});
  EXPECT_EQ(decode_all("{\"v\":1}\n{\"v\":2}\n", json, options).rows, (Lines{"1", "2"}));
  PiecewiseInput open("{\"v\":1}\n{");
  Decoder decoder = *Decoder::open(open, json, options);
  EXPECT_TRUE(decoder.next()->has_value());
  EXPECT_FALSE(decoder.next()->has_value());
  EXPECT_TRUE(decoder.left_open_end());
}

TEST(Decoder, GivesNothingForAnInputWithoutRecords) {
  const Sample sample = make_sample(Format::kCsv, {{"a", Type::kString}});
  EXPECT_EQ(decode_all("", sample).parts.size(), 0u);
  EXPECT_EQ(decode_all("a\n", sample).parts.size(), 0u);
}

/// Random rows, spelled as text in a format and as the tests show values.
class RandomTable {
 public:
  RandomTable(uint64_t seed, Format format) : random_(seed), format_(format) {
    const size_t columns = 2 + pick(5);
    for (size_t i = 0; i < columns; ++i) {
      const Type types[] = {Type::kBool, Type::kInt64, Type::kDouble, Type::kString,
                            Type::kTimestamp};
      fields_.push_back({"c" + std::to_string(i), types[pick(5)]});
    }
    open();
    const size_t rows = pick(60);
    for (size_t i = 0; i < rows; ++i) add_row(i);
    if (format_ == Format::kJsonArray) text_ += "]\n";
  }
  const std::string& text() const { return text_; }
  const Lines& rows() const { return rows_; }
  Sample sample() const { return make_sample(format_, fields_); }

 private:
  size_t pick(size_t count) { return random_() % count; }

  void open() {
    if (format_ == Format::kJsonArray) text_ += pick(2) == 0 ? "[" : "\n [\n";
    if (!is_csv(format_)) return;
    if (pick(2) == 0) text_ += "\xef\xbb\xbf";
    for (const Field& field : fields_)
      text_ += (&field == &fields_[0] ? "" : delimiter()) + field.name;
    end_line();
  }
  std::string delimiter() const { return std::string(1, delimiter_of(format_)); }
  void end_line() { text_ += pick(3) == 0 ? "\r\n" : "\n"; }

  std::string random_text() {
    const char* pieces[] = {"a", "\"", ",", "\n", "\r", "\t", "\\", "\xc3\xa9", "\xf0\x9f\x98\x80",
                            "{", "]",  " ", "7"};
    std::string text;
    for (size_t i = pick(12); i > 0; --i) text += pieces[pick(std::size(pieces))];
    return text;
  }

  std::string quoted(const std::string& text) {
    const bool csv = is_csv(format_);
    std::string result = "\"";
    for (const char c : text) {
      if (csv && c == '"')
        result += "\"\"";
      else if (!csv && c == '"')
        result += "\\\"";
      else if (!csv && c == '\\')
        result += "\\\\";
      else if (!csv && c == '\n')
        result += "\\n";
      else if (!csv && c == '\r')
        result += "\\u000D";
      else if (!csv && c == '\t')
        result += "\\t";
      else
        result += c;
    }
    return result + "\"";
  }

  /// The value's spelling; `shown` is how the tests show it.
  std::string random_value(Type type, std::string& shown) {
    char text[40];
    switch (type) {
      case Type::kBool:
        return shown = pick(2) == 0 ? "true" : "false";
      case Type::kInt64:
        return shown = std::to_string(static_cast<int64_t>(random_()) >> pick(64));
      case Type::kDouble:
        std::snprintf(text, sizeof text, "%.17g",
                      static_cast<double>(static_cast<int64_t>(random_())) / 1e9 + 0.5);
        return shown = text;
      case Type::kTimestamp: {
        const std::string time = format_time(static_cast<Nanos>(random_()));
        shown = "@" + time;
        return is_csv(format_) ? time : quoted(time);
      }
      default: {
        const std::string value = random_text();
        shown = "'" + value + "'";
        return quoted(value);
      }
    }
  }

  void add_row(size_t row) {
    const bool csv = is_csv(format_);
    if (format_ == Format::kJsonArray && row > 0) text_ += pick(2) == 0 ? "," : " ,\n";
    if (!csv) text_ += "{";
    std::string shown_row;
    for (const Field& field : fields_) {
      if (&field != &fields_[0]) text_ += csv ? delimiter() : pick(4) == 0 ? " , " : ",";
      if (!csv) text_ += "\"" + field.name + "\":";
      std::string shown = "null";
      if (pick(6) != 0) {
        text_ += random_value(field.type, shown);
      } else if (!csv) {
        text_ += "null";
      }
      shown_row += (&field == &fields_[0] ? "" : " ") + shown;
    }
    if (!csv) text_ += "}";
    if (format_ != Format::kJsonArray) end_line();
    if (format_ != Format::kJsonArray && pick(10) == 0) end_line();
    rows_.push_back(shown_row);
  }

  std::mt19937_64 random_;
  Format format_;
  std::vector<Field> fields_;
  std::string text_;
  Lines rows_;
};

constexpr Format kFormats[] = {Format::kNdjson, Format::kJsonArray, Format::kCsv, Format::kTsv};

TEST(Decoder, GivesBackTheValuesOfRandomTablesHoweverTheyArrive) {
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const RandomTable table(seed, kFormats[seed % 4]);
    const DecoderOptions options{.batch_rows_max = 7, .batch_bytes_max = 1000};
    const Everything whole = decode_all(table.text(), table.sample(), options);
    ASSERT_EQ(whole.rows, table.rows()) << seed;
    ASSERT_TRUE(whole.rejects.empty()) << seed << show_rejects(whole.rejects)[0];
    const Everything pieces = decode_all(table.text(), table.sample(), options, 1 + seed % 9);
    ASSERT_EQ(pieces.parts.size(), whole.parts.size());
    for (size_t i = 0; i < whole.parts.size(); ++i) {
      EXPECT_EQ(as_text(pieces.parts[i].batch.bytes()), as_text(whole.parts[i].batch.bytes()));
      EXPECT_EQ(pieces.parts[i].end, whole.parts[i].end);
    }
  }
}

TEST(Decoder, StartsAgainAtTheEndOfEveryBatch) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const RandomTable table(seed, kFormats[seed % 4]);
    DecoderOptions options{.batch_rows_max = 5};
    const Everything whole = decode_all(table.text(), table.sample(), options);
    size_t rows = 0;
    for (const Decoded& part : whole.parts) {
      rows += part.batch.rows();
      options.start = part.end;
      const Everything rest = decode_all(table.text(), table.sample(), options);
      ASSERT_EQ(rest.rows,
                Lines(table.rows().begin() + static_cast<ptrdiff_t>(rows), table.rows().end()));
      if (!rest.parts.empty()) {
        EXPECT_EQ(rest.parts.back().end, whole.parts.back().end);
      }
    }
  }
}

TEST(Decoder, SurvivesFlippedBytesHoweverTheyArriveAndWhereverItStarts) {
  std::mt19937_64 random(7);
  for (uint64_t seed = 0; seed < 1000; ++seed) {
    const RandomTable table(seed, kFormats[seed % 4]);
    std::string text = table.text() + "\n";
    for (size_t flips = 1 + random() % 8; flips > 0; --flips) {
      const char hostile[] = "\"\n\\{}[],:\t\xff\xc3\0 1e.-";
      text[random() % text.size()] = hostile[random() % (sizeof hostile - 1)];
    }
    const Format format = table.sample().format;
    DecoderOptions options{.batch_rows_max = 7, .record_bytes_max = 200 + random() % 300};
    if (seed % 2 == 0) options.on_conflict = OnConflict::kKeep;
    const Everything whole = decode_all(text, table.sample(), options);
    const Everything pieces = decode_all(text, table.sample(), options, 5);
    ASSERT_EQ(pieces.rows, whole.rows) << seed;
    ASSERT_EQ(show_rejects(pieces.rejects), show_rejects(whole.rejects)) << seed;
    size_t rows = 0;
    size_t rejects = 0;
    for (const Decoded& part : whole.parts) {
      rows += part.batch.rows();
      rejects += part.rejects.size();
      DecoderOptions resumed = options;
      resumed.start = part.end;
      const Everything rest = decode_all(text, table.sample(), resumed);
      ASSERT_EQ(rest.rows.size(), whole.rows.size() - rows) << seed;
      ASSERT_EQ(rest.rejects.size(), whole.rejects.size() - rejects) << seed;
    }
    if (const Result<Sample> sample = sample_text(text, format); sample.ok()) {
      const Everything sampled = decode_all(text, *sample);
      // Of types that the whole text has decided, only what the sampler rejected is rejected.
      EXPECT_EQ(sampled.rows.size(), sample->records) << seed;
      EXPECT_EQ(sampled.rejects.size(), sample->records_rejected) << seed;
    }
  }
}

}  // namespace
}  // namespace sluice::source
