#include "io/posix_file.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/aligned_buffer.h"

namespace sluice::io {
namespace {

/// Whole blocks of zeros, aligned for those who write directly.
ByteView zeros() {
  static const AlignedBuffer buffer = [] {
    AlignedBuffer made;
    made.resize(256 << 10);
    return made;
  }();
  return buffer.bytes();
}

}  // namespace

Status PosixFile::truncate(uint64_t bytes) {
  const auto cut = [&] { return ::ftruncate(file_.get(), static_cast<off_t>(bytes)); };
  if (uninterrupted(cut) != 0) return system_error(errno, "cut", path_);
  return ok();
}

Status PosixFile::allocate(uint64_t offset, uint64_t bytes) {
  while (bytes > 0) {
    const uint64_t in_block = offset % AlignedBuffer::kAlignment;
    const uint64_t step =
        in_block > 0 ? AlignedBuffer::kAlignment - in_block : uint64_t{zeros().size()};
    const ByteView chunk = zeros().first(std::min(bytes, step));
    TRY(pwrite_at(offset, chunk));
    offset += chunk.size();
    bytes -= chunk.size();
  }
  return ok();
}

Result<uint64_t> PosixFile::size() {
  struct stat status;
  if (::fstat(file_.get(), &status) != 0) return system_error(errno, "look at", path_);
  return static_cast<uint64_t>(status.st_size);
}

Status PosixFile::lock() {
  const auto take = [&] { return ::flock(file_.get(), LOCK_EX | LOCK_NB); };
  if (uninterrupted(take) == 0) return ok();
  if (errno != EWOULDBLOCK) return system_error(errno, "lock", path_);
  return Error(Code::kBusy, Reason::kLocked,
               "another opening holds this file, perhaps by another name", path_);
}

}  // namespace sluice::io
