#include "source/conflict.h"

#include <gtest/gtest.h>

#include "source/line_protocol.h"
#include "source/text_fixture.h"

namespace sluice::source {
namespace {

/// k: the key, a long · at: the time · t: a timestamp · n: a long.
Sample make_sample(Format format) {
  Sample sample;
  sample.format = format;
  const std::vector<Field> fields = {
      {"k", Type::kInt64}, {"at", Type::kTimestamp}, {"t", Type::kTimestamp}, {"n", Type::kInt64}};
  for (const Field& field : fields) {
    const bool is_required = field.name == "k" || field.name == "at";
    sample.columns.push_back({.source_name = field.name, .field = field, .required = is_required});
  }
  sample.reports.resize(fields.size());
  return sample;
}

struct Trouble {
  const char* what;
  Format format;
  std::string record;
  ConflictKind kind;
  const char* column;
  bool can_be_kept;
};

std::vector<Trouble> troubles() {
  using enum ConflictKind;
  const auto json = Format::kNdjson;
  const auto csv = Format::kCsv;
  return {
      {"type", json, R"({"k":1,"at":"2020-01-01","n":1.5})", kType, "n", true},
      {"unknown column", json, R"({"k":1,"at":"2020-01-01","z":1})", kType, "z", true},
      {"type of the key", json, R"({"k":"x","at":"2020-01-01"})", kType, "k", false},
      {"missing key", json, R"({"at":"2020-01-01"})", kMissingKey, "k", false},
      {"missing time", json, R"({"k":1})", kMissingKey, "at", false},
      {"null key", json, R"({"k":null,"at":"2020-01-01"})", kNullKey, "k", false},
      {"time range", json, R"({"k":1,"at":"2020-01-01","t":"0001-01-01"})", kTimeRange, "t", true},
      {"time range of the time", json, R"({"k":1,"at":"0001-01-01"})", kTimeRange, "at", false},
      {"oversized", json, R"({"k":1,"at":"2020-01-01","x":")" + std::string(900, 'x') + "\"}",
       kOversized, "", false},
      {"no row", json, "[1]", kNoRow, "", false},
      {"type", csv, "1,2020-01-01,,1.5", kType, "n", true},
      {"type of the key", csv, "x,2020-01-01,,", kType, "k", false},
      {"null key", csv, ",2020-01-01,,", kNullKey, "k", false},
      {"time range", csv, "1,2020-01-01,0001-01-01,", kTimeRange, "t", true},
      {"time range of the time", csv, "1,0001-01-01,,", kTimeRange, "at", false},
      {"oversized", csv, "1,2020-01-01,,\"" + std::string(900, 'x') + "\"", kOversized, "", false},
      {"no row", csv, "1,2", kNoRow, "", false},
  };
}

/// The record between two good ones.
std::string text_of(const Trouble& trouble) {
  const bool is_csv = trouble.format == Format::kCsv;
  const std::string good = is_csv ? "7,2020-01-01,,7\n" : "{\"k\":7,\"at\":\"2020-01-01\"}\n";
  return (is_csv ? "k,at,t,n\n" : "") + good + trouble.record + "\n" + good;
}

Everything decode(const Trouble& trouble, OnConflict on_conflict) {
  return decode_all(text_of(trouble), make_sample(trouble.format),
                    {.record_bytes_max = 500, .on_conflict = on_conflict});
}

ConflictCounts kept_of(const Everything& all) {
  ConflictCounts kept;
  for (const Decoded& part : all.parts) kept.add(part.kept);
  return kept;
}

TEST(Conflict, EachKindIsRejectedWithItsColumnAndTheRestGoesOn) {
  for (const Trouble& trouble : troubles()) {
    SCOPED_TRACE(trouble.what + (" " + trouble.record.substr(0, 60)));
    const Everything all = decode(trouble, OnConflict::kReject);
    EXPECT_EQ(all.rows.size(), 2u);
    ASSERT_EQ(all.rejects.size(), 1u);
    EXPECT_EQ(kind_of(all.rejects[0].reason), trouble.kind);
    EXPECT_EQ(all.rejects[0].column, trouble.column);
    EXPECT_EQ(kept_of(all).total(), 0u);
  }
}

TEST(Conflict, WhatCannotBeKeptIsRejected) {
  for (const Trouble& trouble : troubles()) {
    SCOPED_TRACE(trouble.what + (" " + trouble.record.substr(0, 60)));
    const Everything all = decode(trouble, OnConflict::kKeep);
    EXPECT_EQ(all.rows.size(), trouble.can_be_kept ? 3u : 2u);
    EXPECT_EQ(all.rejects.size(), trouble.can_be_kept ? 0u : 1u);
    EXPECT_EQ(kept_of(all).of(trouble.kind), trouble.can_be_kept ? 1u : 0u);
  }
}

TEST(Conflict, ARefusalEndsTheStreamInFrontOfItsRecord) {
  for (const Trouble& trouble : troubles()) {
    SCOPED_TRACE(trouble.what + (" " + trouble.record.substr(0, 60)));
    const Everything all = decode(trouble, OnConflict::kRefuse);
    EXPECT_EQ(all.rows.size(), 1u);
    EXPECT_TRUE(all.rejects.empty());
    ASSERT_TRUE(all.parts.back().refused);
    const Reject& refused = *all.parts.back().refused;
    EXPECT_EQ(kind_of(refused.reason), trouble.kind);
    EXPECT_EQ(refused.column, trouble.column);
    EXPECT_EQ(all.parts.back().end, refused.at);
    EXPECT_EQ(refused.at.offset, text_of(trouble).find("\n" + trouble.record) + 1);
  }
}

TEST(Conflict, AStreamThatWasRefusedGoesOnWhenItsRecordIsMended) {
  const Trouble trouble = troubles().front();
  const Everything all = decode(trouble, OnConflict::kRefuse);
  std::string mended = text_of(trouble);
  mended.replace(mended.find("1.5"), 3, "15");
  const Everything rest =
      decode_all(mended, make_sample(trouble.format),
                 {.on_conflict = OnConflict::kRefuse, .start = all.parts.back().end});
  EXPECT_EQ(rest.rows.size(), 2u);
  EXPECT_FALSE(rest.parts.back().refused);
}

TEST(Conflict, ABatchInFrontOfARecordThatIsTooLongEndsThere) {
  for (const Trouble& trouble : troubles()) {
    if (trouble.kind != ConflictKind::kOversized) continue;
    const Everything all = decode_all(text_of(trouble), make_sample(trouble.format),
                                      {.batch_bytes_max = 1, .record_bytes_max = 500});
    ASSERT_EQ(all.parts.size(), 2u);
    EXPECT_EQ(all.parts[0].end.offset, text_of(trouble).find(trouble.record));
    EXPECT_EQ(all.parts[1].rejects.size(), 1u);
  }
}

TEST(Conflict, ADescriptionNamesWhatWasFoundAndWhatIsAllowed) {
  const Everything all = decode(troubles().front(), OnConflict::kRefuse);
  EXPECT_EQ(describe(*all.parts.back().refused),
            "n: a number with fraction or exponent in a long column; found 1.5; allowed is a whole "
            "number from -9223372036854775808 to 9223372036854775807");
}

TEST(Conflict, ALongValueIsToldByItsBeginningInWholeCharacters) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "\xc3\xa9";
  const Everything all =
      decode_all("k,at,t,n\n1,2020-01-01,," + text + "\n", make_sample(Format::kCsv));
  EXPECT_EQ(all.rejects.at(0).found, text.substr(0, 100) + "...");
  const Everything odd =
      decode_all("k,at,t,n\n1,2020-01-01,,x" + text + "\n", make_sample(Format::kCsv));
  EXPECT_EQ(odd.rejects.at(0).found, "x" + text.substr(0, 98) + "...");
}

