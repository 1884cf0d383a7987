// Keys of an encrypted log. Every segment has a data key of its own, drawn when the segment is made
// and stored in its header, wrapped by one of these keys, which the header names by its id. So a
// restart needs the keys alone, and a rotation rewrites nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>

#include "sluice/result.h"

namespace sluice {

/// A key for AES-256-GCM. Wiped from memory when it is destroyed.
class WalEncryptionKey {
 public:
  static constexpr size_t kBytes = 32;

  /// kInvalid (kOutOfRange) unless there are exactly kBytes raw bytes; found(): how many.
  static Result<WalEncryptionKey> from_bytes(std::span<const std::byte> bytes);
  WalEncryptionKey(const WalEncryptionKey&) = default;
  WalEncryptionKey& operator=(const WalEncryptionKey&) = default;
  ~WalEncryptionKey();

  std::span<const std::byte, kBytes> bytes() const { return bytes_; }
  /// An id for those who keep none: the first bytes of the key's SHA-256, never 0.
  uint32_t fingerprint() const;

 private:
  WalEncryptionKey() = default;
  std::array<std::byte, kBytes> bytes_{};
};

/// One key that new segments are sealed with, and any number of old ones that read. A value: to
/// rotate, give the log a new ring. Safe to read from any thread.
class KeyRing {
 public:
  /// Asked for a key that the ring does not hold; from any thread. kNotFound: there is none.
  using Lookup = std::function<Result<WalEncryptionKey>(uint32_t id)>;

  /// kInvalid (kOutOfRange): id 0, which says that a segment is not encrypted.
  static Result<KeyRing> make(uint32_t id, WalEncryptionKey current);
  /// The same ring with an old key more. kExists: the id is taken; kInvalid: id 0.
  Status add(uint32_t id, WalEncryptionKey old);
  void ask(Lookup lookup) { lookup_ = std::move(lookup); }

  uint32_t current_id() const { return current_id_; }
  /// kInvalid (kMissingKey): neither the ring nor its lookup has it; found(): the id. What the
  /// lookup fails with, if that is not kNotFound.
  Result<WalEncryptionKey> find(uint32_t id) const;

 private:
  KeyRing() = default;
  uint32_t current_id_ = 0;
  std::map<uint32_t, WalEncryptionKey> keys_;
  Lookup lookup_;
};

}  // namespace sluice
