// What every Bucket does.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "tests/interface/suites.h"

namespace sluice::interface {
namespace {

constexpr uint64_t kAnyBytes = UINT64_MAX;

std::string whole(Bucket& bucket, std::string_view key) {
  return get_object(bucket, key, kAnyBytes).value();
}

std::string range(Bucket& bucket, std::string_view key, uint64_t offset, size_t bytes) {
  std::string text(bytes, '?');
  text.resize(bucket.get_range(key, offset, std::as_writable_bytes(std::span(text))).value());
  return text;
}

using Keys = std::vector<std::string>;
Keys keys(Bucket& bucket, std::string_view prefix) {
  Keys found;
  const std::vector<ObjectEntry> entries = bucket.list(prefix).value();
  for (const ObjectEntry& entry : entries) found.push_back(entry.key);
  return found;
}

void expect_absent(Bucket& bucket, std::string_view key) {
  std::byte byte;
  EXPECT_EQ(code_of(bucket.head(key)), Code::kNotFound) << key;
  EXPECT_EQ(code_of(bucket.get_range(key, 0, {&byte, 1})), Code::kNotFound) << key;
  EXPECT_EQ(keys(bucket, key), Keys()) << key;
}

SEAM_TEST(BucketSuite, PutIfAbsentCreatesTheObject) {
  EXPECT_OK(platform.bucket->put_if_absent("db/t/v1.json", as_bytes("one")));
  EXPECT_EQ(whole(*platform.bucket, "db/t/v1.json"), "one");
  EXPECT_EQ(keys(*platform.bucket, ""), Keys({"db/t/v1.json"}));
}

SEAM_TEST(BucketSuite, PutIfAbsentNeverReplaces) {
  EXPECT_OK(platform.bucket->put_if_absent("v1", as_bytes("first")));
  EXPECT_EQ(code_of(platform.bucket->put_if_absent("v1", as_bytes("second"))), Code::kExists);
  EXPECT_EQ(code_of(platform.bucket->put_if_absent("v1", as_bytes("first"))), Code::kExists);
  EXPECT_EQ(whole(*platform.bucket, "v1"), "first");
  EXPECT_EQ(keys(*platform.bucket, ""), Keys({"v1"}));
}

SEAM_TEST(BucketSuite, ExactlyOneOfEightRacersCreatesTheObject) {
  Bucket& bucket = *platform.bucket;
  for (int round = 0; round < 5; ++round) {
    const std::string key = "race/" + std::to_string(round) + "/v1";
    std::vector<std::optional<Status>> answers(8);
    run_threads(*platform.runtime, answers.size(), [&](size_t i) {
      answers[i] = bucket.put_if_absent(key, as_bytes(pattern(10'000, static_cast<uint32_t>(i))));
    });
    size_t winners = 0;
    for (size_t i = 0; i < answers.size(); ++i) {
      if (answers[i]->ok()) {
        ++winners;
        EXPECT_TRUE(whole(bucket, key) == pattern(10'000, static_cast<uint32_t>(i)));
      } else {
        EXPECT_EQ(code_of(*answers[i]), Code::kExists);
      }
    }
    EXPECT_EQ(winners, 1u);
  }
}

SEAM_TEST(BucketSuite, ManyThreadsPutDifferentObjectsIntoOneNewPlace) {
  Bucket& bucket = *platform.bucket;
  run_threads(*platform.runtime, 8, [&](size_t i) {
    for (int n = 0; n < 5; ++n) {
      const std::string key = "new/place/" + std::to_string(n) + "/" + std::to_string(i);
      EXPECT_OK(bucket.put_if_absent(key, as_bytes(key)));
      const Keys seen = keys(bucket, "new/place/");
      EXPECT_TRUE(std::binary_search(seen.begin(), seen.end(), key)) << key;
    }
  });
  for (const std::string& key : keys(bucket, "")) EXPECT_EQ(whole(bucket, key), key);
  EXPECT_EQ(keys(bucket, "").size(), 40u);
}

SEAM_TEST(BucketSuite, ManyObjectsArePutTogetherAndARepeatedRequestIsFine) {
  Bucket& bucket = *platform.bucket;
  Keys names;
  for (int n = 0; n < 150; ++n) {
    names.push_back((n % 3 == 0 ? "t/metadata/" : "t/marks/") + std::to_string(n));
  }
  std::vector<ObjectBytes> objects;
  for (const std::string& name : names) objects.push_back({name, as_bytes(name)});
  EXPECT_OK(bucket.put_all({}));
  EXPECT_OK(bucket.put_all(objects));
  EXPECT_OK(bucket.put_all(objects));
  for (const std::string& name : names) EXPECT_EQ(whole(bucket, name), name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(keys(bucket, "t/"), names);
  EXPECT_EQ(bucket.list_keys("t/").value(), names);
  const std::vector<ObjectBytes> bad = {{"t/marks/good", {}}, {"t//bad", {}}};
  EXPECT_EQ(code_of(bucket.put_all(bad)), Code::kInvalid);
}

SEAM_TEST(BucketSuite, WhatIsStagedIsThereOnceItIsPut) {
  Bucket& bucket = *platform.bucket;
  EXPECT_OK(bucket.put("t/metadata/hint", as_bytes("1")));
  const std::vector<ObjectBytes> objects = {{"t/marks/m2", as_bytes("marks")}};
  const std::vector<ObjectBytes> next = {{"t/metadata/v2", as_bytes("ours")},
                                         {"t/metadata/hint", as_bytes("2")},
                                         {"t/metadata/v3", as_bytes("never put")}};
  {
    const auto staged = bucket.put_all_and_stage(objects, next).value();
    EXPECT_EQ(staged.size(), 3u);
    EXPECT_EQ(whole(bucket, "t/marks/m2"), "marks");
    EXPECT_EQ(keys(bucket, "t/"), (Keys{"t/marks/m2", "t/metadata/hint"}));
    EXPECT_OK(staged[0]->put_if_absent());
    EXPECT_OK(staged[1]->put());
  }
  EXPECT_EQ(whole(bucket, "t/metadata/v2"), "ours");
  EXPECT_EQ(whole(bucket, "t/metadata/hint"), "2");
  EXPECT_EQ(keys(bucket, "t/metadata/").size(), 2u);
  EXPECT_TRUE(bucket.list_unfinished("t/").value().empty());
}

SEAM_TEST(BucketSuite, WhatIsStagedDoesNotReplaceWhatWasPutMeanwhile) {
  Bucket& bucket = *platform.bucket;
  const std::vector<ObjectBytes> next = {{"v2", as_bytes("late")}};
  const auto staged = bucket.put_all_and_stage({}, next).value();
  EXPECT_OK(bucket.put_if_absent("v2", as_bytes("first")));
  EXPECT_EQ(code_of(staged[0]->put_if_absent()), Code::kExists);
  EXPECT_EQ(whole(bucket, "v2"), "first");
}

SEAM_TEST(BucketSuite, KeysAreThoseOfTheList) {
  Bucket& bucket = *platform.bucket;
  for (const char* key : {"t/v2", "t/v10", "t/v1/deep", "t/w", "t2"}) {
    EXPECT_OK(bucket.put_if_absent(key, as_bytes(key)));
  }
  for (const char* prefix : {"", "t", "t/", "t/v", "t/v1", "absent/"}) {
    EXPECT_EQ(bucket.list_keys(prefix).value(), keys(bucket, prefix)) << prefix;
  }
  EXPECT_EQ(code_of(bucket.list_keys("t//")), Code::kInvalid);
}

SEAM_TEST(BucketSuite, AnObjectMayBeEmpty) {
  EXPECT_OK(platform.bucket->put_if_absent("empty", {}));
  EXPECT_EQ(platform.bucket->head("empty").value().bytes, 0u);
  EXPECT_EQ(whole(*platform.bucket, "empty"), "");
}

SEAM_TEST(BucketSuite, GetRangeIsShortOnlyAtTheEnd) {
  EXPECT_OK(platform.bucket->put_if_absent("a/b", as_bytes("0123456789")));
  EXPECT_EQ(range(*platform.bucket, "a/b", 0, 10), "0123456789");
  EXPECT_EQ(range(*platform.bucket, "a/b", 2, 3), "234");
  EXPECT_EQ(range(*platform.bucket, "a/b", 8, 5), "89");
  EXPECT_EQ(range(*platform.bucket, "a/b", 10, 5), "");
  EXPECT_EQ(range(*platform.bucket, "a/b", 1 << 30, 5), "");
}

SEAM_TEST(BucketSuite, LargeObjectsComeBackWhole) {
  const std::string text = pattern(3'000'001);
  EXPECT_OK(platform.bucket->put_if_absent("large", as_bytes(text)));
  EXPECT_TRUE(whole(*platform.bucket, "large") == text);
  EXPECT_TRUE(range(*platform.bucket, "large", 1'000'001, 1'000'000) ==
              text.substr(1'000'001, 1'000'000));
}

SEAM_TEST(BucketSuite, HeadKnowsKeySizeAndTime) {
  const Nanos day = 86'400 * kSecond;
  EXPECT_OK(platform.bucket->put_if_absent("a/b", as_bytes("0123456789")));
  const ObjectEntry entry = platform.bucket->head("a/b").value();
  EXPECT_EQ(entry.key, "a/b");
  EXPECT_EQ(entry.bytes, 10u);
  EXPECT_GT(entry.put_wall_time, platform.runtime->wall_now() - day);
  EXPECT_LT(entry.put_wall_time, platform.runtime->wall_now() + day);
  const std::vector<ObjectEntry> listed = platform.bucket->list("a/").value();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].bytes, 10u);
  EXPECT_EQ(listed[0].put_wall_time, entry.put_wall_time);
}

SEAM_TEST(BucketSuite, WhatWasNeverPutIsNotFound) {
  expect_absent(*platform.bucket, "absent");
  expect_absent(*platform.bucket, "absent/deeper/still");
  EXPECT_OK(platform.bucket->put_if_absent("dir/object", as_bytes("x")));
  expect_absent(*platform.bucket, "dir/absent");
  expect_absent(*platform.bucket, "dir/object/below");
  EXPECT_EQ(code_of(platform.bucket->head("dir")), Code::kNotFound);
  EXPECT_EQ(code_of(get_object(*platform.bucket, "dir", 10)), Code::kNotFound);
}

SEAM_TEST(BucketSuite, GetObjectRefusesWhatIsLongerThanItsLimit) {
  EXPECT_OK(platform.bucket->put_if_absent("a", as_bytes("0123456789")));
  EXPECT_EQ(get_object(*platform.bucket, "a", 10).value(), "0123456789");
  const auto refused = get_object(*platform.bucket, "a", 9);
  EXPECT_EQ(code_of(refused), Code::kInvalid);
  EXPECT_EQ(refused.error().reason(), Reason::kPayloadTooLarge);
}

SEAM_TEST(BucketSuite, ListIsCompleteAndSortedByWholeKey) {
  Bucket& bucket = *platform.bucket;
  for (const char* key : {"t/b", "t/a/2", "t/a/10", "t/a-b", "t/a=b/c", "t/a.x", "T", "t0", "t-/x",
                          "t/a/1/deep/er"}) {
    EXPECT_OK(bucket.put_if_absent(key, as_bytes(key)));
  }
  EXPECT_EQ(keys(bucket, ""), Keys({"T", "t-/x", "t/a-b", "t/a.x", "t/a/1/deep/er", "t/a/10",
                                    "t/a/2", "t/a=b/c", "t/b", "t0"}));
}

SEAM_TEST(BucketSuite, APrefixMayEndAnywhereWithinAKey) {
  Bucket& bucket = *platform.bucket;
  for (const char* key : {"db/events/v1", "db/events/v10", "db/events/v2", "db/events2/v1",
                          "db/even", "other/events/v1"}) {
    EXPECT_OK(bucket.put_if_absent(key, as_bytes(key)));
  }
  EXPECT_EQ(keys(bucket, "db/even").size(), 5u);
  EXPECT_EQ(keys(bucket, "db/event").size(), 4u);
  EXPECT_EQ(keys(bucket, "db/events/"), Keys({"db/events/v1", "db/events/v10", "db/events/v2"}));
  EXPECT_EQ(keys(bucket, "db/events/v1"), Keys({"db/events/v1", "db/events/v10"}));
  EXPECT_EQ(keys(bucket, "d").size(), 5u);
  EXPECT_EQ(keys(bucket, "o"), Keys({"other/events/v1"}));
  EXPECT_EQ(keys(bucket, "db/events/v1/"), Keys());
  EXPECT_EQ(keys(bucket, "db/x/y"), Keys());
}

SEAM_TEST(BucketSuite, AnUploadIsInvisibleUntilItIsFinished) {
  const std::string text = pattern(300'000);
  auto upload = platform.bucket->begin_upload("db/part").value();
  expect_absent(*platform.bucket, "db/part");
  EXPECT_OK(upload->write(as_bytes(text).first(100'001)));
  EXPECT_OK(upload->write({}));
  EXPECT_OK(upload->write(as_bytes(text).subspan(100'001)));
  expect_absent(*platform.bucket, "db/part");
  EXPECT_OK(upload->finish());
  EXPECT_TRUE(whole(*platform.bucket, "db/part") == text);
  upload.reset();
  EXPECT_EQ(keys(*platform.bucket, ""), Keys({"db/part"}));
}

SEAM_TEST(BucketSuite, AnAbortedUploadLeavesNothing) {
  auto upload = platform.bucket->begin_upload("db/part").value();
  EXPECT_OK(upload->write(as_bytes("bytes")));
  upload->abort();
  upload.reset();
  expect_absent(*platform.bucket, "db/part");
  EXPECT_EQ(keys(*platform.bucket, ""), Keys());
}

SEAM_TEST(BucketSuite, AnUploadThatIsDestroyedUnfinishedLeavesNothing) {
  EXPECT_OK(platform.bucket->begin_upload("db/part").value()->write(as_bytes("bytes")));
  EXPECT_EQ(keys(*platform.bucket, ""), Keys());
}

SEAM_TEST(BucketSuite, AnUploadMayBeEmpty) {
  EXPECT_OK(platform.bucket->begin_upload("db/part").value()->finish());
  EXPECT_EQ(whole(*platform.bucket, "db/part"), "");
}

SEAM_TEST(BucketSuite, UploadsRunSideBySide) {
  Bucket& bucket = *platform.bucket;
  run_threads(*platform.runtime, 4, [&](size_t i) {
    auto upload = bucket.begin_upload("parts/" + std::to_string(i)).value();
    for (int n = 0; n < 20; ++n) EXPECT_OK(upload->write(as_bytes(std::to_string(i))));
    EXPECT_OK(upload->finish());
  });
  for (const char* i : {"0", "1", "2", "3"}) {
    EXPECT_EQ(whole(bucket, std::string("parts/") + i), std::string(20, i[0]));
  }
}

SEAM_TEST(BucketSuite, PutReplacesWhatWasThere) {
  EXPECT_OK(platform.bucket->put("hint", as_bytes("a longer text")));
  EXPECT_EQ(whole(*platform.bucket, "hint"), "a longer text");
  EXPECT_OK(platform.bucket->put("hint", as_bytes("short")));
  EXPECT_EQ(whole(*platform.bucket, "hint"), "short");
  EXPECT_EQ(keys(*platform.bucket, ""), Keys({"hint"}));
}

SEAM_TEST(BucketSuite, ARemovedObjectIsGoneAndItsKeyFree) {
  EXPECT_OK(platform.bucket->put_if_absent("a/b", as_bytes("old")));
  EXPECT_OK(platform.bucket->put_if_absent("a/c", as_bytes("kept")));
  EXPECT_OK(platform.bucket->remove("a/b"));
  expect_absent(*platform.bucket, "a/b");
  EXPECT_EQ(whole(*platform.bucket, "a/c"), "kept");
  EXPECT_OK(platform.bucket->put_if_absent("a/b", as_bytes("new")));
  EXPECT_EQ(whole(*platform.bucket, "a/b"), "new");
}

SEAM_TEST(BucketSuite, RemovingWhatIsAbsentIsFine) {
  EXPECT_OK(platform.bucket->put_if_absent("a/b", as_bytes("kept")));
  for (const char* key : {"absent", "a/absent", "no/such/place", "a", "a/b/below"}) {
    EXPECT_OK(platform.bucket->remove(key));
  }
  EXPECT_EQ(keys(*platform.bucket, ""), Keys({"a/b"}));
}

SEAM_TEST(BucketSuite, BadKeysAreInvalidEverywhere) {
  Bucket& bucket = *platform.bucket;
  const std::string keys_with_fault[] = {"",
                                         "/",
                                         "/a",
                                         "a/",
                                         "a//b",
                                         ".",
                                         "..",
                                         "../a",
                                         "a/..",
                                         "a/./b",
                                         "a b",
                                         "a~b",
                                         "a\\b",
                                         "a%2e",
                                         "ä",
                                         "a:b",
                                         "a*",
                                         "a/../../b",
                                         std::string("a\0b", 3),
                                         std::string(513, 'a')};
  for (const std::string& key : keys_with_fault) {
    std::byte byte;
    EXPECT_EQ(code_of(bucket.put_if_absent(key, {})), Code::kInvalid) << key;
    EXPECT_EQ(code_of(bucket.put(key, {})), Code::kInvalid) << key;
    EXPECT_EQ(code_of(bucket.begin_upload(key)), Code::kInvalid) << key;
    EXPECT_EQ(code_of(bucket.get_range(key, 0, {&byte, 1})), Code::kInvalid) << key;
    EXPECT_EQ(code_of(bucket.head(key)), Code::kInvalid) << key;
    EXPECT_EQ(code_of(bucket.remove(key)), Code::kInvalid) << key;
  }
  EXPECT_EQ(keys(bucket, ""), Keys());
}

SEAM_TEST(BucketSuite, APrefixThatNoKeyCanHaveIsInvalid) {
  for (const char* prefix : {"/", "../", "a/../b", "a//", "a b", "~"}) {
    EXPECT_EQ(code_of(platform.bucket->list(prefix)), Code::kInvalid) << prefix;
  }
}

SEAM_TEST(BucketSuite, EveryKeyOfTheRuleIsAccepted) {
  const std::string long_segment(127, 'k');
  const std::string longest =
      long_segment + "/" + long_segment + "/" + long_segment + "/" + long_segment + "k";
  ASSERT_EQ(longest.size(), 512u);
  Keys expected = {"...", ".a", "=+-._", "date=2024-01-01/a+b.parquet", "x.tmp", longest};
  for (const std::string& key : expected) {
    EXPECT_OK(platform.bucket->put_if_absent(key, as_bytes(key)));
    EXPECT_EQ(whole(*platform.bucket, key), key);
  }
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(keys(*platform.bucket, ""), expected);
}

SEAM_TEST(BucketSuite, UrisTellObjectsApartAndEndWithTheKey) {
  const std::string uri = platform.bucket->uri("db/part.parquet");
  EXPECT_TRUE(uri.ends_with("/db/part.parquet")) << uri;
  EXPECT_NE(uri, platform.bucket->uri("db2/part.parquet"));
}

}  // namespace
}  // namespace sluice::interface
