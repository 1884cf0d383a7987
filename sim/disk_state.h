// DiskState: what a simulated disk holds, as a value. Copying it is the clone that a crash takes.
//
//   cache     what reads see: everything written
//   device    what a power cut leaves for sure: everything covered by a sync
//   pending   writes and name changes since then; at a power cut each is kept or lost
//
// A cache that shows bytes which neither the device nor a pending write has is *lying*: a sync has
// failed, and a later sync succeeds without them. Blocks are shared between copies, so a clone
// costs pointers and not bytes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sim/random.h"
#include "sluice/io.h"

namespace sluice::sim {

/// What the device writes at once and the cache holds as a page. A block that is being written
/// when the power goes may lose all it held; otherwise each of its sectors is old or new.
inline constexpr uint64_t kBlockBytes = 4096;
inline constexpr uint64_t kSectorBytes = 512;
inline constexpr uint64_t kBlockSectors = kBlockBytes / kSectorBytes;

using Block = std::array<std::byte, kBlockBytes>;
using BlockPtr = std::shared_ptr<const Block>;  // nullptr: zeros

/// The bytes of a file. Those between `bytes` and the end of the last block are zero.
struct Image {
  uint64_t bytes = 0;
  std::vector<BlockPtr> blocks;

  size_t read_at(uint64_t offset, std::span<std::byte> out) const;
  void resize(uint64_t new_bytes);
  /// At least `new_bytes`.
  void grow(uint64_t new_bytes);
  /// The block, zero where there is none.
  BlockPtr block(uint64_t index) const;
  void set_block(uint64_t index, BlockPtr block);
};

/// How much of what is pending reaches the device, when not all of it does.
enum class Luck : uint8_t { kAll, kNone, kSome };
Luck draw_luck(Random& random);

/// One file: cache, device and the pending writes between them.
class FileState {
 public:
  const Image& cache() const { return cache_; }
  const Image& device() const { return device_; }

  // `number` rises from call to call.
  void write(uint64_t number, uint64_t offset, ByteView bytes);
  void write_zeros(uint64_t number, uint64_t offset, uint64_t bytes);
  void truncate(uint64_t number, uint64_t bytes);

  /// The pending changes numbered below `end` reach the device or, by luck, some of their sectors
  /// do not; they are pending no longer. The cache shows them in any case.
  void write_back(uint64_t end, Luck luck, Random& random);
  /// Cache and device after a power cut.
  void cut_power(Luck luck, Random& random);
  /// Flips one bit of a byte, on the device and in the cache. False: there is no such byte.
  bool rot(uint64_t offset, Random& random);

  Nanos written_wall_time = 0;  ///< kept in a power cut

 private:
  struct BlockWrite {
    uint64_t index;
    uint8_t sectors;  // bit i: sector i was written
    BlockPtr bytes;   // the whole block as the cache held it then
  };
  struct Change {
    uint64_t number;
    bool truncates;
    uint64_t bytes;  // of the file, from then on
    std::vector<BlockWrite> blocks;
  };
  template <class Fill>
  void change_blocks(uint64_t number, uint64_t offset, uint64_t bytes, Fill fill);
  void apply(const Change& change, Luck luck, Random& random);

  Image cache_;
  Image device_;
  std::vector<std::shared_ptr<const Change>> pending_;
};

enum class CrashKind : uint8_t {
  kProcessDeath,  ///< the cache survives, with what is pending and its lies
  kPowerCut,
};

using FileId = uint64_t;

class DiskState {
 public:
  /// What the next process finds.
  DiskState crash(Random& random, CrashKind kind) const;
  /// Flips one bit of the byte; false if there is no such byte.
  bool rot(std::string_view name, uint64_t offset, Random& random);

  // The operations of a disk, without seams and without faults.
  const std::map<std::string, FileId, std::less<>>& names() const { return names_; }
  const FileId* find(std::string_view name) const;
  const FileState& file(FileId id) const { return *files_.at(id); }
  std::string name_of(FileId id) const;
  FileId create(std::string_view name);
  void rename(std::string_view from, std::string_view to);
  void remove(std::string_view name);
  uint64_t next_name_change() const { return next_name_change_; }
  void sync_names(uint64_t end);
  void write(FileId id, uint64_t offset, ByteView bytes);
  void write_zeros(FileId id, uint64_t offset, uint64_t bytes);
  void truncate(FileId id, uint64_t bytes);
  void stamp(FileId id, Nanos wall_time) { edit(id).written_wall_time = wall_time; }
  // Changes are numbered: a sync that starts now covers those below the next number.
  uint64_t next_write() const { return next_write_; }
  void write_back(FileId id, uint64_t end, Luck luck, Random& random);
  /// Bytes that named files occupy.
  uint64_t used_bytes() const;
  /// Forgets files without a name that are not `open`.
  void collect(const std::multiset<FileId>& open);

 private:
  using Names = std::map<std::string, FileId, std::less<>>;
  struct NameChange {
    std::string removed;  // empty: none
    std::string added;    // empty: none
    FileId file;          // under `added`
    uint64_t number = 0;
  };
  static void apply(const NameChange& change, Names& names) {
    if (!change.removed.empty()) names.erase(change.removed);
    if (!change.added.empty()) names[change.added] = change.file;
  }
  void change_names(NameChange change);
  FileState& edit(FileId id);

  Names names_;
  Names device_names_;
  std::vector<NameChange> pending_names_;
  std::map<FileId, std::shared_ptr<FileState>> files_;  // shared between copies until edited
  FileId next_file_ = 1;
  uint64_t next_write_ = 1;
  uint64_t next_name_change_ = 1;
};

}  // namespace sluice::sim
