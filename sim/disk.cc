#include "sim/disk.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace sluice::sim {
namespace {

constexpr size_t kNameBytesMax = 200;
constexpr uint32_t kSyncFullPermille = 200;  // of the failing syncs

Status check_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (name.empty() || name.size() > kNameBytesMax || name.front() == '.' ||
      !std::all_of(name.begin(), name.end(), allowed)) {
    return Error(Code::kInvalid, "not a file name", std::string(name));
  }
  return ok();
}

Error not_found(std::string_view name) {
  return Error(Code::kNotFound, "no such file", std::string(name));
}
Error device_error(std::string_view place) {
  return Error(Code::kIo, "simulated device error", std::string(place));
}
Error full(std::string_view place) {
  return Error(Code::kFull, "no space left on the simulated device", std::string(place));
}

}  // namespace

class SimFile final : public File {
 public:
  SimFile(SimDisk& disk, FileId id, OpenMode mode) : disk_(disk), id_(id), mode_(mode) {
    disk_.open_.insert(id);
  }
  ~SimFile() override {
    if (is_locked_) disk_.locked_files_.erase(id_);
    disk_.close_file(id_);
  }

  Status pwrite_at(uint64_t offset, ByteView bytes) override {
    TRY(enter_write());
    const uint64_t room = disk_.room_for(id_, offset, bytes.size());
    uint64_t first = 0;
    uint64_t end = room;
    std::optional<Error> error;
    if (room < bytes.size()) error = full(name());
    if (!error && !bytes.empty() && random().chance(disk_.faults_.full_permille)) {
      error = full(name());
      end = random().below(bytes.size());
    }
    if (!error && !bytes.empty() && random().chance(disk_.faults_.write_permille)) {
      error = device_error(name());
      first = random().below(bytes.size());
      end = first + random().below(bytes.size() - first + 1);
    }
    const ByteView written = bytes.subspan(first, end - first);
    if (!written.empty()) disk_.state_.write(id_, offset + first, written);
    return done("write", offset, bytes.size(), written, error);
  }

  Status allocate(uint64_t offset, uint64_t bytes) override {
    TRY(enter_write());
    uint64_t room = disk_.room_for(id_, offset, bytes);
    std::optional<Error> error;
    if (room < bytes) error = full(name());
    if (!error && bytes > 0 && random().chance(disk_.faults_.full_permille)) {
      error = full(name());
      room = random().below(bytes);
    }
    if (room > 0) disk_.state_.write_zeros(id_, offset, room);
    return done("allocate", offset, bytes, {}, error);
  }

  Status truncate(uint64_t bytes) override {
    TRY(enter_write());
    disk_.state_.truncate(id_, bytes);
    return done("truncate", bytes, 0, {}, std::nullopt);
  }

  Status sync() override {
    const uint64_t covered = disk_.state_.next_write();
    TRY(disk_.runtime_.enter(disk_.faults_.sync_nanos_max));
    const bool fails = random().chance(disk_.faults_.sync_permille);
    disk_.state_.write_back(id_, covered, fails ? draw_luck(random()) : Luck::kAll, random());
    disk_.runtime_.took_effect({.verb = "sync", .name = name(), .failed = fails});
    if (!fails) return ok();
    return random().chance(kSyncFullPermille) ? full(name()) : device_error(name());
  }

  Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override {
    Operation read{.verb = "read", .name = name(), .ranged = true, .offset = offset};
    TRY(disk_.enter(disk_.faults_.read_permille, read, disk_.faults_.write_nanos_max));
    const size_t count = image().read_at(offset, out);
    read.bytes = count;
    read.content = out.first(count);
    disk_.runtime_.observed(read);
    return count;
  }

  Result<uint64_t> size() override {
    TRY(disk_.runtime_.enter(0));
    return image().bytes;
  }

  Status lock() override {
    TRY(disk_.runtime_.enter(0));
    if (is_locked_) return ok();
    if (!disk_.locked_files_.insert(id_).second) {
      return Error(Code::kBusy, Reason::kLocked, "the file is locked", std::string(name()));
    }
    is_locked_ = true;
    return ok();
  }

 private:
  Random& random() { return disk_.random_; }
  std::string_view name() { return name_ = disk_.state_.name_of(id_); }
  const Image& image() const {
    const FileState& file = disk_.state_.file(id_);
    return mode_ == OpenMode::kReadDevice ? file.device() : file.cache();
  }
  Status enter_write() {
    if (mode_ != OpenMode::kReadWrite) {
      return Error(Code::kInvalid, "the file is open for reading", std::string(name()));
    }
    return disk_.runtime_.enter(disk_.faults_.write_nanos_max);
  }
  Status done(std::string_view verb, uint64_t offset, uint64_t bytes, ByteView content,
              const std::optional<Error>& error) {
    disk_.runtime_.took_effect({.verb = verb,
                                .name = name(),
                                .ranged = true,
                                .offset = offset,
                                .bytes = bytes,
                                .content = content,
                                .failed = error.has_value()});
    disk_.state_.stamp(id_, disk_.runtime_.wall_now());
    if (error) return *error;
    return ok();
  }

  SimDisk& disk_;
  const FileId id_;
  const OpenMode mode_;
  bool is_locked_ = false;
  std::string name_;  // what name() points to
};

