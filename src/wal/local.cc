// Logs on paths of this machine: the one file of this folder that names the real disk.
#include <memory>
#include <string>
#include <utility>

#include "io/posix_disk.h"
#include "io/thread_runtime.h"
#include "sluice/wal_file.h"
#include "wal/single_file.h"

namespace sluice {
namespace {

/// A directory of this machine and a file's name in it.
struct Place {
  std::unique_ptr<Runtime> runtime = io::make_thread_runtime();
  std::unique_ptr<Disk> disk;
  std::string name;
};

Result<std::shared_ptr<Place>> place_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  auto place = std::make_shared<Place>();
  place->name = slash == std::string::npos ? path : path.substr(slash + 1);
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  place->disk = TRY(io::open_posix_disk(directory));
  return place;
}

Result<std::unique_ptr<wal::SingleFile>> open_single(const std::string& path,
                                                     wal::SingleFileOptions options) {
  const std::shared_ptr<Place> place = TRY(place_of(path));
  std::unique_ptr<wal::SingleFile> file =
      TRY(wal::SingleFile::open(*place->runtime, *place->disk, place->name, std::move(options)));
  file->keep(place);
  return file;
}

}  // namespace

Result<WalWriter> WalWriter::open(const std::string& path) {
  return open(path, {.repair = RepairPolicy::kTruncatePartial});
}

Result<WalWriter> WalWriter::open(const std::string& path, WalFileOptions options) {
  return WalWriter(TRY(open_single(path, {std::move(options), Numbering::kLog})));
}

Result<WalWriter> WalWriter::create(const std::string& path, Lsn start_lsn,
                                    WalFileOptions options) {
  const std::shared_ptr<Place> place = TRY(place_of(path));
  WalWriter writer =
      TRY(create(*place->runtime, *place->disk, place->name, start_lsn, std::move(options)));
  writer.file_->keep(place);
  return writer;
}

Result<WalFsWriter> WalFsWriter::open(const std::string& path, RepairPolicy policy) {
  return open(path, WalFsOptions{.file = {.repair = policy}});
}

Result<WalFsWriter> WalFsWriter::open(const std::string& path, WalFsOptions options) {
  const Numbering numbering =
      options.rule == SequenceRule::kAny ? Numbering::kAny : Numbering::kRising;
  return WalFsWriter(TRY(open_single(path, {std::move(options.file), numbering})));
}

}  // namespace sluice
