// Which entries of a flush are new, where each source numbers its own rows (LsnRule::kPerSource).
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "landing/format.h"
#include "landing/ledger.h"

namespace sluice::landing {

struct NewRows {
  std::vector<WalEntry> entries;  ///< in their order, each once
  std::vector<size_t> numbers;    ///< their indexes in what was given
  SourceLsns lsns;
};

/// What is known of an entry's LSN within its source.
using KnownBySource = std::function<KnownLsns(std::string_view source)>;

/// The entries that are not known. kInvalid (kSequenceViolation): where() is the source, found()
/// the index of an entry that has the LSN of another one and is another, or whose LSN is so old
/// that it is not known; (kPayloadTooLarge): the name of a source is longer than kSourceBytesMax.
Result<NewRows> find_new_rows(std::span<const WalEntry> entries, const KnownBySource& known);

/// Those of the entries that a flush was prepared with.
Result<NewRows> find_rows_of(std::span<const WalEntry> entries, const SourceLsns& lsns);

inline constexpr size_t kSourceBytesMax = 1024;

}  // namespace sluice::landing
