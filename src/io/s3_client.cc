#include "io/s3_client.h"

#include <utility>

#include "io/s3_xml.h"

namespace sluice::io {
namespace {

std::string default_endpoint(const std::string& region) {
  return "https://s3." + region + ".amazonaws.com";
}

bool is_virtual_host(const S3Options& options) {
  if (options.addressing != S3Addressing::kAuto) {
    return options.addressing == S3Addressing::kVirtualHost;
  }
  // A certificate for *.host covers no further dot.
  return options.place.endpoint.empty() && options.place.bucket.find('.') == std::string::npos;
}

/// What a user can do about it; empty: what the store said is enough.
std::string advice_for(const S3Fault& fault, const HttpAnswer& answer) {
  if (fault.code == "NoSuchBucket") return "; make the bucket first";
  if (fault.code == "RequestTimeTooSkewed") return "; set this machine's clock";
  if (fault.code == "ExpiredToken") return "; get new credentials";
  const std::string region =
      fault.region.empty() ? std::string(answer.header("x-amz-bucket-region")) : fault.region;
  if (!region.empty() && (answer.status == 301 || answer.status == 307 || answer.status == 400)) {
    return "; the bucket is in the region " + region;
  }
  if (answer.status == 401 || answer.status == 403) {
    return "; look at the credentials and at what they may do";
  }
  return "";
}

bool is_full(const S3Fault& fault, int status) {
  return status == 507 || fault.code == "QuotaExceeded" || fault.code == "XMinioStorageFull";
}

}  // namespace

S3Client::S3Client(S3Options options, Runtime& runtime)
    : options_(std::move(options)),
      runtime_(runtime),
      http_({options_.connect_nanos_max, options_.request_nanos_max, options_.ca_file}) {
  const S3Place& place = options_.place;
  origin_ = place.endpoint.empty() ? default_endpoint(place.region) : place.endpoint;
  const size_t host_at = origin_.find("://") + 3;
  path_root_ = "/" + place.bucket + "/";
  if (is_virtual_host(options_)) {
    origin_.insert(host_at, place.bucket + ".");
    path_root_ = "/";
  }
  host_ = origin_.substr(host_at);
}

std::string S3Client::object_name(std::string_view key) const {
  const std::string& prefix = options_.place.prefix;
  return prefix.empty() ? std::string(key) : prefix + "/" + std::string(key);
}

std::string S3Client::uri(std::string_view key) const {
  return "s3://" + options_.place.bucket + "/" + object_name(key);
}

Result<HttpAnswer> S3Client::send(const S3Call& call) {
  S3Request request{std::string(call.method), path_root_, call.query, call.headers,
                    sha256_hex(call.body)};
  if (!call.key.empty()) request.path += object_name(call.key);
  request.headers.emplace_back("host", host_);
  request.headers.emplace_back("x-amz-content-sha256", request.body_sha256);
  request.headers.emplace_back("x-amz-date", s3_time(runtime_.wall_now()));
  const S3Credentials& credentials = options_.credentials;
  if (!credentials.session_token.empty()) {
    request.headers.emplace_back("x-amz-security-token", credentials.session_token);
  }
  const std::string authorization = s3_authorization(request, credentials, options_.place.region);
  HttpRequest sent{.method = request.method,
                   .body = call.body,
                   .send_once = call.send_once,
                   .out = call.out,
                   .text_bytes_max = call.text_bytes_max};
  sent.url = origin_ + s3_path(request.path);
  if (!request.query.empty()) sent.url += "?" + s3_query(request.query);
  for (const auto& [name, value] : request.headers) sent.headers.push_back(name + ": " + value);
  sent.headers.push_back("authorization: " + authorization);
  auto answer = http_.send(sent);
  if (answer.ok()) return answer;
  const Error& error = answer.error();
  return Error(error.code(), error.reason(), error.message(), uri(call.key));
}

Result<HttpAnswer> S3Client::call(const S3Call& call) {
  HttpAnswer answer = TRY(send(call));
  if (!answer.is_success()) return error_of(answer, call.key);
  return answer;
}

Error S3Client::error_of(const HttpAnswer& answer, std::string_view key) const {
  const int status = answer.status;
  const S3Fault fault = parse_fault(answer.text);
  const std::string where = uri(key);
  if (status == 412) return Error(Code::kExists, "the object exists", where);
  if (status == 404 && (fault.code == "NoSuchKey" || fault.code.empty())) {
    return Error(Code::kNotFound, "there is no such object", where);
  }
  std::string text = "the store answers " + std::to_string(status);
  if (!fault.code.empty()) text += " " + fault.code;
  if (!fault.message.empty()) text += ": " + fault.message;
  text += advice_for(fault, answer);
  if (is_full(fault, status)) return Error(Code::kFull, text, where);
  if (status == 501) return Error(Code::kUnsupported, text, where);
  if (status == 409 || status == 429 || status == 503) {
    return Error(Code::kBusy, Reason::kUnknownOutcome, text, where);
  }
  const bool is_passing = status >= 500 || status == 408 || fault.code == "RequestTimeout";
  return Error(Code::kIo, is_passing ? Reason::kUnknownOutcome : Reason::kNone, text, where);
}

}  // namespace sluice::io
