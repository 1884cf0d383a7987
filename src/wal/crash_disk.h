// For tests: a Disk in memory that can lose power, fail and lie; a Runtime without chance.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sluice/io.h"
#include "sluice/runtime.h"

namespace sluice::wal {

/// splitmix64.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  uint64_t roll();
  uint64_t below(uint64_t limit) { return roll() % limit; }

 private:
  uint64_t state_;
};

/// Ids are drawn from the seed; monitors exclude nobody.
class TestRuntime : public Runtime {
 public:
  explicit TestRuntime(uint64_t seed = 1) : dice_(seed) {}
  Nanos now() override { return 0; }
  Nanos wall_now() override { return 0; }
  void sleep_until(Nanos) override {}
  void random(std::span<std::byte> out) override;
  std::unique_ptr<Thread> spawn(std::string name, std::function<void()> body) override;
  std::unique_ptr<Monitor> monitor() override;

 private:
  Dice dice_;
};

inline constexpr uint64_t kSectorBytes = 512;
inline constexpr uint64_t kPageBytes = 4096;

/// Everything that a CrashDisk holds, as a value: copying it clones the disk.
struct DiskImage {
  struct Inode {
    std::vector<std::byte> stored;  ///< on the device
    std::vector<std::byte> cached;  ///< what programs read
    std::set<uint64_t> dirty{};     ///< sectors written since the last sync
  };
  /// from empty: create `to`; to empty: remove `from`.
  struct Renaming {
    std::string from;
    std::string to;
    uint64_t inode;
  };
  std::map<uint64_t, Inode> inodes;
  std::map<std::string, uint64_t> stored_names;
  std::vector<Renaming> unsynced_names;

  std::map<std::string, uint64_t> names() const;
};

enum class CrashKind : uint8_t {
  kAllLost,  ///< nothing that was not synced reached the device
  kAllKept,  ///< everything did
  kMixed,    ///< each sector and each name on its own; sectors and pages written to hold garbage
  kMixedUnspoilt,  ///< the same without garbage
  kProcessDied,    ///< no power cut: the cache survives
};
/// What the disk holds after a crash now.
DiskImage crash(DiskImage image, CrashKind kind, Dice& dice);

enum class DiskOp : uint8_t {
  kCreate,
  kWrite,
  kAllocate,
  kTruncate,
  kSync,
  kRename,
  kRemove,
  kSyncDir
};

class CrashDisk : public Disk {
 public:
  explicit CrashDisk(DiskImage image = {}, uint64_t seed = 1)
      : image_(std::move(image)), dice_(seed) {}

  Result<std::unique_ptr<File>> create(std::string_view name) override;
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Status rename(std::string_view from, std::string_view to) override;
  Status remove(std::string_view name) override;
  Result<std::vector<DiskEntry>> list() override;
  Status sync_dir() override;
  Result<std::unique_ptr<DiskLock>> lock(std::string_view name) override;
  Result<uint64_t> free_bytes() override { return uint64_t{1} << 40; }

  const DiskImage& image() const { return image_; }
  void set_image(DiskImage image) { image_ = std::move(image); }
  bool has(const std::string& name) const { return image_.names().contains(name); }
  /// A file's bytes, to damage them. The change is durable and cached once settle() is called.
  std::vector<std::byte>& bytes(const std::string& name);
  void settle(const std::string& name);

  /// The `skip`-th next operation of the kind fails (0: the next), once. A failed write has stored
  /// a prefix; a failed sync has stored some sectors and will never store the others; a failed
  /// rename or removal has happened or not.
  void fail(DiskOp op, Code code, int skip = 0) { faults_.push_back({op, code, skip}); }
  void forget_faults() { faults_.clear(); }
  /// Called after every operation that changes the disk.
  std::function<void()> after_operation;
  /// Changing operations so far, in words.
  std::vector<std::string> trace;

 private:
  friend class CrashFile;
  struct Fault {
    DiskOp op;
    Code code;
    int skip;
  };
  std::unique_ptr<Error> begin(DiskOp op, std::string words);
  void done();
  void write(uint64_t inode, uint64_t offset, ByteView bytes);
  void truncate(uint64_t inode, uint64_t bytes);
  void fail_sync(uint64_t inode);

  DiskImage image_;
  Dice dice_;
  std::vector<Fault> faults_;
  std::set<std::string> locked_;
  std::set<uint64_t> locked_inodes_;
};

}  // namespace sluice::wal
