#include "wal/crash_disk.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"

namespace sluice::wal {
namespace {

class TestMonitor : public Monitor {
 public:
  void lock() override {}
  void unlock() override {}
  void wait_until(Nanos) override {}
  void notify_all() override {}
};

class TestLock : public DiskLock {
 public:
  TestLock(std::set<std::string>& locked, std::string name)
      : locked_(locked), name_(std::move(name)) {
    locked_.insert(name_);
  }
  ~TestLock() override { locked_.erase(name_); }

 private:
  std::set<std::string>& locked_;
  const std::string name_;
};

void apply(std::map<std::string, uint64_t>& names, const DiskImage::Renaming& change) {
  names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.inode;
}

void copy_sector(const std::vector<std::byte>& from, std::vector<std::byte>& to, uint64_t sector) {
  const uint64_t start = sector * kSectorBytes;
  const uint64_t end = std::min<uint64_t>({start + kSectorBytes, from.size(), to.size()});
  if (start < end) std::copy(from.begin() + start, from.begin() + end, to.begin() + start);
}

void store_all(DiskImage::Inode& inode) {
  inode.stored.resize(inode.cached.size());
  for (const uint64_t sector : inode.dirty) copy_sector(inode.cached, inode.stored, sector);
  inode.dirty.clear();
}

/// Each sector by itself.
void store_some(DiskImage::Inode& inode, Dice& dice) {
  if (dice.below(2) == 0) inode.stored.resize(inode.cached.size());
  for (const uint64_t sector : inode.dirty) {
    if (dice.below(2) == 0) copy_sector(inode.cached, inode.stored, sector);
  }
}

void spoil(std::vector<std::byte>& stored, uint64_t offset, uint64_t bytes) {
  const uint64_t end = std::min<uint64_t>(offset + bytes, stored.size());
  for (uint64_t at = offset; at < end; ++at) stored[at] = std::byte{0xd5};
}

/// What is written to is written in whole pages.
void spoil_some(DiskImage::Inode& inode, Dice& dice) {
  std::set<uint64_t> pages;
  for (const uint64_t sector : inode.dirty) {
    if (dice.below(8) == 0) spoil(inode.stored, sector * kSectorBytes, kSectorBytes);
    pages.insert(sector * kSectorBytes / kPageBytes);
  }
  for (const uint64_t page : pages) {
    if (dice.below(8) == 0) spoil(inode.stored, page * kPageBytes, kPageBytes);
  }
}

bool is_same(ByteView one, ByteView other) {
  return one.size() == other.size() &&
         (one.empty() || std::memcmp(one.data(), other.data(), one.size()) == 0);
}

/// What a read past the page cache finds: unsynced sectors are written back for it and then stand
/// in the device's own cache, which a power cut empties. Sectors that a failed sync gave up are
/// not.
std::vector<std::byte> device_view(const DiskImage::Inode& inode) {
  DiskImage::Inode view = inode;
  store_all(view);
  return view.stored;
}

}  // namespace

uint64_t Dice::roll() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

void TestRuntime::random(std::span<std::byte> out) {
  for (std::byte& byte : out) byte = static_cast<std::byte>(dice_.roll());
}
std::unique_ptr<Thread> TestRuntime::spawn(std::string, std::function<void()>) {
  CHECK(false);
}
std::unique_ptr<Monitor> TestRuntime::monitor() {
  return std::make_unique<TestMonitor>();
}

std::map<std::string, uint64_t> DiskImage::names() const {
  std::map<std::string, uint64_t> names = stored_names;
  for (const Renaming& change : unsynced_names) apply(names, change);
  return names;
}

DiskImage crash(DiskImage image, CrashKind kind, Dice& dice) {
  if (kind == CrashKind::kProcessDied) return image;
  for (const DiskImage::Renaming& change : image.unsynced_names) {
    const bool is_mixed = kind == CrashKind::kMixed || kind == CrashKind::kMixedUnspoilt;
    const bool kept = kind == CrashKind::kAllKept || (is_mixed && dice.below(2));
    if (kept) apply(image.stored_names, change);
  }
  image.unsynced_names.clear();
  for (auto& [number, inode] : image.inodes) {
    if (kind == CrashKind::kAllKept) store_all(inode);
    if (kind == CrashKind::kMixed || kind == CrashKind::kMixedUnspoilt) store_some(inode, dice);
    if (kind == CrashKind::kMixed) spoil_some(inode, dice);
    inode.dirty.clear();
    inode.cached = inode.stored;
  }
  return image;
}

class CrashFile : public File {
 public:
  CrashFile(CrashDisk& disk, std::string name, uint64_t inode, OpenMode mode)
      : disk_(disk), name_(std::move(name)), inode_(inode), mode_(mode) {}
  ~CrashFile() override {
    if (is_locked_) disk_.locked_inodes_.erase(inode_);
  }

