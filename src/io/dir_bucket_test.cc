#include "io/dir_bucket.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/bytes.h"
#include "io/thread_runtime.h"

namespace sluice::io {
namespace {

namespace fs = std::filesystem;

class DirBucketTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    fs::create_directory(root_);
    bucket_ = open();
  }
  void TearDown() override { fs::remove_all(root_); }

  std::unique_ptr<Bucket> open() { return open_dir_bucket(root_.string(), *runtime_).value(); }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  size_t files() {
    size_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root_)) {
      count += entry.is_regular_file();
    }
    return count;
  }

  const std::unique_ptr<Runtime> runtime_ = make_thread_runtime();
  const fs::path root_ =
      fs::path(testing::TempDir()) /
      (std::string("dir_bucket_") + testing::UnitTest::GetInstance()->current_test_info()->name());
  std::unique_ptr<Bucket> bucket_;
};

TEST_F(DirBucketTest, NeedsAnExistingRoot) {
  const auto opened = open_dir_bucket((root_ / "absent").string(), *runtime_);
  EXPECT_EQ(opened.error().code(), Code::kNotFound);
  write("file", "x");
  const auto file = open_dir_bucket((root_ / "file").string(), *runtime_);
  EXPECT_EQ(file.error().code(), Code::kInvalid);
}

TEST_F(DirBucketTest, TheUriIsTheAbsolutePath) {
  EXPECT_TRUE(bucket_->put_if_absent("a/b", as_bytes("x")).ok());
  EXPECT_EQ(bucket_->uri("a/b"), fs::canonical(root_ / "a" / "b").string());
}

TEST_F(DirBucketTest, NoOperationLeavesATemporaryFile) {
  EXPECT_TRUE(bucket_->put_if_absent("a/b", as_bytes("x")).ok());
  EXPECT_FALSE(bucket_->put_if_absent("a/b", as_bytes("y")).ok());
  EXPECT_TRUE(bucket_->put("a/hint", as_bytes("x")).ok());
  EXPECT_TRUE(bucket_->put("a/hint", as_bytes("y")).ok());
  EXPECT_TRUE(bucket_->begin_upload("a/part").value()->finish().ok());
  EXPECT_FALSE(bucket_->begin_upload("a/part").value()->finish().ok());
  bucket_->begin_upload("a/aborted").value()->abort();
  EXPECT_EQ(files(), 3u);
}

TEST_F(DirBucketTest, AnUploadInProgressIsWhatACrashLeavesAndIsNeverSeen) {
  auto upload = bucket_->begin_upload("a/part").value();
  EXPECT_TRUE(upload->write(as_bytes("bytes")).ok());
  EXPECT_EQ(files(), 1u);
  const std::string left = fs::directory_iterator(root_ / "a")->path().filename().string();
  EXPECT_TRUE(is_unfinished_object(left));
  const auto entries = open()->list("").value();
  EXPECT_TRUE(entries.empty());
  EXPECT_EQ(open()->head("a/" + left).error().code(), Code::kInvalid);
}

TEST_F(DirBucketTest, PutAllEndsWhatACrashOfAnEarlierTryLeftShort) {
  write("t/marks", "who");
  const std::vector<ObjectBytes> objects = {{"t/marks", as_bytes("whole")}};
  EXPECT_TRUE(bucket_->put_all(objects).ok());
  EXPECT_EQ(get_object(*bucket_, "t/marks", 100).value(), "whole");
}

TEST_F(DirBucketTest, WhatWasStagedAndNeverPutLeavesNoFile) {
  const std::vector<ObjectBytes> next = {{"t/v1", as_bytes("x")}, {"t/hint", as_bytes("1")}};
  {
    const auto staged = bucket_->put_all_and_stage({}, next).value();
    EXPECT_EQ(files(), 2u);
    EXPECT_EQ(bucket_->list_unfinished("t/").value().size(), 2u);
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(DirBucketTest, AnUploadThatHasEndedTakesNothingMore) {
  auto upload = bucket_->begin_upload("a").value();
  EXPECT_TRUE(upload->finish().ok());
  EXPECT_EQ(upload->write(as_bytes("x")).error().reason(), Reason::kClosed);
  EXPECT_EQ(upload->finish().error().reason(), Reason::kClosed);
  upload->abort();
  EXPECT_EQ(bucket_->head("a").value().bytes, 0u);
}

TEST_F(DirBucketTest, ListLeavesOutWhatCanBeNoObject) {
  write("a/with space", "x");
  write("b~/c", "x");
  write("a/object", "x");
  fs::create_symlink("nowhere", root_ / "a" / "dangling");
  fs::create_directories(root_ / "empty" / "place");
  const auto entries = bucket_->list("").value();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].key, "a/object");
}

TEST_F(DirBucketTest, AnObjectAndAPlaceCannotShareAName) {
  EXPECT_TRUE(bucket_->put_if_absent("a", as_bytes("x")).ok());
  EXPECT_FALSE(bucket_->put_if_absent("a/b", as_bytes("x")).ok());
  EXPECT_EQ(files(), 1u);
}

TEST_F(DirBucketTest, ASegmentTooLongForTheFileSystemIsInvalid) {
  const std::string key = "a/" + std::string(300, 'k');
  EXPECT_EQ(bucket_->put_if_absent(key, as_bytes("x")).error().code(), Code::kInvalid);
  EXPECT_EQ(files(), 0u);
}

TEST_F(DirBucketTest, TwoOpeningsAgreeOnTheWinner) {
  const auto other = open();
  EXPECT_TRUE(other->put_if_absent("t/v1", as_bytes("theirs")).ok());
  EXPECT_EQ(bucket_->put_if_absent("t/v1", as_bytes("ours")).error().code(), Code::kExists);
  EXPECT_EQ(get_object(*bucket_, "t/v1", 100).value(), "theirs");
}

TEST_F(DirBucketTest, FollowsALinkThatAnOperatorMade) {
  fs::create_directories(root_ / "elsewhere");
  fs::create_directory_symlink("elsewhere", root_ / "table");
  EXPECT_TRUE(bucket_->put_if_absent("table/v1", as_bytes("x")).ok());
  const auto entries = bucket_->list("table/").value();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].key, "table/v1");
  EXPECT_TRUE(fs::exists(root_ / "elsewhere" / "v1"));
}

}  // namespace
}  // namespace sluice::io
