#include "sim/oracle.h"

#include <algorithm>
#include <map>

#include "base/check.h"

namespace sluice::sim {
namespace {

/// Before the log saw it. kNotFound may also come from a flush to a table that seems to be gone.
bool is_refusal(const Error& error) {
  return error.code() == Code::kInvalid || error.code() == Code::kBusy ||
         error.code() == Code::kFull;
}

std::string describe(uint64_t number, const Sent& batch) {
  std::string text = "batch " + std::to_string(number) + " of " + std::to_string(batch.rows) +
                     " rows to table " + std::to_string(batch.table);
  if (batch.lsn != 0) text += ", lsn " + std::to_string(batch.lsn);
  if (batch.source != 0) {
    text += ", source " + std::to_string(batch.source) + " to " + std::to_string(batch.position);
  }
  if (batch.committed_at != kNever) return text + ", committed";
  if (batch.durable_at != kNever) return text + ", durable";
  if (batch.gone || batch.hidden_at != kNever) return text + ", refused or gone";
  return text + (batch.acked_at != kNever ? ", acknowledged in memory" : ", outcome unknown");
}

/// The batch's rows that lie in one partition with its row `at`, as bits.
uint64_t mates_of(const SimTable& table, uint64_t number, const Sent& batch, uint64_t at) {
  const auto partition_of = [&](uint64_t row) {
    return place_of(table, row_of(table, row_id(number, row), false)).partition;
  };
  const auto ours = partition_of(at);
  uint64_t mates = 0;
  for (uint64_t row = 0; row < batch.rows; ++row) {
    if (partition_of(row) == ours) mates |= uint64_t{1} << row;
  }
  return mates;
}

/// One comparison of a read with the ledger.
class Audit {
 public:
  Audit(const Ledger& ledger, const SimTable& table, uint32_t index, Promise promise,
        uint64_t begin)
      : sent_(ledger.sent()),
        table_(table),
        index_(index),
        promise_(promise),
        begin_(begin),
        shapes_(ledger.shapes(index)),
        now_(ledger.now()),
        seen_(sent_.size()) {}

  std::optional<std::string> run(const Reading& reading) {
    const bool past = promise_ == Promise::kPast || promise_ == Promise::kNothing;
    candidates_ = shapes_.candidates(reading.shape, past ? 0 : begin_, now_);
    if (candidates_.empty()) return "columns that the table cannot have now";
    const std::vector<Row>& rows = reading.rows;
    for (size_t i = 0; i < rows.size(); ++i) {
      if (auto wrong = take(rows[i], i > 0 ? &rows[i - 1] : nullptr)) return wrong;
    }
    for (uint64_t number = 0; number < sent_.size(); ++number) {
      if (sent_[number].table != index_) continue;
      auto wrong = table_.keyed() ? look_for_replaced(number) : look_for_whole(number);
      if (wrong) return wrong;
    }
    return std::nullopt;
  }

 private:
  std::optional<std::string> take(const Row& row, const Row* previous) {
    const uint64_t number = row.id / kIdsPerBatch;
    const uint64_t at = row.id % kIdsPerBatch;
    if (number >= sent_.size() || at >= sent_[number].rows || sent_[number].table != index_) {
      return "a row that was never sent: " + row.to_string();
    }
    const Sent& batch = sent_[number];
    Row expected = row_of(table_, row.id, batch.extra != 0);
    if (!row.extra && may_lack_extra(batch)) expected.extra.reset();
    if (!(row == expected) || (row.extra && !may_have_extra(batch))) {
      std::string made_for = ", made for generation " + std::to_string(batch.extra) + ", read";
      for (const Shape& shape : candidates_) made_for += " " + std::to_string(shape.extra);
      return "a row with other values: " + row.to_string() + ", sent as " + expected.to_string() +
             made_for;
    }
    const bool hidden = batch.hidden_at <= begin_ && promise_ == Promise::kDurable;
    const bool gone = batch.gone && !(batch.rolled_back && promise_ == Promise::kPast) &&
                      (batch.shown >> at & 1) == 0;
    if (gone || hidden) return "a row that must not be there: " + name(number, at);
    if ((seen_[number] >> at & 1) != 0) return "a row twice: " + name(number, at);
    seen_[number] |= uint64_t{1} << at;
    const Place place = place_of(table_, row);
    if (previous != nullptr && place < place_of(table_, *previous)) {
      return "rows out of order: " + row.to_string() + " after " + previous->to_string();
    }
    if (table_.keyed() && !winners_.emplace(place, row.id).second) {
      return "two rows of one key: " + name(number, at) + " and " + name(winners_.at(place));
    }
    return std::nullopt;
  }

  /// Of a column that was dropped, and added again, values do not come back (T12); and a batch that
  /// found another one than it was made for may have left its values there.
  bool may_have_extra(const Sent& batch) const {
    return std::any_of(candidates_.begin(), candidates_.end(), [&](const Shape& shape) {
      return shape.extra != 0 &&
             (shape.extra == batch.extra || !shapes_.is_before(batch.end, shape.extra));
    });
  }
  bool may_lack_extra(const Sent& batch) const {
    return std::any_of(candidates_.begin(), candidates_.end(), [&](const Shape& shape) {
      return shape.extra != batch.extra || !shapes_.is_behind(batch.begin, shape.extra);
    });
  }

