// `sluice wal` and its subcommands: a write-ahead log that is used by itself, a directory of
// segments or one file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "sluice/wal_options.h"
#include "sluice/wal_record.h"

namespace sluice::cli {

enum class MendPolicy : uint8_t { kTruncatePartial, kTruncateUnsynced, kSalvage };

struct WalArguments {
  std::string path;
  std::vector<std::string> key_files;  ///< the first is the current key
  bool json = false;
  bool force = false;    ///< also in the log of a data directory
  bool in_file = false;  ///< a new log is one file
  bool direct = false;   ///< written past the page cache
  TornWrites torn_writes = TornWrites::kPad;

  std::optional<uint64_t> count;  ///< of records that are made up; none: standard input
  uint64_t record_bytes = 256;
  uint64_t sync_every = 1;  ///< records
  uint64_t threads = 1;
  WalRecord record{};  ///< what all appended records have in common
  bool required = false;

  Lsn from = 1;
  Lsn to = UINT64_MAX;  ///< it included
  uint64_t limit = UINT64_MAX;
  std::optional<uint16_t> type;  ///< these three: all, unless given
  std::optional<uint32_t> tenant;
  std::optional<uint16_t> vshard;

  MendPolicy policy = MendPolicy::kTruncatePartial;
  Lsn before = 0;
};

Result<ExitCode> append_records(const WalArguments& arguments);
Result<ExitCode> dump_records(const WalArguments& arguments);
Result<ExitCode> show_log_figures(const WalArguments& arguments);
Result<ExitCode> verify_log(const WalArguments& arguments);
Result<ExitCode> repair_log(const WalArguments& arguments);
Result<ExitCode> truncate_log(const WalArguments& arguments);
Result<ExitCode> rotate_key(const WalArguments& arguments);
Result<ExitCode> measure_log(const WalArguments& arguments);

}  // namespace sluice::cli
