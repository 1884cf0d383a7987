// Looking at a write-ahead log at rest or live, without its lock, and mending one that nobody has
// open. A log is a directory of segments or one file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/result.h"
#include "sluice/wal_key.h"
#include "sluice/wal_record.h"

namespace sluice {

/// One segment, or the one file, as far as it can be read.
struct WalFileReport {
  std::string file{};
  uint64_t file_bytes = 0;
  Lsn first_lsn = 0;  ///< the lowest that it may hold; 0: its header cannot be read
  Lsn last_lsn = 0;   ///< first_lsn - 1: it holds no record
  uint64_t records = 0;
  uint64_t payload_bytes = 0;
  uint64_t marks = 0;
  uint64_t confirmed_end = 0;  ///< the highest offset that a mark says was synced
  uint64_t accepted_end = 0;   ///< offset behind the last valid frame
  /// Of the key that wraps the data key, of one file the newest; 0: not encrypted.
  uint32_t key_id = 0;
  uint64_t reopenings = 0;  ///< of one file
  /// Of the tail block, torn, that were read from the side file; the next opening restores them.
  uint64_t restorable_bytes = 0;
  uint64_t torn_bytes = 0;  ///< behind the accepted end of the newest; a crash leaves them
  Reason torn_reason = Reason::kNone;
  /// What cannot have come from a crash: reason(), found() the offset, expected() up to where it is
  /// known that the log was durable.
  std::optional<Error> damage{};
};

struct WalReport {
  bool is_file = false;
  Numbering numbering = Numbering::kLog;
  std::vector<WalFileReport> files{};  ///< oldest first
  /// Of the log as a whole: missing segments, foreign ones; where() names the file.
  std::vector<Error> findings{};
  uint64_t records() const;
  uint64_t torn_bytes() const;
  uint64_t restorable_bytes() const;
  bool is_damaged() const;  ///< a torn end is no damage, and a block that can be restored is none
};

struct WalCheckOptions {
  std::shared_ptr<const KeyRing> keys{};
  uint32_t threads = 1;  ///< that check segments at once, 1 to 64
};

/// Reads and checks every frame; writes nothing, takes no lock. An error only if there is no such
/// log, or a key is missing (kInvalid, kMissingKey).
Result<WalReport> check_wal(const std::string& path, const WalCheckOptions& options);

struct WalSalvage {
  uint64_t records = 0;     ///< that are in the log now
  uint64_t gaps = 0;        ///< in the LSNs from the first to next_lsn; of a log that numbers
  uint64_t lost_bytes = 0;  ///< that are no frame
  Lsn next_lsn = 0;         ///< that the log goes on with; 0: its records have callers' numbers
  std::string kept{};       ///< where the log as it was lies now
};

/// Takes every record that can still be read, in order, into a new log with the same LSNs, which
/// then has the old one's name; the old one is kept beside it, whole. What is lost is lost, and its
/// LSNs are a gap that the new log declares. No LSN is given out again that anything left of the
/// log shows to have been given out; where bytes at its end can be told from nothing but not read,
/// as many are passed over as there could be records in them. What left no byte, a file that is
/// gone or was cut, is not known of. For one who has looked at check_wal() first: rows that
/// were acknowledged may be among the lost. kBusy (kLocked): somebody has it open.
Result<WalSalvage> salvage_wal(const std::string& path, const std::shared_ptr<const KeyRing>& keys);

/// A key ring of files with 32 raw bytes, or 64 hexadecimal digits and perhaps a line's end: the
/// first is the current key. Ids are the keys' fingerprints (WalEncryptionKey::fingerprint()), so
/// they need no bookkeeping. kInvalid (kOutOfRange): another length; kNotFound: no such file.
Result<std::shared_ptr<const KeyRing>> load_wal_keys(const std::vector<std::string>& key_files);
/// The same from an environment variable with 64 hexadecimal digits. kNotFound: it is not set.
Result<std::shared_ptr<const KeyRing>> wal_key_from_environment(const std::string& variable);

}  // namespace sluice
