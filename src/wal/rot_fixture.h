// For tests: damage to the files of a log at rest, at random.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "wal/log_fixture.h"

namespace sluice::wal {

/// Bytes of a file that are not what was written.
struct Damage {
  std::string file{};
  uint64_t start = 0;
  uint64_t end = 0;      ///< UINT64_MAX: nothing is left behind `start`
  bool is_gone = false;  ///< the file is
  bool is_bit = false;   ///< one bit alone

  std::string to_string() const {
    const std::string of = " of " + file;
    if (is_gone) return "removed" + of;
    if (end == UINT64_MAX) return "cut at " + std::to_string(start) + of;
    return (is_bit ? "one bit at " : "garbage at ") + std::to_string(start) + "+" +
           std::to_string(end - start) + of;
  }
  void strike(CrashDisk& disk) const {
    if (is_gone) {
      EXPECT_TRUE(disk.remove(file).ok() && disk.sync_dir().ok());
      return;
    }
    std::vector<std::byte>& bytes = disk.bytes(file);
    if (end == UINT64_MAX) {
      bytes.resize(std::min<uint64_t>(bytes.size(), start));
    } else {
      bytes.resize(std::max<uint64_t>(bytes.size(), end));
      Dice dice(start);
      for (uint64_t at = start; at < end; ++at) {
        const std::byte garbage{static_cast<uint8_t>(1 + dice.below(255))};
        bytes[at] = is_bit ? bytes[at] ^ std::byte{0x20} : garbage;
      }
    }
    disk.settle(file);
  }
};

/// `used_bytes` of the file mean something.
inline Damage draw_damage(const std::string& file, uint64_t used_bytes, Dice& dice) {
  Damage damage{.file = file};
  const bool is_late = dice.below(3) == 0;  // where it may pass for a torn end
  damage.start = is_late ? used_bytes - dice.below(std::min<uint64_t>(used_bytes, 2000))
                         : dice.below(dice.below(4) == 0 ? 64 : used_bytes + 200);
  switch (dice.below(8)) {
    case 0:
      damage.is_gone = true;
      break;
    case 1:
      damage.end = UINT64_MAX;
      break;
    case 2:
    case 3:
      damage.end = damage.start + 1 + dice.below(9000);
      break;
    default:
      damage.end = damage.start + 1;
      damage.is_bit = true;
  }
  return damage;
}

/// Where a record lies that an opening would find.
struct Place {
  Lsn lsn = 0;
  std::string file{};
  uint64_t start = 0;  ///< of the frame that holds it
  uint64_t end = 0;

  bool is_touched_by(const Damage& damage) const {
    return file == damage.file && (damage.is_gone || (start < damage.end && damage.start < end));
  }
};

}  // namespace sluice::wal
