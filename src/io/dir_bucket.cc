#include "io/dir_bucket.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "base/ids.h"
#include "io/names.h"
#include "io/posix.h"
#include "io/together.h"

namespace sluice::io {
namespace {

// '~' is no character of a key.
constexpr std::string_view kUnfinishedSuffix = "~.tmp";

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

/// A name that begin() gives: a key, but for its end.
bool is_unfinished(std::string_view name) {
  if (!name.ends_with(kUnfinishedSuffix)) return false;
  name.remove_suffix(kUnfinishedSuffix.size());
  return is_key(name);
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
  void start_writing() const { io::start_writing(file_); }
  Status sync() { return sync_file(file_, temporary_); }
  /// Names the object, whose bytes are synced, unless the name is taken (kExists). The name is
  /// durable, either way, once its directory() is synced.
  Status name_if_absent();
  /// Names the object, whose bytes are synced, unless the name is taken (kExists); durable on
  /// return, either way.
  Status publish_if_absent();
  /// Names the object, whose bytes are synced, in place of what bears the name.
  Status replace();
  std::string directory() const { return directory_of(path_); }

 private:
  UnfinishedObject(std::string path, std::string temporary, Descriptor file)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}

  std::string path_;
  std::string temporary_;
  Descriptor file_;
  uint64_t bytes_ = 0;
};

Status UnfinishedObject::name_if_absent() {
  const int error = ::link(temporary_.c_str(), path_.c_str()) == 0 ? 0 : errno;
  if (error != 0 && error != EEXIST) return system_error(error, "name", path_);
  if (::unlink(temporary_.c_str()) != 0) return system_error(errno, "remove", temporary_);
  temporary_.clear();
  return error == 0 ? ok() : Status(Error(Code::kExists, "the object exists", path_));
}

Status UnfinishedObject::publish_if_absent() {
  Status named = name_if_absent();
  if (!named.ok() && named.error().code() != Code::kExists) return named;
  // Also for the loser: the winner may have died between its link and its sync.
  TRY(sync_directory(directory()));
  return named;
}

// The bytes are synced, or a power cut could leave the name without them. The name is not: a hint
// that is a little older is a hint still, and the next sync of its directory keeps it.
Status UnfinishedObject::replace() {
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return system_error(errno, "name", path_);
  temporary_.clear();
  return ok();
}

/// An object of put_all(): under its name from the start, for nobody knows that name before the
/// call has ended. What an earlier try left there is the same, or some of it.
class OwnObject {
 public:
  static Result<OwnObject> create(std::string path) {
    Descriptor file = TRY(open_path(path, O_WRONLY | O_CREAT));
    return OwnObject(std::move(path), std::move(file));
  }
  Status write(ByteView bytes) {
    TRY(write_all(file_, 0, bytes, path_));
    start_writing(file_);
    return ok();
  }
  Status sync() { return sync_file(file_, path_); }
  std::string directory() const { return directory_of(path_); }

 private:
  OwnObject(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  Descriptor file_;
};

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
    Status published = object_->sync();
    if (published.ok()) published = object_->publish_if_absent();
    object_.reset();
    return published;
  }
  void abort() override { object_.reset(); }

 private:
  static Error ended() { return Error(Code::kInvalid, Reason::kClosed, "the upload has ended"); }
  std::optional<UnfinishedObject> object_;
};

/// Its bytes are synced.
class StagedFile final : public StagedObject {
 public:
  explicit StagedFile(UnfinishedObject object) : object_(std::move(object)) {}
  Status put_if_absent() override { return object_.publish_if_absent(); }
  Status put() override { return object_.replace(); }

 private:
  UnfinishedObject object_;
};

using StagedObjects = std::vector<std::unique_ptr<StagedObject>>;

class DirBucket final : public Bucket {
 public:
  DirBucket(std::string root, Runtime& runtime) : root_(std::move(root)), runtime_(runtime) {}

