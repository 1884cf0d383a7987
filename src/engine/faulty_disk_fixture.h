// FaultyDisk: passes on to a real disk, unless a rule says that a call fails before its effect. For
// tests. A rule may also wait: so a test holds a thread of the engine where it wants it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/io.h"

namespace sluice {

class FaultyDisk : public Disk {
 public:
  struct Call {
    std::string_view name;  ///< of the function
    std::string_view file;  ///< as it was called when it was opened
    uint64_t bytes = 0;
  };
  using Rule = std::function<Status(const Call& call)>;

  explicit FaultyDisk(Disk& inner, Rule rule = nullptr) : inner_(inner), rule_(std::move(rule)) {}
  void set_rule(Rule rule) {
    std::lock_guard lock(mutex_);
    rule_ = std::move(rule);
  }

  Result<std::unique_ptr<File>> create(std::string_view name) override {
    TRY(judge({"create", name}));
    return wrap(name, TRY(inner_.create(name)));
  }
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    TRY(judge({"open", name}));
    return wrap(name, TRY(inner_.open(name, mode)));
  }
  Status rename(std::string_view from, std::string_view to) override {
    TRY(judge({"rename", to}));
    return inner_.rename(from, to);
  }
  Status remove(std::string_view name) override { return inner_.remove(name); }
  Result<std::vector<DiskEntry>> list() override { return inner_.list(); }
  Status sync_dir() override { return inner_.sync_dir(); }
  Result<std::unique_ptr<DiskLock>> lock(std::string_view name) override {
    return inner_.lock(name);
  }
  Result<uint64_t> free_bytes() override {
    std::lock_guard lock(mutex_);
    return free_bytes_ ? *free_bytes_ : inner_.free_bytes();
  }
  /// Nothing: as it is.
  void set_free_bytes(std::optional<uint64_t> bytes) {
    std::lock_guard lock(mutex_);
    free_bytes_ = bytes;
  }

 private:
  class FaultyFile : public File {
   public:
    FaultyFile(FaultyDisk& disk, std::string name, std::unique_ptr<File> inner)
        : disk_(disk), name_(std::move(name)), inner_(std::move(inner)) {}
    Status pwrite_at(uint64_t offset, ByteView bytes) override {
      TRY(disk_.judge({"pwrite_at", name_, bytes.size()}));
      return inner_->pwrite_at(offset, bytes);
    }
    Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override {
      TRY(disk_.judge({"read_at", name_, out.size()}));
      return inner_->read_at(offset, out);
    }
    Status sync() override {
      TRY(disk_.judge({"sync", name_}));
      return inner_->sync();
    }
    Status truncate(uint64_t bytes) override { return inner_->truncate(bytes); }
    Status allocate(uint64_t offset, uint64_t bytes) override {
      return inner_->allocate(offset, bytes);
    }
    Result<uint64_t> size() override { return inner_->size(); }

   private:
    FaultyDisk& disk_;
    const std::string name_;
    const std::unique_ptr<File> inner_;
  };

  std::unique_ptr<File> wrap(std::string_view name, std::unique_ptr<File> inner) {
    return std::make_unique<FaultyFile>(*this, std::string(name), std::move(inner));
  }
  Status judge(const Call& call) {
    Rule rule;
    {
      std::lock_guard lock(mutex_);
      rule = rule_;
    }
    return rule ? rule(call) : ok();
  }

  Disk& inner_;
  std::mutex mutex_;
  Rule rule_;
  std::optional<uint64_t> free_bytes_;
};

}  // namespace sluice
