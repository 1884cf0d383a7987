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
/// directories, files that are unfinished by their names (.tmp, .part, .crdownload, ... or a ~ at
/// the end), our own ones, and links to directories; links to files are followed. A pattern (*, ?,
/// [...]), if no file has that very name: what it matches, sorted, as a shell would put it.
/// Anything else stands for itself, "-" too.
InputList list_inputs(const std::vector<std::string>& named, const OwnPaths& own);

/// Whether list_inputs() would take this entry of a directory, or look below it.
bool is_input_file(const std::string& path, const OwnPaths& own);
bool is_input_folder(const std::string& path, const OwnPaths& own);
/// The directories in `folder` that it looks below; none if it cannot be listed.
std::vector<std::string> folders_in(const std::string& folder, const OwnPaths& own);

}  // namespace sluice::cli
