#include "source/file_source.h"

#include <gtest/gtest.h>

#include "source/compressed_fixture.h"
#include "source/text_fixture.h"

namespace sluice::source {
namespace {

FileIdentity identity_of(std::string_view text, const std::vector<SourcePosition>& known = {},
                         size_t piece_bytes = SIZE_MAX) {
  PiecewiseInput input(text, piece_bytes);
  Result<FileIdentity> identity =
      identify(input, text.size(), Compression::kNone, KnownFiles(known));
  EXPECT_TRUE(identity.ok());
  return *identity;
}

SourcePosition known_at(std::string_view text, uint64_t position) {
  return {identity_of(text).source, position};
}

TEST(FileSource, NamesAFileBySizeAndContent) {
  const std::string name = identity_of("a\nb\n").source;
  EXPECT_TRUE(name.starts_with("file:4:"));
  EXPECT_EQ(name.size(), 7 + 32u);
  EXPECT_EQ(identity_of("a\nb\n", {}, 1).source, name);
  EXPECT_NE(identity_of("a\nc\n").source, name);
  // XXH3-128 of no bytes, as published with the algorithm.
  EXPECT_EQ(identity_of("").source, "file:0:99aa06d3014798d86001c324468d497f");
}

TEST(FileSource, ResumesAnEqualFileWhereItStopped) {
  for (const uint64_t position : {2u, 4u}) {
    const FileIdentity identity = identity_of("a\nb\n", {known_at("a\nb\n", position)});
    EXPECT_EQ(identity.start, (Position{position, 1 + position / 2}));
    EXPECT_EQ(identity.known_as, identity.source);
  }
  EXPECT_EQ(identity_of("a\nb", {known_at("a\nb", 3)}).start, (Position{3, 2}));
}

TEST(FileSource, ContinuesAGrownFileUnderItsNewName) {
  const SourcePosition old = known_at("a\nb\n", 4);
  for (const size_t piece : {1u, 3u, 100u}) {
    const FileIdentity identity = identity_of("a\nb\nc\n", {old}, piece);
    EXPECT_EQ(identity.start, (Position{4, 3}));
    EXPECT_EQ(identity.known_as, old.source);
    EXPECT_EQ(identity.source, identity_of("a\nb\nc\n").source);
  }
}

TEST(FileSource, TakesTheFarthestOfSeveralKnownBeginnings) {
  const std::vector<SourcePosition> known = {
      known_at("a\nb\n", 4), known_at("a\n", 2), {"file:2:zz", 1}, {"tail", 9}};
  EXPECT_EQ(identity_of("a\nb\nc\n", known).start, (Position{4, 3}));
}

TEST(FileSource, ContinuesAGrownFileWhoseLastLineWasTakenWithoutItsEnd) {
  for (const size_t piece : {1u, 3u, 100u}) {
    EXPECT_EQ(identity_of("a\nb\nc\n", {known_at("a\nb", 3)}, piece).start, (Position{3, 2}));
    EXPECT_EQ(identity_of("a\nb\r\nc", {known_at("a\nb", 3)}, piece).start, (Position{3, 2}));
    EXPECT_EQ(identity_of("a\nbc\n", {known_at("a\nb", 3)}, piece).start, Position{});
  }
}

TEST(FileSource, ContinuesInsideAKnownBeginningThatWasTakenHalfway) {
  EXPECT_EQ(identity_of("a\nb\nc", {known_at("a\nb", 2)}).start, (Position{2, 2}));
}

TEST(FileSource, StartsAnewIfTheKnownBeginningDiffersOrHasAnOpenLastLine) {
  EXPECT_EQ(identity_of("a\nX\nc\n", {known_at("a\nb\n", 4)}).start, Position{});
  EXPECT_EQ(identity_of("a\nbc\n", {known_at("a\nb", 3)}).start, Position{});
  EXPECT_EQ(identity_of("a\n", {known_at("a\nb\n", 4)}).start, Position{});
  EXPECT_EQ(identity_of("a\n", {known_at("", 0)}).start, Position{});
  EXPECT_EQ(identity_of("", {known_at("", 0)}).start, Position{});
}

TEST(FileSource, IgnoresNamesAndPositionsThatItDidNotMake) {
  const std::string name = identity_of("a\nb\n").source;
  for (const SourcePosition& known :
       {SourcePosition{name + "0", 4}, SourcePosition{name.substr(0, name.size() - 1), 4},
        SourcePosition{name, 5}, SourcePosition{"file:", 1}, SourcePosition{"file:4", 1},
        SourcePosition{"file:99999999999999999999:00", 1}}) {
    EXPECT_EQ(identity_of("a\nb\n", {known}).start, Position{}) << known.source;
  }
}

Result<FileIdentity> identify_gzip(std::string_view stored,
                                   const std::vector<SourcePosition>& known = {}) {
  PiecewiseInput input(stored, 5);
  return identify(input, stored.size(), Compression::kGzip, KnownFiles(known));
}

TEST(FileSource, NamesACompressedFileByWhatIsStoredAndCountsItsText) {
  const std::string stored = gzip_member("a\nb\n");
  const auto identity = identify_gzip(stored);
  ASSERT_TRUE(identity.ok());
  EXPECT_TRUE(identity->source.starts_with("gzip:" + std::to_string(stored.size()) + ":"));
  EXPECT_EQ(identity->text_bytes, 4u);
  const auto half_known = identify_gzip(stored, {{identity->source, 2}});
  EXPECT_EQ(half_known->start, (Position{2, 2}));
  EXPECT_EQ(identify_gzip(stored, {{identity->source, 4}})->start, (Position{4, 3}));
  EXPECT_EQ(identify_gzip(stored, {known_at("a\nb\n", 4)})->start, Position{});
}

TEST(FileSource, ContinuesACompressedFileThatGrewByAMember) {
  const std::string text(5000, 'x');  // longer than what is stored: positions are of the text
  const std::string old = gzip_member(text + "\n");
  const std::string grown = old + gzip_member("b\n");
  const std::string source = identify_gzip(old)->source;
  EXPECT_EQ(identify_gzip(grown, {{source, 5001}})->start, (Position{5001, 2}));
  const std::string open = gzip_member("a\nb");
  const std::string open_source = identify_gzip(open)->source;
  EXPECT_EQ(identify_gzip(open + gzip_member("c\n"), {{open_source, 3}})->start, Position{});
  EXPECT_EQ(identify_gzip(open + gzip_member("c\n"), {{open_source, 2}})->start, (Position{2, 2}));
  EXPECT_EQ(identify_gzip(open + gzip_member("\nc\n"), {{open_source, 3}})->start,
            (Position{3, 2}));
  EXPECT_EQ(identify_gzip(open + gzip_member(""), {{open_source, 3}})->start, (Position{3, 2}));
}

TEST(FileSource, ACutCompressedFileHasNoIdentity) {
  const std::string stored = gzip_member("a\nb\n");
  const auto identity = identify_gzip(stored.substr(0, stored.size() - 1));
  ASSERT_FALSE(identity.ok());
  EXPECT_EQ(identity.error().reason(), Reason::kIncompletePayload);
}

TEST(FileSource, ReportsAFileThatShrinksWhileItIsRead) {
  PiecewiseInput input("abc");
  EXPECT_EQ(identify(input, 4, Compression::kNone, {}).error().code(), Code::kConflict);
}

TEST(FileSource, TellsEachOfSeveralTablesWhereItStands) {
  const std::string text = "a\nb\nc\nd\n";
  const std::string old = known_at("a\nb\n", 4).source;
  const std::string same = known_at(text, 8).source;
  const KnownFiles first({{old, 2}, {same, 6}});
  const KnownFiles second({{old, 4}});
  const KnownFiles third({{"file:4:" + std::string(32, '0'), 4}});
  KnownFiles all;
  for (const auto& [source, position, previous] :
       {SourcePosition{old, 2}, {same, 6}, {old, 4}, {"file:4:" + std::string(32, '0'), 4}}) {
    all.add(source, position);
  }
  PiecewiseInput input(text);
  const FileIdentity identity = *identify(input, text.size(), Compression::kNone, all);
  EXPECT_EQ(start_of(identity, first), (Position{6, 4}));
  EXPECT_EQ(start_of(identity, second), (Position{4, 3}));
  EXPECT_EQ(start_of(identity, third), (Position{}));
  EXPECT_EQ(start_of(identity, KnownFiles()), (Position{}));
}

TEST(FileSource, OneTablesPositionOfAFileOnlyRises) {
  const std::string source = known_at("a\nb\n", 4).source;
  KnownFiles known({{source, 2}});
  known.raise(source, 4);
  known.raise(source, 2);
  known.raise("other", 9);
  EXPECT_EQ(known.reached(source), 4u);
  EXPECT_EQ(known.reached("other"), 0u);
  EXPECT_EQ(identity_of("a\nb\n", {{source, 4}}).beginnings.size(), 1u);
}

}  // namespace
}  // namespace sluice::source
