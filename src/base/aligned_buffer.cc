#include "base/aligned_buffer.h"

#include <sys/mman.h>

#include <algorithm>

namespace sluice {

void AlignedBuffer::reserve(size_t bytes) {
  constexpr size_t kHugePageBytes = 2 << 20;
  const size_t wanted = std::max(bytes, 2 * capacity_);
  const size_t alignment = wanted > kSmallBytes ? kHugePageBytes : kAlignment;
  const size_t capacity = align_up(wanted, alignment);
  std::unique_ptr<std::byte[], Free> memory(
      static_cast<std::byte*>(::operator new[](capacity, std::align_val_t{alignment})),
      Free(alignment));
  // Refused, it is slower and no less right.
  if (alignment == kHugePageBytes)
    static_cast<void>(::madvise(memory.get(), capacity, MADV_HUGEPAGE));
  if (size_ > 0) std::memcpy(memory.get(), memory_.get(), size_);
  memory_ = std::move(memory);
  capacity_ = capacity;
}

}  // namespace sluice
