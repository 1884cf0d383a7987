#include "landing/new_rows.h"

#include <algorithm>
#include <numeric>

namespace sluice::landing {
namespace {

bool is_same_row(const WalEntry& a, const WalEntry& b) {
  return a.timestamp_ms == b.timestamp_ms && a.operation == b.operation && a.row_id == b.row_id &&
         a.json == b.json;
}

Error refuse(const WalEntry& entry, size_t index, const char* why) {
  return Error({Code::kInvalid, Reason::kSequenceViolation, why, std::string(entry.source),
                entry.lsn, index});
}

/// Indexes by source, then LSN, then position.
std::vector<size_t> in_order(std::span<const WalEntry> entries) {
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto before = [&](size_t a, size_t b) {
    const int sources = entries[a].source.compare(entries[b].source);
    if (sources != 0) return sources < 0;
    return entries[a].lsn != entries[b].lsn ? entries[a].lsn < entries[b].lsn : a < b;
  };
  std::sort(order.begin(), order.end(), before);
  return order;
}

void extend(std::vector<LsnStretch>& stretches, uint64_t lsn) {
  if (!stretches.empty() && stretches.back().last + 1 == lsn) {
    stretches.back().last = lsn;
  } else {
    stretches.push_back({lsn, lsn});
  }
}

}  // namespace

Result<NewRows> find_new_rows(std::span<const WalEntry> entries, const KnownBySource& known) {
  NewRows rows;
  const WalEntry* last = nullptr;
  std::optional<KnownLsns> lsns;
  for (const size_t index : in_order(entries)) {
    const WalEntry& entry = entries[index];
    const bool is_next_source = last == nullptr || last->source != entry.source;
    if (is_next_source && entry.source.size() > kSourceBytesMax) {
      return Error({Code::kInvalid, Reason::kPayloadTooLarge, "the name of a source is too long",
                    std::string(kSourceColumn), kSourceBytesMax, entry.source.size()});
    }
    if (is_next_source) lsns = known(entry.source);
    const bool is_repeated = !is_next_source && last->lsn == entry.lsn;
    if (is_repeated && !is_same_row(*last, entry)) {
      return refuse(entry, index, "two rows of one source have the same LSN");
    }
    last = &entry;
    if (is_repeated) continue;
    const Known what = lsns->of({entry.lsn, entry.lsn});
    if (what == Known::kForgotten) {
      return refuse(entry, index,
                    "the LSN is so old that the table does not know whether it has the row");
    }
    if (what != Known::kNew) continue;
    rows.numbers.push_back(index);
    extend(rows.lsns[std::string(entry.source)], entry.lsn);
  }
  std::sort(rows.numbers.begin(), rows.numbers.end());
  for (const size_t index : rows.numbers) rows.entries.push_back(entries[index]);
  return rows;
}

Result<NewRows> find_rows_of(std::span<const WalEntry> entries, const SourceLsns& lsns) {
  // What is not of the flush counts as known.
  return find_new_rows(entries, [&](std::string_view source) {
    table::Coverage others;
    uint64_t first = 0;
    const auto found = lsns.find(source);
    if (found != lsns.end()) {
      for (const LsnStretch& stretch : found->second) {
        if (stretch.first > first) others.exceptions[std::to_string(first)] = stretch.first;
        first = stretch.last + 1;
      }
    }
    others.exceptions[std::to_string(first)] = kLsnMax + 1;
    return KnownLsns(others);
  });
}

}  // namespace sluice::landing
