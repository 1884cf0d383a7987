// Platform: the three seams, passed once.
#pragma once

#include <memory>
#include <string>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice {

/// Everything the engine needs from outside. The owner keeps the three alive longer than the
/// engine.
struct Platform {
  Runtime* runtime = nullptr;
  Disk* disk = nullptr;      ///< the log's directory
  Bucket* bucket = nullptr;  ///< the tables
};

/// A Platform that owns its parts.
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

}  // namespace sluice