// Line protocol.

struct PointsOfAll {
  std::map<std::string, uint32_t> rows;
  std::vector<Reject> rejects;
  ConflictCounts kept;
  std::optional<DecodedPoints> last;
};

PointsOfAll decode_points(const std::string& text, const LineProtocolOptions& options) {
  PointsOfAll all;
  PiecewiseInput input(text);
  LineProtocolDecoder decoder(input, options);
  for (;;) {
    auto part = decoder.next();
    CHECK(part.ok());
    if (!*part) return all;
    if (!(*part)->batch.empty()) all.rows[(*part)->collection] += (*part)->batch.rows();
    for (const Reject& reject : (*part)->rejects) all.rejects.push_back(reject);
    all.kept.add((*part)->kept);
    all.last = std::move(**part);
  }
}

struct PointTrouble {
  std::string record;
  ConflictKind kind;
  const char* column;
  bool can_be_kept;
};

const std::vector<PointTrouble> kPointTroubles = {
    {"m v=\"x\" 2", ConflictKind::kType, "v", true},
    {"m v=99999999999999999999i 2", ConflictKind::kType, "v", true},
    {"m v=2i", ConflictKind::kMissingKey, "time", false},
    {"m v=2i x", ConflictKind::kType, "time", false},
    {"m v=2i 99999999999999999999", ConflictKind::kTimeRange, "time", false},
    {"m v=2i,s=\"" + std::string(600, 'x') + "\" 2", ConflictKind::kOversized, "", false},
    {"m v= 2", ConflictKind::kNoRow, "", false},
};

