// For tests: a disk in memory, whose operations fail by script, and which outlives the process that
// used it.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "landing/script_fixture.h"
#include "sluice/io.h"

namespace sluice::landing {

/// What was not synced is lost by power_cut().
class MemoryDisk final : public Disk {
 public:
  explicit MemoryDisk(Script& script) : script_(script) {}

  struct Inode {
    std::string cached;
    std::string stored;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  Names& names() { return cached_; }
  void power_cut() {
    cached_ = stored_;
    for (const auto& [name, inode] : cached_) inode->cached = inode->stored;
  }
  /// Changes bytes that are stored.
  void damage(const std::string& name, size_t at) {
    cached_.at(name)->cached.at(at) ^= '\x20';
    cached_.at(name)->stored = cached_.at(name)->cached;
  }

  Result<std::unique_ptr<File>> create(std::string_view name) override {
    auto inode = std::make_shared<Inode>();
    TRY(script_.run([&]() -> Status {
      const bool made = cached_.emplace(name, inode).second;
      return made ? ok() : Status(Error(Code::kExists, "the name is taken", std::string(name)));
    }));
    return std::unique_ptr<File>(new MemoryFile(script_, inode));
  }
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode) override {
    std::shared_ptr<Inode> inode;
    TRY(script_.run([&]() -> Status {
      const auto found = cached_.find(std::string(name));
      if (found == cached_.end()) return absent(name);
      inode = found->second;
      return ok();
    }));
    return std::unique_ptr<File>(new MemoryFile(script_, inode));
  }
  Status rename(std::string_view from, std::string_view to) override {
    return script_.run([&]() -> Status {
      const auto found = cached_.find(std::string(from));
      if (found == cached_.end()) return absent(from);
      const auto inode = found->second;
      cached_.erase(found);
      cached_[std::string(to)] = inode;
      return ok();
    });
  }
  Status remove(std::string_view name) override {
    return script_.run([&]() -> Status {
      return cached_.erase(std::string(name)) > 0 ? ok() : Status(absent(name));
    });
  }
  Result<std::vector<DiskEntry>> list() override {
    std::vector<DiskEntry> entries;
    TRY(script_.run([&] {
      for (const auto& [name, inode] : cached_) entries.push_back({name, inode->cached.size()});
      return ok();
    }));
    return entries;
  }
  Status sync_dir() override {
    return script_.run([&] {
      stored_ = cached_;
      return ok();
    });
  }
  Result<std::unique_ptr<DiskLock>> lock(std::string_view) override {
    bool expected = false;
    if (!locked_.compare_exchange_strong(expected, true)) {
      return Error(Code::kBusy, Reason::kLocked, "another holds it");
    }
    return std::unique_ptr<DiskLock>(new MemoryLock(locked_));
  }
  Result<uint64_t> free_bytes() override { return uint64_t{1} << 40; }

 private:
  static Error absent(std::string_view name) {
    return Error(Code::kNotFound, "no such file", std::string(name));
  }
  class MemoryLock final : public DiskLock {
   public:
    explicit MemoryLock(std::atomic<bool>& locked) : locked_(locked) {}
    ~MemoryLock() override { locked_ = false; }

   private:
    std::atomic<bool>& locked_;
  };
  class MemoryFile final : public File {
   public:
    MemoryFile(Script& script, std::shared_ptr<Inode> inode)
        : script_(script), inode_(std::move(inode)) {}
    Status pwrite_at(uint64_t offset, ByteView bytes) override {
      return script_.run([&] {
        std::string& cached = inode_->cached;
        cached.resize(std::max(cached.size(), offset + bytes.size()));
        cached.replace(offset, bytes.size(), as_text(bytes));
        return ok();
      });
    }
    Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override {
      size_t count = 0;
      TRY(script_.run([&] {
        const std::string& cached = inode_->cached;
        count = offset < cached.size() ? std::min(out.size(), cached.size() - offset) : 0;
        if (count > 0) std::memcpy(out.data(), cached.data() + offset, count);
        return ok();
      }));
      return count;
    }
    Status sync() override {
      return script_.run([&] {
        inode_->stored = inode_->cached;
        return ok();
      });
    }
    Status truncate(uint64_t bytes) override { return inode_->cached.resize(bytes), ok(); }
    Status allocate(uint64_t, uint64_t) override { return ok(); }
    Result<uint64_t> size() override { return uint64_t{inode_->cached.size()}; }

   private:
    Script& script_;
    const std::shared_ptr<Inode> inode_;
  };

  Script& script_;
  Names cached_;
  Names stored_;
  std::atomic<bool> locked_ = false;
};

}  // namespace sluice::landing
