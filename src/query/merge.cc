#include "query/merge.h"

#include <algorithm>

#include "base/check.h"
#include "query/predicate.h"

namespace sluice::query {

namespace {

constexpr uint64_t kRowsMax = 8192;
constexpr uint64_t kBytesMax = 4ull << 20;

bool is_text(Type type) {
  return type == Type::kString || type == Type::kBinary;
}

int compare_values(const ColumnView& a, uint32_t row_a, const ColumnView& b, uint32_t row_b) {
  if (is_text(a.type)) return a.bytes(row_a).compare(b.bytes(row_b));
  if (a.type == Type::kBool) return int{a.boolean(row_a)} - int{b.boolean(row_b)};
  const int64_t x = a.int64(row_a);
  const int64_t y = b.int64(row_b);
  return x < y ? -1 : x > y;
}

/// Less than, equal to or greater than 0: a value of the column against one of its type.
int compare_values(const Value& a, const ColumnView& b, uint32_t row) {
  if (is_text(b.type)) return std::string_view(a.bytes).compare(b.bytes(row));
  const int64_t x = b.type == Type::kBool ? int64_t{a.boolean} : a.int64;
  const int64_t y = b.type == Type::kBool ? int64_t{b.boolean(row)} : b.int64(row);
  return x < y ? -1 : x > y;
}

}  // namespace

/// Turns the standard heap, which has the greatest in front, around.
struct Merge::Later {
  const Merge& merge;
  bool operator()(const Head* a, const Head* b) const {
    const int order = merge.compare(*a, a->row, *b, b->row);
    return order != 0 ? order > 0 : merge.wins_tie(*b, *a);
  }
};

Merge::Merge(SchemaPtr schema, Order order, std::vector<std::unique_ptr<Stream>> streams)
    : schema_(std::move(schema)), order_(std::move(order)), out_(schema_) {
  for (auto& stream : streams) {
    Head& head = heads_.emplace_back();
    head.stream = std::move(stream);
    head.rank = heads_.size();
    if (!order_.columns.empty()) head.lower = head.stream->lower();
  }
}

Result<std::optional<Batch>> Merge::next() {
  if (!started_) TRY(start());
  while (TRY(settle())) {
    if (out_rows_ == 0 && precedes_rivals(current_->batch.rows() - 1)) return take_rest();
    const uint32_t rows = fitting_rows(run_rows());
    if (rows == 0) break;
    picks_.push_back({current_, current_->row, rows});
    out_rows_ += rows;
    out_bytes_ += bytes_of_next(rows);
    if (!TRY(advance(*current_, rows))) next_current();
  }
  if (out_rows_ == 0) return std::optional<Batch>();
  copy_picks();
  out_rows_ = 0;
  out_bytes_ = 0;
  return std::optional(TRY(out_.finish()));
}

Status Merge::start() {
  started_ = true;
  for (Head& head : heads_) {
    if (head.lower) {
      sleeping_.push_back(&head);
    } else if (TRY(load(head))) {
      waiting_.push_back(&head);
    }
  }
  std::stable_sort(sleeping_.begin(), sleeping_.end(), [](const Head* a, const Head* b) {
    return query::compare(*a->lower, *b->lower) > 0;
  });
  std::make_heap(waiting_.begin(), waiting_.end(), Later{*this});
  next_current();
  return ok();
}

Result<bool> Merge::load(Head& head) {
  copy_picks();
  const std::optional<Batch> batch = TRY(head.stream->next());
  head.batch = batch ? *batch : Batch();
  if (!batch) return false;
  head.row = 0;
  head.columns.clear();
  for (size_t column = 0; column < schema_->size(); ++column) {
    head.columns.push_back(head.batch.column(column));
  }
  return true;
}

/// False at the end of the stream.
Result<bool> Merge::advance(Head& head, uint32_t rows) {
  head.row += rows;
  if (head.row < head.batch.rows()) return true;
  return load(head);
}

void Merge::next_current() {
  current_ = nullptr;
  if (waiting_.empty()) return;
  std::pop_heap(waiting_.begin(), waiting_.end(), Later{*this});
  current_ = waiting_.back();
  waiting_.pop_back();
}

/// Whether the stream may hold rows up to that of the current one.
bool Merge::is_due(const Head& sleeper, uint32_t row) const {
  return compare_values(*sleeper.lower, current_->columns[order_.columns[0]], row) <= 0;
}

Status Merge::wake() {
  while (!sleeping_.empty() && (current_ == nullptr || is_due(*sleeping_.back(), current_->row))) {
    Head* const head = sleeping_.back();
    sleeping_.pop_back();
    if (!TRY(load(*head))) continue;
    waiting_.push_back(head);
    std::push_heap(waiting_.begin(), waiting_.end(), Later{*this});
    if (current_ == nullptr) next_current();
  }
  return ok();
}

// Makes current_ the stream of the least row, and that row the only one of its key. False when all
// have ended.
Result<bool> Merge::settle() {
  TRY(wake());
  while (!waiting_.empty()) {
    const Head& rival = *waiting_.front();
    const int order = compare(rival, rival.row, *current_, current_->row);
    if (order > 0) return true;
    if (order < 0 || wins_tie(rival, *current_)) {
      std::pop_heap(waiting_.begin(), waiting_.end(), Later{*this});
      std::swap(current_, waiting_.back());
      std::push_heap(waiting_.begin(), waiting_.end(), Later{*this});
    } else if (order_.version) {
      TRY(drop_rival());
    } else {
      return true;
    }
  }
  return current_ != nullptr;
}

Status Merge::drop_rival() {
  std::pop_heap(waiting_.begin(), waiting_.end(), Later{*this});
  if (TRY(advance(*waiting_.back(), 1))) {
    std::push_heap(waiting_.begin(), waiting_.end(), Later{*this});
  } else {
    waiting_.pop_back();
  }
  return ok();
}

/// Whether a row of the current batch, and so those before it, come before all other streams' rows.
bool Merge::precedes_rivals(uint32_t row) const {
  if (!sleeping_.empty() && is_due(*sleeping_.back(), row)) return false;
  if (waiting_.empty()) return true;
  const Head& rival = *waiting_.front();
  return compare(*current_, row, rival, rival.row) < 0;
}

// Streams overlap little, or in runs: few rows need to be compared. The row that is next is
// settled.
uint32_t Merge::run_rows() const {
  const uint32_t left = current_->batch.rows() - current_->row;
  uint32_t step = 1;
  while (step < left && precedes_rivals(current_->row + step)) step *= 2;
  uint32_t run = step / 2 + 1;
  uint32_t end = std::min(step, left);
  while (run < end) {
    const uint32_t middle = run + (end - run) / 2;
    precedes_rivals(current_->row + middle) ? run = middle + 1 : end = middle;
  }
  return run;
}

Result<std::optional<Batch>> Merge::take_rest() {
  const Batch& batch = current_->batch;
  const uint32_t first = current_->row;
  Batch rest = first == 0 ? batch : batch.slice(first, batch.rows() - first);
  if (!TRY(load(*current_))) next_current();
  return std::optional(std::move(rest));
}

/// Of the next rows those that fit into the batch; where it is empty, one at least.
uint32_t Merge::fitting_rows(uint32_t rows) const {
  rows = static_cast<uint32_t>(std::min<uint64_t>(rows, kRowsMax - out_rows_));
  while (rows > 0 && out_bytes_ + bytes_of_next(rows) > kBytesMax) rows /= 2;
  return out_rows_ == 0 ? std::max(rows, 1u) : rows;
}

uint64_t Merge::bytes_of_next(uint32_t rows) const {
  const uint32_t row = current_->row;
  uint64_t bytes = 0;
  for (const ColumnView& column : current_->columns) {
    bytes += is_text(column.type) ? column.offsets[row + rows] - column.offsets[row] : 8ull * rows;
  }
  return bytes;
}

void Merge::copy_picks() {
  for (size_t column = 0; column < schema_->size(); ++column) {
    for (const Pick& pick : picks_) {
      out_.append_run(column, pick.head->columns[column], pick.row, pick.count);
    }
  }
  picks_.clear();
}

int Merge::compare(const Head& a, uint32_t row_a, const Head& b, uint32_t row_b) const {
  for (const size_t column : order_.columns) {
    const int order = compare_values(a.columns[column], row_a, b.columns[column], row_b);
    if (order != 0) return order;
  }
  return 0;
}

/// Whether of two equal rows that of `a` comes first: the newer one, if they have versions.
bool Merge::wins_tie(const Head& a, const Head& b) const {
  if (order_.version) {
    const int64_t version_a = a.columns[*order_.version].int64(a.row);
    const int64_t version_b = b.columns[*order_.version].int64(b.row);
    if (version_a != version_b) return version_a > version_b;
  }
  return a.rank < b.rank;
}

}  // namespace sluice::query
