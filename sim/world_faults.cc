#include "sim/world_faults.h"

namespace sluice::sim {

uint64_t pick(Random& random, std::initializer_list<uint64_t> choices) {
  return *(choices.begin() + random.below(choices.size()));
}

DiskFaults draw_disk_faults(Random& random) {
  DiskFaults faults;
  const auto rate = static_cast<uint32_t>(pick(random, {1, 3, 20}));
  const auto maybe = [&] { return random.chance(500) ? rate : 0; };
  faults.full_permille = maybe();
  faults.write_permille = maybe();
  faults.read_permille = maybe();
  faults.sync_permille = maybe();
  faults.sync_dir_permille = maybe();
  faults.name_permille = maybe();
  if (random.chance(150)) faults.capacity_bytes = pick(random, {100'000, 300'000, 1'000'000});
  return faults;
}

BucketFaults draw_bucket_faults(Random& random) {
  BucketFaults faults;
  const auto rate = static_cast<uint32_t>(pick(random, {2, 8, 30}));
  const auto maybe = [&] { return random.chance(500) ? rate : 0; };
  faults.busy_permille = maybe();
  faults.lost_permille = maybe();
  faults.answer_lost_permille = maybe();
  faults.late_permille = maybe();
  faults.duplicated_permille = maybe();
  faults.read_permille = maybe() / 2;
  if (random.chance(300)) {
    faults.stale_permille = static_cast<uint32_t>(pick(random, {20, 200, 1000}));
    faults.stale_nanos_max = static_cast<Nanos>(pick(random, {10, 100, 3000})) * kMillisecond;
  }
  if (random.chance(200)) {
    faults.hang_permille = static_cast<uint32_t>(pick(random, {1, 5, 20}));
    faults.hang_nanos_max = static_cast<Nanos>(pick(random, {2, 10, 60})) * 60 * kSecond;
  }
  return faults;
}

}  // namespace sluice::sim
