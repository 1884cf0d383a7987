#include "engine/bucket_file.h"

#include <gtest/gtest.h>

namespace sluice::engine {
namespace {

const S3Place kPlace = {"lake", "a/b=1", "http://127.0.0.1:9000", "eu-central-1"};
const std::string kText = "s3://lake/a/b=1\nendpoint http://127.0.0.1:9000\nregion eu-central-1\n";

TEST(BucketFileTest, IsTheTextOfItsHeader) {
  EXPECT_EQ(encode_bucket_file(kPlace), kText);
  EXPECT_EQ(decode_bucket_file(kText).value(), kPlace);
  const S3Place of_aws = {"lake", "", "", "us-east-1"};
  EXPECT_EQ(encode_bucket_file(of_aws), "s3://lake\nregion us-east-1\n");
  EXPECT_EQ(decode_bucket_file(encode_bucket_file(of_aws)).value(), of_aws);
}

TEST(BucketFileTest, EveryCutIsFound) {
  for (size_t bytes = 0; bytes < kText.size(); ++bytes) {
    const auto decoded = decode_bucket_file(kText.substr(0, bytes));
    ASSERT_FALSE(decoded.ok()) << bytes;
    EXPECT_EQ(decoded.error().code(), Code::kCorrupt);
  }
}

TEST(BucketFileTest, LinesOfAnotherKindAreRefused) {
  for (const std::string& text :
       {kText + "\n", kText + "region x\n", kText + "version 1\n", "\n" + kText,
        std::string("region x\ns3://lake\n"), std::string("s3://lake\nregion A B\n"),
        std::string("s3://lake\nendpoint host\nregion x\n")}) {
    EXPECT_EQ(decode_bucket_file(text).error().code(), Code::kCorrupt) << text;
  }
}

}  // namespace
}  // namespace sluice::engine