  bool must_be_there(uint64_t number, uint64_t at) const {
    const Sent& batch = sent_[number];
    const uint64_t seen = seen_[number];
    const bool is_whole = promise_ == Promise::kDurable && !batch.divided && !batch.rolled_back;
    if (seen != 0 && (is_whole || (seen & mates_of(table_, number, batch, at)) != 0)) return true;
    if (promise_ == Promise::kNothing || promise_ == Promise::kPast) return false;
    for (const Sent::Part& part : batch.committed_parts) {
      if ((part.rows >> at & 1) != 0 && part.at <= begin_) return true;
    }
    if (promise_ == Promise::kCommitted) return batch.committed_at <= begin_;
    return std::min(batch.durable_at, batch.committed_at) <= begin_;
  }

  std::optional<std::string> look_for_whole(uint64_t number) const {
    for (uint64_t at = 0; at < sent_[number].rows; ++at) {
      if ((seen_[number] >> at & 1) != 0 || !must_be_there(number, at)) continue;
      return "a row is missing: " + name(number, at);
    }
    return std::nullopt;
  }

  std::optional<std::string> look_for_replaced(uint64_t number) const {
    for (uint64_t at = 0; at < sent_[number].rows; ++at) {
      if ((seen_[number] >> at & 1) != 0 || !must_be_there(number, at)) continue;
      const uint64_t id = row_id(number, at);
      const Row row = row_of(table_, id, false);
      const auto winner = winners_.find(place_of(table_, row));
      if (winner == winners_.end()) return "a row is missing: " + name(number, at);
      if (is_before(winner->second, id)) {
        return "an earlier write won: " + name(winner->second) + " over " + name(number, at);
      }
    }
    return std::nullopt;
  }

  bool is_before(uint64_t id, uint64_t other) const {
    const uint64_t number = id / kIdsPerBatch;
    const uint64_t other_number = other / kIdsPerBatch;
    if (number == other_number) return id < other;
    const Sent& a = sent_[number];
    const Sent& b = sent_[other_number];
    if (a.log == b.log && a.lsn != 0 && b.lsn != 0) return a.lsn < b.lsn;
    return a.end < b.begin;
  }

  std::string name(uint64_t number, uint64_t at) const {
    return "row " + std::to_string(at) + " of " + describe(number, sent_[number]);
  }
  std::string name(uint64_t id) const { return name(id / kIdsPerBatch, id % kIdsPerBatch); }

