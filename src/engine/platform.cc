// The platforms of a data directory. It is made in this order, so that a crash leaves either one
// that is complete or one that the next opening completes: the directory, log/, tables/ (or BUCKET,
// the file that says in which bucket they are), and last FORMAT.
#include "sluice/platform.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "engine/bucket_file.h"
#include "io/dir_bucket.h"
#include "io/posix.h"
#include "io/posix_disk.h"
#include "io/retry_bucket.h"
#include "io/s3_bucket.h"
#include "io/thread_runtime.h"
#include "table/format.h"
#include "wal/format.h"

namespace sluice {
namespace {

constexpr std::string_view kFormatName = "FORMAT";
constexpr std::string_view kFormatPrefix = "sluice ";
constexpr uint64_t kFormatVersion = 0;
constexpr uint64_t kFormatBytesMax = 64;
using engine::kBucketFileName;

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
    } else if (!io::is_unfinished_object(name) && name != "lost+found" && name != kBucketFileName) {
      return false;
    }
  }
  return true;
}

Result<std::optional<S3Place>> read_bucket_file(Bucket& root, const std::string& data_dir) {
  const auto text = get_object(root, kBucketFileName, engine::kBucketFileBytesMax);
  if (!text.ok() && text.error().code() == Code::kNotFound) return std::optional<S3Place>();
  const std::string path = data_dir + "/" + std::string(kBucketFileName);
  if (!text.ok()) {
    const bool too_long = text.error().reason() == Reason::kPayloadTooLarge;
    return too_long ? Error(Code::kCorrupt, "the file is too long for what it holds", path)
                    : text.error();
  }
  auto place = engine::decode_bucket_file(*text);
  if (place.ok()) return std::optional<S3Place>(*std::move(place));
  return Error(place.error().code(), place.error().reason(), place.error().message(), path);
}

/// The tables are where they are wanted: in `wanted`, or for null in the directory.
Status check_tables(Bucket& root, const std::string& data_dir, const S3Place* wanted) {
  const std::optional<S3Place> found = TRY(read_bucket_file(root, data_dir));
  if (found.has_value() == (wanted != nullptr) && (!found || *found == *wanted)) return ok();
  const std::string is_in = found ? to_s3_uri(*found) : "its own tables/";
  return Error(Code::kInvalid,
               "the directory keeps its tables in " + is_in +
                   "; open them there, or name another "
                   "data directory",
               data_dir);
}

/// What finds or puts the tables in a bucket.
struct S3Tables {
  S3Place place;
  std::unique_ptr<Bucket> bucket;
};

Result<std::unique_ptr<S3Tables>> open_tables(const S3Options& options, Runtime& runtime) {
  auto tables = std::make_unique<S3Tables>();
  tables->place = options.place;
  tables->bucket = io::make_retry_bucket(TRY(io::open_s3_bucket(options, runtime)), runtime,
                                         {.nanos_max = options.retry_nanos_max});
  return tables;
}

/// ok also if another was first.
Status put_first(Bucket& root, std::string_view name, const std::string& text) {
  const Status put = root.put_if_absent(name, as_bytes(text));
  const bool another_was_first = !put.ok() && put.error().code() == Code::kExists;
  return another_was_first ? ok() : put;
}

Status make_contents(Bucket& root, const std::string& data_dir, const S3Tables* tables,
                     Runtime& runtime) {
  TRY(io::make_directory(data_dir + "/log"));
  if (tables == nullptr) {
    TRY(io::make_directory(data_dir + "/tables"));
  } else {
    TRY(io::check_conditions(*tables->bucket, runtime));
    TRY(put_first(root, kBucketFileName, engine::encode_bucket_file(tables->place)));
  }
  TRY(check_tables(root, data_dir, tables != nullptr ? &tables->place : nullptr));
  return put_first(root, kFormatName,
                   std::string(kFormatPrefix) + std::to_string(kFormatVersion) + "\n");
}

Result<bool> has_format(const std::string& data_dir) {
  const std::vector<std::string> names = TRY(io::directory_names(data_dir));
  return std::find(names.begin(), names.end(), kFormatName) != names.end();
}

/// Leaves a directory with a FORMAT, or says why there is none.
Status prepare(Bucket& root, const std::string& data_dir, DirectoryUse use, const S3Tables* tables,
               Runtime& runtime) {
  if (TRY(has_format(data_dir))) return ok();
  const std::vector<std::string> names = TRY(io::directory_names(data_dir));
  if (!TRY(is_half_made(data_dir, names))) return not_ours(data_dir);
  if (use == DirectoryUse::kCreate) return make_contents(root, data_dir, tables, runtime);
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

Result<std::unique_ptr<OwnedPlatform>> open_platform(const std::string& data_dir, DirectoryUse use,
                                                     const S3Options* s3) {
  auto runtime = io::make_thread_runtime();
  std::unique_ptr<S3Tables> tables;
  if (s3 != nullptr) tables = TRY(open_tables(*s3, *runtime));
  TRY(find_or_make(data_dir, use));
  const auto root = TRY(io::open_dir_bucket(data_dir, *runtime));
  TRY(prepare(*root, data_dir, use, tables.get(), *runtime));
  TRY(check_format(*root, data_dir));
  TRY(check_tables(*root, data_dir, tables ? &tables->place : nullptr));
  auto disk = TRY(required(io::open_posix_disk(data_dir + "/log")));
  auto bucket = tables ? std::move(tables->bucket)
                       : TRY(required(io::open_dir_bucket(data_dir + "/tables", *runtime)));
  return std::make_unique<LocalPlatform>(std::move(runtime), std::move(disk), std::move(bucket));
}

}  // namespace

Result<std::unique_ptr<OwnedPlatform>> open_local_platform(const std::string& data_dir,
                                                           DirectoryUse use) {
  return open_platform(data_dir, use, nullptr);
}

Result<std::unique_ptr<OwnedPlatform>> open_s3_platform(const std::string& data_dir,
                                                        DirectoryUse use,
                                                        const S3Options& options) {
  return open_platform(data_dir, use, &options);
}

Result<std::optional<S3Place>> tables_place(const std::string& data_dir) {
  const auto runtime = io::make_thread_runtime();
  TRY(find_or_make(data_dir, DirectoryUse::kExisting));
  const auto root = TRY(io::open_dir_bucket(data_dir, *runtime));
  if (!TRY(has_format(data_dir))) {
    return Error(Code::kNotFound, "the directory holds no Sluice data yet", data_dir);
  }
  return read_bucket_file(*root, data_dir);
}

Result<std::unique_ptr<File>> open_local_file(const std::string& path) {
  return io::open_posix_file(path);
}

FormatVersions format_versions() {
  return {.directory = kFormatVersion, .log = wal::kFormatVersion, .table = table::kFormat};
}

}  // namespace sluice
