// Prepare: the rows of one flush become parts, in as many attempts as that takes.
//
// Steps of an attempt: 1 the columns, from the table or by the look of the rows; what the table
// lacks is added  2 encode into objects that are not visible  3 when the intent is durable (L2):
// finish them; the parts' record is written beside. Rows of a table with key or partition are
// sorted first. Owns the objects of its attempts and removes those of a failed one;
// after an error whoever rolls the flush back removes what is left.
#pragma once

#include <functional>
#include <span>

#include "landing/format.h"
#include "landing/ledger.h"
#include "landing/parts.h"
#include "sluice/flush.h"

namespace sluice::landing {

struct Preparation {
  Runtime& runtime;
  Bucket& bucket;
  const AtomicFlushWriterOptions& options;
  Ledger* ledger = nullptr;  ///< of a table
  /// Runs with the ledger to itself.
  std::function<Status(const std::function<Status()>&)> with_ledger;
  const Plan& plan;
  std::span<const part::Meta> kept;  ///< objects of the flush that a failed attempt leaves alone
  std::function<Status()> before_visible;
  std::function<Status(const Parts&)> record;
};

struct Prepared {
  Parts parts;
  uint64_t rows_replaced = 0;
};

/// The rows of a flush: batches, or entries.
struct GivenRows {
  std::span<const Batch> batches;
  std::span<const WalEntry> entries;
  std::span<const size_t> numbers;  ///< of the entries, for errors; empty: their indexes
};

Result<Prepared> prepare_parts(const Preparation& job, const GivenRows& rows);

}  // namespace sluice::landing
