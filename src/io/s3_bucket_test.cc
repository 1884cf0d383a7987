// What the bucket makes of each fault of a store. Its ordinary life: tests/interface.
#include "io/s3_bucket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "base/bytes.h"
#include "io/retry_bucket.h"
#include "io/thread_runtime.h"
#include "tests/interface/suites.h"
#include "tests/s3/fake_s3.h"

namespace sluice::io {
namespace {

using interface::pattern;
using interface::run_threads;

class S3BucketTest : public testing::Test {
 protected:
  static FakeS3& server() {
    static FakeS3 started(SLUICE_FAKE_S3);
    return started;
  }
  void SetUp() override {
    server().no_faults();
    server().forget();
  }

  S3Options options() {
    return server().options(testing::UnitTest::GetInstance()->current_test_info()->name());
  }
  std::unique_ptr<Bucket> open(const S3Options& options) {
    return open_s3_bucket(options, *runtime_).value();
  }
  std::unique_ptr<Bucket> open_retried() {
    return make_retry_bucket(open(options()), *runtime_, {.pause_min = kMillisecond});
  }
  Error put_error(std::string_view key = "v1") {
    return bucket_->put_if_absent(key, as_bytes("one")).error();
  }
  Error get_error(std::string_view key) {
    std::string text(100, '?');
    return bucket_->get_range(key, 0, std::as_writable_bytes(std::span(text))).error();
  }
  std::string whole(std::string_view key) { return get_object(*bucket_, key, 1 << 20).value(); }

