#include "engine/bucket_file.h"

#include <utility>

namespace sluice::engine {
namespace {

constexpr std::string_view kEndpoint = "endpoint ";
constexpr std::string_view kRegion = "region ";

Error damaged(const std::string& what) {
  return Error(Code::kCorrupt, Reason::kDecodeFailure,
               "the file does not say where the tables are: " + what + "; put it back",
               std::string(kBucketFileName));
}

}  // namespace

std::string encode_bucket_file(const S3Place& place) {
  std::string text = to_s3_uri(place) + "\n";
  if (!place.endpoint.empty()) text += std::string(kEndpoint) + place.endpoint + "\n";
  return text + std::string(kRegion) + place.region + "\n";
}

Result<S3Place> decode_bucket_file(std::string_view text) {
  std::string endpoint, region, uri;
  for (bool is_first = true; !text.empty(); is_first = false) {
    const size_t end = text.find('\n');
    if (end == text.npos) return damaged("its last line is cut");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (is_first) {
      uri = line;
    } else if (line.starts_with(kEndpoint) && endpoint.empty()) {
      endpoint = line.substr(kEndpoint.size());
    } else if (line.starts_with(kRegion) && region.empty()) {
      region = line.substr(kRegion.size());
    } else {
      return damaged("it has a line of another kind");
    }
  }
  auto place = parse_s3_uri(uri);
  if (!place.ok()) return damaged(place.error().message());
  place->endpoint = std::move(endpoint);
  place->region = std::move(region);
  const Status checked = check_s3_place(*place);
  if (!checked.ok()) return damaged(checked.error().message());
  return place;
}

}  // namespace sluice::engine
