// Platform: the three seams, passed once.
#pragma once

#include <memory>
#include <string>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice {

/// Everything the engine needs from outside; none may be null. The owner keeps the three alive
/// longer than engines and snapshots over them.
struct Platform {
  Runtime* runtime = nullptr;
  Disk* disk = nullptr;      ///< the log's directory
  Bucket* bucket = nullptr;  ///< the tables
};

/// A Platform that owns its parts. Destroy it after every engine and snapshot.
class OwnedPlatform {
 public:
  virtual ~OwnedPlatform() = default;
  virtual Platform platform() = 0;
};

enum class DirectoryUse : uint8_t {
  kCreate,    ///< make the directory if it is absent or empty; refuse a directory that is not ours
  kExisting,  ///< kNotFound if there is none
};

/// Threads, POSIX files and a directory bucket under `data_dir`: `log/` for the log, `tables/` for
/// the tables, `FORMAT` to know the directory by. kInvalid: the directory holds something else.
/// kUnsupported: a newer format.
Result<std::unique_ptr<OwnedPlatform>> open_local_platform(const std::string& data_dir,
                                                           DirectoryUse use);

/// A regular file of this machine, only to be read; name it as the shell does. kNotFound, kIo.
Result<std::unique_ptr<File>> open_local_file(const std::string& path);

struct FormatVersions {
  uint64_t directory = 0;
  uint64_t log = 0;
  uint64_t table = 0;
};
/// The newest that this program reads and writes.
FormatVersions format_versions();

}  // namespace sluice
