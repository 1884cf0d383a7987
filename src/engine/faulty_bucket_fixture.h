// FaultyBucket: passes on to a real bucket, unless a rule says that a call fails, before or after
// its effect. For tests.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sluice/io.h"

namespace sluice {

class FaultyBucket : public Bucket {
 public:
  enum class Verdict : uint8_t { kPass, kFailBefore, kFailAfter, kRefuse };
  using Rule = std::function<Verdict(std::string_view call, std::string_view key)>;

  explicit FaultyBucket(Bucket& inner) : inner_(inner) {}
  void set_rule(Rule rule) {
    std::lock_guard lock(mutex_);
    rule_ = std::move(rule);
  }

  Status put_if_absent(std::string_view key, ByteView bytes) override {
    return judged("put_if_absent", key, [&] { return inner_.put_if_absent(key, bytes); });
  }
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override {
    TRY(judged("begin_upload", key, [] { return ok(); }));
    return inner_.begin_upload(key);
  }
  Status put(std::string_view key, ByteView bytes) override {
    return judged("put", key, [&] { return inner_.put(key, bytes); });
  }
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override {
    TRY(judged("get_range", key, [] { return ok(); }));
    return inner_.get_range(key, offset, out);
  }
  Result<ObjectEntry> head(std::string_view key) override {
    TRY(judged("head", key, [] { return ok(); }));
    return inner_.head(key);
  }
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override {
    TRY(judged("list", prefix, [] { return ok(); }));
    return inner_.list(prefix);
  }
  Status remove(std::string_view key) override {
    return judged("remove", key, [&] { return inner_.remove(key); });
  }
  std::string uri(std::string_view key) const override { return inner_.uri(key); }

 private:
  Status judged(std::string_view call, std::string_view key, const std::function<Status()>& act) {
    Verdict verdict = Verdict::kPass;
    {
      std::lock_guard lock(mutex_);
      if (rule_) verdict = rule_(call, key);
    }
    const Error unknown(Code::kIo, Reason::kUnknownOutcome, "planted", std::string(key));
    if (verdict == Verdict::kFailBefore) return unknown;
    if (verdict == Verdict::kRefuse) return Error(Code::kInvalid, "planted", std::string(key));
    const Status done = act();
    return verdict == Verdict::kFailAfter ? Status(unknown) : done;
  }

  Bucket& inner_;
  std::mutex mutex_;
  Rule rule_;
};

/// Parts are refused for a reason that may pass: what is accepted stays in the log.
inline FaultyBucket::Rule takes_no_parts() {
  return [](std::string_view call, std::string_view) {
    return call == "begin_upload" ? FaultyBucket::Verdict::kFailBefore
                                  : FaultyBucket::Verdict::kPass;
  };
}

}  // namespace sluice
