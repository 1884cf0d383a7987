// LogAppender: a log that is appended to, whether it is a directory of segments or one file.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "cli/wal_place.h"
#include "sluice/result.h"
#include "sluice/wal_options.h"
#include "sluice/wal_record.h"

namespace sluice::cli {

class LogAppender {
 public:
  virtual ~LogAppender() = default;
  /// Any thread. Returns when the records are durable: the LSN of the first, which the others
  /// follow.
  virtual Result<Lsn> commit(std::span<const WalRecord> records) = 0;
  virtual Status close() = 0;
  virtual const WalRepair& repair() const = 0;
  virtual WalProtection protection() const = 0;
  /// Whether it is written past the page cache.
  virtual bool is_direct() const = 0;
};

struct AppenderOptions {
  WalPlace place = WalPlace::kDirectory;  ///< what is at the path, or is to be made there
  std::shared_ptr<const KeyRing> keys{};
  WalIo io = WalIo::kBuffered;
  TornWrites torn_writes = TornWrites::kPad;
  bool is_shared = false;  ///< many threads append
};

/// Opens the log, or makes it; a directory exists.
Result<std::unique_ptr<LogAppender>> open_appender(const std::string& path,
                                                   AppenderOptions options);

}  // namespace sluice::cli
