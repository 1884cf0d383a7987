#include "cli/watched_directory.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <unordered_set>
#include <utility>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

constexpr Nanos kLookAgainAfter = kSecond;
constexpr int64_t kSettledAfter = 2 * kSecond;
constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE |
                             IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK;

int64_t nanos_of(const timespec& time) {
  return time.tv_sec * kSecond + time.tv_nsec;
}

/// By the clock of the files' stamps.
int64_t file_clock() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return nanos_of(now);
}

/// Made by link or symlink: nobody will close it.
bool is_link(const std::string& path) {
  struct stat status = {};
  return lstat(path.c_str(), &status) == 0 && (S_ISLNK(status.st_mode) || status.st_nlink > 1);
}

}  // namespace

Result<std::unique_ptr<WatchedDirectory>> WatchedDirectory::open(std::string top, OwnPaths own,
                                                                 WatchBy by,
                                                                 const Interrupt& interrupt) {
  std::error_code error;
  if (!fs::is_directory(top, error)) {
    return Error(Code::kNotFound, "there is no such directory to watch", top);
  }
  std::unique_ptr<WatchedDirectory> watched(
      new WatchedDirectory(std::move(top), std::move(own), interrupt));
  if (by == WatchBy::kAuto) watched->events_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (!watched->is_polling()) watched->watch_below(watched->top_);
  TRY(watched->scan(watched->top_));
  return watched;
}

WatchedDirectory::~WatchedDirectory() {
  stop_events();
}

/// From here on it polls.
void WatchedDirectory::stop_events() {
  if (events_ >= 0) close(events_);
  events_ = -1;
}

// A watch is set before its directory is looked at: what comes in between is met twice, never
// missed.
void WatchedDirectory::watch_below(const std::string& folder) {
  std::vector<std::string> waiting = {folder};
  while (!waiting.empty() && !is_polling()) {
    const std::string at = std::move(waiting.back());
    waiting.pop_back();
    const int watch = inotify_add_watch(events_, at.c_str(), kEvents);
    if (watch < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) continue;
    if (watch < 0) return stop_events();  // no watch is left, or no memory
    folders_[watch] = at;
    const std::vector<std::string> below = folders_in(at, own_);
    waiting.insert(waiting.end(), below.begin(), below.end());
  }
}

WatchedDirectory::Stamp WatchedDirectory::stamp_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, status.st_size, nanos_of(status.st_mtim),
          nanos_of(status.st_ctim)};
}

void WatchedDirectory::look_again(const std::string& path) {
  const auto given = given_.extract(path);
  if (!given.empty()) unsettled_[path] = given.mapped();
}

void WatchedDirectory::give(WatchedFile file, const Stamp& stamp) {
  const auto [known, is_new] = given_.try_emplace(file.path, stamp);
  if (!is_new && known->second == stamp) return;
  known->second = stamp;
  unsettled_.erase(file.path);
  ready_.push_back(std::move(file));
}

Status WatchedDirectory::scan(const std::string& folder) {
  const InputList list = list_inputs({folder}, own_);
  const bool is_all = folder == top_;
  if (is_all && !list.failures.empty() && list.failures.front().where() == top_) {
    return list.failures.front();
  }
  for (const std::string& path : list.paths) consider(path);
  if (is_all) forget_gone(list.paths);
  return ok();
}

void WatchedDirectory::forget_gone(const std::vector<std::string>& paths) {
  const std::unordered_set<std::string> there(paths.begin(), paths.end());
  const auto is_gone = [&](const auto& file) { return !there.contains(file.first); };
  std::erase_if(given_, is_gone);
  std::erase_if(unsettled_, is_gone);
}

void WatchedDirectory::consider(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    unsettled_.erase(path);
    return;
  }
  const Stamp stamp = stamp_of(status);
  if (const auto known = given_.find(path); known != given_.end() && known->second == stamp) return;
  const auto seen = unsettled_.find(path);
  const bool is_same = seen != unsettled_.end() && seen->second == stamp;
  const bool is_written = seen != unsettled_.end() && !is_same;
  const int64_t age = file_clock() - stamp.changed;
  unsettled_[path] = stamp;
  if (age > kSettledAfter || (is_same && age < 0)) {
    give({path, static_cast<uint64_t>(stamp.bytes)}, stamp);
  } else if (is_written && !is_polling()) {
    unsettled_.erase(path);  // its writer's close will be told
  }
}

Status WatchedDirectory::read_events() {
  alignas(inotify_event) char buffer[64u << 10];
  for (;;) {
    const ssize_t count = read(events_, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return ok();
    if (count <= 0)
      return Error(Code::kIo, std::string("cannot watch: ") + std::strerror(errno), top_);
    for (const char* at = buffer; at < buffer + count;) {
      const auto* event = reinterpret_cast<const inotify_event*>(at);
      TRY(take_event(event->wd, event->mask, event->len > 0 ? event->name : ""));
      at += sizeof(inotify_event) + event->len;
    }
    if (is_polling()) return ok();
  }
}

Status WatchedDirectory::take_event(int watch, uint32_t what, const std::string& name) {
  if ((what & IN_Q_OVERFLOW) != 0) {
    watch_below(top_);
    return scan(top_);
  }
  const auto folder = folders_.find(watch);
  if (folder == folders_.end()) return ok();
  if ((what & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0 && folder->second == top_) {
    return Error(Code::kNotFound, "the watched directory is gone", top_);
  }
  if ((what & IN_IGNORED) != 0) folders_.erase(folder);
  if (name.empty()) return ok();
  const std::string path = (fs::path(folder->second) / name).string();
  if ((what & IN_ISDIR) != 0) {
    if ((what & (IN_CREATE | IN_MOVED_TO)) == 0 || !is_input_folder(path, own_)) return ok();
    watch_below(path);
    return scan(path);
  }
  if ((what & (IN_DELETE | IN_MOVED_FROM)) != 0) given_.erase(path);
  struct stat status = {};
  const bool is_linked = (what & IN_CREATE) != 0 && is_link(path);
  const bool is_complete = is_linked || (what & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0;
  if (!is_complete || !is_input_file(path, own_) || stat(path.c_str(), &status) != 0) return ok();
  give({path}, stamp_of(status));
  return ok();
}

Result<std::vector<WatchedFile>> WatchedDirectory::next() {
  while (ready_.empty()) {
    if (interrupt_.requested()) return Error(Code::kCancelled, "stopped by a signal", top_);
    if (!is_polling() && unsettled_.empty()) {
      if (interrupt_.wait_readable(events_)) TRY(read_events());
      continue;
    }
    interrupt_.wait(kLookAgainAfter);
    if (is_polling()) {
      TRY(scan(top_));
    } else {
      TRY(read_events());
      const Stamps again = unsettled_;
      for (const auto& [path, stamp] : again) consider(path);
    }
  }
  return std::exchange(ready_, {});
}

}  // namespace sluice::cli
