// The examples of AWS's own description of the signature, with its example keys.
#include "io/s3_sign.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace sluice::io {
namespace {

const S3Credentials kExample = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                ""};
constexpr Nanos kTime = 1'369'353'600 * kSecond;  // 2013-05-24

S3Request request(std::string method, std::string path, NamedTexts query, NamedTexts headers,
                  std::string_view body = "") {
  S3Request made{std::move(method), std::move(path), std::move(query), std::move(headers),
                 sha256_hex(as_bytes(body))};
  made.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
  made.headers.emplace_back("x-amz-content-sha256", made.body_sha256);
  made.headers.emplace_back("x-amz-date", s3_time(kTime));
  return made;
}

std::string signature(const S3Request& request) {
  const std::string text = s3_authorization(request, kExample, "us-east-1");
  return text.substr(text.rfind('=') + 1);
}

TEST(S3Sign, ARangeOfAnObjectIsSignedAsInTheExample) {
  const S3Request get = request("GET", "/test.txt", {}, {{"range", "bytes=0-9"}});
  EXPECT_EQ(s3_authorization(get, kExample, "us-east-1"),
            "AWS4-HMAC-SHA256 "
            "Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(S3Sign, APutWithAKeyToBeEscapedIsSignedAsInTheExample) {
  const S3Request put = request(
      "PUT", "/test$file.text", {},
      {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
      "Welcome to Amazon S3.");
  EXPECT_EQ(signature(put), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(S3Sign, AQueryWithoutAValueIsSignedAsInTheExample) {
  EXPECT_EQ(signature(request("GET", "/", {{"lifecycle", ""}}, {})),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(S3Sign, AListIsSignedAsInTheExampleWhateverTheOrderOfItsQuery) {
  const char* const expected = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7";
  EXPECT_EQ(signature(request("GET", "/", {{"max-keys", "2"}, {"prefix", "J"}}, {})), expected);
  EXPECT_EQ(signature(request("GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {})), expected);
}

TEST(S3Sign, AChecksumIsThatOfTheStandard) {
  EXPECT_EQ(sha256_hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex(as_bytes("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(S3Sign, AllButUnreservedCharactersAreEscaped) {
  EXPECT_EQ(s3_path("/b/date=2026-01-01/a+b~c.d_e"), "/b/date%3D2026-01-01/a%2Bb~c.d_e");
  EXPECT_EQ(s3_query({{"prefix", "a/b="}, {"list-type", "2"}, {"uploads", ""}}),
            "list-type=2&prefix=a%2Fb%3D&uploads=");
  EXPECT_EQ(s3_query({{"a-b", "1"}, {"a", "2"}}), "a=2&a-b=1");
  EXPECT_EQ(s3_path("/\xc3\xa4 %"), "/%C3%A4%20%25");
}

TEST(S3Sign, ATimeIsWrittenToTheSecond) {
  EXPECT_EQ(s3_time(kTime), "20130524T000000Z");
  EXPECT_EQ(s3_time(kTime + 86'399 * kSecond + 999'999'999), "20130524T235959Z");
  EXPECT_EQ(s3_time(1'709'164'800 * kSecond), "20240229T000000Z");
}

}  // namespace
}  // namespace sluice::io
