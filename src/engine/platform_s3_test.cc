// Data directories whose tables are in a bucket, of the fake S3.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "sluice/platform.h"
#include "tests/s3/fake_s3.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

class S3PlatformTest : public testing::Test {
 protected:
  void SetUp() override { fs::remove_all(dir_); }
  void TearDown() override { fs::remove_all(dir_); }

  auto open(DirectoryUse use) { return open_s3_platform(dir_.string(), use, options_); }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories(dir_);
    std::ofstream(dir_ / name) << text;
  }

  static FakeS3& server() {
    static FakeS3 started(SLUICE_FAKE_S3);
    return started;
  }

  const std::string test_ = testing::UnitTest::GetInstance()->current_test_info()->name();
  S3Options options_ = server().options(test_);
  const fs::path dir_ = fs::path(testing::TempDir()) / ("s3_platform_" + test_);
};

TEST_F(S3PlatformTest, TheLogIsInTheDirectoryAndTheTablesAreInTheBucket) {
  const auto owned = open(DirectoryUse::kCreate).value();
  const Platform platform = owned->platform();
  EXPECT_TRUE(platform.disk->create("segment").ok());
  EXPECT_TRUE(platform.bucket->put("db/part", as_bytes("rows")).ok());
  EXPECT_TRUE(fs::exists(dir_ / "log" / "segment"));
  EXPECT_FALSE(fs::exists(dir_ / "tables"));
  EXPECT_EQ(platform.bucket->uri("db/part"), "s3://lake/" + test_ + "/db/part");
  EXPECT_EQ(platform.bucket->list("").value().size(), 1u);  // the probe is gone
}

TEST_F(S3PlatformTest, TheDirectoryRemembersThePlace) {
  EXPECT_EQ(tables_place(dir_.string()).error().code(), Code::kNotFound);
  EXPECT_TRUE(open(DirectoryUse::kCreate).ok());
  EXPECT_EQ(tables_place(dir_.string()).value(), options_.place);
  EXPECT_TRUE(open(DirectoryUse::kCreate).ok());
  EXPECT_TRUE(open(DirectoryUse::kExisting).ok());
}

TEST_F(S3PlatformTest, TablesThatAreElsewhereAreRefused) {
  EXPECT_TRUE(open(DirectoryUse::kCreate).ok());
  for (const DirectoryUse use : {DirectoryUse::kCreate, DirectoryUse::kExisting}) {
    EXPECT_EQ(open_local_platform(dir_.string(), use).error().code(), Code::kInvalid);
    options_.place.prefix = "other";
    EXPECT_EQ(open(use).error().code(), Code::kInvalid);
  }
  fs::remove_all(dir_);
  EXPECT_TRUE(open_local_platform(dir_.string(), DirectoryUse::kCreate).ok());
  EXPECT_FALSE(tables_place(dir_.string()).value().has_value());
  EXPECT_EQ(open(DirectoryUse::kExisting).error().code(), Code::kInvalid);
}

TEST_F(S3PlatformTest, ADirectoryThatACrashLeftHalfMadeIsCompletedWithItsOwnBucketOnly) {
  EXPECT_TRUE(open(DirectoryUse::kCreate).ok());
  fs::remove(dir_ / "FORMAT");
  EXPECT_EQ(tables_place(dir_.string()).error().code(), Code::kNotFound);
  EXPECT_EQ(open_local_platform(dir_.string(), DirectoryUse::kCreate).error().code(),
            Code::kInvalid);
  EXPECT_FALSE(fs::exists(dir_ / "FORMAT"));
  EXPECT_TRUE(open(DirectoryUse::kCreate).ok());
  EXPECT_TRUE(fs::exists(dir_ / "FORMAT"));
}

TEST_F(S3PlatformTest, NoDirectoryIsMadeForABucketThatCannotBeUsed) {
  options_.place.bucket = "absent";
  EXPECT_EQ(open(DirectoryUse::kCreate).error().code(), Code::kIo);
  EXPECT_FALSE(fs::exists(dir_ / "FORMAT"));
  EXPECT_FALSE(fs::exists(dir_ / "BUCKET"));
}

TEST_F(S3PlatformTest, AStoreThatIgnoresConditionsIsRefused) {
  FakeS3 careless(SLUICE_FAKE_S3, {"--ignore-conditions"});
  options_ = careless.options();
  EXPECT_EQ(open(DirectoryUse::kCreate).error().code(), Code::kUnsupported);
  EXPECT_FALSE(fs::exists(dir_ / "FORMAT"));
}

TEST_F(S3PlatformTest, ADamagedPlaceIsNamed) {
  EXPECT_TRUE(open(DirectoryUse::kCreate).ok());
  for (const std::string& text : {std::string("s3://lake"), std::string(5000, 'x')}) {
    write("BUCKET", text);
    const Error error = open(DirectoryUse::kExisting).error();
    EXPECT_EQ(error.code(), Code::kCorrupt);
    EXPECT_EQ(error.where(), (dir_ / "BUCKET").string());
    EXPECT_EQ(tables_place(dir_.string()).error().code(), Code::kCorrupt);
  }
}

}  // namespace
}  // namespace sluice
