// The write-ahead log, usable without the rest of Sluice (CMake: sluice::wal).
//
//   SegmentedWal     a log in a directory: many threads, rolls, truncation, group commit
//   WalWriter        a log in one file that numbers its records
//   WalFsWriter      a log in one file whose records the caller numbers
//   WalReader        reading any of them
//   check_wal()      looking at one, salvage_wal() mending it
//
// The format on disk is specified in src/wal/format.h.
#pragma once

#include "sluice/wal_check.h"
#include "sluice/wal_file.h"
#include "sluice/wal_key.h"
#include "sluice/wal_log.h"
#include "sluice/wal_options.h"
#include "sluice/wal_reader.h"
#include "sluice/wal_record.h"
#include "sluice/wal_replay.h"
