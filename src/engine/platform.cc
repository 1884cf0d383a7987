// The local platform. A data directory is made in this order, so that a crash leaves either one
// that is complete or one that the next opening completes: the directory, log/, tables/, and last
// FORMAT.
#include "sluice/platform.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "io/dir_bucket.h"
#include "io/posix.h"
#include "io/posix_disk.h"
#include "io/thread_runtime.h"
#include "table/format.h"
#include "wal/format.h"

namespace sluice {
namespace {

constexpr std::string_view kFormatName = "FORMAT";
constexpr std::string_view kFormatPrefix = "sluice ";
constexpr uint64_t kFormatVersion = 0;
constexpr uint64_t kFormatBytesMax = 64;

class LocalPlatform final : public OwnedPlatform {
 public:
  LocalPlatform(std::unique_ptr<Runtime> runtime, std::unique_ptr<Disk> disk,
                std::unique_ptr<Bucket> bucket)
      : runtime_(std::move(runtime)), disk_(std::move(disk)), bucket_(std::move(bucket)) {}
  Platform platform() override { return {runtime_.get(), disk_.get(), bucket_.get()}; }

 private:
  const std::unique_ptr<Runtime> runtime_;
  const std::unique_ptr<Disk> disk_;
  const std::unique_ptr<Bucket> bucket_;
};

Error not_ours(const std::string& data_dir) {
  return Error(Code::kInvalid,
               "the directory holds other files and no Sluice data; name another one, to begin "
               "with an empty or a new one",
               data_dir);
}

Error not_a_format(const std::string& data_dir) {
  return Error(Code::kInvalid,
               "the file does not say which format the directory has, as \"sluice 0\" does: it is "
               "somebody else's, or damaged; put it back, or name another directory",
               data_dir + "/" + std::string(kFormatName));
}

/// "sluice 0\n" is version 0.
std::optional<uint64_t> parse_format(std::string_view text) {
  if (!text.starts_with(kFormatPrefix) || !text.ends_with('\n')) return std::nullopt;
  text.remove_prefix(kFormatPrefix.size());
  text.remove_suffix(1);
  uint64_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return version;
}

Status check_format(Bucket& root, const std::string& data_dir) {
  const auto text = get_object(root, kFormatName, kFormatBytesMax);
  if (!text.ok()) {
    const bool too_long = text.error().reason() == Reason::kPayloadTooLarge;
    return too_long ? not_a_format(data_dir) : text.error();
  }
  const std::optional<uint64_t> version = parse_format(*text);
  if (!version) return not_a_format(data_dir);
  if (*version > kFormatVersion) {
    return Error({Code::kUnsupported, Reason::kVersion,
                  "the directory has format " + std::to_string(*version) +
                      ", this Sluice reads formats up to " + std::to_string(kFormatVersion) +
                      "; open it with the newer Sluice that made it",
                  data_dir, kFormatVersion, *version});
  }
  return ok();
}

Result<bool> is_empty_directory(const std::string& path) {
  const auto names = io::directory_names(path);
  if (names.ok()) return names->empty();
  if (names.error().code() == Code::kNotFound) return false;  // a file of that name
  return names.error();
}

/// Whether an interrupted opening may have left this and nothing else.
Result<bool> is_half_made(const std::string& data_dir, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (name == "log" || name == "tables") {
      if (!TRY(is_empty_directory(data_dir + "/" + name))) return false;
    } else if (!io::is_unfinished_object(name) && name != "lost+found") {
      return false;
    }
  }
  return true;
}

Status make_contents(Bucket& root, const std::string& data_dir) {
  TRY(io::make_directory(data_dir + "/log"));
  TRY(io::make_directory(data_dir + "/tables"));
  const std::string text = std::string(kFormatPrefix) + std::to_string(kFormatVersion) + "\n";
  const Status put = root.put_if_absent(kFormatName, as_bytes(text));
  const bool another_was_first = !put.ok() && put.error().code() == Code::kExists;
  return another_was_first ? ok() : put;
}

/// Leaves a directory with a FORMAT, or says why there is none.
Status prepare(Bucket& root, const std::string& data_dir, DirectoryUse use) {
  const std::vector<std::string> names = TRY(io::directory_names(data_dir));
  if (std::find(names.begin(), names.end(), kFormatName) != names.end()) return ok();
  if (!TRY(is_half_made(data_dir, names))) return not_ours(data_dir);
  if (use == DirectoryUse::kCreate) return make_contents(root, data_dir);
  return Error(Code::kNotFound,
               "the directory holds no Sluice data yet; a first ingest puts it there", data_dir);
}

/// The directory itself, its parents never.
Status find_or_make(const std::string& data_dir, DirectoryUse use) {
  const auto found = io::absolute_directory(data_dir);
  if (found.ok()) return ok();
  if (found.error().code() != Code::kNotFound) return found.error();
  if (use == DirectoryUse::kExisting) {
    return Error(Code::kNotFound, "there is no such data directory; a first ingest makes it",
                 data_dir);
  }
  const Status made = io::make_directory(data_dir);
  if (made.ok() || made.error().code() != Code::kNotFound) return made;
  return Error(Code::kNotFound, "the directory in which to make it does not exist; make that first",
               data_dir);
}

/// A FORMAT promises both sub-directories: without one, something took it away.
template <class Seam>
Result<Seam> required(Result<Seam> opened) {
  if (opened.ok()) return opened;
  const Code code = opened.error().code();
  if (code != Code::kNotFound && code != Code::kInvalid) return opened;
  return Error(Code::kCorrupt,
               "a directory of the data directory is missing; put it back from a backup",
               opened.error().where());
}

}  // namespace

Result<std::unique_ptr<OwnedPlatform>> open_local_platform(const std::string& data_dir,
                                                           DirectoryUse use) {
  auto runtime = io::make_thread_runtime();
  TRY(find_or_make(data_dir, use));
  const auto root = TRY(io::open_dir_bucket(data_dir, *runtime));
  TRY(prepare(*root, data_dir, use));
  TRY(check_format(*root, data_dir));
  auto disk = TRY(required(io::open_posix_disk(data_dir + "/log")));
  auto bucket = TRY(required(io::open_dir_bucket(data_dir + "/tables", *runtime)));
  return std::make_unique<LocalPlatform>(std::move(runtime), std::move(disk), std::move(bucket));
}

Result<std::unique_ptr<File>> open_local_file(const std::string& path) {
  return io::open_posix_file(path);
}

FormatVersions format_versions() {
  return {.directory = kFormatVersion, .log = wal::kFormatVersion, .table = table::kFormat};
}

}  // namespace sluice
