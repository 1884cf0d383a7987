#include "landing/ledger.h"

#include <algorithm>
#include <charconv>

#include "table/format.h"
#include "table/read.h"

namespace sluice::landing {
namespace {

constexpr uint32_t kConflictsMax = 10;

/// Its name among the positions of a table.
std::string position_name(std::string_view source) {
  std::string name(kLsnSource);
  if (!source.empty()) name.append(":").append(source);
  return name;
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

KnownLsns::KnownLsns(const table::Coverage& lsns) : low_water_(lsns.low_water) {
  std::vector<LsnStretch> found;
  for (const auto& [name, end] : lsns.exceptions) {
    uint64_t first = 0;
    const auto [last, error] = std::from_chars(name.data(), name.data() + name.size(), first);
    const bool is_number = error == std::errc{} && last == name.data() + name.size();
    if (is_number && end > first) found.push_back({first, end - 1});
  }
  std::sort(found.begin(), found.end(),
            [](const LsnStretch& a, const LsnStretch& b) { return a.first < b.first; });
  for (const LsnStretch& stretch : found) {
    if (!stretches_.empty() && stretch.first <= stretches_.back().last + 1) {
      stretches_.back().last = std::max(stretches_.back().last, stretch.last);
    } else {
      stretches_.push_back(stretch);
    }
  }
}

Known KnownLsns::of(const LsnStretch& lsns) const {
  const auto at = std::lower_bound(
      stretches_.begin(), stretches_.end(), lsns.first,
      [](const LsnStretch& stretch, uint64_t first) { return stretch.last < first; });
  if (at != stretches_.end() && at->first <= lsns.last) {
    const bool whole = at->first <= lsns.first && lsns.last <= at->last;
    return whole ? Known::kCommitted : Known::kPartly;
  }
  return lsns.first < low_water_ ? Known::kForgotten : Known::kNew;
}

table::Coverage with_stretch(const table::Coverage& lsns, const LsnStretch& stretch,
                             uint64_t pending_min) {
  std::string name = std::to_string(stretch.first);
  for (const auto& [first, behind] : lsns.exceptions) {
    if (behind == stretch.first) name = first;
  }
  table::Coverage raised;
  raised.low_water = lsns.low_water;
  raised.exceptions[name] = stretch.last + 1;
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

table::Coverage with_stretches(const table::Coverage& lsns, std::span<const LsnStretch> stretches,
                               uint64_t pending_min) {
  table::Coverage all = lsns;
  if (stretches.size() > kStretchesMax) {
    // The lowest would be forgotten in the end: not one after the other.
    const uint64_t wanted = stretches[stretches.size() - kStretchesMax].first;
    all.low_water = std::max(all.low_water, std::min(wanted, pending_min));
  }
  for (const LsnStretch& stretch : stretches) {
    if (stretch.last >= all.low_water) all.raise(with_stretch(all, stretch, pending_min));
  }
  return all;
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

table::Coverage Ledger::lsns(std::string_view source) const {
  const auto found = head_->marks.sources.find(position_name(source));
  return found == head_->marks.sources.end() ? table::Coverage() : found->second;
}

KnownLsns Ledger::known_of(std::string_view source) const {
  return KnownLsns(lsns(source));
}

Known Ledger::known(const FlushRange& range) const {
  if (options_.rule == LsnRule::kFree) return Known::kNew;
  return known_of("").of({range.min_lsn, range.max_lsn});
}

Known Ledger::known(const LedgerEntry& entry) const {
  if (entry.lsns.empty()) return known(entry.range);
  bool is_new = true;
  bool is_committed = true;
  for (const auto& [source, stretches] : entry.lsns) {
    const KnownLsns lsns = known_of(source);
    for (const LsnStretch& stretch : stretches) {
      const Known known = lsns.of(stretch);
      is_new = is_new && known == Known::kNew;
      is_committed = is_committed && known == Known::kCommitted;
    }
  }
  if (is_new) return Known::kNew;
  return is_committed ? Known::kCommitted : Known::kPartly;
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
    switch (known(entry)) {
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
    SourceLsns brought = entry.lsns;
    if (brought.empty()) brought[""] = {{entry.range.min_lsn, entry.range.max_lsn}};
    if (options_.rule == LsnRule::kFree) brought.clear();
    for (const auto& [source, stretches] : brought) {
      edit.sources[position_name(source)] =
          with_stretches(lsns(source), stretches, bounds.lowest_lsn);
    }
    start_clock();
    TRY(take_head(committer_->commit(edit)));
  }
  table::Coverage wanted;
  wanted.exceptions[entry.flush.hex()] = entry.ticket;
  return committer_->confirm(wanted);
}

}  // namespace sluice::landing
