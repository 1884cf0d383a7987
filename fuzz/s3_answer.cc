// Any text as what S3 answers: an error, or something that keeps the promises of its header.
#include "base/check.h"
#include "fuzz/target.h"
#include "io/s3_xml.h"

using namespace sluice;
using namespace sluice::io;

std::vector<std::string> seeds() {
  const std::string entry =
      "<Contents><Key>a%3D1/b</Key><LastModified>2025-11-21T16:54:01.000Z</LastModified>"
      "<Size>12</Size></Contents>";
  return {
      "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>"
      "<NextContinuationToken>t/+=</NextContinuationToken>" +
          entry + entry + "</ListBucketResult>",
      "<Error><Code>SlowDown</Code><Message>slower</Message><Region>eu</Region></Error>",
      "<InitiateMultipartUploadResult><UploadId>2~a</UploadId></InitiateMultipartUploadResult>",
      "<ListMultipartUploadsResult><Upload><Key>a</Key><UploadId>2~a</UploadId><Initiated>"
      "2025-11-21T16:54:01.000Z</Initiated></Upload><IsTruncated>true</IsTruncated>"
      "<NextKeyMarker>a</NextKeyMarker></ListMultipartUploadsResult>",
      "Fri, 21 Nov 2025 16:54:01 GMT"};
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto page = parse_list_page(text);
  if (page.ok()) {
    for (const ObjectEntry& entry : page->entries) {
      CHECK(!entry.key.empty() && entry.put_wall_time >= 0);
    }
  }
  const auto uploads = parse_uploads_page(text);
  if (uploads.ok()) {
    for (const S3OpenUpload& upload : uploads->uploads) CHECK(!upload.key.empty());
  }
  CHECK(parse_fault(text).message.size() <= 300);
  const auto id = parse_upload_id(text);
  CHECK(!id.ok() || !id->empty());
  const auto time = parse_http_time(text);
  CHECK(!time.ok() || *time >= 0);
  return 0;
}
