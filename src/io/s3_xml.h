// What S3 answers in XML, and the one document that is sent to it. Pure; every answer is checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"

namespace sluice::io {

struct S3ListPage {
  std::vector<ObjectEntry> entries;  ///< keys as the store has them, whatever they are
  std::string next_token;            ///< empty: this is the last page
};
/// Times to the second, as the head of an object has them. kIo (kUnknownOutcome): no such page.
Result<S3ListPage> parse_list_page(std::string_view text);

/// A multipart upload that was begun and neither completed nor aborted.
struct S3OpenUpload {
  std::string key;  ///< as the store has it
  std::string id;
  Nanos begun = 0;
};
struct S3UploadsPage {
  std::vector<S3OpenUpload> uploads;
  std::string next_key;  ///< with next_id where the next page begins; empty: this is the last page
  std::string next_id;
};
Result<S3UploadsPage> parse_uploads_page(std::string_view text);

struct S3Fault {
  std::string code;
  std::string message;
  std::string region;  ///< where the bucket is, if that is the fault
};
/// All empty if `text` is no error that S3 would send.
S3Fault parse_fault(std::string_view text);

/// The id of a multipart upload that was begun.
Result<std::string> parse_upload_id(std::string_view text);
/// Of the pieces 1, 2, 3 …
std::string complete_document(const std::vector<std::string>& etags);

/// Seconds of a head's "Sat, 21 Nov 2026 16:54:01 GMT", as Nanos. kIo (kUnknownOutcome): no time.
Result<Nanos> parse_http_time(std::string_view text);

}  // namespace sluice::io
