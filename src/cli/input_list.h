// InputList: what the user named, as files: a directory stands for the files below it, a pattern
// for what it matches.
#pragma once

#include <string>
#include <vector>

#include "sluice/result.h"

namespace sluice::cli {

/// What is never an input, if it lies below a directory that is named. Each may be empty.
struct OwnPaths {
  std::string data_dir;
  std::string rejects_path;
};

struct InputList {
  std::vector<std::string> paths;    ///< in the order named; those of a directory by path
  std::vector<Error> failures;       ///< a directory that cannot be listed, a pattern without match
  std::vector<std::string> skipped;  ///< unfinished files, by their names
  std::vector<std::string> empty;    ///< directories without a file
};

/// A directory: all regular files below it, sorted by path. Left out are hidden files and
/// directories, unfinished files (is_unfinished), our own ones, and links to directories; links to
/// files are followed. A pattern (*, ?, [...]), if no file has that very name: what it matches,
/// sorted, as a shell would put it. Anything else stands for itself, "-" too.
InputList list_inputs(const std::vector<std::string>& named, const OwnPaths& own);

/// By its name alone: somebody is still writing it (.tmp, .part, .crdownload, ... or a ~ at the
/// end).
bool is_unfinished(const std::string& file_name);

}  // namespace sluice::cli
