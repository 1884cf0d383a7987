#include <gtest/gtest.h>

#include "sluice/s3.h"

namespace sluice {
namespace {

TEST(S3PlaceTest, AnAddressIsABucketAndAPrefix) {
  const S3Place place = parse_s3_uri("s3://lake/a/date=1").value();
  EXPECT_EQ(place.bucket, "lake");
  EXPECT_EQ(place.prefix, "a/date=1");
  EXPECT_EQ(place.endpoint, "");
  EXPECT_EQ(to_s3_uri(place), "s3://lake/a/date=1");
}

TEST(S3PlaceTest, APrefixMayBeMissingAndASlashMayEndTheAddress) {
  for (const char* uri : {"s3://lake", "s3://lake/"}) {
    EXPECT_EQ(parse_s3_uri(uri).value().prefix, "") << uri;
    EXPECT_EQ(to_s3_uri(parse_s3_uri(uri).value()), "s3://lake");
  }
  EXPECT_EQ(parse_s3_uri("s3://lake/a/").value().prefix, "a");
}

TEST(S3PlaceTest, WhatIsNoAddressIsInvalid) {
  for (const char* uri : {"", "lake", "s3:/lake", "http://lake", "s3://", "s3://a", "s3://la ke",
                          "s3://lake//", "s3://lake//a", "s3://lake/a//b", "s3://lake/../a",
                          "s3://lake/a b", "s3://lake/a?b", "s3://-lake", "s3://lake."}) {
    EXPECT_EQ(parse_s3_uri(uri).error().code(), Code::kInvalid) << uri;
  }
  EXPECT_FALSE(parse_s3_uri("s3://lake/" + std::string(501, 'a')).ok());
  EXPECT_TRUE(parse_s3_uri("s3://lake/" + std::string(500, 'a')).ok());
}

TEST(S3PlaceTest, AnEndpointIsASchemeAHostAndAPort) {
  S3Place place = parse_s3_uri("s3://lake").value();
  for (const char* endpoint :
       {"", "http://127.0.0.1:9000", "https://s3.example.com", "https://[::1]:9000"}) {
    place.endpoint = endpoint;
    EXPECT_TRUE(check_s3_place(place).ok()) << endpoint;
  }
  for (const char* endpoint : {"127.0.0.1:9000", "http://", "https://host/path", "ftp://host",
                               "http://user@host", "http://host?x"}) {
    place.endpoint = endpoint;
    EXPECT_EQ(check_s3_place(place).error().code(), Code::kInvalid) << endpoint;
  }
}

TEST(S3PlaceTest, ARegionIsLowerCase) {
  S3Place place = parse_s3_uri("s3://lake").value();
  EXPECT_EQ(place.region, "us-east-1");
  for (const char* region : {"", "US", "a b", "a/b"}) {
    place.region = region;
    EXPECT_EQ(check_s3_place(place).error().code(), Code::kInvalid) << region;
  }
}

}  // namespace
}  // namespace sluice
