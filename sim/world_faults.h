// Faults of a world's disk and bucket, drawn by seed: some are absent, the others are as frequent
// as each other.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "sim/bucket.h"
#include "sim/disk.h"
#include "sim/random.h"

namespace sluice::sim {

uint64_t pick(Random& random, std::initializer_list<uint64_t> choices);
DiskFaults draw_disk_faults(Random& random);
BucketFaults draw_bucket_faults(Random& random);

}  // namespace sluice::sim
