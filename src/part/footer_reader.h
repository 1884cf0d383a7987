// The footer of a Parquet object: found and decoded, not yet checked against itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "part/format.h"
#include "sluice/io.h"
#include "sluice/result.h"

namespace sluice::part {

struct LocatedFooter {
  parquet::Footer footer;
  uint64_t offset = 0;                       ///< of its first byte in the object
  std::optional<std::string> body_checksum;  ///< digits, of all bytes before it
  Status checksum;  ///< kCorrupt (kCrcMismatch): it has one, which does not fit
};

/// `bytes` is the object's size. kCorrupt, kUnsupported (encrypted), kNotFound, kIo. What it yields
/// is well-formed; layout.h checks the rest.
Result<LocatedFooter> read_footer(Bucket& bucket, const std::string& key, uint64_t bytes);

}  // namespace sluice::part
