#include "io/direct_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace sluice::io {
namespace {

constexpr size_t kBufferBytes = 256 << 10;
/// Writes one after the other that may end without a whole block written.
constexpr int kIdleWritesMax = 16;

size_t whole_blocks(size_t bytes) {
  return bytes / AlignedBuffer::kAlignment * AlignedBuffer::kAlignment;
}

bool is_aligned(const std::byte* address) {
  return reinterpret_cast<uintptr_t>(address) % AlignedBuffer::kAlignment == 0;
}

bool is_straight(uint64_t offset, ByteView bytes) {
  return offset % AlignedBuffer::kAlignment == 0 && bytes.size() >= AlignedBuffer::kAlignment &&
         is_aligned(bytes.data());
}

}  // namespace

DirectCalls system_calls() {
  const auto set_direct = [](int fd, bool direct) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0) return -1;
    return ::fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT);
  };
  return {.write = ::pwrite, .set_direct = set_direct};
}

DirectFile::DirectFile(Descriptor file, std::string path, DirectCalls calls,
                       std::function<void()> on_refusal)
    : PosixFile(std::move(file), std::move(path)),
      calls_(std::move(calls)),
      on_refusal_(std::move(on_refusal)) {
  // Some file systems take the flag and refuse the transfer.
  std::byte probe;
  const bool is_refused =
      calls_.set_direct(file_.get(), true) != 0 || !read_directly(0, {&probe, 1}).ok();
  if (is_refused) refuse();
}

void DirectFile::refuse() {
  is_direct_ = false;
  // Of a descriptor that was never direct there is nothing to clear.
  static_cast<void>(calls_.set_direct(file_.get(), false));
  if (on_refusal_) on_refusal_();
}

Result<size_t> DirectFile::read_at(uint64_t offset, std::span<std::byte> out) {
  return is_direct_ ? read_directly(offset, out) : PosixFile::read_at(offset, out);
}

/// Some of `blocks`; fewer also before the end.
Result<size_t> DirectFile::read_blocks(uint64_t offset, std::span<std::byte> blocks) {
  const ssize_t got = uninterrupted([&] {
    return ::pread(file_.get(), blocks.data(), blocks.size(), static_cast<off_t>(offset));
  });
  if (got < 0) return system_error(errno, "read", path_);
  return static_cast<size_t>(got);
}

// What is asked for in whole blocks goes straight to where it is wanted.
Result<size_t> DirectFile::read_directly(uint64_t offset, std::span<std::byte> out) {
  size_t done = 0;
  while (done < out.size()) {
    const uint64_t at = offset + done;
    const std::span<std::byte> rest = out.subspan(done);
    const size_t skip = at % kBlockBytes;
    size_t got = 0;
    if (is_straight(at, rest)) {
      got = TRY(read_blocks(at, rest.first(whole_blocks(rest.size()))));
    } else {
      reading_.resize(std::min(kBufferBytes, align_up(skip + rest.size(), kBlockBytes)));
      got = TRY(read_blocks(at - skip, reading_.writable()));
      const size_t useful = std::min(std::max(got, skip) - skip, rest.size());
      if (useful > 0) std::memcpy(rest.data(), reading_.bytes().data() + skip, useful);
    }
    if (got <= skip) {
      if (at < TRY(size())) return Error(Code::kIo, "the device ended a read early", path_);
      break;
    }
    done += std::min(got - skip, rest.size());
  }
  return done;
}

Status DirectFile::truncate(uint64_t bytes) {
  kept_.clear();
  return PosixFile::truncate(bytes);
}

Status DirectFile::pwrite_at(uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    if (!is_direct_) return PosixFile::pwrite_at(offset, bytes);
    size_t put = 0;
    if (is_straight(offset, bytes)) {
      put = whole_blocks(bytes.size());
      TRY(write_blocks(offset, bytes.first(put)));
    } else {
      put = std::min(bytes.size(), kBufferBytes - offset % kBlockBytes);
      TRY(write_through_buffer(offset, bytes.first(put)));
    }
    offset += put;
    bytes = bytes.subspan(put);
  }
  return ok();
}

/// Together with the rest of the blocks in which they begin and end.
Status DirectFile::write_through_buffer(uint64_t offset, ByteView bytes) {
  const size_t skip = offset % kBlockBytes;
  const uint64_t end = offset + bytes.size();
  const size_t in_last = end % kBlockBytes;
  const uint64_t file_end = in_last == 0 ? end : std::max(end, TRY(size()));
  writing_.clear();
  if (skip > 0) writing_.append(TRY(old_block(offset - skip)).first(skip));
  writing_.append(bytes);
  if (end < file_end) writing_.append(TRY(old_block(end - in_last)).subspan(in_last));
  const ByteView blocks = writing_.padded();
  TRY(write_blocks(offset - skip, blocks));
  const bool is_longer = offset - skip + blocks.size() > file_end;
  return in_last != 0 && is_longer ? PosixFile::truncate(file_end) : ok();
}

/// A whole block as the file has it, zeros behind the end. Valid until the next call.
Result<ByteView> DirectFile::old_block(uint64_t offset) {
  const bool is_kept =
      offset >= kept_offset_ && offset + kBlockBytes <= kept_offset_ + kept_.size();
  if (!is_kept) {
    kept_.clear();
    kept_.resize(kBlockBytes);
    const Result<size_t> got = read_directly(offset, kept_.writable());
    if (!got.ok()) kept_.clear();
    TRY(got);
    kept_offset_ = offset;
  }
  return kept_.bytes().subspan(offset - kept_offset_, kBlockBytes);
}

/// A write that ended inside a block is repeated from that block's start.
Status DirectFile::write_blocks(uint64_t offset, ByteView blocks) {
  kept_.clear();
  int idle_writes = 0;
  for (ByteView rest = blocks; !rest.empty();) {
    const uint64_t at = offset + (blocks.size() - rest.size());
    const ssize_t put = uninterrupted([&] {
      return calls_.write(file_.get(), rest.data(), rest.size(), static_cast<off_t>(at));
    });
    const int error = put < 0 ? errno : 0;
    if (error == EINVAL) {
      refuse();
      return PosixFile::pwrite_at(at, rest);
    }
    if (error != 0 && error != EAGAIN) return system_error(error, "write", name_of(file_, path_));
    const size_t whole = put > 0 ? whole_blocks(static_cast<size_t>(put)) : 0;
    idle_writes = whole > 0 ? 0 : idle_writes + 1;
    if (idle_writes > kIdleWritesMax) {
      return Error(Code::kIo, "the write made no progress", path_);
    }
    rest = rest.subspan(whole);
  }
  const ByteView last = blocks.last(std::min(blocks.size(), kKeptBytes));
  kept_.append(last);
  kept_offset_ = offset + blocks.size() - last.size();
  return ok();
}

}  // namespace sluice::io
