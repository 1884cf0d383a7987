#include "io/dir_bucket.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "base/ids.h"
#include "io/names.h"
#include "io/posix.h"

namespace sluice::io {
namespace {

// '~' is no character of a key.
constexpr std::string_view kUnfinishedSuffix = "~.tmp";

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

ObjectEntry entry_of(std::string key, const struct stat& status) {
  return {std::move(key), static_cast<uint64_t>(status.st_size),
          status.st_mtim.tv_sec * kSecond + status.st_mtim.tv_nsec};
}

/// The bytes of an object before it has its name. Removed unless it was published.
class UnfinishedObject {
 public:
  static Result<UnfinishedObject> create(std::string path, Runtime& runtime) {
    const auto id = RandomId<UnfinishedObject>::draw(runtime);
    std::string temporary = directory_of(path) + "/" + id.hex() + std::string(kUnfinishedSuffix);
    Descriptor file = TRY(open_path(temporary, O_WRONLY | O_CREAT | O_EXCL));
    return UnfinishedObject(std::move(path), std::move(temporary), std::move(file));
  }
  UnfinishedObject(UnfinishedObject&& other) noexcept
      : path_(std::move(other.path_)),
        temporary_(std::exchange(other.temporary_, {})),
        file_(std::move(other.file_)),
        bytes_(other.bytes_) {}
  ~UnfinishedObject() {
    // Nothing reads the file, so a failure here costs space only.
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }

  Status append(ByteView bytes) {
    TRY(write_all(file_, bytes_, bytes, temporary_));
    bytes_ += bytes.size();
    return ok();
  }
  /// Names the object unless the name is taken (kExists); durable on return, either way.
  Status publish_if_absent();
  /// Names the object in place of what bears the name; durable on return.
  Status publish();

 private:
  UnfinishedObject(std::string path, std::string temporary, Descriptor file)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}

  std::string path_;
  std::string temporary_;
  Descriptor file_;
  uint64_t bytes_ = 0;
};

Status UnfinishedObject::publish_if_absent() {
  TRY(sync_file(file_, temporary_));
  const int error = ::link(temporary_.c_str(), path_.c_str()) == 0 ? 0 : errno;
  if (error != 0 && error != EEXIST) return system_error(error, "name", path_);
  if (::unlink(temporary_.c_str()) != 0) return system_error(errno, "remove", temporary_);
  temporary_.clear();
  // Also for the loser: the winner may have died between its link and its sync.
  TRY(sync_directory(directory_of(path_)));
  if (error != 0) return Error(Code::kExists, "the object exists", path_);
  return ok();
}

Status UnfinishedObject::publish() {
  TRY(sync_file(file_, temporary_));
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return system_error(errno, "name", path_);
  temporary_.clear();
  return sync_directory(directory_of(path_));
}

/// Ends with its object: published, aborted, or given up by the first failed write.
class FileUpload final : public Upload {
 public:
  explicit FileUpload(UnfinishedObject object) { object_.emplace(std::move(object)); }

  Status write(ByteView bytes) override {
    if (!object_) return ended();
    Status written = object_->append(bytes);
    if (!written.ok()) object_.reset();
    return written;
  }
  Status finish() override {
    if (!object_) return ended();
    Status published = object_->publish_if_absent();
    object_.reset();
    return published;
  }
  void abort() override { object_.reset(); }

 private:
  static Error ended() { return Error(Code::kInvalid, Reason::kClosed, "the upload has ended"); }
  std::optional<UnfinishedObject> object_;
};

class DirBucket final : public Bucket {
 public:
  DirBucket(std::string root, Runtime& runtime) : root_(std::move(root)), runtime_(runtime) {}

  Status put_if_absent(std::string_view key, ByteView bytes) override {
    UnfinishedObject object = TRY(begin(key));
    TRY(object.append(bytes));
    return object.publish_if_absent();
  }
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override {
    return std::make_unique<FileUpload>(TRY(begin(key)));
  }
  Status put(std::string_view key, ByteView bytes) override {
    UnfinishedObject object = TRY(begin(key));
    TRY(object.append(bytes));
    return object.publish();
  }
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override;
  Result<ObjectEntry> head(std::string_view key) override;
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override;
  Status remove(std::string_view key) override;
  std::string uri(std::string_view key) const override { return root_ + "/" + std::string(key); }