class SimDiskLock final : public DiskLock {
 public:
  SimDiskLock(SimDisk& disk, std::string name) : disk_(disk), name_(std::move(name)) {}
  ~SimDiskLock() override { disk_.locks_.erase(name_); }

 private:
  SimDisk& disk_;
  const std::string name_;
};

SimDisk::SimDisk(SimRuntime& runtime, DiskState state, DiskFaults faults)
    : runtime_(runtime),
      random_(runtime.fork_random()),
      state_(std::move(state)),
      faults_(faults) {}

SimDisk::~SimDisk() = default;

Status SimDisk::enter(uint32_t fail_permille, const Operation& operation, Nanos nanos_max) {
  TRY(runtime_.enter(nanos_max));
  if (!random_.chance(fail_permille)) return ok();
  Operation failed = operation;
  failed.failed = true;
  runtime_.observed(failed);
  return device_error(operation.name);
}

std::unique_ptr<File> SimDisk::open_file(FileId id, OpenMode mode) {
  return std::make_unique<SimFile>(*this, id, mode);
}

void SimDisk::close_file(FileId id) {
  open_.erase(open_.find(id));
  state_.collect(open_);
}

uint64_t SimDisk::room_for(FileId id, uint64_t offset, uint64_t bytes) const {
  const uint64_t held = align_up(state_.file(id).cache().bytes, kBlockBytes);
  const uint64_t used = state_.used_bytes();
  const uint64_t end_max =
      held + (used < faults_.capacity_bytes ? faults_.capacity_bytes - used : 0);
  return offset >= end_max ? 0 : std::min(bytes, end_max - offset);
}

Result<std::unique_ptr<File>> SimDisk::create(std::string_view name) {
  TRY(check_name(name));
  const Operation create{.verb = "create", .name = name};
  TRY(enter(faults_.name_permille, create, faults_.write_nanos_max));
  if (state_.find(name) != nullptr) {
    return Error(Code::kExists, "the file exists", std::string(name));
  }
  const FileId id = state_.create(name);
  state_.stamp(id, runtime_.wall_now());
  auto file = open_file(id, OpenMode::kReadWrite);
  runtime_.took_effect(create);
  return file;
}

Result<std::unique_ptr<File>> SimDisk::open(std::string_view name, OpenMode mode) {
  TRY(check_name(name));
  const Operation open{.verb = "open", .name = name};
  TRY(enter(faults_.read_permille, open, faults_.write_nanos_max));
  runtime_.observed(open);
  const FileId* id = state_.find(name);
  if (id == nullptr) return not_found(name);
  return open_file(*id, mode);
}

Status SimDisk::rename(std::string_view from, std::string_view to) {
  TRY(check_name(from));
  TRY(check_name(to));
  const Operation rename{.verb = "rename", .name = from, .to = to};
  TRY(enter(faults_.name_permille, rename, faults_.write_nanos_max));
  if (state_.find(from) == nullptr) return not_found(from);
  state_.rename(from, to);
  runtime_.took_effect(rename);
  return ok();
}

Status SimDisk::remove(std::string_view name) {
  TRY(check_name(name));
  const Operation remove{.verb = "remove", .name = name};
  TRY(enter(faults_.name_permille, remove, faults_.write_nanos_max));
  if (state_.find(name) == nullptr) return not_found(name);
  state_.remove(name);
  runtime_.took_effect(remove);
  return ok();
}

Result<std::vector<DiskEntry>> SimDisk::list() {
  const Operation list{.verb = "list", .name = {}};
  TRY(enter(faults_.read_permille, list, faults_.write_nanos_max));
  runtime_.observed(list);
  std::vector<DiskEntry> entries;
  for (const auto& [name, id] : state_.names()) {
    const FileState& file = state_.file(id);
    entries.push_back({name, file.cache().bytes, file.written_wall_time});
  }
  return entries;
}

Status SimDisk::sync_dir() {
  const uint64_t covered = state_.next_name_change();
  TRY(runtime_.enter(faults_.sync_nanos_max));
  const bool fails = random_.chance(faults_.sync_dir_permille);
  if (!fails) {
    state_.sync_names(covered);
    state_.collect(open_);
  }
  runtime_.took_effect({.verb = "sync_dir", .name = {}, .failed = fails});
  if (fails) return device_error("directory");
  return ok();
}

Result<std::unique_ptr<DiskLock>> SimDisk::lock(std::string_view name) {
  TRY(check_name(name));
  TRY(runtime_.enter(0));
  if (locks_.contains(name)) {
    return Error(Code::kBusy, Reason::kLocked, "the directory is locked", std::string(name));
  }
  if (state_.find(name) == nullptr) state_.create(name);
  locks_.emplace(name);
  runtime_.took_effect({.verb = "lock", .name = name});
  return std::unique_ptr<DiskLock>(std::make_unique<SimDiskLock>(*this, std::string(name)));
}

Result<uint64_t> SimDisk::free_bytes() {
  TRY(runtime_.enter(0));
  const uint64_t used = state_.used_bytes();
  return used < faults_.capacity_bytes ? faults_.capacity_bytes - used : 0;
}

}  // namespace sluice::sim
