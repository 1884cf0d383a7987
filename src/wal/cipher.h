// Cipher: AES-256-GCM (NIST SP 800-38D) under the data key of one segment, and the wrapping of that
// key. Every call under one key has another nonce: the key is drawn for the segment, the counter
// only rises.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "sluice/runtime.h"
#include "sluice/wal_key.h"
#include "wal/format.h"
#include "wal/reopening.h"

namespace sluice::wal {

inline constexpr size_t kTagBytes = 16;

/// One thread.
class Cipher {
 public:
  explicit Cipher(const WalEncryptionKey& data_key);
  ~Cipher();
  Cipher(const Cipher&) = delete;
  Cipher& operator=(const Cipher&) = delete;

  /// `sealed` has plain.size() + kTagBytes bytes; the tag comes last. `counter` is new.
  void seal(uint64_t counter, ByteView additional, ByteView plain, std::span<std::byte> sealed);
  /// False: another key, or other bytes than were sealed; `plain`, of sealed.size() - kTagBytes
  /// bytes, then holds nothing of use.
  bool open(uint64_t counter, ByteView additional, ByteView sealed, std::span<std::byte> plain);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

/// A new data key for the segment, wrapped into the header by the ring's current key. The header's
/// other fields are final: they are authenticated with it.
Result<WalEncryptionKey> draw_data_key(Runtime& runtime, const KeyRing& keys,
                                       SegmentHeader& header);
/// The data key of an encrypted segment. kInvalid (kMissingKey): `keys` is null, or lacks the key
/// that the header names. kCorrupt (kWrongKey): it is another key, or the header was changed. The
/// errors name the file.
Result<WalEncryptionKey> unwrap_data_key(const KeyRing* keys, const SegmentHeader& header,
                                         std::string_view name);

/// Where the frame of a reopening stands.
struct ReopeningPlace {
  SegmentId segment{};
  uint64_t offset = 0;
};
/// The same for what follows a reopening.
Result<WalEncryptionKey> draw_data_key(Runtime& runtime, const KeyRing& keys, ReopeningPlace place,
                                       Reopening& reopening);
Result<WalEncryptionKey> unwrap_data_key(const KeyRing* keys, ReopeningPlace place,
                                         const Reopening& reopening);

}  // namespace sluice::wal
