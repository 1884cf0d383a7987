#include "wal/quarantine.h"

#include <algorithm>

#include "wal/segments.h"

namespace sluice::wal {
namespace {

constexpr uint64_t kCopyBytes = 1 << 20;

Status copy_tail(File& from, File& to, const TornTail& tail) {
  std::vector<std::byte> buffer(std::min(kCopyBytes, tail.bytes));
  for (uint64_t done_bytes = 0; done_bytes < tail.bytes;) {
    const uint64_t step_bytes = std::min<uint64_t>(buffer.size(), tail.bytes - done_bytes);
    const std::span<std::byte> step = std::span(buffer).first(step_bytes);
    const size_t got_bytes = TRY(from.read_at(tail.offset + done_bytes, step));
    if (got_bytes == 0) return Error(Code::kIo, "the torn tail became shorter while it was copied");
    TRY(to.pwrite_at(done_bytes, step.first(got_bytes)));
    done_bytes += got_bytes;
  }
  return ok();
}

}  // namespace

Status quarantine(Disk& disk, const TornTail& tail) {
  TRY(remove_if_present(disk, tail.made_as));
  const std::unique_ptr<File> from = TRY(disk.open(tail.file, OpenMode::kReadDevice));
  const std::unique_ptr<File> to = TRY(disk.create(tail.made_as));
  TRY(copy_tail(*from, *to, tail));
  TRY(to->sync());
  TRY(disk.rename(tail.made_as, tail.kept_in));
  return disk.sync_dir();
}

}  // namespace sluice::wal