TEST(Conflict, PointsFollowThePolicyOfTheirTable) {
  for (const PointTrouble& trouble : kPointTroubles) {
    SCOPED_TRACE(trouble.record.substr(0, 60));
    const std::string text = "m v=1i 1\no v=1i 1\n" + trouble.record + "\nm v=3i 3\n";
    for (const OnConflict policy : {OnConflict::kReject, OnConflict::kKeep, OnConflict::kRefuse}) {
      LineProtocolOptions options{.on_conflict = policy, .record_bytes_max = 500};
      const PointsOfAll all = decode_points(text, options);
      const bool is_refused = policy == OnConflict::kRefuse;
      const bool is_kept = policy == OnConflict::kKeep && trouble.can_be_kept;
      EXPECT_EQ(all.rows.at("m"), is_refused ? 1u : is_kept ? 3u : 2u);
      EXPECT_EQ(all.rows.at("o"), 1u);
      EXPECT_EQ(all.kept.of(trouble.kind), is_kept ? 1u : 0u);
      EXPECT_EQ(all.rejects.size(), is_refused || is_kept ? 0u : 1u);
      ASSERT_EQ(all.last->refused.has_value(), is_refused);
      if (is_kept) continue;
      const Reject& reject = is_refused ? *all.last->refused : all.rejects[0];
      EXPECT_EQ(kind_of(reject.reason), trouble.kind);
      EXPECT_EQ(reject.column, trouble.column);
      EXPECT_EQ(is_refused, all.last->end == reject.at);
    }
  }
}

TEST(Conflict, ATableOfItsOwnPolicyOverridesThatOfTheInput) {
  const std::string text = "a v=1i 1\na v=1.5 2\nb v=1i 1\nb v=1.5 2\na v=3i 3\n";
  const std::vector<Field> columns = {{"series", Type::kString}, {"time", Type::kTimestamp}};
  LineProtocolOptions options;
  options.tables["a"] = {.columns = columns, .on_conflict = OnConflict::kKeep};
  options.tables["b"] = {.columns = columns, .on_conflict = OnConflict::kRefuse};
  const PointsOfAll all = decode_points(text, options);
  EXPECT_EQ(all.rows, (std::map<std::string, uint32_t>{{"a", 2}, {"b", 1}}));
  ASSERT_TRUE(all.last->refused);
  EXPECT_EQ(all.last->refused->at.line, 4u);
  EXPECT_EQ(all.last->refused->found, "1.5");
}

TEST(Conflict, APointWithoutATimeFollowsThePolicyOfItsTableToo) {
  LineProtocolOptions options;
  options.tables["b"] = {.columns = {{"series", Type::kString}, {"time", Type::kTimestamp}},
                         .on_conflict = OnConflict::kRefuse};
  EXPECT_FALSE(decode_points("a v=1i\n", options).last->refused);
  EXPECT_TRUE(decode_points("a v=1i 1\nb v=1i\n", options).last->refused);
  // The bytes are no text, so nobody knows whose point it is.
  EXPECT_FALSE(decode_points("b v=1i 1\nb v=\"\xff\" 1\n", options).last->refused);
}

TEST(Conflict, KindsHaveNamesOfTheirOwn) {
  std::map<std::string_view, int> names;
  for (const ConflictKind kind : kConflictKinds) ++names[to_string(kind)];
  EXPECT_EQ(names.size(), kConflictKinds.size());
}

}  // namespace
}  // namespace sluice::source
