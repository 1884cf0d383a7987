// For tests: a bucket in memory, whose operations fail by script.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "landing/script_fixture.h"
#include "sluice/io.h"

namespace sluice::landing {

/// Objects appear when their upload is finished.
class MemoryBucket final : public Bucket {
 public:
  using Objects = std::map<std::string, std::string, std::less<>>;
  explicit MemoryBucket(Script& script) : script_(script) {}
  Objects& objects() { return objects_; }
  size_t count(std::string_view part_of_key) const {
    return static_cast<size_t>(std::count_if(
        objects_.begin(), objects_.end(),
        [&](const auto& object) { return object.first.find(part_of_key) != std::string::npos; }));
  }

  /// From now on put_if_absent() of such keys stays under way, and its caller hears nothing.
  void hold(std::string part_of_key) { held_part_ = std::move(part_of_key); }
  /// Nothing more is held; what is under way stays there.
  void stop_holding() { held_part_.clear(); }
  /// What is under way arrives; nothing more is held.
  void let_go() {
    stop_holding();
    objects_.merge(held_);
    held_.clear();
  }
  size_t held() const { return held_.size(); }
  /// From now on listings do not show such keys.
  void lag(std::string part_of_key) { unlisted_part_ = std::move(part_of_key); }
  void catch_up() { unlisted_part_.clear(); }

  Status put_if_absent(std::string_view key, ByteView bytes) override {
    return script_.run([&]() -> Status {
      if (contains(key, held_part_)) {
        held_.emplace(key, as_text(bytes));
        return Error(Code::kIo, Reason::kUnknownOutcome, "no answer", std::string(key));
      }
      const bool made = objects_.emplace(key, as_text(bytes)).second;
      return made ? ok() : Status(Error(Code::kExists, "the object exists", std::string(key)));
    });
  }
  Status put(std::string_view key, ByteView bytes) override {
    return script_.run([&] {
      objects_[std::string(key)] = as_text(bytes);
      return ok();
    });
  }
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override {
    TRY(script_.run([] { return ok(); }));
    return std::unique_ptr<Upload>(new MemoryUpload(*this, std::string(key)));
  }
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override {
    size_t count = 0;
    TRY(script_.run([&]() -> Status {
      const auto found = objects_.find(key);
      if (found == objects_.end()) return absent(key);
      const std::string& object = found->second;
      count = offset < object.size() ? std::min(out.size(), object.size() - offset) : 0;
      if (count > 0) std::memcpy(out.data(), object.data() + offset, count);
      return ok();
    }));
    return count;
  }
  Result<ObjectEntry> head(std::string_view key) override {
    ObjectEntry entry;
    TRY(script_.run([&]() -> Status {
      const auto found = objects_.find(key);
      if (found == objects_.end()) return absent(key);
      entry = {found->first, found->second.size(), 0};
      return ok();
    }));
    return entry;
  }
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override {
    std::vector<ObjectEntry> entries;
    TRY(script_.run([&] {
      for (const auto& [key, bytes] : objects_) {
        if (!key.starts_with(prefix) || contains(key, unlisted_part_)) continue;
        entries.push_back({key, bytes.size(), 0});
      }
      return ok();
    }));
    return entries;
  }
  Status remove(std::string_view key) override {
    return script_.run([&] {
      objects_.erase(std::string(key));
      return ok();
    });
  }
  std::string uri(std::string_view key) const override { return "/lake/" + std::string(key); }

 private:
  static bool contains(std::string_view key, const std::string& part) {
    return !part.empty() && key.find(part) != std::string_view::npos;
  }
  static Error absent(std::string_view key) {
    return Error(Code::kNotFound, "no such object", std::string(key));
  }
  class MemoryUpload final : public Upload {
   public:
    MemoryUpload(MemoryBucket& bucket, std::string key) : bucket_(bucket), key_(std::move(key)) {}
    Status write(ByteView bytes) override {
      return bucket_.script_.run([&] {
        bytes_ += as_text(bytes);
        return ok();
      });
    }
    Status finish() override {
      return bucket_.script_.run([&] {
        bucket_.objects_[key_] = bytes_;
        return ok();
      });
    }
    void abort() override {}

   private:
    MemoryBucket& bucket_;
    const std::string key_;
    std::string bytes_;
  };

  Script& script_;
  Objects objects_;
  Objects held_;
  std::string held_part_;
  std::string unlisted_part_;
};

}  // namespace sluice::landing
