#include <algorithm>

#include "sluice/s3.h"

namespace sluice {
namespace {

constexpr std::string_view kScheme = "s3://";
constexpr size_t kPrefixBytesMax = 500;  // with a key, within the 1024 of S3

bool consists_of(std::string_view text, std::string_view punctuation, bool with_capitals) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (with_capitals && c >= 'A' && c <= 'Z') || punctuation.find(c) != punctuation.npos;
  });
}

bool is_bucket(std::string_view text) {
  constexpr std::string_view kSeparators = "._-";
  return text.size() >= 3 && text.size() <= 63 && consists_of(text, kSeparators, true) &&
         kSeparators.find(text.front()) == kSeparators.npos &&
         kSeparators.find(text.back()) == kSeparators.npos;
}

bool is_prefix(std::string_view text) {
  if (text.size() > kPrefixBytesMax) return false;
  while (true) {
    const std::string_view segment = text.substr(0, text.find('/'));
    if (segment.empty() || segment == "." || segment == "..") return false;
    if (!consists_of(segment, "._=+-", true)) return false;
    if (segment.size() == text.size()) return true;
    text.remove_prefix(segment.size() + 1);
  }
}

/// "https://HOST[:PORT]", no path, no user.
bool is_endpoint(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!text.starts_with(scheme)) continue;
    text.remove_prefix(scheme.size());
    return !text.empty() && consists_of(text, ".-_:[]", true);
  }
  return false;
}

Error invalid(const char* what, const std::string& where) {
  return Error(Code::kInvalid, what, where);
}

}  // namespace

Result<S3Place> parse_s3_uri(std::string_view uri) {
  const std::string text(uri);
  if (!uri.starts_with(kScheme)) return invalid("s3://BUCKET/PREFIX is wanted", text);
  uri.remove_prefix(kScheme.size());
  if (uri.ends_with('/')) uri.remove_suffix(1);
  S3Place place;
  place.bucket = uri.substr(0, uri.find('/'));
  if (place.bucket.size() < uri.size()) place.prefix = uri.substr(place.bucket.size() + 1);
  const bool has_empty_prefix = place.prefix.empty() && place.bucket.size() < uri.size();
  if (has_empty_prefix) return invalid("s3://BUCKET/PREFIX is wanted", text);
  TRY(check_s3_place(place));
  return place;
}

std::string to_s3_uri(const S3Place& place) {
  return std::string(kScheme) + place.bucket + (place.prefix.empty() ? "" : "/") + place.prefix;
}

Status check_s3_place(const S3Place& place) {
  if (!is_bucket(place.bucket)) {
    return invalid("a bucket's name is 3 to 63 of [A-Za-z0-9._-]", place.bucket);
  }
  if (!place.prefix.empty() && !is_prefix(place.prefix)) {
    return invalid(
        "a prefix is segments of [A-Za-z0-9._=+-] joined by '/', none of them '.' or '..'",
        place.prefix);
  }
  if (!place.endpoint.empty() && !is_endpoint(place.endpoint)) {
    return invalid("a store's endpoint is http://HOST:PORT or https://HOST:PORT", place.endpoint);
  }
  if (place.region.empty() || !consists_of(place.region, "-", false)) {
    return invalid("a region is of [a-z0-9-]", place.region);
  }
  return ok();
}

}  // namespace sluice
