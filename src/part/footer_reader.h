// The footer of a Parquet object: found and decoded, not yet checked against itself.
#pragma once

#include <cstdint>
#include <string>

#include "part/format.h"
#include "sluice/io.h"
#include "sluice/result.h"

namespace sluice::part {

struct LocatedFooter {
  parquet::Footer footer;
  uint64_t offset = 0;  ///< of its first byte in the object
};

/// `bytes` is the object's size. kCorrupt, kUnsupported (encrypted), kNotFound, kIo. What it yields
/// is well-formed; layout.h checks the rest.
Result<LocatedFooter> read_footer(Bucket& bucket, const std::string& key, uint64_t bytes);

}  // namespace sluice::part
