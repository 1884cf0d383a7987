#include "source/records.h"

#include <gtest/gtest.h>

#include "source/text_fixture.h"

namespace sluice::source {
namespace {

struct Seen {
  std::vector<std::string> records;  ///< "line:text", or "line!text" of a defect
  std::vector<Position> ends;
};

Seen read_all(std::string_view text, Format format, uint64_t record_bytes_max = 1000,
              size_t piece_bytes = SIZE_MAX, Position start = {}) {
  Seen seen;
  PiecewiseInput input(text.substr(start.offset), piece_bytes);
  RecordReader reader(input, format, start, record_bytes_max);
  for (;;) {
    Result<const Record*> record = reader.peek();
    EXPECT_TRUE(record.ok());
    if (*record == nullptr) break;
    const bool defect = (*record)->defect != RejectReason::kNone;
    seen.records.push_back(std::to_string((*record)->start.line) + (defect ? "!" : ":") +
                           std::string((*record)->text));
    reader.consume();
    seen.ends.push_back(reader.position());
  }
  EXPECT_EQ(reader.position().offset, text.size());
  return seen;
}

using Lines = std::vector<std::string>;

TEST(Records, CutsLinesAndSkipsBlankOnes) {
  EXPECT_EQ(read_all("a\nb\r\n\n  \r\nc", Format::kNdjson).records, (Lines{"1:a", "2:b", "5:c"}));
  EXPECT_EQ(read_all("\xef\xbb\xbf{}\n", Format::kNdjson).records, (Lines{"1:{}"}));
  EXPECT_EQ(read_all("", Format::kNdjson).records, Lines{});
  EXPECT_EQ(read_all("\n\n", Format::kNdjson).records, Lines{});
}

TEST(Records, CutsRowsAtNewlinesOutsideQuotes) {
  EXPECT_EQ(read_all("a,b\r\n\"x\ny\",\"\"\"\n\"\n\r\nq\"r,s\n", Format::kCsv).records,
            (Lines{"1:a,b", "2:\"x\ny\",\"\"\"\n\"", "6:q\"r,s"}));
  EXPECT_EQ(read_all("a\t\"x\n\"\nb,\"c\n", Format::kTsv).records,
            (Lines{"1:a\t\"x\n\"", "3:b,\"c"}));
  EXPECT_EQ(read_all("a,\"b\"", Format::kCsv).records, (Lines{"1:a,\"b\""}));
}

TEST(Records, ARowWhoseQuoteIsNeverClosedIsItsFirstLine) {
  EXPECT_EQ(read_all("a,\"b\nc,d\ne,f\n", Format::kCsv).records,
            (Lines{"1!a,\"b", "2:c,d", "3:e,f"}));
  EXPECT_EQ(read_all("a,\"b\nccccc\nddddd\"\ne\n", Format::kCsv, 12).records,
            (Lines{"1!a,\"b", "2:ccccc", "3:ddddd\"", "4:e"}));
}

TEST(Records, CutsPointsAtNewlinesOutsideTheQuotesOfAFieldsValue) {
  constexpr Format kPoints = Format::kLineProtocol;
  EXPECT_EQ(read_all("m,a=\"x v=1\nm v=\"a\nb\" 1\r\n\n # \"\nlast", kPoints).records,
            (Lines{"1:m,a=\"x v=1", "2:m v=\"a\nb\" 1", "6:last"}));
  EXPECT_EQ(read_all("m\\ \"x v=\"\\\"\n\\\\\" 1\nm v=1 \"x\n", kPoints).records,
            (Lines{"1:m\\ \"x v=\"\\\"\n\\\\\" 1", "3:m v=1 \"x"}));
  EXPECT_EQ(read_all("  m  v=1,w=\"\n\",x=\"y\n\"\n", kPoints).records,
            (Lines{"1:  m  v=1,w=\"\n\",x=\"y\n\""}));
  EXPECT_EQ(read_all("m v =\"x\nm \"v=\"x\"\n", kPoints).records,
            (Lines{"1:m v =\"x", "2:m \"v=\"x\""}));
}

TEST(Records, APointWhoseQuoteIsNeverClosedIsItsFirstLine) {
  EXPECT_EQ(read_all("m v=\"a\nm,t=\\\" v=2 1\nm v=3", Format::kLineProtocol).records,
            (Lines{"1!m v=\"a", "2:m,t=\\\" v=2 1", "3:m v=3"}));
  EXPECT_EQ(read_all("m v=\"a\nbbbbb\nccccc\"\ne\n", Format::kLineProtocol, 12).records,
            (Lines{"1!m v=\"a", "2:bbbbb", "3:ccccc\"", "4:e"}));
}

TEST(Records, CutsElementsOfAnArray) {
  EXPECT_EQ(read_all(" [ {\"a\":\"],{\"}\n,\n{\"b\":[1,2]} , 3\n] \n", Format::kJsonArray).records,
            (Lines{"1:{\"a\":\"],{\"}", "3:{\"b\":[1,2]}", "3:3"}));
  EXPECT_EQ(read_all("[]", Format::kJsonArray).records, Lines{});
  EXPECT_EQ(read_all("[\n]\n", Format::kJsonArray).records, Lines{});
  EXPECT_EQ(read_all("[{\"a\":\"\\\"]\"}]", Format::kJsonArray).records,
            (Lines{"1:{\"a\":\"\\\"]\"}"}));
}

TEST(Records, ReportsWhatBreaksAnArray) {
  EXPECT_EQ(read_all("[1,,2]", Format::kJsonArray).records, (Lines{"1:1", "1!", "1:2"}));
  EXPECT_EQ(read_all("[1,]", Format::kJsonArray).records, (Lines{"1:1", "1!"}));
  EXPECT_EQ(read_all("[1,2", Format::kJsonArray).records, (Lines{"1:1", "1!2"}));
  EXPECT_EQ(read_all("[1] x", Format::kJsonArray).records, (Lines{"1:1", "1!x"}));
  EXPECT_EQ(read_all("x [1]", Format::kJsonArray).records, (Lines{"1!x [1]"}));
  EXPECT_EQ(read_all("[", Format::kJsonArray).records, (Lines{"1!"}));
}

TEST(Records, SkipsARecordBeyondTheLimitAndGoesOn) {
  const std::string large(2000, 'x');
  EXPECT_EQ(read_all("a\n" + large + "\nb\n", Format::kNdjson).records,
            (Lines{"1:a", "2!" + large, "3:b"}));
  EXPECT_EQ(read_all("a\n" + large + "\nb\n", Format::kCsv).records,
            (Lines{"1:a", "2!" + large, "3:b"}));
  EXPECT_EQ(read_all("[1,\n{\"" + large + "]\":1},2]", Format::kJsonArray).records,
            (Lines{"1:1", "1!\n{\"" + large + "]\":1}", "2:2"}));
  EXPECT_EQ(read_all(large, Format::kNdjson).records, (Lines{"1!" + large}));
  EXPECT_EQ(read_all("[1] " + large, Format::kJsonArray).records, (Lines{"1:1", "1!" + large}));
  const std::string exact(1000, 'x');
  EXPECT_EQ(read_all(exact + "\na", Format::kNdjson).records, (Lines{"1:" + exact, "2:a"}));
}

TEST(Records, DependOnTheBytesAloneAndRestartAtEveryEnd) {
  const std::string large(40, 'x');
  const std::pair<Format, std::string> cases[] = {
      {Format::kNdjson, "\xef\xbb\xbf{\"a\":1}\r\n\n{\"b\":2}\n" + large + "\n \nlast"},
      {Format::kCsv,
       "\xef\xbb\xbfh,i\r\n\"a\n\",b\n\n\"" + large + "\",x\n\"\"\"\",c\nd,\"e\nf,g\n"},
      {Format::kJsonArray, " [ {\"a\":1},\n{\"b\":\"\\\"]\"} ,{\"" + large + "\":1}, [1] \n]\n "},
      {Format::kJsonArray, "[{\"a\":1},\n"},
      {Format::kLineProtocol,
       "\xef\xbb\xbfm v=\"a\n\\\\\\\"\n\",w=\"\n\" 1\r\n# \"c\n\n" + large + "\nm v=\"x\nm v=1 2"},
  };
  for (const auto& [format, text] : cases) {
    const Seen whole = read_all(text, format, 30);
    for (const size_t piece : {1u, 2u, 3u, 7u}) {
      EXPECT_EQ(read_all(text, format, 30, piece).records, whole.records);
    }
    for (size_t i = 0; i < whole.ends.size(); ++i) {
      const Seen rest = read_all(text, format, 30, SIZE_MAX, whole.ends[i]);
      EXPECT_EQ(rest.records,
                Lines(whole.records.begin() + static_cast<ptrdiff_t>(i) + 1, whole.records.end()));
    }
  }
}

TEST(Records, GrowTheWindowForARecordLargerThanIt) {
  const std::string large(3u << 20, 'x');
  const Seen seen = read_all("a\n" + large + "\nb", Format::kNdjson, 4u << 20, 70'000);
  EXPECT_EQ(seen.records, (Lines{"1:a", "2:" + large, "3:b"}));
}

TEST(Records, TakeLinearTimeThoughEveryRowOpensAQuote) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "a\",\"b\n";
  EXPECT_EQ(read_all(text, Format::kCsv, 1u << 20).records.size(), 200'000u);
  EXPECT_EQ(read_all(text, Format::kCsv, 1u << 26).records.size(), 200'000u);
  text += "\"" + std::string(1u << 20, 'x');
  EXPECT_EQ(read_all(text, Format::kCsv, 1u << 19).records.size(), 200'001u);
  text = "m v=\"";
  for (int i = 0; i < 100'000; ++i) text += "\nm,t=\\\" v=\\\"";
  EXPECT_EQ(read_all(text, Format::kLineProtocol, 1u << 26).records.size(), 100'001u);
}

class FailingInput final : public Input {
 public:
  Result<size_t> read(std::span<std::byte>) override { return Error(Code::kIo, "gone"); }
};

TEST(Records, PassOnTheErrorOfTheInput) {
  FailingInput input;
  RecordReader reader(input, Format::kCsv, {}, 100);
  EXPECT_EQ(reader.peek().error().code(), Code::kIo);
}

}  // namespace
}  // namespace sluice::source
