// The routes over a real engine, without sockets: what they answer when all is well and when the
// engine, its disk or its bucket is not.
#include "server/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>

#include "engine/faulty_bucket_fixture.h"
#include "engine/faulty_disk_fixture.h"
#include "sluice/platform.h"
#include "source/records.h"

namespace sluice::server {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kCollection = "/v1/databases/demo/collections/c";
constexpr const char* kPoint = R"({"id":"a","time":"2026-01-01T00:00:00Z","v":1})";

class ApiTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ =
        testing::TempDir() + "api_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(dir_);
    engine_options_.retry_min = kMillisecond;
    engine_options_.retry_max = 5 * kMillisecond;
    engine_options_.close_flush = 0;
    options_.flush_wait = 200 * kMillisecond;
    start();
  }
  void TearDown() override {
    stop();
    std::filesystem::remove_all(dir_);
  }

  void start() {
    stop();
    platform_ = open_local_platform(dir_, DirectoryUse::kCreate).value();
    Platform platform = platform_->platform();
    bucket_ = std::make_unique<FaultyBucket>(*platform.bucket);
    disk_ = std::make_unique<FaultyDisk>(*platform.disk);
    platform.bucket = bucket_.get();
    platform.disk = disk_.get();
    engine_ = Engine::open(platform, engine_options_).value();
    keys_ = Keys::make(options_.api_keys).value();
    catalog_ = Catalog::open(dir_ + "/catalog.json").value();
    Runtime& runtime = *platform.runtime;
    collections_ = std::make_unique<Collections>(*engine_, runtime, *catalog_);
    readers_ = std::make_unique<Workers>(2, 16);
    changers_ = std::make_unique<Workers>(2, 16);
    deadlines_ = std::make_unique<Deadlines>(runtime);
    flushes_ = std::make_unique<FlushDesk>(*engine_, runtime, *deadlines_, options_.flush_wait);
    api_ = std::make_unique<Api>(Surroundings{*engine_, runtime, *collections_, *readers_,
                                              *changers_, *flushes_, *deadlines_, keys_, options_});
  }
  void stop() {
    if (engine_ != nullptr) static_cast<void>(engine_->close());
    readers_.reset();
    changers_.reset();
    flushes_.reset();
    deadlines_.reset();
    api_.reset();
    engine_.reset();
    bucket_.reset();
    disk_.reset();
    platform_.reset();
  }

  Response ask(const std::string& method, const std::string& target, const std::string& body = "") {
    Request request;
    request.method = method;
    request.target = target;
    if (!split_target(target, request)) ADD_FAILURE() << target;
    if (auto refusal = api_->refuse(request)) return *refusal;
    request.body = body;
    request.body.reserve(body.size() + source::kRecordPaddingBytes);
    std::promise<Response> answer;
    api_->handle(std::move(request), [&](Response response) { answer.set_value(response); });
    return answer.get_future().get();
  }
  Response write(const std::string& point) {
    return ask("POST", std::string(kCollection) + "/write", point);
  }
  /// Nothing can be put, until the rule is taken away.
  void fail_bucket() {
    bucket_->set_rule([](std::string_view call, std::string_view) {
      return call == "begin_upload" || call == "put_if_absent" ? FaultyBucket::Verdict::kFailBefore
                                                               : FaultyBucket::Verdict::kPass;
    });
  }
  std::string query() { return ask("GET", std::string(kCollection) + "/query").body; }

  std::string dir_;
  EngineOptions engine_options_;
  Options options_;
  std::unique_ptr<OwnedPlatform> platform_;
  std::unique_ptr<FaultyBucket> bucket_;
  std::unique_ptr<FaultyDisk> disk_;
  std::unique_ptr<Engine> engine_;
  Keys keys_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Collections> collections_;
  std::unique_ptr<Workers> readers_;
  std::unique_ptr<Workers> changers_;
  std::unique_ptr<Deadlines> deadlines_;
  std::unique_ptr<FlushDesk> flushes_;
  std::unique_ptr<Api> api_;
};

