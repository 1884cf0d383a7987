// ChunkStream: the bytes of one column chunk, read ahead in pieces.
#pragma once

#include <cstdint>
#include <string>

#include "part/encoding/plain.h"
#include "sluice/io.h"

namespace sluice::part {

/// kCorrupt at an offset of an object.
Error corrupt(const std::string& key, uint64_t offset, std::string message);
Error unsupported(const std::string& key, uint64_t offset, std::string message);

/// A range of an object's bytes.
struct Extent {
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

class ChunkStream {
 public:
  /// The bucket and the key outlive the stream. `ahead_bytes` are read at a time, or as many as are
  /// asked for.
  ChunkStream(Bucket& bucket, const std::string& key, Extent extent,
              uint64_t ahead_bytes = kPieceBytes)
      : bucket_(bucket),
        key_(key),
        next_(extent.offset),
        end_(extent.offset + extent.bytes),
        ahead_bytes_(ahead_bytes) {}

  /// The next `bytes` bytes, at most remaining(); valid until the next call. kCorrupt: the object
  /// ends before.
  Result<ByteView> peek(uint64_t bytes);
  void consume(uint64_t bytes);

  /// Of the next byte, in the object.
  uint64_t offset() const { return next_ - (buffer_.size() - begin_); }
  uint64_t remaining() const { return end_ - offset(); }
  const std::string& key() const { return key_; }

 private:
  static constexpr uint64_t kPieceBytes = 256u << 10;

  Bucket& bucket_;
  const std::string& key_;
  uint64_t next_;  // offset of the first byte that is not read
  uint64_t end_;
  uint64_t ahead_bytes_;
  Bytes buffer_;
  size_t begin_ = 0;  // of what is read and not consumed
};

}  // namespace sluice::part