  const std::unique_ptr<Runtime> runtime_ = make_thread_runtime();
  const std::unique_ptr<Bucket> bucket_ = open(options());
};

void expect_unknown(const Error& error, Code code) {
  EXPECT_EQ(error.code(), code) << error.to_string();
  EXPECT_EQ(error.reason(), Reason::kUnknownOutcome) << error.to_string();
  EXPECT_TRUE(is_passing(error));
}

TEST_F(S3BucketTest, AStoreThatIsBusyIsBusy) {
  server().fault(R"({"fault": "slow_down"})");
  expect_unknown(put_error(), Code::kBusy);
  expect_unknown(bucket_->list("").error(), Code::kBusy);
  expect_unknown(bucket_->head("a").error(), Code::kBusy);
  expect_unknown(bucket_->remove("a").error(), Code::kBusy);
  expect_unknown(get_error("a"), Code::kBusy);
}

TEST_F(S3BucketTest, ConflictingConditionsAreBusyAndNotTaken) {
  server().fault(R"({"fault": "conflict", "ops": ["put_if"], "times": 1})");
  expect_unknown(put_error(), Code::kBusy);
  EXPECT_TRUE(bucket_->put_if_absent("v1", as_bytes("one")).ok());
}

TEST_F(S3BucketTest, AnErrorOfTheStoreLeavesTheOutcomeOpenWhateverItWas) {
  server().fault(R"({"fault": "internal", "ops": ["put_if"], "times": 1})");
  expect_unknown(put_error(), Code::kIo);
  EXPECT_EQ(bucket_->head("v1").error().code(), Code::kNotFound);
  server().fault(R"({"fault": "internal_after", "ops": ["put_if"], "times": 1})");
  expect_unknown(put_error(), Code::kIo);
  EXPECT_EQ(whole("v1"), "one");
}

TEST_F(S3BucketTest, AConnectionThatEndsWithoutAnAnswerLeavesTheOutcomeOpen) {
  EXPECT_TRUE(bucket_->put_if_absent("first", as_bytes("x")).ok());  // a connection is kept
  for (const char* fault : {"drop_before", "drop_after", "reset_after"}) {
    server().forget();
    server().fault(R"({"fault": ")" + std::string(fault) + R"(", "ops": ["put_if"]})");
    expect_unknown(put_error(fault), Code::kIo);
    EXPECT_EQ(server().logged("put_if"), 1u) << "it was sent again";
  }
  server().no_faults();
  EXPECT_EQ(bucket_->head("drop_before").error().code(), Code::kNotFound);
  EXPECT_EQ(whole("drop_after"), "one");
  EXPECT_EQ(whole("reset_after"), "one");
}

TEST_F(S3BucketTest, SilenceEndsAtTheDeadline) {
  S3Options impatient = options();
  impatient.request_nanos_max = 200 * kMillisecond;
  const auto bucket = open(impatient);
  server().fault(R"({"fault": "hang_after", "ops": ["put_if", "list"], "seconds": 3})");
  const Nanos begin = runtime_->now();
  const Error put = bucket->put_if_absent("v1", as_bytes("one")).error();
  EXPECT_EQ(put.code(), Code::kIo);
  EXPECT_EQ(put.reason(), Reason::kDeadline);
  EXPECT_EQ(bucket->list("").error().reason(), Reason::kDeadline);
  EXPECT_LT(runtime_->now() - begin, 3 * kSecond);
  server().no_faults();
  EXPECT_EQ(whole("v1"), "one");
}

TEST_F(S3BucketTest, ALateEffectIsSeenByWhoeverAsksAgain) {
  server().fault(R"({"fault": "late", "ops": ["put_if"], "times": 1, "after": 3})");
  expect_unknown(put_error(), Code::kIo);
  EXPECT_EQ(bucket_->head("v1").error().code(), Code::kNotFound);
  EXPECT_EQ(bucket_->head("v1").error().code(), Code::kNotFound);
  EXPECT_TRUE(bucket_->head("v1").ok());
  EXPECT_EQ(put_error().code(), Code::kExists);
}

TEST_F(S3BucketTest, ADuplicatedPutMayBringBackWhatWasRemoved) {
  server().fault(R"({"fault": "duplicate", "ops": ["put_if"], "times": 1, "after": 2})");
  EXPECT_TRUE(bucket_->put_if_absent("v1", as_bytes("one")).ok());
  EXPECT_TRUE(bucket_->remove("v1").ok());
  EXPECT_EQ(whole("v1"), "one");
}

TEST_F(S3BucketTest, ADamagedAnswerIsNeverTakenForTheObject) {
  EXPECT_TRUE(bucket_->put("a", as_bytes("0123456789")).ok());
  for (const char* fault : {"truncate", "short_length", "long_length"}) {
    server().fault(R"({"fault": ")" + std::string(fault) + R"(", "ops": ["get"]})");
    expect_unknown(get_error("a"), Code::kIo);
  }
  server().fault(R"({"fault": "slow_body", "ops": ["get"], "seconds": 0.2})");
  EXPECT_EQ(whole("a"), "0123456789");
}

TEST_F(S3BucketTest, AStaleListIsWhatTheStoreSaid) {
  for (const char* key : {"a", "b", "c"}) EXPECT_TRUE(bucket_->put(key, as_bytes("x")).ok());
  server().fault(R"({"fault": "stale_list", "newest": 2, "times": 1})");
  EXPECT_EQ(bucket_->list("").value().size(), 1u);
  EXPECT_EQ(bucket_->list("").value().size(), 3u);
}

TEST_F(S3BucketTest, WhatIsRefusedForGoodIsNotTriedAgain) {
  server().fault(R"({"fault": "forbidden"})");
  const Error refused = open_retried()->list("").error();
  EXPECT_EQ(refused.code(), Code::kIo);
  EXPECT_FALSE(is_passing(refused));
  EXPECT_NE(refused.message().find("AccessDenied"), std::string::npos);
  EXPECT_EQ(server().logged("list"), 1u);
}

TEST_F(S3BucketTest, WrongKeysOfTheUserAreRefused) {
  S3Options wrong = options();
  wrong.credentials.secret_access_key += "x";
  EXPECT_NE(open(wrong)->list("").error().message().find("SignatureDoesNotMatch"),
            std::string::npos);
  wrong = options();
  wrong.credentials.access_key_id = "somebody";
  EXPECT_FALSE(open(wrong)->put_if_absent("a", {}).ok());
  wrong = options();
  wrong.place.region = "eu-central-1";
  EXPECT_FALSE(open(wrong)->list("").ok());
  wrong = options();
  wrong.place.bucket = "no-such-bucket";
  const Error absent = open(wrong)->list("").error();
  EXPECT_EQ(absent.code(), Code::kIo);
  EXPECT_NE(absent.message().find("NoSuchBucket"), std::string::npos);
  EXPECT_EQ(open(wrong)->put_if_absent("a", {}).error().code(), Code::kIo);
}

TEST_F(S3BucketTest, PlacesAndKeysThatCannotBeAreRefusedBeforeAnythingIsSent) {
  S3Options wrong = options();
  wrong.credentials = {};
  EXPECT_EQ(open_s3_bucket(wrong, *runtime_).error().code(), Code::kInvalid);
  wrong = options();
  wrong.place.endpoint = "http://user@host/path";
  EXPECT_EQ(open_s3_bucket(wrong, *runtime_).error().code(), Code::kInvalid);
  EXPECT_EQ(server().logged("requests"), 0u);
}

TEST_F(S3BucketTest, ASessionTokenIsSentAndSigned) {
  FakeS3 guarded(SLUICE_FAKE_S3, {"--session-token", "token+/="});
  S3Options holder = guarded.options();
  EXPECT_FALSE(open(holder)->list("").ok());
  holder.credentials.session_token = "token+/=";
  EXPECT_TRUE(open(holder)->list("").ok());
}

TEST_F(S3BucketTest, ABucketMayBeAddressedByItsHost) {
  S3Options by_host = options();
  by_host.place.endpoint = "http://localhost:" + server().port();
  by_host.addressing = S3Addressing::kVirtualHost;
  const auto bucket = open(by_host);
  EXPECT_TRUE(bucket->put_if_absent("date=1/a+b", as_bytes("x")).ok());
  EXPECT_EQ(bucket->list("").value().size(), 1u);
  EXPECT_EQ(whole("date=1/a+b"), "x");
}

TEST_F(S3BucketTest, AnObjectsAddressNamesBucketPrefixAndKey) {
  EXPECT_EQ(bucket_->uri("a/b"), "s3://lake/AnObjectsAddressNamesBucketPrefixAndKey/a/b");
  S3Options bare = options();
  bare.place.prefix = "";
  EXPECT_EQ(open(bare)->uri("a"), "s3://lake/a");
}

TEST_F(S3BucketTest, WhatOthersPutBesideOursIsNotListed) {
  S3Options bare = options();
  bare.place.prefix = "";
  const std::string beside = options().place.prefix;
  EXPECT_TRUE(open(bare)->put(beside + "2/a", as_bytes("x")).ok());
  EXPECT_TRUE(bucket_->put("a", as_bytes("x")).ok());
  const auto listed = bucket_->list("").value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].key, "a");
}

