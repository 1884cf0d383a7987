// BodyLimit: how many bytes of request bodies the server holds at a time.
#pragma once

#include <atomic>
#include <cstdint>

namespace sluice::server {

/// Any thread.
class BodyLimit {
 public:
  explicit BodyLimit(uint64_t bytes_max) : bytes_max_(bytes_max) {}
  bool take(uint64_t bytes) {
    if (taken_.fetch_add(bytes) + bytes <= bytes_max_) return true;
    taken_.fetch_sub(bytes);
    return false;
  }
  void give_back(uint64_t bytes) { taken_.fetch_sub(bytes); }

 private:
  const uint64_t bytes_max_;
  std::atomic<uint64_t> taken_{0};
};

/// What one request holds of it, given back when it ends.
class BodyLease {
 public:
  explicit BodyLease(BodyLimit& limit) : limit_(limit) {}
  ~BodyLease() { limit_.give_back(bytes_); }
  BodyLease(const BodyLease&) = delete;
  BodyLease& operator=(const BodyLease&) = delete;

  uint64_t bytes() const { return bytes_; }
  bool grow(uint64_t bytes) {
    if (!limit_.take(bytes)) return false;
    bytes_ += bytes;
    return true;
  }

 private:
  BodyLimit& limit_;
  uint64_t bytes_ = 0;
};

}  // namespace sluice::server
