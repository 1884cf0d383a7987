// What every buffer asks of entries before it keeps any of them.
#pragma once

#include <span>

#include "sluice/result.h"
#include "sluice/wal_entry.h"

namespace sluice::landing {

/// As CdcBuffer::add() says; found() is the entry's index.
Status check_rows(std::span<const WalEntry> entries);
/// Bytes: whether `more` fit beside what is held. kInvalid: they never do; kBusy: not now.
Status check_room(uint64_t more, uint64_t held, uint64_t limit);

}  // namespace sluice::landing
