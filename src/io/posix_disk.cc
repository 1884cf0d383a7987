#include "io/posix_disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "io/direct_file.h"
#include "io/names.h"
#include "io/posix.h"
#include "io/posix_file.h"

namespace sluice::io {
namespace {

Result<std::unique_ptr<File>> open_device(const std::string& path) {
  auto direct =
      std::make_unique<DirectFile>(TRY(open_path(path, O_RDONLY)), path, system_calls(), nullptr);
  if (direct->is_direct()) return direct;
  Descriptor file = TRY(open_path(path, O_RDONLY));
  TRY(sync_file(file, path));  // dirty pages cannot be dropped
  if (const int error = ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED); error != 0) {
    return system_error(error, "read", path);
  }
  return std::make_unique<PosixFile>(std::move(file), path);
}

// A lock file says who holds it, for people only: a number that cannot be written or is stale
// changes nothing.
constexpr size_t kHolderBytesMax = 20;

/// Whether it is empty or names a holder. What holds anything else is no lock's.
bool is_lock_file(const Descriptor& file) {
  char text[kHolderBytesMax + 1] = {};
  const ssize_t got = ::pread(file.get(), text, sizeof text, 0);
  if (got < 0 || static_cast<size_t>(got) > kHolderBytesMax) return false;
  const std::string_view holder(text, static_cast<size_t>(got));
  const size_t digits = std::min(holder.find_first_not_of("0123456789"), holder.size());
  const std::string_view rest = holder.substr(digits);
  return rest.empty() || (digits > 0 && rest == "\n");
}

void name_holder(const Descriptor& file) {
  if (!is_lock_file(file)) return;
  const std::string holder = std::to_string(::getpid()) + "\n";
  const bool named =
      ::ftruncate(file.get(), 0) == 0 && ::pwrite(file.get(), holder.data(), holder.size(), 0) > 0;
  static_cast<void>(named);
}

std::string holder_of(const Descriptor& file) {
  char text[kHolderBytesMax] = {};
  const ssize_t got = ::pread(file.get(), text, sizeof text, 0);
  size_t digits = 0;
  while (got > 0 && digits < static_cast<size_t>(got) && text[digits] >= '0' &&
         text[digits] <= '9') {
    ++digits;
  }
  return digits > 0 ? "process " + std::string(text, digits) : "another opening";
}

class FlockedFile final : public DiskLock {
 public:
  explicit FlockedFile(Descriptor file) : file_(std::move(file)) {}

 private:
  const Descriptor file_;
};

class PosixDisk final : public Disk {
 public:
  PosixDisk(std::string directory, PosixDiskOptions options)
      : directory_(std::move(directory)), options_(std::move(options)) {}

  Result<std::unique_ptr<File>> create(std::string_view name) override;
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Status rename(std::string_view from, std::string_view to) override;
  Status remove(std::string_view name) override;
  Result<std::vector<DiskEntry>> list() override;
  Status sync_dir() override { return sync_directory(directory_); }
  Result<std::unique_ptr<DiskLock>> lock(std::string_view name) override;
  Result<uint64_t> free_bytes() override;

