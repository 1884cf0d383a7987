#include "part/chunk_stream.h"

#include <algorithm>

#include "base/check.h"

namespace sluice::part {

Error corrupt(const std::string& key, uint64_t offset, std::string message) {
  return Error({Code::kCorrupt, Reason::kDecodeFailure, std::move(message), key, 0, offset});
}

Error unsupported(const std::string& key, uint64_t offset, std::string message) {
  return Error({Code::kUnsupported, Reason::kNone, std::move(message), key, 0, offset});
}

Result<ByteView> ChunkStream::peek(uint64_t bytes) {
  CHECK(bytes <= remaining());
  if (buffer_.size() - begin_ < bytes) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<ptrdiff_t>(begin_));
    begin_ = 0;
  }
  while (buffer_.size() - begin_ < bytes) {
    const size_t start = buffer_.size();
    const uint64_t missing = std::min(bytes - (start - begin_), kPieceBytes);
    const uint64_t piece = std::min(end_ - next_, std::max(missing, ahead_bytes_));
    buffer_.resize(start + piece);
    const size_t got = TRY(bucket_.get_range(key_, next_, std::span(buffer_).subspan(start)));
    buffer_.resize(start + got);
    next_ += got;
    if (got < piece) return corrupt(key_, next_, "the object is shorter than it should be");
  }
  return ByteView(buffer_).subspan(begin_, bytes);
}

void ChunkStream::consume(uint64_t bytes) {
  CHECK(bytes <= buffer_.size() - begin_);
  begin_ += bytes;
}

}  // namespace sluice::part
