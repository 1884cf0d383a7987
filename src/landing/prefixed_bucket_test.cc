#include "landing/prefixed_bucket.h"

#include <gtest/gtest.h>

#include "landing/store_fixture.h"

namespace sluice::landing {
namespace {

using Keys = std::vector<std::string>;

Keys keys_of(const std::vector<ObjectEntry>& entries) {
  Keys keys;
  for (const ObjectEntry& entry : entries) keys.push_back(entry.key);
  return keys;
}

TEST(PrefixedBucket, EveryKeyHasItsPrefixOutsideAndNoneInside) {
  Store store;
  PrefixedBucket bucket(store.bucket, "a/b/");
  const ByteView bytes = as_bytes(std::string_view("text"));
  store.bucket.objects()["a/c"] = "beside it";
  ASSERT_TRUE(bucket.put_if_absent("k/1", bytes).ok());
  EXPECT_EQ(bucket.put_if_absent("k/1", bytes).error().code(), Code::kExists);
  ASSERT_TRUE(bucket.put("k/2", bytes).ok());
  const ObjectBytes two[] = {{"k/3", bytes}, {"k/4", bytes}};
  const ObjectBytes next[] = {{"k/5", bytes}};
  ASSERT_TRUE(bucket.put_all(two).ok());
  const auto staged = bucket.put_all_and_stage(two, next).value();
  EXPECT_EQ(bucket.head("k/5").error().code(), Code::kNotFound);
  ASSERT_TRUE(staged.at(0)->put_if_absent().ok());
  const auto upload = bucket.begin_upload("k/6").value();
  ASSERT_TRUE(upload->write(bytes).ok() && upload->finish().ok());

  const Keys all = {"k/1", "k/2", "k/3", "k/4", "k/5", "k/6"};
  EXPECT_EQ(keys_of(bucket.list("").value()), all);
  EXPECT_EQ(bucket.list_keys("k/").value(), all);
  for (const std::string& key : all) EXPECT_EQ(store.bucket.objects().at("a/b/" + key), "text");
  EXPECT_EQ(bucket.head("k/3")->key, "k/3");
  EXPECT_EQ(get_object(bucket, "k/6", 10).value(), "text");
  EXPECT_EQ(bucket.uri("k/1"), store.bucket.uri("a/b/k/1"));

  ASSERT_TRUE(bucket.remove("k/1").ok());
  const Keys some = {"k/2", "k/3"};
  ASSERT_TRUE(bucket.remove_all(some).ok());
  EXPECT_EQ(keys_of(bucket.list("k").value()), (Keys{"k/4", "k/5", "k/6"}));
  EXPECT_TRUE(store.bucket.objects().contains("a/c"));
  EXPECT_TRUE(bucket.list_unfinished("k/")->empty());
  EXPECT_EQ(bucket.remove_unfinished("x").error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace sluice::landing
