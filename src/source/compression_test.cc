#include "source/compression.h"

#include <gtest/gtest.h>

#include "source/compressed_fixture.h"
#include "source/text_fixture.h"

namespace sluice::source {
namespace {

using std::string_view_literals::operator""sv;

struct Read {
  std::string text;
  std::optional<Error> error;
};

Read read_all(std::string_view compressed, size_t piece_bytes = SIZE_MAX,
              size_t into_bytes = 64u << 10) {
  PiecewiseInput stored(compressed, piece_bytes);
  const auto found = detect_compression("", compressed.substr(0, kMagicBytesMax));
  CHECK(found.ok() && *found != Compression::kNone);
  const std::unique_ptr<Input> input = decompress(*found, stored);
  Read read;
  std::vector<std::byte> into(into_bytes);
  for (;;) {
    const Result<size_t> got = input->read(into);
    if (!got.ok()) read.error = got.error();
    if (!got.ok() || *got == 0) return read;
    read.text.append(reinterpret_cast<const char*>(into.data()), *got);
  }
}

std::string long_text() {
  std::string text;
  for (int n = 0; n < 60'000; ++n) text += std::to_string(n * 7919) + ",some text\n";
  return text;
}

std::string (*const kMakers[])(std::string_view) = {
    gzip_member, [](std::string_view text) { return zstd_frame(text); }};

TEST(Compression, GivesTheTextBackHoweverItIsRead) {
  const std::string text = long_text();
  for (const auto& make : kMakers) {
    const std::string stored = make(text);
    ASSERT_LT(stored.size(), text.size());
    for (const size_t piece : {size_t{777}, size_t{100'000}, SIZE_MAX}) {
      for (const size_t into : {size_t{100}, size_t{1} << 20}) {
        const Read read = read_all(stored, piece, into);
        EXPECT_FALSE(read.error);
        EXPECT_TRUE(read.text == text);
      }
    }
  }
}

TEST(Compression, ReadsBytewise) {
  for (const auto& make : kMakers) {
    EXPECT_EQ(read_all(make("a,b\n1,2\n"), 1, 1).text, "a,b\n1,2\n");
    EXPECT_EQ(read_all(make(""), 1, 1).text, "");
  }
}

TEST(Compression, JoinsMembersAndFrames) {
  for (const auto& make : kMakers) {
    const std::string stored = make("a\n") + make("") + make("b\n") + make(long_text());
    for (const size_t piece : {size_t{1}, size_t{13}, SIZE_MAX}) {
      const Read read = read_all(stored, piece);
      EXPECT_FALSE(read.error);
      EXPECT_TRUE(read.text == "a\nb\n" + long_text());
    }
  }
}

TEST(Compression, EveryCutOfAStreamIsAnErrorThatSaysSo) {
  for (const auto& make : kMakers) {
    const std::string whole = make("first\n");
    const std::string stored = whole + make("second\nthird\n");
    for (size_t size = kMagicBytesMax; size < stored.size(); ++size) {
      const Read read = read_all(std::string_view(stored).substr(0, size));
      if (size == whole.size()) {
        EXPECT_FALSE(read.error);
        EXPECT_EQ(read.text, "first\n");
        continue;
      }
      ASSERT_TRUE(read.error) << size;
      EXPECT_EQ(read.error->code(), Code::kInvalid);
      EXPECT_EQ(read.error->reason(), Reason::kIncompletePayload);
      EXPECT_EQ(read.error->found(), size);
    }
  }
}

TEST(Compression, AFlippedBitIsAnErrorOrChangesNothing) {
  const std::string text = long_text().substr(0, 3000);
  for (const auto& make : kMakers) {
    std::string stored = make(text);
    for (size_t at = 4; at < stored.size(); ++at) {
      stored[at] = static_cast<char>(stored[at] ^ 0x10);
      const Read read = read_all(stored);
      EXPECT_TRUE(read.error || read.text == text) << at;  // gzip: time and system in the header
      stored[at] = static_cast<char>(stored[at] ^ 0x10);
    }
  }
}

TEST(Compression, AWrongChecksumIsNamed) {
  for (const auto& make : kMakers) {
    std::string stored = make("a\nb\n");
    const size_t at = stored.size() - (make == kMakers[0] ? 8 : 4);
    stored[at] = static_cast<char>(stored[at] ^ 1);
    const Read read = read_all(stored);
    ASSERT_TRUE(read.error);
    EXPECT_EQ(read.error->reason(), Reason::kCrcMismatch);
    EXPECT_NE(read.error->message().find("at byte "), std::string::npos);
  }
}

TEST(Compression, ZerosBehindGzipArePaddingAndAnythingElseIsAnError) {
  const std::string member = gzip_member("a\n");
  for (const size_t piece : {size_t{1}, SIZE_MAX}) {
    EXPECT_FALSE(read_all(member + std::string(1000, '\0'), piece).error);
    EXPECT_TRUE(read_all(member + std::string(10, '\0') + "x", piece).error);
    EXPECT_TRUE(read_all(member + std::string(10, '\0') + member, piece).error);
    EXPECT_EQ(read_all(member + "more", piece).error->reason(), Reason::kDecodeFailure);
    EXPECT_TRUE(read_all(zstd_frame("a\n") + "garbage and more of it", piece).error);
  }
}

TEST(Compression, RefusesAZstdWindowAboveItsLimitAndTakesTheLimit) {
  EXPECT_EQ(read_all(zstd_frame("a\n", kWindowLogMax)).text, "a\n");
  const Read read = read_all(zstd_frame("a\n", kWindowLogMax + 1));
  ASSERT_TRUE(read.error);
  EXPECT_EQ(read.error->code(), Code::kUnsupported);
  EXPECT_NE(read.error->message().find("128 MiB"), std::string::npos);
}

TEST(Compression, IsRecognisedByTheBytesAndANameMustNotLie) {
  EXPECT_EQ(*detect_compression("a.csv", "\x1f\x8b\x08\0"sv), Compression::kGzip);
  EXPECT_EQ(*detect_compression("a.gz", "\x28\xb5\x2f\xfd"sv), Compression::kZstd);
  EXPECT_EQ(*detect_compression("a", "\x50\x2a\x4d\x18"sv), Compression::kZstd);
  EXPECT_EQ(*detect_compression("a.csv", "a,b"), Compression::kNone);
  EXPECT_EQ(*detect_compression("a.csv", ""), Compression::kNone);
  for (const std::string_view name : {"a.csv.gz", "a.ZST", "a.gzip", "a.zstd"}) {
    EXPECT_EQ(detect_compression(name, "a,b\n").error().code(), Code::kInvalid) << name;
    EXPECT_EQ(detect_compression(name, "").error().code(), Code::kInvalid) << name;
  }
  for (const std::string_view bytes : {"BZh91AY"sv, "\xfd\x37\x7a\x58\x5a\0"sv, "PK\3\4"sv}) {
    EXPECT_EQ(detect_compression("a", bytes).error().code(), Code::kUnsupported) << bytes;
  }
}

TEST(Compression, TheNameWithinTellsTheFormat) {
  EXPECT_EQ(without_compression("a.csv.gz"), "a.csv");
  EXPECT_EQ(without_compression("a.json.ZST"), "a.json");
  EXPECT_EQ(without_compression("a.csv"), "a.csv");
  EXPECT_EQ(without_compression(".gz"), "");
  EXPECT_EQ(without_compression(""), "");
}

TEST(Compression, SkipSaysWhenThereIsLessThanAsked) {
  PiecewiseInput input("abc", 2);
  EXPECT_TRUE(skip(input, 2).ok());
  EXPECT_EQ(skip(input, 2).error().code(), Code::kConflict);
}

}  // namespace
}  // namespace sluice::source
