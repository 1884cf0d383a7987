// A Disk on a directory of a POSIX file system.
//
// Durability rests on fdatasync for files and fsync for the directory, also where files are written
// directly: the device has a cache of its own. kReadDevice uses O_DIRECT; where the file system
// refuses it, the file is synced and dropped from the page cache first. Locks, of names and of
// files, are flock(2): they hold between processes and between two opens within one process. list()
// leaves out files whose names no other function would accept.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "sluice/io.h"

namespace sluice::io {

struct PosixDiskOptions {
  /// Files are written past the page cache, and nobody else writes them meanwhile. What the file
  /// system refuses to do so goes through the cache.
  bool direct_writes = false;
  /// Counts the files of which that was refused; may be null.
  std::shared_ptr<std::atomic<uint64_t>> refusals{};
};

/// The directory exists; it may be read-only as long as nothing is written. kNotFound if it does
/// not, kInvalid if it is something else.
Result<std::unique_ptr<Disk>> open_posix_disk(std::string directory, PosixDiskOptions options = {});

/// A regular file anywhere, only to be read. kNotFound; kInvalid: it is something else.
Result<std::unique_ptr<File>> open_posix_file(std::string path);

}  // namespace sluice::io
