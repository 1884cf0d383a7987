// SimDisk: a Disk over a DiskState, with faults by seed.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "sim/disk_state.h"
#include "sim/runtime.h"
#include "sluice/io.h"

namespace sluice::sim {

/// How often what goes wrong, in a thousand calls.
struct DiskFaults {
  uint32_t full_permille = 0;         ///< write, allocate: kFull after a prefix
  uint32_t write_permille = 0;        ///< write: kIo after some other part
  uint32_t read_permille = 0;         ///< read: kIo
  uint32_t sync_permille = 0;         ///< sync: kIo or kFull, and from then on the cache may lie
  uint32_t sync_dir_permille = 0;     ///< sync_dir: kIo; nothing is promised, a retry may succeed
  uint32_t name_permille = 0;         ///< create, rename, remove: kIo without effect
  uint64_t capacity_bytes = 1 << 30;  ///< beyond it kFull
  Nanos write_nanos_max = 0;          ///< latency of everything but syncs; 0: at once
  Nanos sync_nanos_max = 2 * kMillisecond;
  bool operator==(const DiskFaults&) const = default;
};

/// Used by fibers of one SimRuntime, which outlives it. Files and locks must not outlive the disk.
class SimDisk final : public Disk {
 public:
  explicit SimDisk(SimRuntime& runtime, DiskState state = {}, DiskFaults faults = {});
  ~SimDisk() override;

  Result<std::unique_ptr<File>> create(std::string_view name) override;
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Status rename(std::string_view from, std::string_view to) override;
  Status remove(std::string_view name) override;
  Result<std::vector<DiskEntry>> list() override;
  Status sync_dir() override;
  Result<std::unique_ptr<DiskLock>> lock(std::string_view name) override;
  Result<uint64_t> free_bytes() override;

  /// Copy it to clone the disk; the copy has no locks and no open files.
  const DiskState& state() const { return state_; }
  DiskState& mutable_state() { return state_; }
  void set_faults(const DiskFaults& faults) { faults_ = faults; }

 private:
  friend class SimFile;
  friend class SimDiskLock;
  /// The call's way to the device, and its fault: kIo at `fail_permille`.
  Status enter(uint32_t fail_permille, const Operation& operation, Nanos nanos_max);
  std::unique_ptr<File> open_file(FileId id, OpenMode mode);
  void close_file(FileId id);
  /// Bytes of a write at `offset` that find room.
  uint64_t room_for(FileId id, uint64_t offset, uint64_t bytes) const;

  SimRuntime& runtime_;
  Random random_;
  DiskState state_;
  DiskFaults faults_;
  std::multiset<FileId> open_;
  std::set<std::string, std::less<>> locks_;
  std::set<FileId> locked_files_;
};

}  // namespace sluice::sim
