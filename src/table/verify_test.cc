#include "table/verify.h"

#include <gtest/gtest.h>

#include "table/fakes_test.h"
#include "table/format.h"

namespace sluice::table {
namespace {

/// A table of three flushes in two openings.
class VerifyTest : public testing::Test {
 protected:
  void SetUp() override {
    HeadPtr head;
    for (uint8_t opening = 1; opening <= 2; ++opening) {
      Committer committer(runtime_, bucket_, kName, writer_of(1, opening), {},
                          [] { return false; });
      ASSERT_TRUE(committer.create(keyed_spec()).ok());
      head = committer.claim().value();
      for (uint64_t n = 1; n <= 2; ++n) {
        FlushEdit edit;
        edit.flush = FlushId::draw(runtime_);
        edit.base = head;
        edit.lsns.low_water = 100u * (opening - 1u) + n;
        edit.parts = {part_of("p" + std::to_string(edit.lsns.low_water))};
        bucket_.objects()[edit.parts[0].key] = std::string(edit.parts[0].bytes, 'x');
        head = committer.commit(edit).value();
      }
    }
    head_ = head;
  }

  /// The messages of all findings, each with its object.
  std::string findings() {
    const auto verdict = verify_table(bucket_, kName);
    if (!verdict.ok()) return verdict.error().to_string();
    std::string text;
    for (const Finding& finding : verdict->findings) {
      text += finding.error.message() + " @ " + finding.object + "\n";
    }
    return text;
  }
  std::string& object(const std::string& part_of_key) {
    for (auto& [key, bytes] : bucket_.objects()) {
      if (key.find(part_of_key) != std::string::npos) return bytes;
    }
    ADD_FAILURE() << "no object " << part_of_key;
    return bucket_.objects()[""];
  }

  FakeRuntime runtime_;
  FakeBucket bucket_;
  HeadPtr head_;
};

TEST_F(VerifyTest, FindsNothingWrongInAHealthyTable) {
  const auto verdict = verify_table(bucket_, kName);
  ASSERT_TRUE(verdict.ok());
  EXPECT_EQ(findings(), "");
  EXPECT_EQ(verdict->snapshots, 4u);
  EXPECT_EQ(verdict->parts.size(), 4u);
}

TEST_F(VerifyTest, NamesAPartThatIsMissingOrCut) {
  object("p1.parquet").pop_back();
  bucket_.objects().erase("db/coll/data/p101.parquet");
  EXPECT_EQ(findings(),
            "the part has another size @ db/coll/data/p1.parquet\n"
            "no such object @ db/coll/data/p101.parquet\n");
}

TEST_F(VerifyTest, NamesAManifestThatIsDamaged) {
  const auto files = read_manifest_list(bucket_, head_->metadata, head_->metadata.snapshots[0]);
  ASSERT_TRUE(files.ok());
  object(files->front().key)[1] = 'X';
  const auto verdict = verify_table(bucket_, kName);
  ASSERT_EQ(verdict->findings.size(), 1u);
  EXPECT_EQ(verdict->findings[0].object, files->front().key);
}

TEST_F(VerifyTest, NamesMissingMarks) {
  bucket_.objects().erase(head_->metadata.marks_key);
  EXPECT_EQ(findings(),
            "an object that the table names is missing @ " + head_->metadata.marks_key + "\n");
}

TEST_F(VerifyTest, NamesAVersionThatIsMissing) {
  bucket_.objects().erase(metadata_key("db/coll", 3));
  EXPECT_EQ(findings(), "the version before it is missing @ db/coll/metadata/v4.metadata.json\n");
}

// T7: the totals of a summary are exact.
TEST_F(VerifyTest, NamesATotalThatIsNotTheSum) {
  std::string& text = object("v6.metadata.json");
  const size_t at = text.rfind("\"total-records\":\"40\"");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 20, "\"total-records\":\"41\"");
  EXPECT_NE(findings().find("'total-records'"), std::string::npos);
}

// T5: marks never go back.
TEST_F(VerifyTest, NamesMarksThatWentBack) {
  Marks marks = head_->marks;
  marks.logs[0].lsns.low_water = 1;
  object(head_->metadata.marks_key) = marks.encode();
  EXPECT_EQ(findings(), "the marks went back @ db/coll/metadata/v6.metadata.json\n");
}

TEST_F(VerifyTest, NamesAHintAboveTheHead) {
  object("version-hint.text") = "7";
  EXPECT_EQ(findings(), "the hint is too high @ db/coll/metadata/version-hint.text\n");
}

TEST_F(VerifyTest, SurvivesFlippedBytesInEveryObject) {
  const FakeBucket::Objects healthy = bucket_.objects();
  for (const auto& [key, bytes] : healthy) {
    if (key.ends_with(".parquet")) continue;
    const size_t step = bytes.size() / 25 + 1;
    for (size_t at = 0; at < bytes.size(); at += step) {
      bucket_.objects()[key][at] = static_cast<char>(bytes[at] ^ 0x21);
      EXPECT_TRUE(verify_table(bucket_, kName).ok());
      bucket_.objects()[key] = bytes;
    }
  }
}

}  // namespace
}  // namespace sluice::table
