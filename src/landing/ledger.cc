#include "landing/ledger.h"

#include <algorithm>
#include <charconv>

#include "table/format.h"
#include "table/read.h"

namespace sluice::landing {
namespace {

constexpr uint32_t kConflictsMax = 10;

struct Stretch {
  uint64_t first = 0;
  uint64_t end = 0;  ///< behind the last
};

/// Ascending; those that touch are one.
std::vector<Stretch> stretches_of(const table::Coverage& lsns) {
  std::vector<Stretch> stretches;
  for (const auto& [name, end] : lsns.exceptions) {
    uint64_t first = 0;
    const auto [last, error] = std::from_chars(name.data(), name.data() + name.size(), first);
    if (error == std::errc{} && last == name.data() + name.size())
      stretches.push_back({first, end});
  }
  std::sort(stretches.begin(), stretches.end(),
            [](const Stretch& a, const Stretch& b) { return a.first < b.first; });
  std::vector<Stretch> joined;
  for (const Stretch& stretch : stretches) {
    if (!joined.empty() && stretch.first <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, stretch.end);
    } else {
      joined.push_back(stretch);
    }
  }
  return joined;
}

/// The opening's own first ticket is not known yet. Nobody asks for it: marks of its own are no
/// lineage of another.
table::Writer writer_of(const Identity& identity, const OpeningId& opening) {
  table::Writer writer;
  writer.log = identity.log;
  writer.opening = opening;
  for (const Identity::Opening& earlier : identity.openings) {
    writer.chain.push_back({earlier.id, earlier.first_ticket});
  }
  writer.chain.push_back({opening, UINT64_MAX});
  return writer;
}

}  // namespace

Known classify(const table::Coverage& lsns, const FlushRange& range) {
  for (const Stretch& stretch : stretches_of(lsns)) {
    if (stretch.first > range.max_lsn || stretch.end <= range.min_lsn) continue;
    const bool whole = stretch.first <= range.min_lsn && range.max_lsn < stretch.end;
    return whole ? Known::kCommitted : Known::kPartly;
  }
  return range.min_lsn < lsns.low_water ? Known::kForgotten : Known::kNew;
}

table::Coverage with_range(const table::Coverage& lsns, const FlushRange& range,
                           uint64_t pending_min) {
  const uint64_t end = range.max_lsn + 1;
  std::string name = std::to_string(range.min_lsn);
  for (const auto& [first, behind] : lsns.exceptions) {
    if (behind == range.min_lsn) name = first;
  }
  table::Coverage raised;
  raised.low_water = lsns.low_water;
  raised.exceptions[name] = end;
  table::Coverage all = lsns;
  all.raise(raised);
  if (all.exceptions.size() <= kStretchesMax) return raised;
  std::vector<uint64_t> ends;
  for (const auto& exception : all.exceptions) ends.push_back(exception.second);
  std::sort(ends.begin(), ends.end());
  const uint64_t wanted = std::min(ends[ends.size() / 2], pending_min);
  raised.low_water = std::max(raised.low_water, wanted);
  return raised;
}

Result<std::unique_ptr<Ledger>> Ledger::open(Runtime& runtime, Bucket& bucket, Options options,
                                             const Identity& identity, const OpeningId& opening) {
  std::unique_ptr<Ledger> ledger(new Ledger(runtime, bucket, std::move(options)));
  TRY(ledger->start(identity, opening));
  return ledger;
}

Status Ledger::start(const Identity& identity, const OpeningId& opening) {
  log_ = identity.log;
  table::CommitterOptions options;
  options.retry_min = options_.retry_min;
  options.retry_max = options_.retry_max;
  table::Writer writer = writer_of(identity, opening);
  committer_ =
      std::make_unique<table::Committer>(runtime_, bucket_, options_.table, std::move(writer),
                                         options, [this] { return runtime_.now() >= deadline_; });
  start_clock();
  if (options_.create) TRY(committer_->create(*options_.create));
  return take_head(committer_->claim());
}

const table::LogMarks* Ledger::marks() const {
  return head_ == nullptr ? nullptr : head_->marks.find(log_);
}

uint64_t Ledger::next_ticket() const {
  return marks() == nullptr ? 1 : marks()->lsns.highest() + 1;
}

const OpeningId* Ledger::marked_opening() const {
  return marks() == nullptr ? nullptr : &marks()->opening;
}

Status Ledger::take_head(Result<table::HeadPtr> head) {
  deadline_ = kForever;
  if (!head.ok()) return head.error();
  head_ = *std::move(head);
  return ok();
}

std::string Ledger::prefix() const {
  return head_->metadata.prefix;
}

Status Ledger::refresh() {
  start_clock();
  return take_head(committer_->load());
}

Status Ledger::fill_slot() {
  start_clock();
  return take_head(committer_->touch());
}

Status Ledger::add_columns(const std::vector<part::Column>& columns) {
  std::vector<part::Column> absent = columns;
  std::erase_if(absent, [this](const part::Column& column) {
    return head_->metadata.schema().find(column.name) != nullptr;
  });
  if (absent.empty()) return ok();
  start_clock();
  return take_head(committer_->add_system_columns(absent));
}

bool Ledger::is_committed(const FlushId& flush, uint64_t ticket) const {
  return marks() != nullptr && marks()->lsns.of(flush.hex()) >= ticket;
}

table::Coverage Ledger::lsns() const {
  const auto found = head_->marks.sources.find(std::string(kLsnSource));
  return found == head_->marks.sources.end() ? table::Coverage() : found->second;
}

Known Ledger::known(const FlushRange& range) const {
  return options_.rule == LsnRule::kFree ? Known::kNew : classify(lsns(), range);
}

Status Ledger::commit(const LedgerEntry& entry, const PendingBounds& bounds) {
  for (uint32_t conflicts = 0;; ++conflicts) {
    Status tried = try_commit(entry, bounds);
    const bool moved = !tried.ok() && tried.error().code() == Code::kConflict &&
                       tried.error().reason() == Reason::kNone;
    if (!moved || conflicts == kConflictsMax) return tried;
    TRY(refresh());
  }
}

Status Ledger::try_commit(const LedgerEntry& entry, const PendingBounds& bounds) {
  // L4: the flush itself is looked for first, then its LSNs; both travel with the edit, whose base
  // is this very head.
  if (!is_committed(entry.flush, entry.ticket)) {
    switch (known(entry.range)) {
      case Known::kNew:
        break;
      case Known::kCommitted:
        return Error(Code::kConflict, Reason::kCommitted,
                     "another flush has brought these LSNs into the table: roll this one back",
                     entry.flush.hex());
      default:
        return Error(Code::kConflict, Reason::kSequenceViolation,
                     "some of these LSNs are in the table, or it is not known any more: roll the "
                     "flush back and cut its rows anew",
                     entry.flush.hex());
    }
    table::FlushEdit edit;
    edit.flush = entry.flush;
    edit.base = head_;
    edit.parts = entry.parts;
    edit.put_at = entry.put_at;
    edit.rows_replaced = entry.rows_replaced;
    edit.lsns.low_water = bounds.settled;
    edit.lsns.exceptions[entry.flush.hex()] = entry.ticket;
    if (options_.rule == LsnRule::kUnique) {
      edit.sources[std::string(kLsnSource)] = with_range(lsns(), entry.range, bounds.lowest_lsn);
    }
    start_clock();
    TRY(take_head(committer_->commit(edit)));
  }
  table::Coverage wanted;
  wanted.exceptions[entry.flush.hex()] = entry.ticket;
  return committer_->confirm(wanted);
}

}  // namespace sluice::landing
