#include "cli/output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "cli/figures.h"

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

constexpr std::string_view kClearLine = "\r\x1b[K";

/// Standard error, as the threads of the program share it.
struct Notes {
  std::mutex mutex;
  bool has_status = false;
};
Notes notes;

void print_error_text(std::string_view text) {
  // Nobody is left to be told that standard error cannot be written.
  static_cast<void>(write_all(STDERR_FILENO, text));
}

/// Names in a note must not reach the terminal's controls; the note's own lines stay.
std::string visible_lines(std::string_view text) {
  std::string lines;
  for (;;) {
    const size_t end = text.find('\n');
    lines += make_visible(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    lines += '\n';
    text.remove_prefix(end + 1);
  }
}

void erase_status() {
  if (notes.has_status) print_error_text(kClearLine);
  notes.has_status = false;
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

void print_note(std::string_view text, Tone tone) {
  const std::lock_guard lock(notes.mutex);
  erase_status();
  print_error_text(paint(Stream::kNotes, tone, "sluice: " + visible_lines(text)) + "\n");
}

void show_status(std::string_view text) {
  if (!can_redraw()) return;
  const std::string line = cut_to_width(make_visible(text), terminal_width() - 1);
  const std::lock_guard lock(notes.mutex);
  print_error_text(std::string(kClearLine) + line);
  notes.has_status = true;
}

void clear_status() {
  const std::lock_guard lock(notes.mutex);
  erase_status();
}

size_t terminal_width() {
  winsize size = {};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::max<size_t>(size.ws_col, 2);
}

std::string to_sentence(const Error& error) {
  std::string text = error.message();
  if (!error.where().empty()) text += " [" + error.where() + "]";
  return text;
}

}  // namespace sluice::cli