 private:
  Result<std::string> path_of(std::string_view key) const;
  Result<UnfinishedObject> begin(std::string_view key);
  Status make_directories(std::string_view key);
  Status list_directory(const std::string& directory, std::string_view name_prefix,
                        std::vector<ObjectEntry>& found) const;

  const std::string root_;
  Runtime& runtime_;
  std::mutex mutex_;
  std::set<std::string, std::less<>> known_directories_;  ///< exist, durably
};

Result<std::string> DirBucket::path_of(std::string_view key) const {
  if (!is_key(key)) return key_error(key);
  return uri(key);
}

Result<UnfinishedObject> DirBucket::begin(std::string_view key) {
  std::string path = TRY(path_of(key));
  TRY(make_directories(key));
  return UnfinishedObject::create(std::move(path), runtime_);
}

// A known directory has known parents, so a put into one costs a look into the set.
Status DirBucket::make_directories(std::string_view key) {
  const size_t last = key.rfind('/');
  if (last == std::string_view::npos) return ok();
  const std::lock_guard lock(mutex_);
  if (known_directories_.contains(key.substr(0, last))) return ok();
  for (size_t end = key.find('/'); end != std::string_view::npos; end = key.find('/', end + 1)) {
    const std::string_view directory = key.substr(0, end);
    if (known_directories_.contains(directory)) continue;
    TRY(make_directory(uri(directory)));
    known_directories_.emplace(directory);
  }
  return ok();
}

Result<size_t> DirBucket::get_range(std::string_view key, uint64_t offset,
                                    std::span<std::byte> out) {
  const std::string path = TRY(path_of(key));
  const Descriptor file = TRY(open_path(path, O_RDONLY));
  return read_all(file, offset, out, path);
}

Result<ObjectEntry> DirBucket::head(std::string_view key) {
  const std::string path = TRY(path_of(key));
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return system_error(errno, "open", path);
  if (!S_ISREG(status.st_mode)) return system_error(EISDIR, "open", path);
  return entry_of(std::string(key), status);
}

Result<std::vector<ObjectEntry>> DirBucket::list(std::string_view prefix) {
  if (!is_key_prefix(prefix)) {
    return Error(Code::kInvalid, "no key begins like this", std::string(prefix));
  }
  const size_t name_at = prefix.rfind('/') + 1;  // 0 if there is none
  std::vector<ObjectEntry> found;
  TRY(list_directory(std::string(prefix.substr(0, name_at)), prefix.substr(name_at), found));
  std::sort(found.begin(), found.end(),
            [](const ObjectEntry& a, const ObjectEntry& b) { return a.key < b.key; });
  return found;
}

/// Adds the objects below `directory` ("" or "a/b/") whose path goes on with `name_prefix`. What
/// vanishes meanwhile is left out. The depth is bounded by the length of a key.
Status DirBucket::list_directory(const std::string& directory, std::string_view name_prefix,
                                 std::vector<ObjectEntry>& found) const {
  auto names = directory_names(uri(directory));
  if (!names.ok()) {
    const bool vanished = names.error().code() == Code::kNotFound && !directory.empty();
    return vanished ? ok() : Status(names.error());
  }
  for (const std::string& name : *names) {
    std::string key = directory + name;
    if (!name.starts_with(name_prefix) || !is_key(key)) continue;
    const std::string path = uri(key);
    struct stat status;
    if (::stat(path.c_str(), &status) != 0) {
      if (errno == ENOENT) continue;
      return system_error(errno, "look at", path);
    }
    if (S_ISDIR(status.st_mode)) TRY(list_directory(key + "/", "", found));
    if (S_ISREG(status.st_mode)) found.push_back(entry_of(std::move(key), status));
  }
  return ok();
}

Status DirBucket::remove(std::string_view key) {
  const std::string path = TRY(path_of(key));
  if (::unlink(path.c_str()) != 0) {
    const Error error = system_error(errno, "remove", path);
    if (error.code() != Code::kNotFound) return error;
  }
  // Also if there was no object: whoever removed it may have died before its sync.
  const Status synced = sync_directory(directory_of(path));
  const bool directory_absent = !synced.ok() && synced.error().code() == Code::kNotFound;
  return directory_absent ? ok() : synced;
}

}  // namespace

Result<std::unique_ptr<Bucket>> open_dir_bucket(std::string root, Runtime& runtime) {
  return std::make_unique<DirBucket>(TRY(absolute_directory(root)), runtime);
}

bool is_unfinished_object(std::string_view file_name) {
  return file_name.ends_with(kUnfinishedSuffix);
}

}  // namespace sluice::io
