#include "sluice/io.h"

namespace sluice {

Result<std::string> get_object(Bucket& bucket, std::string_view key, uint64_t limit) {
  const ObjectEntry entry = TRY(bucket.head(key));
  if (entry.bytes > limit) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                  "the object is longer than its kind allows", std::string(key), limit,
                  entry.bytes});
  }
  std::string text(entry.bytes, '\0');
  const size_t got = TRY(bucket.get_range(key, 0, std::as_writable_bytes(std::span(text))));
  if (got != text.size()) {
    return Error({Code::kCorrupt, Reason::kIncompletePayload, "the object is shorter than listed",
                  std::string(key), entry.bytes, got});
  }
  return text;
}

}  // namespace sluice