TEST_F(S3BucketTest, AListGoesOnPageByPage) {
  run_threads(*runtime_, 8, [&](size_t thread) {
    for (size_t n = thread; n < 2500; n += 8) {
      EXPECT_TRUE(bucket_->put("o=" + std::to_string(n) + "/+x", as_bytes("x")).ok());
    }
  });
  server().forget();
  const auto listed = bucket_->list("o=").value();
  EXPECT_EQ(listed.size(), 2500u);
  EXPECT_TRUE(std::is_sorted(listed.begin(), listed.end(),
                             [](const auto& a, const auto& b) { return a.key < b.key; }));
  EXPECT_EQ(server().logged("list"), 3u);
}

TEST_F(S3BucketTest, OneOfSixteenRacersWins) {
  for (int round = 0; round < 10; ++round) {
    const std::string key = "v" + std::to_string(round);
    std::atomic<int> winners = 0;
    run_threads(*runtime_, 16, [&](size_t i) {
      const Status put = bucket_->put_if_absent(key, as_bytes(pattern(1000, i)));
      winners += put.ok();
      EXPECT_TRUE(put.ok() || put.error().code() == Code::kExists);
    });
    EXPECT_EQ(winners, 1);
  }
}

TEST_F(S3BucketTest, ConnectionsAreKeptAndAreNoMoreThanThreads) {
  run_threads(*runtime_, 4, [&](size_t i) {
    for (int n = 0; n < 25; ++n) {
      EXPECT_TRUE(bucket_->put(std::to_string(i), as_bytes("x")).ok());
    }
  });
  EXPECT_LE(server().logged("connections"), 4u);
  EXPECT_EQ(server().logged("put"), 100u);
}

