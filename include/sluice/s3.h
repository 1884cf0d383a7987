// Tables in an S3-compatible bucket: their address, and what it takes to use it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice {

/// Where. Two places with equal members are the same place.
struct S3Place {
  std::string bucket;                ///< 3 to 63 of [A-Za-z0-9._-], no separator at its ends
  std::string prefix;                ///< segments as of a key; empty: the whole bucket
  std::string endpoint;              ///< "https://HOST[:PORT]"; empty: AWS's own for the region
  std::string region = "us-east-1";  ///< [a-z0-9-]; "auto" for R2
  friend bool operator==(const S3Place&, const S3Place&) = default;
};

/// "s3://BUCKET[/PREFIX]", into a place without endpoint. kInvalid: anything else.
Result<S3Place> parse_s3_uri(std::string_view uri);
std::string to_s3_uri(const S3Place& place);
/// kInvalid: a member breaks the rule beside it.
Status check_s3_place(const S3Place& place);

struct S3Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  ///< empty: none
};

enum class S3Addressing : uint8_t {
  kAuto,         ///< kPath with an endpoint and for names with dots, kVirtualHost without
  kPath,         ///< https://HOST/BUCKET/KEY
  kVirtualHost,  ///< https://BUCKET.HOST/KEY
};

struct S3Options {
  S3Place place;
  S3Credentials credentials;
  S3Addressing addressing = S3Addressing::kAuto;
  std::string ca_file;  ///< certificates to trust instead of the system's; empty: the system's
  /// A request is given up after these; the second counts from its beginning to its last byte.
  Nanos connect_nanos_max = 5 * kSecond;
  Nanos request_nanos_max = 60 * kSecond;
  /// No further try begins after this, counted from the first: a call ends at the latest one
  /// request later.
  Nanos retry_nanos_max = 30 * kSecond;
  /// Larger objects go up in pieces of this size, one of which is held in memory. S3 wants at least
  /// 5 MiB.
  size_t piece_bytes = 8u << 20;
};

}  // namespace sluice