 private:
  Result<std::string> path_of(std::string_view name) const;
  std::unique_ptr<File> writable(Descriptor file, std::string path) const;
  const std::string directory_;
  const PosixDiskOptions options_;
};

Result<std::string> PosixDisk::path_of(std::string_view name) const {
  if (!is_file_name(name)) {
    return Error(Code::kInvalid,
                 "a file name is 1 to 200 of [A-Za-z0-9._-] and does not start with a dot",
                 directory_ + "/" + std::string(name));
  }
  return directory_ + "/" + std::string(name);
}

std::unique_ptr<File> PosixDisk::writable(Descriptor file, std::string path) const {
  if (!options_.direct_writes) {
    return std::make_unique<PosixFile>(std::move(file), std::move(path));
  }
  const auto on_refusal = [refusals = options_.refusals] {
    if (refusals != nullptr) ++*refusals;
  };
  return std::make_unique<DirectFile>(std::move(file), std::move(path), system_calls(), on_refusal);
}

Result<std::unique_ptr<File>> PosixDisk::create(std::string_view name) {
  std::string path = TRY(path_of(name));
  Descriptor file = TRY(open_path(path, O_RDWR | O_CREAT | O_EXCL));
  return writable(std::move(file), std::move(path));
}

Result<std::unique_ptr<File>> PosixDisk::open(std::string_view name, OpenMode mode) {
  std::string path = TRY(path_of(name));
  if (mode == OpenMode::kReadDevice) return open_device(path);
  if (mode == OpenMode::kReadWrite) return writable(TRY(open_path(path, O_RDWR)), path);
  Descriptor file = TRY(open_path(path, O_RDONLY));
  return std::make_unique<PosixFile>(std::move(file), std::move(path));
}

Status PosixDisk::rename(std::string_view from, std::string_view to) {
  const std::string source = TRY(path_of(from));
  const std::string target = TRY(path_of(to));
  if (::rename(source.c_str(), target.c_str()) != 0) return system_error(errno, "rename", source);
  return ok();
}

Status PosixDisk::remove(std::string_view name) {
  const std::string path = TRY(path_of(name));
  if (::unlink(path.c_str()) != 0) return system_error(errno, "remove", path);
  return ok();
}

Result<std::vector<DiskEntry>> PosixDisk::list() {
  std::vector<std::string> names = TRY(directory_names(directory_));
  std::vector<DiskEntry> entries;
  for (std::string& name : names) {
    if (!is_file_name(name)) continue;
    const std::string path = directory_ + "/" + name;
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) continue;  // removed since its name was read
      return system_error(errno, "look at", path);
    }
    if (!S_ISREG(status.st_mode)) continue;
    const Nanos written = status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec;
    entries.push_back({std::move(name), static_cast<uint64_t>(status.st_size), written});
  }
  std::sort(entries.begin(), entries.end(),
            [](const DiskEntry& a, const DiskEntry& b) { return a.name < b.name; });
  return entries;
}

Result<std::unique_ptr<DiskLock>> PosixDisk::lock(std::string_view name) {
  const std::string path = TRY(path_of(name));
  Descriptor file = TRY(open_path(path, O_RDWR | O_CREAT));
  const auto take = [&] { return ::flock(file.get(), LOCK_EX | LOCK_NB); };
  if (uninterrupted(take) != 0) {
    if (errno != EWOULDBLOCK) return system_error(errno, "lock", path);
    return Error(Code::kBusy, Reason::kLocked, holder_of(file) + " holds this directory", path);
  }
  name_holder(file);
  return std::make_unique<FlockedFile>(std::move(file));
}

Result<uint64_t> PosixDisk::free_bytes() {
  struct statvfs status;
  const auto ask = [&] { return ::statvfs(directory_.c_str(), &status); };
  if (uninterrupted(ask) != 0) return system_error(errno, "look at", directory_);
  return static_cast<uint64_t>(status.f_bavail) * status.f_frsize;
}

}  // namespace

Result<std::unique_ptr<Disk>> open_posix_disk(std::string directory, PosixDiskOptions options) {
  return std::make_unique<PosixDisk>(TRY(absolute_directory(directory)), std::move(options));
}

Result<std::unique_ptr<File>> open_posix_file(std::string path) {
  // A pipe without writer would wait for one.
  Descriptor file = TRY(open_path(path, O_RDONLY | O_NONBLOCK));
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return system_error(errno, "look at", path);
  if (!S_ISREG(status.st_mode)) return Error(Code::kInvalid, "this is no regular file", path);
  return std::make_unique<PosixFile>(std::move(file), std::move(path));
}

}  // namespace sluice::io
