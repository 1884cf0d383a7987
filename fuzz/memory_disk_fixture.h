// For fuzz targets: a Disk in memory that never fails and loses nothing. It is fast.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "sluice/io.h"

namespace sluice {

class MemoryFile final : public File {
 public:
  explicit MemoryFile(std::shared_ptr<std::vector<std::byte>> bytes) : bytes_(std::move(bytes)) {}
  Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override {
    if (offset >= bytes_->size()) return size_t{0};
    const auto part = std::span(*bytes_).subspan(offset);
    const size_t got_bytes = std::min(out.size(), part.size());
    std::copy_n(part.begin(), got_bytes, out.begin());
    return got_bytes;
  }
  Result<uint64_t> size() override { return uint64_t{bytes_->size()}; }
  Status pwrite_at(uint64_t offset, ByteView bytes) override {
    bytes_->resize(std::max<uint64_t>(bytes_->size(), offset + bytes.size()));
    std::copy(bytes.begin(), bytes.end(), bytes_->begin() + static_cast<ptrdiff_t>(offset));
    return ok();
  }
  Status sync() override { return ok(); }
  Status truncate(uint64_t bytes) override {
    bytes_->resize(bytes);
    return ok();
  }
  Status allocate(uint64_t offset, uint64_t bytes) override {
    return pwrite_at(offset, std::vector<std::byte>(bytes));
  }

 private:
  const std::shared_ptr<std::vector<std::byte>> bytes_;
};

class MemoryDisk final : public Disk {
 public:
  using Files = std::map<std::string, std::shared_ptr<std::vector<std::byte>>, std::less<>>;

  MemoryDisk() = default;
  /// Copies every file.
  MemoryDisk(const MemoryDisk& other) {
    for (const auto& [name, bytes] : other.files_) add(name, *bytes);
  }
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  void add(const std::string& name, std::vector<std::byte> bytes) {
    files_[name] = std::make_shared<std::vector<std::byte>>(std::move(bytes));
  }
  std::vector<std::byte>& bytes(const std::string& name) { return *files_.at(name); }

  Result<std::unique_ptr<File>> create(std::string_view name) override {
    if (files_.contains(name)) return Error(Code::kExists, "exists", std::string(name));
    add(std::string(name), {});
    return open(name, OpenMode::kReadWrite);
  }
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode) override {
    const auto found = files_.find(name);
    if (found == files_.end()) return missing(name);
    return std::unique_ptr<File>(std::make_unique<MemoryFile>(found->second));
  }
  Status rename(std::string_view from, std::string_view to) override {
    const auto found = files_.find(from);
    if (found == files_.end()) return missing(from);
    const auto bytes = found->second;
    files_.erase(found);
    files_[std::string(to)] = bytes;
    return ok();
  }
  Status remove(std::string_view name) override {
    const auto found = files_.find(name);
    if (found == files_.end()) return missing(name);
    files_.erase(found);
    return ok();
  }
  Result<std::vector<DiskEntry>> list() override {
    std::vector<DiskEntry> entries;
    for (const auto& [name, bytes] : files_) entries.push_back({name, bytes->size()});
    return entries;
  }
  Status sync_dir() override { return ok(); }
  Result<std::unique_ptr<DiskLock>> lock(std::string_view) override {
    return std::make_unique<DiskLock>();
  }
  Result<uint64_t> free_bytes() override { return uint64_t{1} << 40; }

 private:
  static Error missing(std::string_view name) {
    return Error(Code::kNotFound, "no such file", std::string(name));
  }
  Files files_;
};

}  // namespace sluice