TEST_F(S3BucketTest, ABusyStoreIsAskedAgainUntilItAnswers) {
  const auto bucket = open_retried();
  EXPECT_TRUE(bucket->put("a", as_bytes("0123456789")).ok());
  server().fault(R"({"fault": "slow_down", "times": 1, "burst": 3})");
  EXPECT_EQ(bucket->list("").value().size(), 1u);
  for (const char* fault : {"truncate", "internal", "drop_before"}) {
    server().fault(R"({"fault": ")" + std::string(fault) + R"(", "ops": ["get"], "times": 2})");
    EXPECT_EQ(get_object(*bucket, "a", 100).value(), "0123456789");
  }
  server().fault(R"({"fault": "drop_after", "ops": ["delete"], "times": 2})");
  EXPECT_TRUE(bucket->remove("a").ok());
}

TEST_F(S3BucketTest, ObjectsThatBelongTogetherAreSentAgainUntilAllAreThere) {
  const auto bucket = open_retried();
  server().fault(R"({"fault": "slow_down", "ops": ["put"], "times": 3})");
  server().fault(R"({"fault": "drop_after", "ops": ["put"], "times": 2})");
  const std::string bytes = "a part of a commit";
  std::vector<std::string> keys;
  for (int i = 0; i < 20; ++i) keys.push_back("t/metadata/" + std::to_string(i));
  std::vector<ObjectBytes> objects;
  for (const std::string& key : keys) objects.push_back({key, as_bytes(bytes)});
  ASSERT_TRUE(bucket->put_all(objects).ok());
  for (const std::string& key : keys) {
    const auto found = get_object(*bucket, key, 100);
    ASSERT_TRUE(found.ok()) << key;
    EXPECT_EQ(*found, bytes);
  }
}

TEST_F(S3BucketTest, APutIfAbsentIsNeverSentAgain) {
  server().fault(R"({"fault": "slow_down", "ops": ["put_if"]})");
  EXPECT_EQ(open_retried()->put_if_absent("v1", as_bytes("x")).error().code(), Code::kBusy);
  EXPECT_EQ(server().logged("put_if"), 1u);
}

TEST_F(S3BucketTest, ADeadStoreIsAnErrorInTime) {
  FakeS3 dying(SLUICE_FAKE_S3);
  const auto bucket =
      make_retry_bucket(open(dying.options()), *runtime_, {.pause_min = kMillisecond});
  EXPECT_TRUE(bucket->put("a", as_bytes("x")).ok());
  dying.stop();
  const Nanos begin = runtime_->now();
  EXPECT_EQ(bucket->list("").error().code(), Code::kIo);
  EXPECT_EQ(bucket->put_if_absent("b", as_bytes("x")).error().code(), Code::kIo);
  EXPECT_EQ(bucket->begin_upload("c").value()->finish().error().code(), Code::kIo);
  EXPECT_LT(runtime_->now() - begin, 20 * kSecond);
}

TEST_F(S3BucketTest, AStoreThatHonoursConditionsPassesTheProbeAndIsLeftAsItWas) {
  EXPECT_TRUE(check_conditions(*bucket_, *runtime_).ok());
  EXPECT_TRUE(bucket_->list("").value().empty());
}

TEST_F(S3BucketTest, AStoreThatIgnoresConditionsIsFoundOut) {
  FakeS3 careless(SLUICE_FAKE_S3, {"--ignore-conditions"});
  const auto bucket = open(careless.options());
  EXPECT_EQ(check_conditions(*bucket, *runtime_).error().code(), Code::kUnsupported);
  EXPECT_TRUE(bucket->list("").value().empty());
}

}  // namespace
}  // namespace sluice::io
