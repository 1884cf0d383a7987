// InputFile: a file, a pipe or standard input as a source's bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cli/interrupt.h"
#include "source/source.h"

namespace sluice::cli {

/// read() gives kCancelled once the user asked to stop.
class InputFile final : public source::Input {
 public:
  /// "-" is standard input. `interrupt` outlives the file.
  static Result<std::unique_ptr<InputFile>> open(const std::string& path,
                                                 const Interrupt& interrupt);
  ~InputFile() override;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Of a regular file: its size when it was opened. What is appended later is not read.
  std::optional<uint64_t> size_bytes() const { return size_bytes_; }
  /// Regular files only: the next read() begins at `offset`.
  void seek(uint64_t offset) { offset_ = offset; }
  Result<size_t> read(std::span<std::byte> into) override;

 private:
  InputFile(std::string path, int file, const Interrupt& interrupt)
      : path_(std::move(path)), file_(file), interrupt_(interrupt) {}
  Error failure(const char* what) const;

  const std::string path_;
  const int file_;
  const Interrupt& interrupt_;
  std::optional<uint64_t> size_bytes_;
  uint64_t offset_ = 0;
};

}  // namespace sluice::cli
