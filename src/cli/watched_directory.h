// WatchedDirectory: the files of a directory and of those below it, each when it is complete, for
// as long as the program runs.
//
// A file is given out when it was moved or linked in, or closed after it was written; one that was
// there before anybody looked, when it has settled: when it has not changed for two seconds. What
// is left out is what list_inputs() leaves out.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "cli/input_list.h"
#include "cli/interrupt.h"
#include "sluice/result.h"

namespace sluice::cli {

enum class WatchBy : uint8_t {
  kAuto,  ///< the kernel tells; where it cannot, as kPoll
  kPoll,  ///< look every second: network file systems tell nobody
};

struct WatchedFile {
  std::string path;
  uint64_t settled_bytes = 0;  ///< it has settled at this size; 0: it was closed, but may go on
};

/// Memory: the path of every file that is there. One thread.
class WatchedDirectory {
 public:
  /// kNotFound, kIo: it cannot be listed. `interrupt` outlives it.
  static Result<std::unique_ptr<WatchedDirectory>> open(std::string top, OwnPaths own, WatchBy by,
                                                        const Interrupt& interrupt);
  ~WatchedDirectory();
  WatchedDirectory(const WatchedDirectory&) = delete;
  WatchedDirectory& operator=(const WatchedDirectory&) = delete;

  /// Waits for files that are complete and were not given out since they changed. kCancelled: the
  /// user asked to stop. kNotFound: the directory is gone.
  Result<std::vector<WatchedFile>> next();
  /// Gives it out again when it has settled, or was closed again.
  void look_again(const std::string& path);
  bool is_polling() const { return events_ < 0; }

 private:
  /// Changes with the file's content, as far as a file system can tell.
  struct Stamp {
    dev_t device;
    ino_t inode;
    off_t bytes;
    int64_t modified;
    int64_t changed;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  using Stamps = std::unordered_map<std::string, Stamp>;

  WatchedDirectory(std::string top, OwnPaths own, const Interrupt& interrupt)
      : top_(std::move(top)), own_(std::move(own)), interrupt_(interrupt) {}
  static Stamp stamp_of(const struct stat& status);
  void watch_below(const std::string& folder);
  void stop_events();
  Status scan(const std::string& folder);
  void consider(const std::string& path);
  void forget_gone(const std::vector<std::string>& paths);
  Status read_events();
  Status take_event(int watch, uint32_t what, const std::string& name);
  void give(WatchedFile file, const Stamp& stamp);

  const std::string top_;
  const OwnPaths own_;
  const Interrupt& interrupt_;
  int events_ = -1;                     ///< inotify
  std::map<int, std::string> folders_;  ///< by watch
  Stamps given_;
  Stamps unsettled_;  ///< may be written still, and nobody tells: looked at again
  std::vector<WatchedFile> ready_;
};

}  // namespace sluice::cli
