#include "io/retry_bucket.h"

#include <functional>
#include <utility>
#include <vector>

#include "io/together.h"

namespace sluice::io {
namespace {

class RetryBucket final : public Bucket {
  template <class Try>
  auto again(const Try& attempt) {
    return retry(runtime_, options_, attempt);
  }

 public:
  RetryBucket(std::unique_ptr<Bucket> inner, Runtime& runtime, RetryOptions options)
      : inner_(std::move(inner)), runtime_(runtime), options_(options) {}

  Status put_if_absent(std::string_view key, ByteView bytes) override {
    return inner_->put_if_absent(key, bytes);
  }
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override {
    return inner_->begin_upload(key);
  }
  Status put(std::string_view key, ByteView bytes) override {
    return again([&] { return inner_->put(key, bytes); });
  }
  Status put_all(std::span<const ObjectBytes> objects) override {
    std::vector<std::function<Status()>> puts;
    for (const ObjectBytes& object : objects) {
      puts.push_back([this, object] { return put(object.key, object.bytes); });
    }
    return run_together(runtime_, puts);
  }
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override {
    return again([&] { return inner_->get_range(key, offset, out); });
  }
  Result<ObjectEntry> head(std::string_view key) override {
    return again([&] { return inner_->head(key); });
  }
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override {
    return again([&] { return inner_->list(prefix); });
  }
  Status remove(std::string_view key) override {
    return again([&] { return inner_->remove(key); });
  }
  Result<std::vector<ObjectEntry>> list_unfinished(std::string_view place) override {
    return again([&] { return inner_->list_unfinished(place); });
  }
  Status remove_unfinished(std::string_view name) override {
    return again([&] { return inner_->remove_unfinished(name); });
  }
  std::string uri(std::string_view key) const override { return inner_->uri(key); }

 private:
  const std::unique_ptr<Bucket> inner_;
  Runtime& runtime_;
  const RetryOptions options_;
};

}  // namespace

std::unique_ptr<Bucket> make_retry_bucket(std::unique_ptr<Bucket> inner, Runtime& runtime,
                                          RetryOptions options) {
  return std::make_unique<RetryBucket>(std::move(inner), runtime, options);
}

}  // namespace sluice::io