  const std::vector<Sent>& sent_;
  const SimTable& table_;
  const uint32_t index_;
  const Promise promise_;
  const uint64_t begin_;
  const Shapes& shapes_;
  const uint64_t now_;
  std::vector<Shape> candidates_;  // which the table may have had when it was read
  std::vector<uint64_t> seen_;     // bit i: row i of the batch
  std::map<Place, uint64_t> winners_;
};

}  // namespace

std::vector<uint64_t> ids_of(std::span<const Row> rows) {
  std::vector<uint64_t> ids;
  for (const Row& row : rows) ids.push_back(row.id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

uint64_t Ledger::send(Sent batch) {
  CHECK(batch.rows > 0 && batch.rows <= kBatchRowsLimit);
  batch.begin = tick();
  sent_.push_back(batch);
  return sent_.size() - 1;
}

void Ledger::resend(uint64_t number) {
  Sent& batch = sent_[number];
  batch.end = kNever;
  batch.gone = batch.gone && batch.rolled_back;
  batch.hidden_at = kNever;
  tick();
}

void Ledger::acknowledge(uint64_t number, AckClass ack, const Appended& appended) {
  Sent& batch = sent_[number];
  batch.end = tick();
  batch.acked_at = earlier(batch.acked_at);
  if (batch.rolled_back) return;
  // Of a batch that is durable the first copy counts: the table drops the others.
  if (!appended.duplicate && batch.durable_at == kNever) batch.lsn = appended.lsn;
  if (ack == AckClass::kMemory && !appended.duplicate) return;
  batch.durable_at = earlier(batch.durable_at);
  if (ack == AckClass::kTable) batch.committed_at = earlier(batch.committed_at);
  // A log is durable up to an LSN: what was accepted before, in this opening, is durable, too.
  for (Sent& other : sent_) {
    if (other.log != batch.log || other.acked_at == kNever || other.lsn == 0) continue;
    if (other.rolled_back) continue;
    if (other.lsn < batch.lsn) other.durable_at = earlier(other.durable_at);
  }
}

void Ledger::fail(uint64_t number, const Error& error) {
  Sent& batch = sent_[number];
  batch.end = tick();
  if (!is_refusal(error)) batch.in_doubt = true;
  if (!batch.in_doubt && batch.acked_at == kNever) batch.gone = true;
}

void Ledger::flushed(uint32_t log, std::optional<uint32_t> table, uint64_t begin) {
  tick();
  for (Sent& batch : sent_) {
    if (batch.log != log || batch.acked_at > begin || (table && batch.table != *table)) continue;
    if (batch.rolled_back) continue;
    batch.durable_at = earlier(batch.durable_at);
    batch.committed_at = earlier(batch.committed_at);
  }
}

void Ledger::promise(uint64_t number) {
  Sent& batch = sent_[number];
  if (!batch.rolled_back) batch.durable_at = earlier(batch.durable_at);
}

void Ledger::begin_rollback(const Tagged& to) {
  tick();
  std::vector<uint64_t> shown(sent_.size());
  for (const uint64_t id : to.ids) shown[id / kIdsPerBatch] |= uint64_t{1} << id % kIdsPerBatch;
  for (uint64_t number = 0; number < sent_.size(); ++number) {
    Sent& batch = sent_[number];
    const uint64_t all = (uint64_t{1} << batch.rows) - 1;
    if (batch.table != to.table || shown[number] == all) continue;
    batch.rolled_back = true;
    batch.shown = shown[number];
    batch.durable_at = kNever;
    batch.committed_at = kNever;
    batch.committed_parts.clear();
  }
}

// In a table with a key the snapshot may hold a batch all of whose rows it had replaced.
void Ledger::rolled_back(const Tagged& to, const SimTable& table) {
  tick();
  for (Sent& batch : sent_) {
    if (batch.table == to.table && batch.rolled_back && !table.keyed()) batch.gone = true;
  }
}

void Ledger::mark_present(std::span<const Row> rows) {
  for (const Row& row : rows) {
    Sent& batch = sent_[row.id / kIdsPerBatch];
    // The snapshot that was rolled back to may show the rows of one partition only.
    const bool is_left = batch.rolled_back && (batch.shown >> row.id % kIdsPerBatch & 1) != 0;
    if (!is_left) batch.durable_at = earlier(batch.durable_at);
  }
}

void Ledger::witness(const SimTable& table, std::span<const Row> rows, Promise promise) {
  tick();
  mark_present(rows);
  if (promise != Promise::kCommitted) return;
  for (const Row& row : rows) {
    const uint64_t number = row.id / kIdsPerBatch;
    const uint64_t at = row.id % kIdsPerBatch;
    Sent& batch = sent_[number];
    const auto is_known = [&](const Sent::Part& part) { return (part.rows >> at & 1) != 0; };
    if (std::any_of(batch.committed_parts.begin(), batch.committed_parts.end(), is_known)) continue;
    batch.committed_parts.push_back({mates_of(table, number, batch, at), now_});
  }
}

void Ledger::settle(uint32_t index, const SimTable& table, std::span<const Row> rows,
                    uint64_t begin) {
  tick();
  mark_present(rows);
  for (Sent& batch : sent_) {
    if (batch.table != index || batch.end >= begin || batch.durable_at != kNever) continue;
    if (batch.rolled_back && batch.shown != 0) continue;  // perhaps the rollback did not take place
    if (table.keyed()) {
      batch.hidden_at = earlier(batch.hidden_at);
    } else {
      batch.gone = true;
    }
  }
}

void Ledger::process_ended(uint32_t log) {
  tick();
  for (Sent& batch : sent_) {
    if (batch.log != log) continue;
    if (batch.end == kNever) {
      batch.end = now_;
      batch.in_doubt = true;
    }
    // Its LSN may have been lost with it, and is then given out again.
    if (batch.durable_at == kNever) {
      batch.lsn = 0;
      batch.acked_at = kNever;
    }
  }
}

void Ledger::log_lost(uint32_t log) {
  tick();
  for (Sent& batch : sent_) {
    if (batch.log != log || batch.committed_at != kNever) continue;
    batch.end = std::min(batch.end, now_);
    batch.in_doubt = true;
    batch.divided = true;
    batch.acked_at = kNever;
    batch.durable_at = kNever;
    batch.lsn = 0;
  }
}

void Ledger::promise_committed(uint64_t number) {
  promise(number);
  sent_[number].committed_at = earlier(sent_[number].committed_at);
}

void Ledger::skip(uint64_t count) {
  sent_.insert(sent_.end(), count, Sent{.table = UINT32_MAX, .end = 0, .gone = true});
}

std::vector<uint64_t> Ledger::of_source(uint32_t table, uint32_t source) const {
  std::vector<uint64_t> numbers;
  for (uint64_t number = 0; number < sent_.size(); ++number) {
    if (sent_[number].table == table && sent_[number].source == source) numbers.push_back(number);
  }
  return numbers;
}

std::optional<std::string> find_violation(const Ledger& ledger, const SimTable& table,
                                          uint32_t index, const Reading& reading, Promise promise,
                                          uint64_t begin) {
  const auto wrong = Audit(ledger, table, index, promise, begin).run(reading);
  if (!wrong) return wrong;
  return *wrong + "; table " + table.name.to_string() +
         (promise == Promise::kDurable ? " as the engine shows it" : " as committed");
}

}  // namespace sluice::sim