TEST_F(ApiTest, AWrittenPointIsThereAtOnceAndAfterARestart) {
  EXPECT_EQ(write(kPoint).status, 202);
  EXPECT_THAT(query(), HasSubstr(R"("v":[1])"));
  start();
  EXPECT_THAT(query(), HasSubstr(R"("v":[1])"));
  EXPECT_EQ(write(R"({"id":"a","time":"2026-01-01T00:00:00Z","v":2})").status, 202);
  EXPECT_THAT(query(), HasSubstr(R"("v":[2])"));
}

TEST_F(ApiTest, AFlushThatFailsTellsWhyAndCatchesUp) {
  ASSERT_EQ(write(kPoint).status, 202);
  fail_bucket();
  const Response failed = ask("POST", "/v1/admin/flush");
  EXPECT_EQ(failed.status, 503);
  EXPECT_THAT(failed.body, HasSubstr(R"("success":false)"));
  // The answer may come before the first attempt has failed.
  while (ask("GET", "/health").body.find("degraded") == std::string::npos) {
  }
  bucket_->set_rule(nullptr);
  Response flushed = ask("POST", "/v1/admin/flush");
  while (flushed.status == 503) flushed = ask("POST", "/v1/admin/flush");
  EXPECT_EQ(flushed.status, 200);
  EXPECT_THAT(ask("POST", "/v1/admin/flush").body, HasSubstr(R"("points":0)"));
  EXPECT_THAT(query(), HasSubstr(R"("v":[1])"));
}

TEST_F(ApiTest, AWriteThatNeedsAColumnIsRefusedInTimeWhileTheBucketIsAway) {
  ASSERT_EQ(write(kPoint).status, 202);
  options_.commit_wait = 20 * kMillisecond;
  fail_bucket();
  const std::string with_column = R"({"id":"b","time":"2026-01-01T00:00:00Z","late":1})";
  EXPECT_EQ(write(with_column).status, 503);
  const Response other = write(kPoint);
  EXPECT_EQ(other.status, 202) << other.body;
  EXPECT_EQ(ask("GET", "/v1/databases").status, 200);
  bucket_->set_rule(nullptr);
  EXPECT_THAT(query(), Not(HasSubstr(R"("id":"b")")));
  Response again = write(with_column);
  while (again.status == 503) again = write(with_column);
  EXPECT_EQ(again.status, 202) << again.body;
}

TEST_F(ApiTest, AFullDiskIs507AndPassesWhenThereIsRoom) {
  ASSERT_EQ(write(kPoint).status, 202);
  disk_->set_free_bytes(0);
  const Response full = write(R"({"id":"b","time":"2026-01-01T00:00:00Z","v":1})");
  EXPECT_EQ(full.status, 507) << full.body;
  disk_->set_free_bytes(std::nullopt);
  Response again = write(R"({"id":"c","time":"2026-01-01T00:00:00Z","v":1})");
  while (again.status == 507) again = write(R"({"id":"c","time":"2026-01-01T00:00:00Z","v":1})");
  EXPECT_EQ(again.status, 202) << again.body;
  EXPECT_THAT(query(), Not(HasSubstr(R"("id":"b")")));
}

TEST_F(ApiTest, AWriteWithoutMemoryIsToldToComeAgain) {
  engine_options_.memory_bytes = 8 << 20;
  options_.write_wait = 10 * kMillisecond;
  start();
  ASSERT_EQ(write(R"({"id":"a","time":"2026-01-01T00:00:00Z","text":"x"})").status, 202);
  fail_bucket();
  const std::string text(100'000, 'x');
  int stored = 0;
  const auto fill = [&] {
    return write(R"({"id":"a","time":"2026-01-01T00:00:00.)" + std::to_string(100 + stored) +
                 R"(Z","text":")" + text + "\"}");
  };
  Response last = fill();
  for (; last.status == 202 && stored < 500; ++stored) last = fill();
  EXPECT_EQ(last.status, 429) << stored;
  EXPECT_THAT(last.headers, testing::Contains(testing::Pair("Retry-After", "1")));
  bucket_->set_rule(nullptr);
  while (last.status == 429) last = fill();
  EXPECT_EQ(last.status, 202) << last.body;
}

