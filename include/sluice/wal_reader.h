// Reading a write-ahead log, at rest or live, without its lock: in order, from an LSN on, filtered
// by what the records' headers say. Nothing is created or written, so a read-only medium will do.
//
// What a filter leaves out is passed by its header: its payload is neither checked nor, from about
// 64 KiB on, read. Of an encrypted log whole blocks are passed by what they tell without the key.
//
// Memory: 1 MiB, or the largest record if that is larger; of an encrypted log twice that.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/wal_key.h"
#include "sluice/wal_options.h"
#include "sluice/wal_record.h"

namespace sluice {

/// Which records are wanted. An empty list: any.
struct WalFilter {
  std::vector<uint16_t> types{};  ///< numbers; kWalRequired in them says nothing
  std::vector<uint32_t> tenants{};
  std::vector<uint16_t> vshards{};
};

inline constexpr uint64_t kUnlimitedRecords = UINT64_MAX;

struct WalReadOptions {
  Lsn from = 1;  ///< the first record is the first at or above it
  /// Records until the reader ends, for this time: reset() gives as many again.
  uint64_t limit = kUnlimitedRecords;
  WalFilter filter{};
  /// A record of another type is skipped, but if it has kWalRequired it is kUnsupported, whatever
  /// the filter says. Numbers, as in the filter; empty: all are known. With it no block of an
  /// encrypted log is passed unopened.
  std::vector<uint16_t> known_types{};
  WalValidator validate{};  ///< asked for each payload that is handed out; empty: all will do
  /// kRefused: kCorrupt instead of a payload that is not encrypted, wherever it was put.
  Plaintext plaintext = Plaintext::kAllowed;
  /// A record above it that would be handed out is refused before its payload is read.
  uint64_t payload_bytes_max = kWalPayloadBytesMax;
  /// kStrict: a torn tail is kCorrupt; else it is the end. A log that somebody writes may look torn
  /// for a moment.
  RepairPolicy repair = RepairPolicy::kTruncatePartial;
};

/// A record without its payload.
struct WalFrameHeader {
  Lsn lsn = 0;
  uint16_t type = 0;
  uint16_t vshard = 0;
  uint32_t tenant = 0;
  uint64_t payload_bytes = 0;
};

struct WalReadStats {
  uint64_t segments_opened = 0;        ///< beyond their headers
  uint64_t payload_bytes_skipped = 0;  ///< of records and blocks that were passed
  uint64_t blocks_skipped = 0;         ///< sealed ones that were not opened
};

/// One thread at a time, but any. What it reads from outlives it.
///
/// Errors of every call, the same for ever once there is one: kCorrupt: where() is the file,
/// found() the offset; of kMissingSegment expected() is the first LSN that is missing and found()
/// the next that is there; kForked: what was handed out is not part of the log any more. kNotFound
/// (kMissingSegment): a trim took what was to be read next. kUnsupported (kVersion): expected() is
/// the LSN, found() the type of a record that must be known and is not; or the segment is of a
/// newer format. kInvalid (kMissingKey): the log is encrypted and its key was not given; kInvalid
/// (kPayloadTooLarge): a record exceeds payload_bytes_max. kIo.
class WalReader {
 public:
  virtual ~WalReader() = default;

  /// The next record. Nothing: the end of what was there when the reader was made or last reset, or
  /// the limit. After that nothing comes until reset(), also if the log grows.
  virtual Result<std::optional<WalFrame>> next() = 0;

  /// The same without the payload, which payload() reads if it is called before anything else. If
  /// it is not, the payload is not read.
  virtual Result<std::optional<WalFrameHeader>> next_header() = 0;
  /// Once for each next_header(); 8-byte aligned, valid until the next call. kInvalid: there is no
  /// record whose payload could be read; this error does not stay.
  virtual Result<ByteView> payload() = 0;

  /// Whether another record is there, whatever the limit says. Exact: it looks for the record.
  virtual Result<bool> has_more() = 0;

  /// Goes on where the reader stopped: with what has become durable meanwhile, and with as many
  /// records as the limit says. Nothing is read twice but the last block.
  virtual void reset() = 0;
  /// With another limit, also for later ones.
  virtual void reset(uint64_t limit) = 0;
  /// The next record will be the first at or above `from`, forwards or backwards, as if the reader
  /// had just been made. If there is none, nothing earlier comes.
  virtual void seek(Lsn from) = 0;

  virtual WalReadStats stats() const = 0;
};

/// Of a log directory. A log that another process writes may be read too: a record comes as soon as
/// it stands there whole, perhaps before it is durable. `keys` may be null where nothing is
/// encrypted. An empty directory is an empty log.
Result<std::unique_ptr<WalReader>> open_wal_reader(Disk& disk, std::shared_ptr<const KeyRing> keys,
                                                   WalReadOptions options);
/// Of a log in one file. An empty file is an empty log. kNotFound: there is no such file.
Result<std::unique_ptr<WalReader>> open_wal_file_reader(Disk& disk, const std::string& name,
                                                        std::shared_ptr<const KeyRing> keys,
                                                        WalReadOptions options);
/// Either, by its path on this machine.
Result<std::unique_ptr<WalReader>> open_wal_reader(const std::string& path,
                                                   std::shared_ptr<const KeyRing> keys,
                                                   WalReadOptions options);

}  // namespace sluice
