#include "source/file_source.h"

#include <gtest/gtest.h>

#include "source/text_fixture.h"

namespace sluice::source {
namespace {

FileIdentity identity_of(std::string_view text, const std::vector<SourcePosition>& known = {},
                         size_t piece_bytes = SIZE_MAX) {
  PiecewiseInput input(text, piece_bytes);
  Result<FileIdentity> identity = identify(input, text.size(), KnownFiles(known));
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

TEST(FileSource, ReportsAFileThatShrinksWhileItIsRead) {
  PiecewiseInput input("abc");
  EXPECT_EQ(identify(input, 4, {}).error().code(), Code::kConflict);
}

}  // namespace
}  // namespace sluice::source
