// A bucket within a bucket: keys below a prefix, without it.
#pragma once

#include <string>
#include <vector>

#include "sluice/io.h"

namespace sluice::landing {

/// Any thread. The inner bucket outlives it.
class PrefixedBucket final : public Bucket {
 public:
  /// `prefix`: "a/b/", or empty.
  PrefixedBucket(Bucket& inner, std::string prefix) : inner_(inner), prefix_(std::move(prefix)) {}

  std::string uri(std::string_view key) const override;
  Result<ObjectEntry> head(std::string_view key) override;
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override;
  Result<std::vector<std::string>> list_keys(std::string_view prefix) override;
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override;
  Result<std::vector<ObjectEntry>> list_unfinished(std::string_view place) override;

  Status put_if_absent(std::string_view key, ByteView bytes) override;
  Status put(std::string_view key, ByteView bytes) override;
  Status put_all(std::span<const ObjectBytes> objects) override;
  Result<std::vector<std::unique_ptr<StagedObject>>> put_all_and_stage(
      std::span<const ObjectBytes> objects, std::span<const ObjectBytes> next) override;
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override;

  Status remove_unfinished(std::string_view name) override;
  Status remove_all(std::span<const std::string> keys) override;
  Status remove(std::string_view key) override;

 private:
  std::string outer(std::string_view key) const { return prefix_ + std::string(key); }
  std::string inner(std::string key) const { return key.substr(prefix_.size()); }

  Bucket& inner_;
  const std::string prefix_;
};

}  // namespace sluice::landing
