#include "cli/wal_place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "cli/figures.h"
#include "cli/output.h"
#include "sluice/wal_check.h"

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

Error failure(int code, const char* what, const std::string& path) {
  const Code kind = code == ENOENT ? Code::kNotFound : Code::kIo;
  return Error(kind, std::string(what) + ": " + std::strerror(code), path);
}

/// "log/" and "log" are the same log, and so is what a link leads to: its files lie there.
fs::path place_of(const std::string& path) {
  fs::path place = fs::path(path).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  std::error_code failed;
  for (int links = 0; links < 40; ++links) {
    const fs::path target = fs::read_symlink(place, failed);
    if (failed) break;
    place = (place.parent_path() / target).lexically_normal();
  }
  return place;
}

bool holds_format(const fs::path& directory) {
  std::error_code ignored;
  return fs::is_regular_file(directory / "FORMAT", ignored);
}

/// "wal-", 20 digits, ".seg".
bool is_segment(std::string_view name) {
  constexpr size_t kDigitsEnd = 24;
  return name.size() == 28 && name.starts_with("wal-") && name.ends_with(".seg") &&
         name.find_first_not_of("0123456789", 4) == kDigitsEnd;
}

/// What a log's directory may hold before it has a segment: the first one under construction.
bool is_by_product(std::string_view name) {
  constexpr std::string_view kUnfinished = ".new";
  return name == "lock" || (name.ends_with(kUnfinished) &&
                            is_segment(name.substr(0, name.size() - kUnfinished.size())));
}

struct Content {
  bool has_segments = false;
  bool has_by_products = false;
  std::string stranger;  ///< a file that is none of a log's
};

Result<Content> look_into(const std::string& path) {
  Content content;
  std::error_code failed;
  for (fs::directory_iterator entry(path, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    if (is_segment(name)) {
      content.has_segments = true;
    } else if (is_by_product(name)) {
      content.has_by_products = true;
    } else {
      content.stranger = name;
    }
  }
  if (failed) return failure(failed.value(), "cannot look into the directory", path);
  return content;
}

Result<WalPlace> kind_of(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return WalPlace::kNothing;
    return failure(errno, "cannot look for the log", path);
  }
  if (S_ISDIR(status.st_mode)) return WalPlace::kDirectory;
  if (S_ISREG(status.st_mode)) return WalPlace::kFile;
  return Error(Code::kInvalid, "a log is a directory or a regular file, and this is neither", path);
}

/// Of a directory that holds no segment.
Error no_log_in(const std::string& path) {
  if (holds_format(path)) {
    return Error(Code::kNotFound, "this is a data directory; its log is in " + path + "/log", path);
  }
  return Error(Code::kNotFound, "there is no log in this directory", path);
}

/// A segment by itself is no log: whoever changes one has to know its neighbours.
Status check_no_segment(const std::string& path) {
  const fs::path place = place_of(path);
  if (!is_segment(place.filename().string())) return ok();
  const std::string directory = place.has_parent_path() ? place.parent_path().string() : ".";
  return Error(Code::kInvalid, "this is a segment of a log; name the directory " + directory, path);
}

Status check_owner(const std::string& path, bool force) {
  std::error_code ignored;
  const fs::path whole = fs::weakly_canonical(fs::absolute(place_of(path), ignored), ignored);
  if (force || !holds_format(whole.parent_path())) return ok();
  return Error(Code::kInvalid,
               "this is the log of a data directory, whose owner does not expect that others "
               "change it; name another place, or say --force if you know that it is right",
               path);
}

}  // namespace

Result<WalPlace> find_log(const std::string& path) {
  const WalPlace place = TRY(kind_of(path));
  if (place == WalPlace::kNothing) return Error(Code::kNotFound, "there is no log here", path);
  if (place == WalPlace::kFile) return place;
  const Content content = TRY(look_into(path));
  if (!content.has_segments && !content.has_by_products) return no_log_in(path);
  return place;
}

