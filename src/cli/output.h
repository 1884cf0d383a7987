// Output: standard output and standard error, as the commands use them.
//
// What was asked for goes to standard output, everything else to standard error, each line of it
// beginning with "sluice: ".
#pragma once

#include <string>
#include <string_view>

#include "cli/color.h"
#include "sluice/result.h"

namespace sluice::cli {

/// Buffered standard output. One thread.
class Output {
 public:
  /// kIo, kFull; kCancelled: the reader has gone away, so nobody waits for the rest. After an error
  /// every call returns that error.
  Status write(std::string_view text);
  /// What was written so far is shown now.
  Status flush();
  /// Call it last: writes what is buffered unless `printed` is an error, and returns that. A reader
  /// that has gone away is no error here.
  Status finish(const Status& printed);

 private:
  std::string buffer_;
  Status status_;
  bool reader_is_gone_ = false;
};

/// One line on standard error, above the status line. Whole lines, also when threads write at once.
void print_note(std::string_view text, Tone tone = Tone::kPlain);

/// The status line: the last line of a terminal, drawn again and again. Any thread; nothing happens
/// if standard error is no terminal. `text` is cut to the terminal's width.
void show_status(std::string_view text);
void clear_status();
/// Columns of the terminal at standard error; 80 if there is none.
size_t terminal_width();

/// "what went wrong [where]", without the code: for people.
std::string to_sentence(const Error& error);

}  // namespace sluice::cli
