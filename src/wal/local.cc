// Logs on paths of this machine: the one file of this folder that names the real disk.
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "io/posix.h"
#include "io/posix_disk.h"
#include "io/thread_runtime.h"
#include "sluice/wal_check.h"
#include "sluice/wal_file.h"
#include "sluice/wal_log.h"
#include "wal/check.h"
#include "wal/record_reader.h"
#include "wal/salvage.h"
#include "wal/single_file.h"

namespace sluice {
namespace {

/// A log names its files; who is told what is wrong wants a path.
template <class T>
Result<T> in_directory(const std::string& directory, Result<T> result) {
  const bool is_whole =
      result.ok() || directory == "." || result.error().where().find('/') != std::string::npos;
  if (is_whole) return result;
  const Error& error = result.error();
  const char* const slash = directory.ends_with('/') || error.where().empty() ? "" : "/";
  return Error({error.code(), error.reason(), error.message(), directory + slash + error.where(),
                error.expected(), error.found()});
}

/// A directory of this machine and a name in it.
struct Place {
  std::unique_ptr<Runtime> runtime = io::make_thread_runtime();
  std::string directory;
  std::unique_ptr<Disk> disk;
  std::string name;
};

/// A disk that writes as the options say.
struct WritingDisk {
  std::unique_ptr<Disk> disk;
  std::function<bool()> is_direct;
};

Result<WritingDisk> open_to_write(const std::string& directory, WalIo way) {
  io::PosixDiskOptions options{.direct_writes = way == WalIo::kDirect,
                               .refusals = std::make_shared<std::atomic<uint64_t>>(0)};
  WritingDisk opened{TRY(io::open_posix_disk(directory, options)), nullptr};
  if (options.direct_writes) {
    opened.is_direct = [refusals = options.refusals] { return *refusals == 0; };
  }
  return opened;
}

/// What lies beside a log lies beside the file itself, by whichever link that is opened.
Result<std::shared_ptr<Place>> place_of(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  path = TRY(io::follow_links(std::move(path)));
  const size_t slash = path.rfind('/');
  auto place = std::make_shared<Place>();
  place->name = slash == std::string::npos ? path : path.substr(slash + 1);
  place->directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  place->disk = TRY(io::open_posix_disk(place->directory));
  return place;
}

/// Null: the path names something else, perhaps a file.
Result<std::unique_ptr<Disk>> directory_at(const std::string& path) {
  Result<std::unique_ptr<Disk>> disk = io::open_posix_disk(path);
  if (disk.ok() || disk.error().code() != Code::kInvalid) return disk;
  return std::unique_ptr<Disk>();
}

/// The first of "<name>.damaged", "<name>.damaged-2", … that is free.
std::string free_name(const Place& place) {
  const Result<std::vector<std::string>> taken = io::directory_names(place.directory);
  const auto is_taken = [&](const std::string& name) {
    return taken.ok() && std::find(taken->begin(), taken->end(), name) != taken->end();
  };
  std::string name = place.name + ".damaged";
  for (int i = 2; is_taken(name); ++i) name = place.name + ".damaged-" + std::to_string(i);
  return name;
}

/// Salvages the place's file into another one beside it, of which nothing is left if that fails.
Result<wal::Salvaged> salvage_beside(const Place& place, const std::string& made,
                                     const std::shared_ptr<const KeyRing>& keys) {
  const std::string lock = made + ".lock";
  for (const DiskEntry& entry : TRY(place.disk->list())) {
    if (entry.name != made && entry.name != lock) continue;
    return Error(Code::kExists, "the name is needed for what is salvaged; remove it first",
                 entry.name);
  }
  Result<wal::Salvaged> salvaged =
      wal::salvage_file(*place.runtime, *place.disk, place.name, made, keys);
  std::vector<std::string> leftovers{lock};
  if (!salvaged.ok()) leftovers.push_back(made);
  for (const std::string& name : leftovers) {
    const Status removed = place.disk->remove(name);  // of no use to anybody now
    static_cast<void>(removed);
  }
  return salvaged;
}

Result<WalEncryptionKey> decode_key(ByteView bytes, const std::string& where) {
  std::string_view text = as_text(bytes);
  if (bytes.size() == WalEncryptionKey::kBytes) return WalEncryptionKey::from_bytes(bytes);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  std::array<std::byte, WalEncryptionKey::kBytes> key;
  const bool is_hex = text.size() == 2 * key.size() &&
                      text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  if (!is_hex) {
    return Error({Code::kInvalid, Reason::kOutOfRange,
                  "a key is 32 raw bytes, or 64 hexadecimal digits", where,
                  WalEncryptionKey::kBytes, bytes.size()});
  }
  for (size_t i = 0; i < key.size(); ++i) {
    uint8_t byte = 0;
    std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, byte, 16);
    key[i] = std::byte{byte};
  }
  const Result<WalEncryptionKey> decoded = WalEncryptionKey::from_bytes(key);
  OPENSSL_cleanse(key.data(), key.size());
  return decoded;
}

Result<WalEncryptionKey> read_key(const std::string& path) {
  const std::unique_ptr<File> file = TRY(io::open_posix_file(path));
  std::array<std::byte, 128> bytes;
  const size_t got = TRY(file->read_at(0, bytes));
  const Result<WalEncryptionKey> key = decode_key(ByteView(bytes).first(got), path);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return key;
}

Result<std::unique_ptr<wal::SingleFile>> open_single(const std::string& path,
                                                     wal::SingleFileOptions options) {
  const std::shared_ptr<Place> place = TRY(place_of(path));
  WritingDisk writing = TRY(open_to_write(place->directory, options.file.io));
  place->disk = std::move(writing.disk);
  std::unique_ptr<wal::SingleFile> file =
      TRY(in_directory(place->directory, wal::SingleFile::open(*place->runtime, *place->disk,
                                                               place->name, std::move(options))));
  file->keep(place, std::move(writing.is_direct));
  return file;
}

}  // namespace

