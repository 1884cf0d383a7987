#include "landing/prefixed_bucket.h"

#include <deque>

namespace sluice::landing {
namespace {

/// Objects whose keys are others, and belong to it.
class Renamed {
 public:
  Renamed(std::span<const ObjectBytes> objects, const std::string& prefix) {
    for (const ObjectBytes& object : objects) {
      keys_.push_back(prefix + std::string(object.key));
      objects_.push_back({keys_.back(), object.bytes});
    }
  }
  std::span<const ObjectBytes> objects() const { return objects_; }

 private:
  std::deque<std::string> keys_;  // which stay where they are
  std::vector<ObjectBytes> objects_;
};

}  // namespace

Status PrefixedBucket::put_if_absent(std::string_view key, ByteView bytes) {
  return inner_.put_if_absent(outer(key), bytes);
}

Result<std::unique_ptr<Upload>> PrefixedBucket::begin_upload(std::string_view key) {
  return inner_.begin_upload(outer(key));
}

Status PrefixedBucket::put_all(std::span<const ObjectBytes> objects) {
  return inner_.put_all(Renamed(objects, prefix_).objects());
}

Result<std::vector<std::unique_ptr<StagedObject>>> PrefixedBucket::put_all_and_stage(
    std::span<const ObjectBytes> objects, std::span<const ObjectBytes> next) {
  return inner_.put_all_and_stage(Renamed(objects, prefix_).objects(),
                                  Renamed(next, prefix_).objects());
}

Status PrefixedBucket::put(std::string_view key, ByteView bytes) {
  return inner_.put(outer(key), bytes);
}

Result<size_t> PrefixedBucket::get_range(std::string_view key, uint64_t offset,
                                         std::span<std::byte> out) {
  return inner_.get_range(outer(key), offset, out);
}

Result<ObjectEntry> PrefixedBucket::head(std::string_view key) {
  ObjectEntry entry = TRY(inner_.head(outer(key)));
  entry.key = inner(std::move(entry.key));
  return entry;
}

Result<std::vector<ObjectEntry>> PrefixedBucket::list(std::string_view prefix) {
  std::vector<ObjectEntry> entries = TRY(inner_.list(outer(prefix)));
  for (ObjectEntry& entry : entries) entry.key = inner(std::move(entry.key));
  return entries;
}

Result<std::vector<std::string>> PrefixedBucket::list_keys(std::string_view prefix) {
  std::vector<std::string> keys = TRY(inner_.list_keys(outer(prefix)));
  for (std::string& key : keys) key = inner(std::move(key));
  return keys;
}

Status PrefixedBucket::remove(std::string_view key) {
  return inner_.remove(outer(key));
}

Status PrefixedBucket::remove_all(std::span<const std::string> keys) {
  std::vector<std::string> renamed;
  for (const std::string& key : keys) renamed.push_back(outer(key));
  return inner_.remove_all(renamed);
}

// Their names are no keys, and stay as the inner bucket gave them.
Result<std::vector<ObjectEntry>> PrefixedBucket::list_unfinished(std::string_view place) {
  return inner_.list_unfinished(outer(place));
}

Status PrefixedBucket::remove_unfinished(std::string_view name) {
  return inner_.remove_unfinished(name);
}

std::string PrefixedBucket::uri(std::string_view key) const {
  return inner_.uri(outer(key));
}

}  // namespace sluice::landing
