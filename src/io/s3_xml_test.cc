#include "io/s3_xml.h"

#include <gtest/gtest.h>

namespace sluice::io {
namespace {

constexpr Nanos kTime = 1'763'744'041 * kSecond;  // 2025-11-21T16:54:01Z

std::string entry(const std::string& key, const std::string& bytes, const std::string& time) {
  return "<Contents><Key>" + key + "</Key><LastModified>" + time + "</LastModified><Size>" + bytes +
         "</Size></Contents>";
}

std::string page(const std::string& content) {
  return "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/\">" +
         content + "</ListBucketResult>";
}

const std::string kLast = "<IsTruncated>false</IsTruncated>";
const std::string kEscaped = "<EncodingType>url</EncodingType>";

TEST(S3Xml, APageHasKeysSizesAndTimesToTheSecond) {
  const S3ListPage read =
      parse_list_page(page(kLast + entry("a/b&amp;c", "7", "2025-11-21T16:54:01.987Z") +
                           entry("d", "0", "2025-11-21T16:54:01Z")))
          .value();
  ASSERT_EQ(read.entries.size(), 2u);
  EXPECT_EQ(read.entries[0].key, "a/b&c");
  EXPECT_EQ(read.entries[0].bytes, 7u);
  EXPECT_EQ(read.entries[0].put_wall_time, kTime);
  EXPECT_EQ(read.entries[1].put_wall_time, kTime);
  EXPECT_EQ(read.next_token, "");
}

TEST(S3Xml, EscapedKeysAreUnescapedOnlyIfTheStoreSaysSo) {
  const std::string one = entry("a%3D1%2F%2b+", "1", "2025-11-21T16:54:01Z");
  EXPECT_EQ(parse_list_page(page(kLast + kEscaped + one)).value().entries[0].key, "a=1/++");
  EXPECT_EQ(parse_list_page(page(kLast + one)).value().entries[0].key, "a%3D1%2F%2b+");
  for (const char* key : {"a%", "a%3", "a%3x", "%zz"}) {
    const auto bad =
        parse_list_page(page(kLast + kEscaped + entry(key, "1", "2025-11-21T16:54:01Z")));
    EXPECT_FALSE(bad.ok()) << key;
  }
}

TEST(S3Xml, APageThatGoesOnSaysWhere) {
  const std::string more = "<IsTruncated>true</IsTruncated>";
  EXPECT_EQ(parse_list_page(page(more + "<NextContinuationToken>1/+=</NextContinuationToken>"))
                .value()
                .next_token,
            "1/+=");
  EXPECT_FALSE(parse_list_page(page(more)).ok());
  EXPECT_FALSE(parse_list_page(page("")).ok());
}

TEST(S3Xml, WhatIsNoPageIsAnErrorThatMayPass) {
  const std::string good = page(kLast + entry("a", "1", "2025-11-21T16:54:01Z"));
  for (const std::string& text :
       {std::string(), std::string("not xml"), std::string("<Error/>"),
        std::string("<html></html>"), good.substr(0, good.size() / 2),
        page(kLast + entry("", "1", "2025-11-21T16:54:01Z")),
        page(kLast + entry("a", "", "2025-11-21T16:54:01Z")),
        page(kLast + entry("a", "-1", "2025-11-21T16:54:01Z")),
        page(kLast + entry("a", "99999999999999999999", "2025-11-21T16:54:01Z")),
        page(kLast + entry("a", "1", "2025-13-21T16:54:01Z")),
        page(kLast + entry("a", "1", "2025-11-31T16:54:01Z")),
        page(kLast + entry("a", "1", "2025-11-21T24:54:01Z")),
        page(kLast + entry("a", "1", "9999-11-21T16:54:01Z")),
        page(kLast + entry("a", "1", "2025-11-21 16:54:01Z")), page(kLast + entry("a", "1", ""))}) {
    const auto read = parse_list_page(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().code(), Code::kIo);
    EXPECT_EQ(read.error().reason(), Reason::kUnknownOutcome);
  }
}

TEST(S3Xml, OpenUploadsHaveKeysIdsAndTimes) {
  const std::string head = "<ListMultipartUploadsResult><EncodingType>url</EncodingType>";
  const std::string upload =
      "<Upload><Key>t/a%3D1</Key><UploadId>2~x/+=</UploadId>"
      "<Initiated>2025-11-21T16:54:01.000Z</Initiated></Upload>";
  const std::string tail = "</ListMultipartUploadsResult>";
  const auto last =
      parse_uploads_page(head + upload + "<IsTruncated>false</IsTruncated>" + tail).value();
  ASSERT_EQ(last.uploads.size(), 1u);
  EXPECT_EQ(last.uploads[0].key, "t/a=1");
  EXPECT_EQ(last.uploads[0].id, "2~x/+=");
  EXPECT_EQ(last.uploads[0].begun, 1'763'744'041 * kSecond);
  EXPECT_TRUE(last.next_key.empty());
  const std::string more = head + upload + "<IsTruncated>true</IsTruncated>";
  const auto page = parse_uploads_page(more +
                                       "<NextKeyMarker>t/a%3D1</NextKeyMarker>"
                                       "<NextUploadIdMarker>2~x/+=</NextUploadIdMarker>" +
                                       tail);
  EXPECT_EQ(page.value().next_key, "t/a=1");
  EXPECT_EQ(page.value().next_id, "2~x/+=");
  for (const std::string& text :
       {std::string("<Error/>"), head + tail, more + tail, std::string("no xml"),
        head + "<Upload><Key>a</Key></Upload><IsTruncated>false</IsTruncated>" + tail}) {
    EXPECT_EQ(parse_uploads_page(text).error().reason(), Reason::kUnknownOutcome) << text;
  }
}

TEST(S3Xml, AFaultIsShownOnOneLineAndCut) {
  const S3Fault fault = parse_fault("<Error><Code>SlowDown</Code><Message>a\nb\x7f" +
                                    std::string(10'000, 'x') + "</Message></Error>");
  EXPECT_EQ(fault.code, "SlowDown");
  EXPECT_EQ(fault.message.substr(0, 4), "a b ");
  EXPECT_EQ(fault.message.size(), 300u);
  EXPECT_EQ(parse_fault("<CompleteMultipartUploadResult/>").code, "");
  EXPECT_EQ(parse_fault("<Error>").code, "");
}

TEST(S3Xml, ACompletionNamesThePiecesInOrderAndEscapesTheirTags) {
  EXPECT_EQ(complete_document({"\"a\"", "b<"}),
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"a\"</ETag></Part>"
            "<Part><PartNumber>2</PartNumber><ETag>b&lt;</ETag></Part></CompleteMultipartUpload>");
}

TEST(S3Xml, AnUploadHasAnId) {
  EXPECT_EQ(parse_upload_id("<InitiateMultipartUploadResult><UploadId>2~a/+=</UploadId>"
                            "</InitiateMultipartUploadResult>")
                .value(),
            "2~a/+=");
  EXPECT_FALSE(parse_upload_id("<InitiateMultipartUploadResult/>").ok());
  EXPECT_FALSE(parse_upload_id("2~a").ok());
}

TEST(S3Xml, AHeadsTimeIsRead) {
  EXPECT_EQ(parse_http_time("Fri, 21 Nov 2025 16:54:01 GMT").value(), kTime);
  for (const char* text : {"", "Fri, 21 Nov 2025 16:54:01 CET", "Fri, 21 ovD 2025 16:54:01 GMT",
                           "Fri, 31 Nov 2025 16:54:01 GMT", "Fri, x1 Nov 2025 16:54:01 GMT"}) {
    EXPECT_FALSE(parse_http_time(text).ok()) << text;
  }
}

}  // namespace
}  // namespace sluice::io