Result<WalPlace> find_log_to_change(const std::string& path, bool force) {
  const WalPlace place = TRY(find_log(path));
  if (place == WalPlace::kFile) TRY(check_no_segment(path));
  TRY(check_owner(path, force));
  return place;
}

Result<WalPlace> find_place_for_log(const std::string& path, bool force) {
  const WalPlace place = TRY(kind_of(path));
  if (place == WalPlace::kDirectory) {
    const Content content = TRY(look_into(path));
    if (!content.has_segments && !content.stranger.empty()) {
      if (holds_format(path)) return no_log_in(path);
      return Error(Code::kInvalid,
                   "the directory holds other files (" + content.stranger +
                       ") and no log; name an empty or a new one",
                   path);
    }
  } else {
    TRY(check_no_segment(path));
  }
  TRY(check_owner(path, force));
  return place;
}

Status make_log_directory(const std::string& path) {
  const fs::path place = place_of(path);
  const fs::path parent = place.has_parent_path() ? place.parent_path() : fs::path(".");
  if (mkdir(place.c_str(), 0777) != 0) {
    if (errno == ENOENT) return failure(errno, "cannot make a directory for the log", parent);
    return failure(errno, "cannot make the directory", path);
  }
  const int file = open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return failure(errno, "cannot open the directory", parent);
  const int code = fsync(file) == 0 ? 0 : errno;
  close(file);
  if (code != 0) return failure(code, "cannot sync the directory", parent);
  return ok();
}

Result<std::shared_ptr<const KeyRing>> read_keys(const std::vector<std::string>& key_files) {
  std::shared_ptr<const KeyRing> of_variable;
  if (std::getenv(kKeyVariable) != nullptr)
    of_variable = TRY(wal_key_from_environment(kKeyVariable));
  if (key_files.empty()) return of_variable;
  const std::shared_ptr<const KeyRing> of_files = TRY(load_wal_keys(key_files));
  if (of_variable == nullptr) return of_files;
  KeyRing both = *of_files;
  const uint32_t id = of_variable->current_id();
  const Status added = both.add(id, TRY(of_variable->find(id)));
  if (!added.ok() && added.error().code() != Code::kExists) return added.error();
  return std::make_shared<const KeyRing>(std::move(both));
}

std::string path_beside(const std::string& path, WalPlace place, const std::string& name) {
  const fs::path log = place_of(path);
  return ((place == WalPlace::kFile ? log.parent_path() : log) / name).string();
}

Error with_path(const Error& error, const std::string& path, WalPlace place) {
  const bool is_whole = error.where().find('/') != std::string::npos;
  return Error({error.code(), error.reason(), error.message(),
                is_whole ? error.where() : path_beside(path, place, error.where()),
                error.expected(), error.found()});
}

void tell_cut(const std::string& path, WalPlace place, const WalRepair& repair) {
  if (repair.restored_bytes > 0) {
    print_note("the block in which the log ended was torn; it was restored from its side file",
               Tone::kWarning);
  }
  if (repair.torn_bytes == 0) return;
  print_note("the log ended in " + format_count(repair.torn_bytes) +
                 " bytes that a crash left and no sync has confirmed; they were cut at byte " +
                 std::to_string(repair.offset) + " and are kept in " +
                 path_beside(path, place, repair.quarantine),
             Tone::kWarning);
}

Error advise(const Error& error) {
  std::string advice;
  if (error.code() == Code::kCorrupt && error.reason() != Reason::kMissingSegment) {
    advice = " (" + std::string(to_string(error.reason())) + " at byte " +
             std::to_string(error.found()) + ")";
  }
  if (error.reason() == Reason::kMissingKey) {
    advice = std::string(" (--key-file FILE, or ") + kKeyVariable + ")";
  } else if (error.reason() == Reason::kLocked) {
    advice = "; wait for it or stop it";
  } else if (error.reason() == Reason::kIncompleteHeader) {
    advice += "; has it ever been a log?";
  }
  return Error({error.code(), error.reason(), error.message() + advice, error.where(),
                error.expected(), error.found()});
}

}  // namespace sluice::cli
