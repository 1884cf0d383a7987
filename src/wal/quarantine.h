// Quarantine: what an opening cuts from a log's tail is kept in a file of its own.
#pragma once

#include <string>

#include "sluice/io.h"
#include "sluice/result.h"
#include "wal/format.h"

namespace sluice::wal {

struct TornTail {
  std::string file;     ///< that holds it
  std::string kept_in;  ///< the quarantine file
  std::string made_as;  ///< its name until it is whole
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

/// Copies the tail from the device. W13: file and name are durable on return. Repeating it after a
/// crash replaces the file.
Status quarantine(Disk& disk, const TornTail& tail);

}  // namespace sluice::wal
