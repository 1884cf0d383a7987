#include "sluice/io.h"

namespace sluice {

Status Bucket::put_all(std::span<const ObjectBytes> objects) {
  for (const ObjectBytes& object : objects) {
    const Status put = put_if_absent(object.key, object.bytes);
    if (!put.ok() && put.error().code() != Code::kExists) return put;
  }
  return ok();
}

Result<std::vector<std::string>> Bucket::list_keys(std::string_view prefix) {
  std::vector<std::string> keys;
  for (ObjectEntry& entry : TRY(list(prefix))) keys.push_back(std::move(entry.key));
  return keys;
}

Status Bucket::remove_all(std::span<const std::string> keys) {
  for (const std::string& key : keys) TRY(remove(key));
  return ok();
}

Result<std::vector<ObjectEntry>> Bucket::list_unfinished(std::string_view) {
  return std::vector<ObjectEntry>();
}

Status Bucket::remove_unfinished(std::string_view name) {
  return Error(Code::kNotFound, "nothing unfinished bears this name", std::string(name));
}

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
