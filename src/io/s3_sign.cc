#include "io/s3_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

#include "base/bytes.h"
#include "base/check.h"

namespace sluice::io {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr size_t kDateBytes = 8;  // of "20130524T000000Z"
constexpr char kHexDigits[] = "0123456789abcdef";

using Digest = std::array<unsigned char, 32>;

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string escape(std::string_view text, std::string_view kept) {
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c) || kept.find(c) != kept.npos) {
      out += c;
      continue;
    }
    char code[4];
    std::snprintf(code, sizeof code, "%%%02X", static_cast<unsigned char>(c));
    out += code;
  }
  return out;
}

std::string hex(const Digest& digest) {
  std::string out;
  for (const unsigned char byte : digest) {
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15];
  }
  return out;
}

Digest hmac(std::string_view key, std::string_view text) {
  Digest digest;
  unsigned size = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
             &size) != nullptr);
  CHECK(size == digest.size());
  return digest;
}

std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string_view value_of(const NamedTexts& headers, std::string_view name) {
  const auto found = std::find_if(headers.begin(), headers.end(),
                                  [&](const auto& header) { return header.first == name; });
  CHECK(found != headers.end());
  return found->second;
}

/// "host;x-amz-date": names in their order.
std::string names_of(const NamedTexts& sorted) {
  std::string names;
  for (const auto& [name, value] : sorted) names += (names.empty() ? "" : ";") + name;
  return names;
}

std::string canonical_form(const S3Request& request, const NamedTexts& headers) {
  std::string text =
      request.method + "\n" + s3_path(request.path) + "\n" + s3_query(request.query) + "\n";
  for (const auto& [name, value] : headers) text += name + ":" + value + "\n";
  return text + "\n" + names_of(headers) + "\n" + request.body_sha256;
}

}  // namespace

std::string s3_path(std::string_view path) {
  return escape(path, "/");
}

std::string s3_query(const NamedTexts& query) {
  NamedTexts escaped;
  for (const auto& [name, value] : query) escaped.emplace_back(escape(name, ""), escape(value, ""));
  std::sort(escaped.begin(), escaped.end());
  std::string text;
  for (const auto& [name, value] : escaped) text += (text.empty() ? "" : "&") + name + "=" + value;
  return text;
}

std::string sha256_hex(ByteView bytes) {
  Digest digest;
  unsigned size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1);
  CHECK(size == digest.size());
  return hex(digest);
}

std::string s3_time(Nanos wall_time) {
  using namespace std::chrono;
  const sys_seconds time{seconds(wall_time / kSecond)};
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  char text[40];
  std::snprintf(text, sizeof text, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

std::string s3_authorization(const S3Request& request, const S3Credentials& credentials,
                             std::string_view region) {
  NamedTexts headers = request.headers;
  std::sort(headers.begin(), headers.end());
  const std::string_view time = value_of(headers, "x-amz-date");
  CHECK(time.size() > kDateBytes);
  const std::string date(time.substr(0, kDateBytes));
  const std::string scope = date + "/" + std::string(region) + "/s3/aws4_request";
  const std::string signed_text = std::string(kAlgorithm) + "\n" + std::string(time) + "\n" +
                                  scope + "\n" +
                                  sha256_hex(as_bytes(canonical_form(request, headers)));
  const Digest of_date = hmac("AWS4" + credentials.secret_access_key, date);
  const Digest of_region = hmac(view(of_date), region);
  const Digest of_service = hmac(view(of_region), "s3");
  const Digest key = hmac(view(of_service), "aws4_request");
  return std::string(kAlgorithm) + " Credential=" + credentials.access_key_id + "/" + scope +
         ",SignedHeaders=" + names_of(headers) + ",Signature=" + hex(hmac(view(key), signed_text));
}

}  // namespace sluice::io
