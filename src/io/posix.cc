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

/// What a person can do about it; empty: the name of the error says all.
std::string_view duty_of(int error) {
  switch (error) {
    case ENOSPC:
      return "; free some space";
    case EDQUOT:
      return "; free some space or ask for a larger quota";
    case EACCES:
    case EPERM:
      return "; check who owns it and who may use it";
    case EROFS:
      return "; it is mounted to be read only";
    case EMFILE:
    case ENFILE:
      return "; raise the limit of open files (ulimit -n)";
    case EIO:
      return "; the device may be failing, see the system's log";
    default:
      return "";
  }
}

NameKind kind_of(unsigned char type) {
  switch (type) {
    case DT_REG:
      return NameKind::kFile;
    case DT_DIR:
      return NameKind::kDirectory;
    case DT_LNK:
    case DT_UNKNOWN:
      return NameKind::kAsk;
    default:
      return NameKind::kOther;
  }
}

Status require_directory(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return system_error(errno, "open", path);
  if (S_ISDIR(status.st_mode)) return ok();
  return Error(Code::kInvalid, "this is a file, not a directory", path);
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Error system_error(int error, std::string_view action, const std::string& where) {
  std::string message("cannot ");
  message.append(action).append(": ").append(std::generic_category().message(error));
  return Error(code_of(error), message.append(duty_of(error)), where);
}

std::string name_of(const Descriptor& file, const std::string& opened_as) {
  std::error_code error;
  const auto name =
      std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file.get()), error);
  return error ? opened_as : name.string();
}

Result<Descriptor> open_path(const std::string& path, int flags) {
  const int fd = uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); });
  if (fd < 0) return system_error(errno, (flags & O_CREAT) != 0 ? "create" : "open", path);
  return Descriptor(fd);
}

Status write_all(const Descriptor& file, uint64_t offset, ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = uninterrupted([&] {
      return ::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (written < 0) {
      const int error = errno;
      return system_error(error, "write", name_of(file, path));
    }
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
    if (got < 0) return system_error(errno, "read", path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

// Several files that are begun together share what a file system does for all of them. It promises
// nothing, so a failure is none: the sync that follows tells.
void start_writing(const Descriptor& file) {
  static_cast<void>(::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE));
}

// A sync is never repeated, not even after EINTR: the second one could succeed although the first
// one dropped dirty pages.
Status sync_file(const Descriptor& file, const std::string& path) {
  if (::fdatasync(file.get()) == 0) return ok();
  const int error = errno;
  return system_error(error, "sync", name_of(file, path));
}

Status sync_directory(const std::string& path) {
  const Descriptor directory = TRY(open_path(path, O_RDONLY | O_DIRECTORY));
  if (::fsync(directory.get()) != 0) return system_error(errno, "sync", path);
  return ok();
}

Status replace_keeping(const std::string& directory, const Replacement& names) {
  const std::string from = directory + "/" + names.from;
  const std::string to = directory + "/" + names.to;
  const std::string kept = directory + "/" + names.kept;
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) {
    TRY(sync_directory(directory));
    if (::rename(from.c_str(), kept.c_str()) != 0) return system_error(errno, "rename", from);
    return sync_directory(directory);
  }
  // What the kernel, the file system or a container does not know can be done without.
  const bool is_unknown = errno == EINVAL || errno == ENOSYS || errno == EPERM;
  if (!is_unknown) return system_error(errno, "exchange the names of", to);
  if (::rename(to.c_str(), kept.c_str()) != 0) return system_error(errno, "rename", to);
  if (::rename(from.c_str(), to.c_str()) != 0) {
    const Error error = system_error(errno, "rename", from);
    if (::rename(kept.c_str(), to.c_str()) == 0) return error;
    return error.with_context("what it should replace is called " + names.kept + " now");
  }
  return sync_directory(directory);
}

Status make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) != 0) {
    if (errno != EEXIST) return system_error(errno, "make the directory", path);
    TRY(require_directory(path));
  }
  return sync_directory(path + "/..");
}

Result<std::vector<DirectoryName>> names_in(const std::string& path, std::string_view start) {
  const auto close = [](DIR* stream) { ::closedir(stream); };
  const std::unique_ptr<DIR, decltype(close)> stream(::opendir(path.c_str()), close);
  if (!stream) return system_error(errno, "open", path);
  std::vector<DirectoryName> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || !name.starts_with(start)) continue;
    names.push_back({std::string(name), kind_of(entry->d_type)});
  }
  if (errno != 0) return system_error(errno, "list", path);
  return names;
}

Result<std::vector<std::string>> directory_names(const std::string& path) {
  std::vector<std::string> names;
  for (DirectoryName& entry : TRY(names_in(path, ""))) names.push_back(std::move(entry.name));
  return names;
}

Result<std::string> follow_links(std::string path) {
  constexpr int kLinksMax = 40;  // as the system does
  for (int links = 0; links < kLinksMax; ++links) {
    std::error_code error;
    const std::filesystem::path target = std::filesystem::read_symlink(path, error);
    if (error) return path;  // whatever else is wrong with it is told to whoever opens it
    path = (std::filesystem::path(path).parent_path() / target).string();
  }
  return system_error(ELOOP, "open", path);
}

Result<std::string> absolute_directory(const std::string& path) {
  TRY(require_directory(path));
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::canonical(path, error);
  if (error) return system_error(error.value(), "open", path);
  return absolute.string();
}

}  // namespace sluice::io
