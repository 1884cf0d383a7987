// Platform: the three seams, passed once.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/runtime.h"
#include "sluice/s3.h"

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

/// The same with the tables in an S3-compatible bucket: only the log is in `data_dir`, and the file
/// `BUCKET`, which remembers the place. When the directory is made, the bucket must exist and is
/// tried: kUnsupported if it does not refuse a second conditional put. Later nothing is sent before
/// it is needed. kInvalid: the directory keeps its tables elsewhere, or the options cannot be.
///
/// Requests that may be repeated are repeated when the store is busy or silent (S3Options).
Result<std::unique_ptr<OwnedPlatform>> open_s3_platform(const std::string& data_dir,
                                                        DirectoryUse use, const S3Options& options);

/// Where the tables of a data directory are; nothing: in the directory itself. kNotFound: there is
/// no data directory yet. kCorrupt: its file `BUCKET` is damaged.
Result<std::optional<S3Place>> tables_place(const std::string& data_dir);

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
