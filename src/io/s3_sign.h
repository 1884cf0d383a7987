// Signature Version 4: how a request to S3 proves who sent it. Pure.
//
// The signature covers the method, the path, the query, the headers named here and the checksum of
// the body. What is sent has to be escaped and sorted exactly as it was signed: send s3_path() and
// s3_query().
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/io.h"
#include "sluice/s3.h"

namespace sluice::io {

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

struct S3Request {
  std::string method;
  std::string path;    ///< not escaped, begins with '/'
  NamedTexts query;    ///< not escaped, in any order
  NamedTexts headers;  ///< lower-case names; all are signed; `host` among them
  std::string body_sha256;
};

/// The path and the query of a request as they are sent and signed; the query without '?'.
std::string s3_path(std::string_view path);
std::string s3_query(const NamedTexts& query);

std::string sha256_hex(ByteView bytes);
/// "20130524T000000Z": the value of x-amz-date.
std::string s3_time(Nanos wall_time);
/// The value of the header `authorization`. The header x-amz-date is there already.
std::string s3_authorization(const S3Request& request, const S3Credentials& credentials,
                             std::string_view region);

}  // namespace sluice::io
