// What the benchmarks of the log share.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "sluice/result.h"
#include "sluice/wal_key.h"

namespace sluice::bench {

using Clock = std::chrono::steady_clock;

constexpr size_t kPayloadBytes = 256;
constexpr int kRounds = 5;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "failed: %s\n", what.c_str());
  std::exit(1);
}
inline void require(const Status& status) {
  if (!status.ok()) die(status.error().to_string());
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

inline std::shared_ptr<const KeyRing> some_key() {
  const std::vector<std::byte> bytes(WalEncryptionKey::kBytes, std::byte{7});
  return std::make_shared<const KeyRing>(
      KeyRing::make(1, WalEncryptionKey::from_bytes(bytes).value()).value());
}

}  // namespace sluice::bench