TEST_F(ApiTest, AfterAFailedSyncNothingIsAcknowledged) {
  ASSERT_EQ(write(kPoint).status, 202);
  disk_->set_rule([](const FaultyDisk::Call& call) -> Status {
    if (call.name != "sync") return ok();
    return Error(Code::kIo, "input/output error", std::string(call.file));
  });
  EXPECT_EQ(write(kPoint).status, 503);
  disk_->set_rule(nullptr);
  EXPECT_EQ(write(kPoint).status, 503);
  start();
  EXPECT_EQ(write(kPoint).status, 202);
}

TEST_F(ApiTest, AClosedEngineIs503) {
  ASSERT_EQ(write(kPoint).status, 202);
  ASSERT_TRUE(engine_->close().ok());
  EXPECT_EQ(write(kPoint).status, 503);
  EXPECT_EQ(ask("POST", "/admin/flush").status, 503);
}

TEST_F(ApiTest, MetricsCountRoutesAndPoints) {
  write(kPoint);
  write("{}");
  const std::string text = ask("GET", "/metrics").body;
  EXPECT_THAT(text, HasSubstr(R"(sluice_http_requests_total{route="write",status="202"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(sluice_http_requests_total{route="write",status="400"} 1)"));
  EXPECT_THAT(text, HasSubstr("sluice_http_batch_points_count 1\n"));
  EXPECT_THAT(text, HasSubstr("sluice_appends_total 1\n"));
}

TEST_F(ApiTest, DescriptionsOutliveTheServerAndDamagedOnesAreTold) {
  const std::string made = R"({"name":"d","description":"one \"two\"","metadata":{"a":[1]}})";
  ASSERT_EQ(ask("POST", "/v1/databases", made).status, 201);
  start();
  EXPECT_THAT(ask("GET", "/v1/databases/d").body, HasSubstr(R"("description":"one \"two\"")"));
  EXPECT_THAT(ask("GET", "/v1/databases/d").body, HasSubstr(R"("metadata":{"a":[1]})"));
  const std::string path = dir_ + "/catalog.json";
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 10);
  EXPECT_EQ(Catalog::open(path).error().code(), Code::kCorrupt);
}

TEST_F(ApiTest, GroupsAreAllOfThisProcess) {
  EXPECT_THAT(ask("GET", "/admin/groups").body, HasSubstr(R"("count":256)"));
  EXPECT_THAT(ask("GET", "/v1/admin/groups/255").body, HasSubstr(R"("group_id":255)"));
  EXPECT_EQ(ask("GET", "/v1/admin/groups/256").status, 404);
  EXPECT_THAT(ask("GET", "/admin/nodes/other/groups").body, HasSubstr(R"("count":0)"));
}

TEST(Target, PathsAndParametersAreDecoded) {
  Request request;
  ASSERT_TRUE(split_target("/a%2Fb//c?x=1+2&y=%26&z", request));
  EXPECT_EQ(request.path, (std::vector<std::string>{"a/b", "c"}));
  EXPECT_EQ(request.parameter("x"), "1 2");
  EXPECT_EQ(request.parameter("y"), "&");
  EXPECT_EQ(request.parameter("z"), "");
  EXPECT_EQ(request.parameter("none"), std::nullopt);
  for (const char* bad : {"/%", "/%1", "/%zz", "/a?x=%"}) {
    Request broken;
    EXPECT_FALSE(split_target(bad, broken)) << bad;
  }
}

TEST(KeysTest, AKeyIsLongAndNotShown) {
  const std::string key(32, 'k');
  EXPECT_TRUE(Keys::make({key}).ok());
  for (const std::string& bad : {std::string(31, 'k'), std::string(32, ' '), " " + key}) {
    const auto keys = Keys::make({key, bad});
    ASSERT_FALSE(keys.ok());
    EXPECT_THAT(keys.error().to_string(), Not(HasSubstr("kkkkk")));
  }
}

}  // namespace
}  // namespace sluice::server
