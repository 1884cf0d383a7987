// DirectFile: a file that is read and written past the page cache (O_DIRECT).
//
// Memory, offset and length of a direct transfer are whole blocks. What is asked for otherwise
// passes through a buffer, and a write that begins or ends inside a block writes the whole block:
// the rest of it is what this file wrote or read there last, or is read first. So nobody else
// writes to the file meanwhile.
//
// What the file system refuses to do directly goes through the page cache from then on.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/aligned_buffer.h"
#include "io/posix.h"
#include "io/posix_file.h"
#include "sluice/io.h"

namespace sluice::io {

/// The system's part, so that a test can play it. Both as the calls below: errno says why not.
struct DirectCalls {
  /// pwrite(2).
  std::function<ssize_t(int fd, const void* bytes, size_t count, off_t offset)> write;
  /// Sets or clears O_DIRECT; -1: refused.
  std::function<int(int fd, bool direct)> set_direct;
};
DirectCalls system_calls();

class DirectFile final : public PosixFile {
 public:
  /// The file is open for reading, and for writing if it is to be written. `on_refusal` is called
  /// at most once, when the file system turns out to refuse.
  DirectFile(Descriptor file, std::string path, DirectCalls calls,
             std::function<void()> on_refusal);

  Status pwrite_at(uint64_t offset, ByteView bytes) override;
  Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override;
  Status truncate(uint64_t bytes) override;
  bool is_direct() const { return is_direct_; }

 private:
  static constexpr size_t kBlockBytes = AlignedBuffer::kAlignment;
  static constexpr size_t kKeptBytes = 2 * kBlockBytes;

  Result<size_t> read_directly(uint64_t offset, std::span<std::byte> out);
  Result<size_t> read_blocks(uint64_t offset, std::span<std::byte> blocks);
  Status write_through_buffer(uint64_t offset, ByteView bytes);
  Status write_blocks(uint64_t offset, ByteView blocks);
  Result<ByteView> old_block(uint64_t offset);
  void refuse();

  const DirectCalls calls_;
  const std::function<void()> on_refusal_;
  bool is_direct_ = true;
  AlignedBuffer reading_;  ///< of the transfer under way
  AlignedBuffer writing_;
  /// The file's last blocks that passed here: where a log goes on.
  AlignedBuffer kept_;
  uint64_t kept_offset_ = 0;
};

}  // namespace sluice::io
