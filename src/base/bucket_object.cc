#include "sluice/io.h"

namespace sluice {
namespace {

/// For buckets whose puts are one request: nothing can be done before it.
class WholePut final : public StagedObject {
 public:
  WholePut(Bucket& bucket, const ObjectBytes& object)
      : bucket_(bucket), key_(object.key), bytes_(object.bytes) {}
  Status put_if_absent() override { return bucket_.put_if_absent(key_, bytes_); }
  Status put() override { return bucket_.put(key_, bytes_); }

 private:
  Bucket& bucket_;
  const std::string key_;
  const ByteView bytes_;
};

}  // namespace

Status Bucket::put_all(std::span<const ObjectBytes> objects) {
  for (const ObjectBytes& object : objects) {
    const Status put = put_if_absent(object.key, object.bytes);
    if (!put.ok() && put.error().code() != Code::kExists) return put;
  }
  return ok();
}

Result<std::vector<std::unique_ptr<StagedObject>>> Bucket::put_all_and_stage(
    std::span<const ObjectBytes> objects, std::span<const ObjectBytes> next) {
  TRY(put_all(objects));
  std::vector<std::unique_ptr<StagedObject>> staged;
  for (const ObjectBytes& object : next) {
    staged.push_back(std::make_unique<WholePut>(*this, object));
  }
  return staged;
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
