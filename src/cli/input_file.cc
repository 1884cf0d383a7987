#include "cli/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sluice::cli {

Error InputFile::failure(const char* what) const {
  const Code code = errno == ENOENT ? Code::kNotFound : Code::kIo;
  return Error(code, std::string(what) + ": " + std::strerror(errno), path_);
}

Result<std::unique_ptr<InputFile>> InputFile::open(const std::string& path,
                                                   const Interrupt& interrupt) {
  const bool is_standard = path == "-";
  const int file = is_standard ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::unique_ptr<InputFile> input(
      new InputFile(is_standard ? "standard input" : path, file, interrupt));
  struct stat status = {};
  if (file < 0 || fstat(file, &status) != 0) return input->failure("cannot open");
  if (S_ISDIR(status.st_mode)) {
    return Error(Code::kInvalid, "this is a directory", path);
  }
  if (!is_standard && S_ISREG(status.st_mode)) {
    input->size_bytes_ = static_cast<uint64_t>(status.st_size);
  }
  return input;
}

InputFile::~InputFile() {
  if (file_ > STDIN_FILENO) close(file_);
}

Result<size_t> InputFile::read(std::span<std::byte> into) {
  const bool may_read = size_bytes_ ? !interrupt_.requested() : interrupt_.wait_readable(file_);
  if (!may_read) return Error(Code::kCancelled, "stopped by a signal", path_);
  for (;;) {
    ssize_t count = 0;
    if (size_bytes_) {
      const uint64_t left = *size_bytes_ - std::min(offset_, *size_bytes_);
      count = pread(file_, into.data(), std::min<uint64_t>(into.size(), left),
                    static_cast<off_t>(offset_));
    } else {
      count = ::read(file_, into.data(), into.size());
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure("cannot read");
    offset_ += static_cast<uint64_t>(count);
    return static_cast<size_t>(count);
  }
}

}  // namespace sluice::cli