  Status pwrite_at(uint64_t offset, ByteView bytes) override {
    return write(DiskOp::kWrite, offset, bytes);
  }
  Status allocate(uint64_t offset, uint64_t bytes) override {
    return write(DiskOp::kAllocate, offset, std::vector<std::byte>(bytes));
  }
  Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override {
    const DiskImage::Inode& inode = disk_.image_.inodes.at(inode_);
    const bool differs = mode_ == OpenMode::kReadDevice && !is_same(inode.stored, inode.cached);
    const std::vector<std::byte> device = differs ? device_view(inode) : std::vector<std::byte>();
    const std::vector<std::byte>& from = differs ? device : inode.cached;
    if (offset >= from.size()) return size_t{0};
    const size_t got = std::min<size_t>(out.size(), from.size() - offset);
    std::copy_n(from.begin() + static_cast<ptrdiff_t>(offset), got, out.begin());
    return got;
  }
  Status sync() override {
    if (const auto error = disk_.begin(DiskOp::kSync, "sync " + name_)) {
      disk_.fail_sync(inode_);
      disk_.done();
      return *error;
    }
    store_all(disk_.image_.inodes.at(inode_));
    disk_.done();
    return ok();
  }
  Status truncate(uint64_t bytes) override {
    CHECK(mode_ == OpenMode::kReadWrite);
    const auto error =
        disk_.begin(DiskOp::kTruncate, "truncate " + name_ + " " + std::to_string(bytes));
    if (!error || disk_.dice_.below(2) == 0) disk_.truncate(inode_, bytes);
    disk_.done();
    if (error) return *error;
    return ok();
  }
  Result<uint64_t> size() override {
    const DiskImage::Inode& inode = disk_.image_.inodes.at(inode_);
    return inode.cached.size();
  }
  Status lock() override {
    CHECK(mode_ == OpenMode::kReadWrite);
    is_locked_ = is_locked_ || disk_.locked_inodes_.insert(inode_).second;
    return is_locked_ ? ok() : Status(Error(Code::kBusy, Reason::kLocked, "locked", name_));
  }

 private:
  Status write(DiskOp op, uint64_t offset, ByteView bytes) {
    CHECK(mode_ == OpenMode::kReadWrite);
    const std::string verb = op == DiskOp::kWrite ? "write " : "allocate ";
    const auto error = disk_.begin(
        op, verb + name_ + " " + std::to_string(offset) + "+" + std::to_string(bytes.size()));
    if (error) bytes = bytes.first(disk_.dice_.below(bytes.size() + 1));
    disk_.write(inode_, offset, bytes);
    disk_.done();
    if (error) return *error;
    return ok();
  }

  CrashDisk& disk_;
  std::string name_;
  uint64_t inode_;
  OpenMode mode_;
  bool is_locked_ = false;
};

std::unique_ptr<Error> CrashDisk::begin(DiskOp op, std::string words) {
  trace.push_back(std::move(words));
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (fault->op != op || fault->skip-- > 0) continue;
    auto error = std::make_unique<Error>(fault->code, "injected");
    faults_.erase(fault);
    trace.back() += " FAILS";
    return error;
  }
  return nullptr;
}

void CrashDisk::done() {
  if (after_operation) after_operation();
}

void CrashDisk::write(uint64_t inode_number, uint64_t offset, ByteView bytes) {
  if (bytes.empty()) return;
  DiskImage::Inode& inode = image_.inodes.at(inode_number);
  inode.cached.resize(std::max<uint64_t>(inode.cached.size(), offset + bytes.size()));
  std::copy(bytes.begin(), bytes.end(), inode.cached.begin() + static_cast<ptrdiff_t>(offset));
  const uint64_t last = (offset + bytes.size() - 1) / kSectorBytes;
  for (uint64_t sector = offset / kSectorBytes; sector <= last; ++sector) {
    inode.dirty.insert(sector);
  }
}

void CrashDisk::truncate(uint64_t inode_number, uint64_t bytes) {
  DiskImage::Inode& inode = image_.inodes.at(inode_number);
  inode.cached.resize(bytes);
  inode.dirty.erase(inode.dirty.lower_bound((bytes + kSectorBytes - 1) / kSectorBytes),
                    inode.dirty.end());
}

void CrashDisk::fail_sync(uint64_t inode_number) {
  DiskImage::Inode& inode = image_.inodes.at(inode_number);
  store_some(inode, dice_);
  inode.dirty.clear();
}

