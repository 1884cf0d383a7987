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

class Listing {
 public:
  Listing(const OwnPaths& own, InputList& list) : own_(own), list_(list) {}

  void add_directory(const std::string& top) {
    std::vector<std::string> found;
    list_below(top, found);
    std::sort(found.begin(), found.end());
    if (found.empty()) list_.empty.push_back(top);
    std::move(found.begin(), found.end(), std::back_inserter(list_.paths));
  }

 private:
  void list_below(const fs::path& top, std::vector<std::string>& found) {
    std::vector<fs::path> waiting = {top};
    while (!waiting.empty()) {
      const fs::path folder = std::move(waiting.back());
      waiting.pop_back();
      std::error_code error;
      fs::directory_iterator at(folder, error);
      for (; !error && at != fs::directory_iterator(); at.increment(error)) {
        consider(*at, waiting, found);
      }
      if (!error) continue;
      list_.failures.push_back(
          Error(Code::kIo, "cannot list the directory: " + error.message(), folder.string()));
    }
  }

  void consider(const fs::directory_entry& entry, std::vector<fs::path>& folders,
                std::vector<std::string>& files) {
    if (is_hidden(entry.path())) return;
    std::error_code error;
    const bool is_link = entry.is_symlink(error);
    const fs::file_status status = entry.status(error);
    if (fs::is_directory(status)) {
      if (!is_link && !is_same_file(entry.path(), own_.data_dir)) folders.push_back(entry.path());
      return;
    }
    // A link that leads nowhere is named when it cannot be opened.
    const bool is_file = fs::is_regular_file(status) || (is_link && !fs::exists(status));
    if (!is_file || is_same_file(entry.path(), own_.rejects_path)) return;
    const bool is_open = is_unfinished(entry.path().filename().string());
    (is_open ? list_.skipped : files).push_back(entry.path().string());
  }

  const OwnPaths& own_;
  InputList& list_;
};

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

bool is_unfinished(const std::string& file_name) {
  return std::any_of(std::begin(kUnfinished), std::end(kUnfinished),
                     [&](std::string_view end) { return file_name.ends_with(end); });
}

InputList list_inputs(const std::vector<std::string>& named, const OwnPaths& own) {
  InputList list;
  Listing listing(own, list);
  for (const std::string& name : named) {
    const std::vector<std::string> paths =
        is_pattern(name) ? expand(name, list.failures) : std::vector<std::string>{name};
    for (const std::string& path : paths) {
      std::error_code error;
      if (path != "-" && fs::is_directory(path, error)) {
        listing.add_directory(path);
      } else {
        list.paths.push_back(path);
      }
    }
  }
  return list;
}

}  // namespace sluice::cli
