// What check_wal() says, of a log on a Disk.
#pragma once

#include <string>

#include "sluice/io.h"
#include "sluice/runtime.h"
#include "sluice/wal_check.h"

namespace sluice::wal {

/// The log in the directory. kNotFound: it holds no segment.
Result<WalReport> check_log(Runtime& runtime, Disk& disk, const WalCheckOptions& options);
/// The log in one file.
Result<WalReport> check_file(Disk& disk, const std::string& name, const WalCheckOptions& options);

}  // namespace sluice::wal
