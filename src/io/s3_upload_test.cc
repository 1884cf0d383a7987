#include "io/s3_upload.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "io/s3_bucket.h"
#include "io/thread_runtime.h"
#include "tests/interface/suites.h"
#include "tests/s3/fake_s3.h"

namespace sluice::io {
namespace {

using interface::pattern;

constexpr size_t kPieceBytes = 64u << 10;

class S3UploadTest : public testing::Test {
 protected:
  static FakeS3& server() {
    static FakeS3 started(SLUICE_FAKE_S3, {"--piece-bytes-min", std::to_string(kPieceBytes)});
    return started;
  }
  void SetUp() override {
    server_.no_faults();
    server_.forget();
    EXPECT_TRUE(bucket_->remove("part").ok());
  }

  std::unique_ptr<Bucket> open() {
    S3Options options = server_.options("db");
    options.piece_bytes = kPieceBytes;
    return open_s3_bucket(options, *runtime_).value();
  }
  /// Written in slices that fit no piece.
  Status upload(const std::string& text) {
    const auto upload = TRY(bucket_->begin_upload("part"));
    for (ByteView left = as_bytes(text); !left.empty();) {
      const ByteView slice = left.first(std::min<size_t>(left.size(), 10'007));
      TRY(upload->write(slice));
      left = left.subspan(slice.size());
    }
    return upload->finish();
  }
  std::string whole() { return get_object(*bucket_, "part", 1 << 24).value(); }
  Code head_code() { return bucket_->head("part").error().code(); }
  /// Uploads `pieces` pieces while `rule` holds, and expects the object.
  void expect_survived(const std::string& rule) {
    const std::string text = pattern(3 * kPieceBytes + 5);
    server_.fault(rule);
    const Status done = upload(text);
    EXPECT_TRUE(done.ok()) << rule << done.error().to_string();
    server_.no_faults();
    EXPECT_TRUE(whole() == text) << rule;
    EXPECT_EQ(server_.open_uploads(), "[]");
    EXPECT_TRUE(bucket_->remove("part").ok());
  }

  FakeS3& server_ = server();
  const std::unique_ptr<Runtime> runtime_ = make_thread_runtime();
  const std::unique_ptr<Bucket> bucket_ = open();
};

TEST_F(S3UploadTest, WhatFitsIntoAPieceIsOnePut) {
  for (const size_t bytes : {size_t{0}, size_t{1}, kPieceBytes}) {
    server_.forget();
    const std::string text = pattern(bytes);
    EXPECT_TRUE(upload(text).ok());
    EXPECT_TRUE(whole() == text);
    EXPECT_EQ(server_.logged("put"), 1u);
    EXPECT_EQ(server_.logged("begin"), 0u);
  }
}

TEST_F(S3UploadTest, WhatIsLargerGoesUpInPieces) {
  for (const size_t bytes : {kPieceBytes + 1, 3 * kPieceBytes, 5 * kPieceBytes + 7}) {
    server_.forget();
    const std::string text = pattern(bytes);
    EXPECT_TRUE(upload(text).ok());
    EXPECT_TRUE(whole() == text);
    EXPECT_EQ(server_.logged("piece"), (bytes + kPieceBytes - 1) / kPieceBytes);
    EXPECT_EQ(server_.open_uploads(), "[]");
  }
}

TEST_F(S3UploadTest, AnAbortedUploadLeavesNothing) {
  auto upload = bucket_->begin_upload("part").value();
  EXPECT_TRUE(upload->write(as_bytes(pattern(2 * kPieceBytes))).ok());
  EXPECT_NE(server_.open_uploads(), "[]");
  upload->abort();
  EXPECT_EQ(server_.open_uploads(), "[]");
  EXPECT_EQ(upload->write({}).error().reason(), Reason::kClosed);
  EXPECT_EQ(upload->finish().error().reason(), Reason::kClosed);
  EXPECT_EQ(head_code(), Code::kNotFound);
}

TEST_F(S3UploadTest, AnUploadThatIsDestroyedUnfinishedLeavesNothing) {
  EXPECT_TRUE(
      bucket_->begin_upload("part").value()->write(as_bytes(pattern(2 * kPieceBytes))).ok());
  EXPECT_EQ(server_.open_uploads(), "[]");
  EXPECT_EQ(head_code(), Code::kNotFound);
}

TEST_F(S3UploadTest, WhatACrashLeftIsFoundAndAborted) {
  constexpr size_t kCount = 25;  // more than a page of the server
  std::vector<std::unique_ptr<Upload>> left;
  for (size_t i = 0; i < kCount; ++i) {
    const std::string key = (i % 5 == 0 ? "t/other/" : "t/data/") + std::to_string(i);
    left.push_back(bucket_->begin_upload(key).value());
    ASSERT_TRUE(left.back()->write(as_bytes(pattern(2 * kPieceBytes))).ok());
  }
  EXPECT_EQ(bucket_->list_unfinished("t/").value().size(), kCount);
  EXPECT_TRUE(bucket_->list_unfinished("u/").value().empty());
  const std::vector<ObjectEntry> found = bucket_->list_unfinished("t/data/").value();
  EXPECT_EQ(found.size(), kCount - 5);
  for (const ObjectEntry& entry : found) {
    EXPECT_GT(entry.put_wall_time, 0);
    EXPECT_TRUE(bucket_->remove_unfinished(entry.key).ok());
    EXPECT_TRUE(bucket_->remove_unfinished(entry.key).ok()) << "gone";
  }
  EXPECT_EQ(bucket_->list_unfinished("t/").value().size(), 5u);
  EXPECT_FALSE(left[1]->finish().ok());
  EXPECT_EQ(bucket_->head("t/data/1").error().code(), Code::kNotFound);
  EXPECT_TRUE(left[0]->finish().ok());
  EXPECT_EQ(bucket_->remove_unfinished("t/data/1").error().code(), Code::kInvalid);
  left.clear();
  EXPECT_EQ(server_.open_uploads(), "[]");
  EXPECT_TRUE(bucket_->remove("t/other/0").ok());
}

// A sweep goes on without it.
TEST_F(S3UploadTest, AStoreThatDoesNotListUploadsHasNone) {
  server_.fault(R"({"fault": "not_implemented", "ops": ["uploads"]})");
  EXPECT_TRUE(bucket_->list_unfinished("t/").value().empty());
  server_.fault(R"({"fault": "slow_down", "ops": ["uploads"]})");
  EXPECT_EQ(bucket_->list_unfinished("t/").error().code(), Code::kBusy);
}

TEST_F(S3UploadTest, FaultsThatPassAreSurvived) {
  for (const char* fault :
       {"slow_down", "internal", "internal_after", "drop_before", "drop_after", "reset_after"}) {
    expect_survived(R"({"fault": ")" + std::string(fault) + R"(", "ops": ["piece"], "times": 2})");
    expect_survived(R"({"fault": ")" + std::string(fault) +
                    R"(", "ops": ["complete"], "times": 2})");
    expect_survived(R"({"fault": ")" + std::string(fault) + R"(", "ops": ["head"], "times": 2})");
  }
  expect_survived(R"({"fault": "complete_error", "ops": ["complete"], "times": 2})");
  expect_survived(R"({"fault": "duplicate", "ops": ["piece", "complete"], "after": 1})");
  expect_survived(R"({"fault": "late", "ops": ["complete"], "times": 1, "after": 2})");
}

TEST_F(S3UploadTest, ASmallObjectSurvivesFaultsThatPass) {
  for (const char* fault : {"slow_down", "internal_after", "drop_after"}) {
    server_.fault(R"({"fault": ")" + std::string(fault) + R"(", "ops": ["put"], "times": 2})");
    EXPECT_TRUE(upload("small").ok());
    EXPECT_EQ(whole(), "small");
  }
}

TEST_F(S3UploadTest, FaultsThatStayAreErrorsAndLeaveNoUploadOpen) {
  const std::string text = pattern(3 * kPieceBytes);
  for (const char* op : {"begin", "piece", "complete"}) {
    server_.fault(R"({"fault": "forbidden", "ops": [")" + std::string(op) + R"("]})");
    EXPECT_EQ(upload(text).error().code(), Code::kIo) << op;
    EXPECT_EQ(server_.open_uploads(), "[]") << op;
  }
  server_.fault(R"({"fault": "complete_error", "ops": ["complete"]})");
  const Error unfinished = upload(text).error();
  EXPECT_EQ(unfinished.code(), Code::kIo);
  EXPECT_NE(unfinished.message().find("InternalError"), std::string::npos);
  EXPECT_EQ(server_.open_uploads(), "[]");
  EXPECT_EQ(head_code(), Code::kNotFound);
}

}  // namespace
}  // namespace sluice::io
