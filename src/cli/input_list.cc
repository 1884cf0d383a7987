#include "cli/input_list.h"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kUnfinished[] = {".tmp",        ".temp",       ".part",     ".partial",
                                            ".filepart",   ".crdownload", ".download", ".swp",
                                            ".inprogress", ".incomplete", ".lock",     "~"};

bool is_same_file(const fs::path& one, const std::string& other) {
  std::error_code error;
  return !other.empty() && fs::equivalent(one, other, error);
}

bool is_hidden(const fs::path& path) {
  return path.filename().native().starts_with('.');
}

bool is_unfinished(const fs::path& path) {
  const std::string name = path.filename().string();
  return std::any_of(std::begin(kUnfinished), std::end(kUnfinished),
                     [&](std::string_view end) { return name.ends_with(end); });
}

enum class Kind { kFile, kHalfFile, kFolder, kOther };

Kind kind_of(const fs::directory_entry& entry, const OwnPaths& own) {
  if (is_hidden(entry.path())) return Kind::kOther;
  std::error_code error;
  const bool is_link = entry.is_symlink(error);
  const fs::file_status status = entry.status(error);
  if (fs::is_directory(status)) {
    const bool is_followed = !is_link && !is_same_file(entry.path(), own.data_dir);
    return is_followed ? Kind::kFolder : Kind::kOther;
  }
  // A link that leads nowhere is named when it cannot be opened.
  const bool is_file = fs::is_regular_file(status) || (is_link && !fs::exists(status));
  if (!is_file || is_same_file(entry.path(), own.rejects_path)) return Kind::kOther;
  return is_unfinished(entry.path()) ? Kind::kHalfFile : Kind::kFile;
}

void add_directory(const std::string& top, const OwnPaths& own, InputList& list) {
  std::vector<std::string> found;
  std::vector<fs::path> waiting = {top};
  while (!waiting.empty()) {
    const fs::path folder = std::move(waiting.back());
    waiting.pop_back();
    std::error_code error;
    fs::directory_iterator at(folder, error);
    for (; !error && at != fs::directory_iterator(); at.increment(error)) {
      const Kind kind = kind_of(*at, own);
      if (kind == Kind::kFile) found.push_back(at->path().string());
      if (kind == Kind::kHalfFile) list.skipped.push_back(at->path().string());
      if (kind == Kind::kFolder) waiting.push_back(at->path());
    }
    if (!error) continue;
    list.failures.push_back(
        Error(Code::kIo, "cannot list the directory: " + error.message(), folder.string()));
  }
  std::sort(found.begin(), found.end());
  if (found.empty()) list.empty.push_back(top);
  std::move(found.begin(), found.end(), std::back_inserter(list.paths));
}

bool is_pattern(const std::string& named) {
  std::error_code error;
  const bool exists = fs::symlink_status(named, error).type() != fs::file_type::not_found;
  return !exists && named.find_first_of("*?[") != std::string::npos;
}

std::vector<std::string> expand(const std::string& pattern, std::vector<Error>& failures) {
  std::vector<std::string> found;
  glob_t matches = {};
  const int verdict = glob(pattern.c_str(), 0, nullptr, &matches);
  if (verdict == 0) found.assign(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
  globfree(&matches);
  if (verdict == GLOB_NOMATCH) {
    failures.push_back(Error(Code::kNotFound, "no file matches this pattern", pattern));
  } else if (verdict != 0) {
    failures.push_back(Error(Code::kIo, "the pattern cannot be looked up", pattern));
  }
  return found;
}

}  // namespace

bool is_input_file(const std::string& path, const OwnPaths& own) {
  std::error_code error;
  return kind_of(fs::directory_entry(path, error), own) == Kind::kFile;
}

bool is_input_folder(const std::string& path, const OwnPaths& own) {
  std::error_code error;
  return kind_of(fs::directory_entry(path, error), own) == Kind::kFolder;
}

std::vector<std::string> folders_in(const std::string& folder, const OwnPaths& own) {
  std::vector<std::string> found;
  std::error_code error;
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    if (kind_of(*at, own) == Kind::kFolder) found.push_back(at->path().string());
  }
  return found;
}

InputList list_inputs(const std::vector<std::string>& named, const OwnPaths& own) {
  InputList list;
  for (const std::string& name : named) {
    const std::vector<std::string> paths =
        is_pattern(name) ? expand(name, list.failures) : std::vector<std::string>{name};
    for (const std::string& path : paths) {
      std::error_code error;
      if (path != "-" && fs::is_directory(path, error)) {
        add_directory(path, own, list);
      } else {
        list.paths.push_back(path);
      }
    }
  }
  return list;
}

}  // namespace sluice::cli
