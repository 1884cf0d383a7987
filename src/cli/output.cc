#include "cli/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sluice::cli {
namespace {

constexpr size_t kBufferBytes = 64u << 10;

/// 0, or the errno.
int write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return 0;
}

Error output_error(int code) {
  const Code kind = code == EPIPE ? Code::kCancelled : code == ENOSPC ? Code::kFull : Code::kIo;
  return Error(kind, std::string("cannot write: ") + std::strerror(code), "standard output");
}

}  // namespace

Status Output::write(std::string_view text) {
  buffer_ += text;
  return buffer_.size() < kBufferBytes ? status_ : flush();
}

Status Output::flush() {
  if (!status_.ok()) return status_;
  if (const int code = write_all(STDOUT_FILENO, buffer_); code != 0) {
    status_ = output_error(code);
    reader_is_gone_ = code == EPIPE;
  }
  buffer_.clear();
  return status_;
}

Status Output::finish(const Status& printed) {
  const Status verdict = printed.ok() ? flush() : printed;
  return reader_is_gone_ ? ok() : verdict;
}

void print_note(std::string_view text) {
  std::string line("sluice: ");
  line += text;
  line += '\n';
  // Nobody is left to be told that standard error cannot be written.
  static_cast<void>(write_all(STDERR_FILENO, line));
}

std::string to_sentence(const Error& error) {
  std::string text = error.message();
  if (!error.where().empty()) text += " [" + error.where() + "]";
  return text;
}

}  // namespace sluice::cli
