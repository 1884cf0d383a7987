// PosixFile: a file that is read and written through the page cache.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "io/posix.h"
#include "sluice/io.h"

namespace sluice::io {

class PosixFile : public File {
 public:
  PosixFile(Descriptor file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  Status pwrite_at(uint64_t offset, ByteView bytes) override {
    return write_all(file_, offset, bytes, path_);
  }
  Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override {
    return read_all(file_, offset, out, path_);
  }
  Status sync() override { return sync_file(file_, path_); }
  Status truncate(uint64_t bytes) override;
  Status allocate(uint64_t offset, uint64_t bytes) override;
  Result<uint64_t> size() override;
  Status lock() override;

 protected:
  const Descriptor file_;
  const std::string path_;
};

}  // namespace sluice::io
