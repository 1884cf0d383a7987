// S3Client: requests to one bucket of S3, signed, with their errors told apart.
#pragma once

#include <string>
#include <string_view>

#include "io/http_client.h"
#include "io/retry.h"
#include "io/s3_sign.h"
#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/s3.h"

namespace sluice::io {

struct S3Call {
  std::string_view method = {};
  std::string_view key =
      {};  ///< of the Bucket, without the place's prefix; empty: the bucket itself
  NamedTexts query = {};
  NamedTexts headers = {};  ///< beside those of every request; lower-case names
  ByteView body = {};
  bool send_once = false;
  std::span<std::byte> out = {};         ///< as in HttpRequest
  uint64_t text_bytes_max = 256u << 10;  ///< of what S3 says instead
};

/// Any thread may call any function. `runtime` outlives it.
class S3Client {
 public:
  /// The place was checked.
  S3Client(S3Options options, Runtime& runtime);

  /// An answer of any status. kIo: none; see HttpClient.
  Result<HttpAnswer> send(const S3Call& call);
  /// An answer of success, or the error that its status stands for:
  ///   404 NoSuchKey  kNotFound        412  kExists: the condition of a put did not hold
  ///   409, 429, 503  kBusy            507, a quota  kFull
  ///   other 5xx, 408 kIo (kUnknownOutcome)
  ///   501            kUnsupported
  ///   all others     kIo (kNone): keys, rights, the region, the bucket's name. Something outside
  ///                  can mend it, so it is not kInvalid.
  Result<HttpAnswer> call(const S3Call& call);
  Error error_of(const HttpAnswer& answer, std::string_view key) const;

  /// "prefix/key", the name of the object in the store.
  std::string object_name(std::string_view key) const;
  std::string uri(std::string_view key) const;
  const S3Options& options() const { return options_; }
  Runtime& runtime() { return runtime_; }
  RetryOptions retries() const { return {.nanos_max = options_.retry_nanos_max}; }

 private:
  const S3Options options_;
  Runtime& runtime_;
  std::string origin_;     ///< "https://host:port"
  std::string host_;       ///< the header
  std::string path_root_;  ///< "/bucket/" or "/"
  HttpClient http_;
};

}  // namespace sluice::io
