#include "table/verify.h"

#include <gtest/gtest.h>

#include "base/object_checksum.h"
#include "table/checksum.h"
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

  /// The manifest that names a part.
  std::string manifest_of(const std::string& part) {
    for (const auto& [key, bytes] : bucket_.objects()) {
      const bool is_manifest = key.find("-m0.avro") != std::string::npos;
      if (is_manifest && bytes.find(part + ".parquet") != std::string::npos) return key;
    }
    return "";
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
            "the part has another length @ db/coll/data/p1.parquet\n"
            "the object is missing, but " +
                manifest_of("p101") + " names it @ db/coll/data/p101.parquet\n");
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
  EXPECT_EQ(findings(), "the object is missing, but db/coll/metadata/v6.metadata.json names it @ " +
                            head_->metadata.marks_key + "\n");
}

TEST_F(VerifyTest, NamesAVersionThatIsMissing) {
  bucket_.objects().erase(metadata_key("db/coll", 3));
  EXPECT_EQ(findings(),
            "the version is missing, but db/coll/metadata/v4.metadata.json came after it @ "
            "db/coll/metadata/v3.metadata.json\n");
  bucket_.objects().erase(metadata_key("db/coll", 1));
  bucket_.objects().erase(metadata_key("db/coll", 2));
  EXPECT_EQ(findings(),
            "the version is missing, but the head names it @ db/coll/metadata/v1.metadata.json\n"
            "the version is missing, but the head names it @ db/coll/metadata/v2.metadata.json\n"
            "the version is missing, but the head names it @ db/coll/metadata/v3.metadata.json\n");
}

// T7: the totals of a summary are exact.
TEST_F(VerifyTest, NamesATotalThatIsNotTheSum) {
  std::string& text = object("v6.metadata.json");
  const size_t at = text.rfind("\"total-records\":\"40\"");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 20, "\"total-records\":\"41\"");
  put_checksum(text, text.size() - 10, checksum_seed("v6.metadata.json"));
  EXPECT_NE(findings().find("'total-records'"), std::string::npos);
}

// T5: marks never go back.
TEST_F(VerifyTest, NamesMarksThatWentBack) {
  Marks marks = head_->marks;
  marks.logs[0].lsns.low_water = 1;
  object(head_->metadata.marks_key) = with_checksum(marks.encode(), head_->metadata.marks_key);
  EXPECT_EQ(findings(), "the marks went back @ db/coll/metadata/v6.metadata.json\n");
}

TEST_F(VerifyTest, NamesAHeadThatOnlyTheHintStillNames) {
  bucket_.objects().erase(metadata_key("db/coll", 6));
  EXPECT_EQ(load_head(bucket_, kName).error().where(), metadata_key("db/coll", 6));
  EXPECT_NE(findings().find("version-hint.text names it"), std::string::npos);
  for (uint64_t version = 1; version <= 5; ++version) {
    bucket_.objects().erase(metadata_key("db/coll", version));
  }
  EXPECT_EQ(list_tables(bucket_).value(), std::vector<TableName>{kName});
  EXPECT_EQ(load_head(bucket_, kName).error().code(), Code::kCorrupt);
}

TEST_F(VerifyTest, ReadsAnObjectWithoutChecksumButNamesIt) {
  object(head_->metadata.marks_key) = head_->marks.encode();
  EXPECT_TRUE(load_head(bucket_, kName).ok());
  EXPECT_NE(findings().find("has no checksum"), std::string::npos);
}

// T10: an object under another's name is damage, also if it is whole.
TEST_F(VerifyTest, NamesAnObjectThatStandsUnderTheNameOfAnother) {
  const FakeBucket::Objects healthy = bucket_.objects();
  for (const auto& [key, bytes] : healthy) {
    for (const auto& [other, theirs] : healthy) {
      const bool alike = key.substr(key.size() - 5) == other.substr(other.size() - 5);
      if (key == other || !alike || key.ends_with(".parquet")) continue;
      bucket_.objects()[key] = theirs;
      EXPECT_NE(findings().find("@ " + key), std::string::npos) << key << " as " << other;
      bucket_.objects()[key] = bytes;
    }
  }
}

/// Parts are left to the reader of parts, and the hint is none of the table's state.
bool is_of_table(const std::string& key) {
  return !key.ends_with(".parquet") && !key.ends_with("version-hint.text");
}

// T10
TEST_F(VerifyTest, EveryFlippedByteAndEveryCutBreaksTheChecksum) {
  for (const auto& [key, bytes] : bucket_.objects()) {
    if (!is_of_table(key)) continue;
    EXPECT_TRUE(check_checksum(bytes, key, Provenance::kOurs).ok());
    std::string damaged = bytes;
    for (size_t at = 0; at < bytes.size(); ++at) {
      EXPECT_FALSE(check_checksum(bytes.substr(0, at), key, Provenance::kOurs).ok());
      damaged[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      EXPECT_FALSE(check_checksum(damaged, key, Provenance::kOurs).ok()) << key << " at " << at;
      damaged[at] = bytes[at];
    }
  }
}

// T10: damage is found under the object's name, and nothing but the right state is ever read.
TEST_F(VerifyTest, NamesTheObjectThatIsFlippedCutOrMissing) {
  const FakeBucket::Objects healthy = bucket_.objects();
  const auto expect_found = [&](const std::string& key) {
    EXPECT_NE(findings().find("@ " + key + "\n"), std::string::npos) << key;
    const auto head = load_head(bucket_, kName);
    if (!head.ok()) return;
    EXPECT_EQ((*head)->marks, head_->marks) << key;
    const auto live = read_parts(bucket_, (*head)->metadata);
    EXPECT_TRUE(!live.ok() || live->size() == 4u) << key;
  };
  for (const auto& [key, bytes] : healthy) {
    if (!is_of_table(key)) continue;
    // The last bytes are where the checksum of a document is.
    const size_t end = bytes.size() - 26;
    const size_t step = end / 4;
    for (size_t at = step / 2; at < bytes.size(); at += at < end ? step : 5) {
      bucket_.objects()[key][at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
      expect_found(key);
      bucket_.objects()[key] = bytes.substr(0, at);
      expect_found(key);
      bucket_.objects()[key] = bytes;
    }
    bucket_.objects().erase(key);
    expect_found(key);
    bucket_.objects()[key] = bytes;
  }
}

// T11: but one above the listing says that the head is gone.
TEST_F(VerifyTest, TakesAnyHintForAHint) {
  for (const char* hint : {"", "x", "1", "7", "6 ", "18446744073709551616"}) {
    object("version-hint.text") = hint;
    const auto head = load_head(bucket_, kName);
    EXPECT_EQ(head.ok(), std::string(hint) != "7") << hint;
    EXPECT_TRUE(verify_table(bucket_, kName).ok());
  }
  bucket_.objects().erase("db/coll/metadata/version-hint.text");
  EXPECT_EQ(findings(), "");
  EXPECT_TRUE(load_head(bucket_, kName).ok());
}

}  // namespace
}  // namespace sluice::table