Result<std::unique_ptr<File>> CrashDisk::create(std::string_view name) {
  if (const auto error = begin(DiskOp::kCreate, "create " + std::string(name))) return *error;
  if (has(std::string(name))) return Error(Code::kExists, "exists", std::string(name));
  const uint64_t inode = image_.inodes.empty() ? 1 : image_.inodes.rbegin()->first + 1;
  image_.inodes[inode];
  image_.unsynced_names.push_back({"", std::string(name), inode});
  done();
  return std::make_unique<CrashFile>(*this, std::string(name), inode, OpenMode::kReadWrite);
}

Result<std::unique_ptr<File>> CrashDisk::open(std::string_view name, OpenMode mode) {
  const auto names = image_.names();
  const auto at = names.find(std::string(name));
  if (at == names.end()) return Error(Code::kNotFound, "no such file", std::string(name));
  return std::make_unique<CrashFile>(*this, std::string(name), at->second, mode);
}

Status CrashDisk::rename(std::string_view from, std::string_view to) {
  if (!has(std::string(from))) return Error(Code::kNotFound, "no such file", std::string(from));
  const auto error = begin(DiskOp::kRename, "rename " + std::string(from) + " " + std::string(to));
  const uint64_t inode = image_.names().at(std::string(from));
  if (!error || dice_.below(2) == 0) {
    image_.unsynced_names.push_back({std::string(from), std::string(to), inode});
  }
  done();
  if (error) return *error;
  return ok();
}

Status CrashDisk::remove(std::string_view name) {
  if (!has(std::string(name))) return Error(Code::kNotFound, "no such file", std::string(name));
  const auto error = begin(DiskOp::kRemove, "remove " + std::string(name));
  if (!error || dice_.below(2) == 0) {
    image_.unsynced_names.push_back({std::string(name), "", 0});
  }
  done();
  if (error) return *error;
  return ok();
}

Result<std::vector<DiskEntry>> CrashDisk::list() {
  std::vector<DiskEntry> entries;
  for (const auto& [name, inode] : image_.names()) {
    entries.push_back({name, image_.inodes.at(inode).cached.size()});
  }
  return entries;
}

Status CrashDisk::sync_dir() {
  if (const auto error = begin(DiskOp::kSyncDir, "sync_dir")) {
    done();
    return *error;
  }
  image_.stored_names = image_.names();
  image_.unsynced_names.clear();
  done();
  return ok();
}

Result<std::unique_ptr<DiskLock>> CrashDisk::lock(std::string_view name) {
  if (locked_.contains(std::string(name))) {
    return Error(Code::kBusy, Reason::kLocked, "locked", std::string(name));
  }
  return std::unique_ptr<DiskLock>(std::make_unique<TestLock>(locked_, std::string(name)));
}

std::vector<std::byte>& CrashDisk::bytes(const std::string& name) {
  return image_.inodes.at(image_.names().at(name)).cached;
}

void CrashDisk::settle(const std::string& name) {
  DiskImage::Inode& inode = image_.inodes.at(image_.names().at(name));
  inode.stored = inode.cached;
  inode.dirty.clear();
}

namespace {

TEST(CrashDisk, LosesWhatWasNotSyncedAndKeepsWhatWas) {
  CrashDisk disk;
  const auto file = disk.create("a").value();
  EXPECT_TRUE(file->pwrite_at(0, as_bytes("kept")).ok());
  EXPECT_TRUE(file->sync().ok() && disk.sync_dir().ok());
  EXPECT_TRUE(file->pwrite_at(0, as_bytes("lost")).ok());
  Dice dice(1);
  CrashDisk after(crash(disk.image(), CrashKind::kAllLost, dice));
  EXPECT_EQ(as_text(after.bytes("a")), "kept");
  EXPECT_EQ(as_text(CrashDisk(crash(disk.image(), CrashKind::kAllKept, dice)).bytes("a")), "lost");
}

TEST(CrashDisk, LiesAfterAFailedSync) {
  CrashDisk disk({}, 3);
  const auto file = disk.create("a").value();
  EXPECT_TRUE(disk.sync_dir().ok());
  EXPECT_TRUE(file->pwrite_at(0, std::vector<std::byte>(64 << 10, std::byte{1})).ok());
  disk.fail(DiskOp::kSync, Code::kIo);
  EXPECT_FALSE(file->sync().ok());
  EXPECT_TRUE(file->sync().ok());
  Dice dice(1);
  CrashDisk after(crash(disk.image(), CrashKind::kAllKept, dice));
  EXPECT_NE(after.bytes("a"), disk.bytes("a"));
}

}  // namespace
}  // namespace sluice::wal