Result<WalWriter> WalWriter::open(const std::string& path, WalFileOptions options) {
  return WalWriter(TRY(open_single(path, {std::move(options), Numbering::kLog})));
}

Result<WalWriter> WalWriter::create(const std::string& path, Lsn start_lsn,
                                    WalFileOptions options) {
  const std::shared_ptr<Place> place = TRY(place_of(path));
  WritingDisk writing = TRY(open_to_write(place->directory, options.io));
  place->disk = std::move(writing.disk);
  WalWriter writer =
      TRY(in_directory(place->directory, create(*place->runtime, *place->disk, place->name,
                                                start_lsn, std::move(options))));
  writer.file_->keep(place, std::move(writing.is_direct));
  return writer;
}

Result<WalFsWriter> WalFsWriter::open(const std::string& path, RepairPolicy policy) {
  return open(path, WalFsOptions{.file = {.repair = policy}});
}

Result<WalFsWriter> WalFsWriter::open(const std::string& path, WalFsOptions options) {
  const Numbering numbering =
      options.rule == SequenceRule::kAny ? Numbering::kAny : Numbering::kRising;
  return WalFsWriter(TRY(open_single(path, {std::move(options.file), numbering})));
}

Result<std::unique_ptr<SegmentedWal>> SegmentedWal::open(const std::string& directory,
                                                         SegmentedWalOptions options) {
  auto place = std::make_shared<Place>();
  WritingDisk writing = TRY(open_to_write(directory, options.io));
  place->disk = std::move(writing.disk);
  std::unique_ptr<SegmentedWal> log =
      TRY(in_directory(directory, open(*place->runtime, *place->disk, std::move(options))));
  log->owner_ = std::move(place);
  log->is_direct_ = std::move(writing.is_direct);
  return log;
}

Result<std::unique_ptr<WalReader>> open_wal_reader(const std::string& path,
                                                   std::shared_ptr<const KeyRing> keys,
                                                   WalReadOptions options) {
  if (std::shared_ptr<Disk> disk = TRY(directory_at(path))) {
    return in_directory(
        path, wal::open_directory_reader({*disk, disk}, std::move(keys), std::move(options)));
  }
  const std::shared_ptr<Place> place = TRY(place_of(path));
  return in_directory(place->directory, wal::open_file_reader({*place->disk, place}, place->name,
                                                              std::move(keys), std::move(options)));
}

Result<WalReport> check_wal(const std::string& path, const WalCheckOptions& options) {
  if (const std::unique_ptr<Disk> disk = TRY(directory_at(path))) {
    const std::unique_ptr<Runtime> runtime = io::make_thread_runtime();
    return in_directory(path, wal::check_log(*runtime, *disk, options));
  }
  const std::shared_ptr<Place> place = TRY(place_of(path));
  return in_directory(place->directory, wal::check_file(*place->disk, place->name, options));
}

Result<WalSalvage> salvage_wal(const std::string& path,
                               const std::shared_ptr<const KeyRing>& keys) {
  const std::shared_ptr<Place> place = TRY(place_of(path));
  const std::string made = place->name + ".salvaged";
  wal::Salvaged salvaged;  // its lock is held until the names are exchanged
  if (const std::unique_ptr<Disk> from = TRY(directory_at(path))) {
    TRY(io::make_directory(place->directory + "/" + made));
    const std::unique_ptr<Disk> to = TRY(io::open_posix_disk(place->directory + "/" + made));
    if (!TRY(to->list()).empty()) {
      return Error(Code::kExists, "an earlier salvage was not finished there; remove it first",
                   place->directory + "/" + made);
    }
    salvaged = TRY(in_directory(path, wal::salvage_log(*place->runtime, *from, *to, keys)));
  } else {
    salvaged = TRY(in_directory(place->directory, salvage_beside(*place, made, keys)));
  }
  WalSalvage& salvage = salvaged.salvage;
  salvage.kept = free_name(*place);
  TRY(io::replace_keeping(place->directory, {made, place->name, salvage.kept}));
  return std::move(salvage);
}

Result<std::shared_ptr<const KeyRing>> load_wal_keys(const std::vector<std::string>& key_files) {
  if (key_files.empty()) return Error(Code::kInvalid, "no key file is named");
  const WalEncryptionKey current = TRY(read_key(key_files.front()));
  KeyRing ring = TRY(KeyRing::make(current.fingerprint(), current));
  for (size_t i = 1; i < key_files.size(); ++i) {
    const WalEncryptionKey old = TRY(read_key(key_files[i]));
    const Status added = ring.add(old.fingerprint(), old);
    if (!added.ok()) return added.error().at(key_files[i]);
  }
  return std::make_shared<const KeyRing>(std::move(ring));
}

Result<std::shared_ptr<const KeyRing>> wal_key_from_environment(const std::string& variable) {
  const char* const text = std::getenv(variable.c_str());
  if (text == nullptr) return Error(Code::kNotFound, "the variable is not set", variable);
  const WalEncryptionKey key = TRY(decode_key(as_bytes(std::string_view(text)), variable));
  const KeyRing ring = TRY(KeyRing::make(key.fingerprint(), key));
  return std::make_shared<const KeyRing>(ring);
}

}  // namespace sluice
