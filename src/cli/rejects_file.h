// RejectsFile: records that are no rows, for people to mend: one JSON object a line.
//
//   {"file":"/in/a.csv","line":12,"offset":345,"column":"x","reason":"...","text":"..."}
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "source/source.h"

namespace sluice::cli {

/// Holds the rejects of each input once: those that will be met again when the input is resumed are
/// forgotten first. The file is made with its first reject. One thread.
class RejectsFile {
 public:
  /// `input` is the file name as the lines show it. Forgets its rejects at `resume_offset` and
  /// behind.
  static Result<RejectsFile> open(std::string path, std::string input, uint64_t resume_offset);
  /// Durable on return, so that a reject is never behind the position that passes it.
  Status append(const std::vector<source::Reject>& rejects);

  const std::string& path() const { return path_; }
  uint64_t count() const { return count_; }

 private:
  RejectsFile(std::string path, std::string input)
      : path_(std::move(path)), input_(std::move(input)) {}

  std::string path_;
  std::string input_;
  uint64_t count_ = 0;
};

}  // namespace sluice::cli