  Status put_if_absent(std::string_view key, ByteView bytes) override {
    UnfinishedObject object = TRY(begin(key));
    TRY(object.append(bytes));
    TRY(object.sync());
    return object.publish_if_absent();
  }
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override {
    return std::make_unique<FileUpload>(TRY(begin(key)));
  }
  Status put_all(std::span<const ObjectBytes> objects) override;
  Result<StagedObjects> put_all_and_stage(std::span<const ObjectBytes> objects,
                                          std::span<const ObjectBytes> next) override;
  Status put(std::string_view key, ByteView bytes) override {
    UnfinishedObject object = TRY(begin(key));
    TRY(object.append(bytes));
    TRY(object.sync());
    return object.replace();
  }
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override;
  Result<ObjectEntry> head(std::string_view key) override;
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override;
  Result<std::vector<std::string>> list_keys(std::string_view prefix) override;
  Status remove(std::string_view key) override;
  Status remove_all(std::span<const std::string> keys) override;
  Result<std::vector<ObjectEntry>> list_unfinished(std::string_view place) override;
  Status remove_unfinished(std::string_view name) override;
  std::string uri(std::string_view key) const override { return root_ + "/" + std::string(key); }

 private:
  Result<std::string> path_of(std::string_view key) const;
  Result<UnfinishedObject> begin(std::string_view key);
  Status make_directories(std::string_view key);
  Result<StagedObjects> put_some(std::span<const ObjectBytes> objects,
                                 std::span<const ObjectBytes> next);
  using Visit = std::function<Status(std::string key)>;
  Status walk(std::string_view prefix, const Visit& visit) const;
  using Wanted = bool (*)(std::string_view name);
  Status walk_names(const std::string& directory, std::string_view start, Wanted wanted,
                    const Visit& visit) const;
  Result<std::optional<struct stat>> status_of(const std::string& key) const;

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

Status DirBucket::put_all(std::span<const ObjectBytes> objects) {
  TRY(put_all_and_stage(objects, {}));
  return ok();
}

// Few at a time: each holds a descriptor.
Result<StagedObjects> DirBucket::put_all_and_stage(std::span<const ObjectBytes> objects,
                                                   std::span<const ObjectBytes> next) {
  constexpr size_t kOpenMax = 64;
  while (objects.size() > kOpenMax) {
    TRY(put_some(objects.first(kOpenMax), {}));
    objects = objects.subspan(kOpenMax);
  }
  return put_some(objects, next);
}

// Nobody names the objects before the answer, so they bear their names before they are durable, and
// all syncs, of files and of directories, run at once: the file system makes one transaction of it,
// the device one flush or two. What a crash leaves under a name may be torn: each carries a
// checksum, and a new try has other names.
Result<StagedObjects> DirBucket::put_some(std::span<const ObjectBytes> objects,
                                          std::span<const ObjectBytes> next) {
  std::vector<OwnObject> own;
  std::set<std::string> directories;
  for (const ObjectBytes& object : objects) {
    std::string path = TRY(path_of(object.key));
    TRY(make_directories(object.key));
    own.push_back(TRY(OwnObject::create(std::move(path))));
    TRY(own.back().write(object.bytes));
    directories.insert(own.back().directory());
  }
  std::vector<UnfinishedObject> unfinished;
  for (const ObjectBytes& object : next) {
    unfinished.push_back(TRY(begin(object.key)));
    TRY(unfinished.back().append(object.bytes));
    unfinished.back().start_writing();
  }
  std::vector<std::function<Status()>> syncs;
  for (OwnObject& object : own) syncs.push_back([&object] { return object.sync(); });
  for (UnfinishedObject& object : unfinished) syncs.push_back([&object] { return object.sync(); });
  for (const std::string& directory : directories) {
    syncs.push_back([&directory] { return sync_directory(directory); });
  }
  TRY(run_together(runtime_, syncs));
  StagedObjects staged;
  for (UnfinishedObject& object : unfinished) {
    staged.push_back(std::make_unique<StagedFile>(std::move(object)));
  }
  return staged;
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
  std::vector<ObjectEntry> found;
  const Visit look_at = [&](std::string key) -> Status {
    const auto status = TRY(status_of(key));
    if (status && S_ISREG(status->st_mode)) found.push_back(entry_of(std::move(key), *status));
    return ok();
  };
  TRY(walk(prefix, look_at));
  std::sort(found.begin(), found.end(),
            [](const ObjectEntry& a, const ObjectEntry& b) { return a.key < b.key; });
  return found;
}

Result<std::vector<std::string>> DirBucket::list_keys(std::string_view prefix) {
  std::vector<std::string> found;
  TRY(walk(prefix, [&](std::string key) -> Status {
    found.push_back(std::move(key));
    return ok();
  }));
  std::sort(found.begin(), found.end());
  return found;
}

Status DirBucket::walk(std::string_view prefix, const Visit& visit) const {
  if (!is_key_prefix(prefix)) {
    return Error(Code::kInvalid, "no key begins like this", std::string(prefix));
  }
  const size_t name_at = prefix.rfind('/') + 1;  // 0 if there is none
  return walk_names(std::string(prefix.substr(0, name_at)), prefix.substr(name_at), is_key, visit);
}

/// Shows the wanted files below `directory` ("" or "a/b/") whose path goes on with `start`. What
/// vanishes meanwhile is left out. The depth is bounded by the length of a key.
Status DirBucket::walk_names(const std::string& directory, std::string_view start, Wanted wanted,
                             const Visit& visit) const {
  auto names = names_in(uri(directory), start);
  if (!names.ok()) {
    const bool vanished = names.error().code() == Code::kNotFound && !directory.empty();
    return vanished ? ok() : Status(names.error());
  }
  for (DirectoryName& entry : *names) {
    std::string name = directory + entry.name;
    if (!is_key(name) && !wanted(name)) continue;
    if (entry.kind == NameKind::kAsk) {
      const auto status = TRY(status_of(name));
      if (!status) continue;
      if (S_ISREG(status->st_mode)) entry.kind = NameKind::kFile;
      if (S_ISDIR(status->st_mode)) entry.kind = NameKind::kDirectory;
    }
    if (entry.kind == NameKind::kDirectory && is_key(name)) {
      TRY(walk_names(name + "/", "", wanted, visit));
    }
    if (entry.kind == NameKind::kFile && wanted(name)) TRY(visit(std::move(name)));
  }
  return ok();
}

/// Nothing if it has vanished.
Result<std::optional<struct stat>> DirBucket::status_of(const std::string& key) const {
  struct stat status;
  const std::string path = uri(key);
  if (::stat(path.c_str(), &status) == 0) return std::optional(status);
  if (errno == ENOENT) return std::optional<struct stat>();
  return system_error(errno, "look at", path);
}

Status DirBucket::remove(std::string_view key) {
  const std::string text(key);
  return remove_all({&text, 1});
}

// A directory is synced once, and also if there was no object: whoever removed it may have died
// before its sync.
Status DirBucket::remove_all(std::span<const std::string> keys) {
  std::set<std::string> directories;
  for (const std::string& key : keys) {
    const std::string path = TRY(path_of(key));
    directories.insert(directory_of(path));
    if (::unlink(path.c_str()) == 0) continue;
    const Error error = system_error(errno, "remove", path);
    if (error.code() != Code::kNotFound) return error;
  }
  for (const std::string& directory : directories) {
    const Status synced = sync_directory(directory);
    if (!synced.ok() && synced.error().code() != Code::kNotFound) return synced;
  }
  return ok();
}

Result<std::vector<ObjectEntry>> DirBucket::list_unfinished(std::string_view place) {
  std::vector<ObjectEntry> found;
  const Visit look_at = [&](std::string name) -> Status {
    const auto status = TRY(status_of(name));
    if (status) found.push_back(entry_of(std::move(name), *status));
    return ok();
  };
  if (!place.ends_with('/')) return Error(Code::kInvalid, "no place", std::string(place));
  TRY(walk_names(std::string(place), "", is_unfinished, look_at));
  return found;
}

// A power cut may bring the file back: the next sweep finds it again.
Status DirBucket::remove_unfinished(std::string_view name) {
  if (!is_unfinished(name)) return Error(Code::kInvalid, "no unfinished object", std::string(name));
  const std::string path = uri(name);
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return ok();
  return system_error(errno, "remove", path);
}

}  // namespace

Result<std::unique_ptr<Bucket>> open_dir_bucket(std::string root, Runtime& runtime) {
  return std::make_unique<DirBucket>(TRY(absolute_directory(root)), runtime);
}

bool is_unfinished_object(std::string_view file_name) {
  return is_unfinished(file_name);
}

}  // namespace sluice::io
