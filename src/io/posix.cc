#include "io/posix.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>

namespace sluice::io {
namespace {

Code code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return Code::kFull;
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
      return Code::kNotFound;
    case EEXIST:
      return Code::kExists;
    case ENAMETOOLONG:
      return Code::kInvalid;
    default:
      return Code::kIo;
  }
}

Status require_directory(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return system_error(errno, path);
  if (!S_ISDIR(status.st_mode)) return system_error(ENOTDIR, path);
  return ok();
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Error system_error(int error, const std::string& where) {
  return Error(code_of(error), std::generic_category().message(error), where);
}

Result<Descriptor> open_path(const std::string& path, int flags) {
  const int fd = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); });
  if (fd < 0) return system_error(errno, path);
  return Descriptor(fd);
}

Status write_all(const Descriptor& file, uint64_t offset, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = uninterrupted([&] {
      return ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (written < 0) return system_error(errno, path);
    if (written == 0) return Error(Code::kIo, "the write made no progress", path);
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
  return ok();
}

Result<size_t> read_all(const Descriptor& file, uint64_t offset, std::span<std::byte> out,
                        const std::string& path) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = uninterrupted([&] {
      return ::pread(file.get(), out.data() + done, out.size() - done,
                     static_cast<off_t>(offset + done));
    });
    if (got < 0) return system_error(errno, path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

// A sync is never repeated, not even after EINTR: the second one could succeed although the first
// one dropped dirty pages.
Status sync_file(const Descriptor& file, const std::string& path) {
  if (::fdatasync(file.get()) != 0) return system_error(errno, path);
  return ok();
}

Status sync_directory(const std::string& path) {
  const Descriptor directory = TRY(open_path(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(directory.get()) != 0) return system_error(errno, path);
  return ok();
}

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) != 0) {
    if (errno != EEXIST) return system_error(errno, path);
    TRY(require_directory(path));
  }
  return sync_directory(path + "/..");
}

Result<std::vector<std::string>> directory_names(const std::string& path) {
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(::opendir(path.c_str()), close);
  if (!stream) return system_error(errno, path);
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return system_error(errno, path);
  return names;
}

Result<std::string> absolute_directory(const std::string& path) {
  TRY(require_directory(path));
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::canonical(path, error);
  if (error) return system_error(error.value(), path);
  return absolute.string();
}

}  // namespace sluice::io
