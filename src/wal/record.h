// What is appended to a log and read from it, under the names of this folder.
#pragma once

#include "sluice/wal_record.h"

namespace sluice::wal {

using RecordView = WalRecord;
using LogFrame = WalFrame;

}  // namespace sluice::wal
