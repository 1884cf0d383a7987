// The file BUCKET of a data directory: where its tables are, if not in its own tables/.
//
// Version 0, text, at most 4096 bytes, lines that end with '\n':
//
//   s3://BUCKET/PREFIX
//   endpoint https://HOST:PORT     absent: AWS's own
//   region REGION
//
// Written once, before FORMAT; an operator may change endpoint and region when the store moves.
#pragma once

#include <string>
#include <string_view>

#include "sluice/result.h"
#include "sluice/s3.h"

namespace sluice::engine {

inline constexpr std::string_view kBucketFileName = "BUCKET";
inline constexpr uint64_t kBucketFileBytesMax = 4096;

std::string encode_bucket_file(const S3Place& place);
/// kCorrupt: it is not as above.
Result<S3Place> decode_bucket_file(std::string_view text);

}  // namespace sluice::engine
