#include "query/sort.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "query/group.h"

namespace sluice::query {

namespace {

constexpr uint32_t kRowsMax = 8192;
constexpr uint64_t kBytesMax = 4ull << 20;
/// Of a string and what the allocator adds.
constexpr uint64_t kRowBytes = 64;
constexpr uint64_t kKeyBytes = 96;
/// Rows held beyond the limit before the rest is dropped: sorting them is paid by many.
constexpr uint64_t kSlackRows = 4096;

/// A row as one string: sort key, place in the scan, key, values.
struct Held {
  std::string bytes;
  uint32_t key_at = 0;
  uint32_t values_at = 0;
  std::string_view sort_key() const { return std::string_view(bytes).substr(0, key_at); }
  std::string_view key() const {
    return std::string_view(bytes).substr(key_at, values_at - key_at);
  }
  std::string_view values() const { return std::string_view(bytes).substr(values_at); }
  uint64_t memory() const { return kRowBytes + bytes.capacity(); }
  friend bool operator<(const Held& a, const Held& b) { return a.sort_key() < b.sort_key(); }
};

class SortCursor final : public Cursor {
 public:
  SortCursor(SortInput input, SortOptions options)
      : input_(std::move(input)),
        options_(std::move(options)),
        left_(options_.limit),
        out_(options_.output) {
    for (const Field& field : options_.output->fields()) {
      projection_.push_back(*input_.schema->find(field.name));
    }
  }

  const SchemaPtr& schema() const override { return options_.output; }

  Result<std::optional<Batch>> next() override {
    if (failed_) return *failed_;
    Result<std::optional<Batch>> batch = read();
    if (!batch.ok()) failed_ = batch.error();
    return batch;
  }

 private:
  Result<std::optional<Batch>> read() {
    while (done_.empty()) {
      if (ended_ || left_ == 0) return std::optional<Batch>();
      TRY(advance());
    }
    while (!done_.empty() && out_.rows() < kRowsMax && out_.bytes() < kBytesMax) {
      std::string_view values = done_.back().values();
      for (size_t column = 0; column < projection_.size(); ++column) {
        take_exact(values, (*options_.output)[column].type, out_, column);
      }
      done_.pop_back();
    }
    return std::optional(TRY(out_.finish()));
  }

  /// Reads on until rows are done, a batch at least.
  Status advance() {
    if (!reading_) {
      reading_ = TRY(input_.read(first_step_));
      step_ = first_step_;
      place_ = 0;
    }
    const std::optional<Passed> passed = TRY(reading_->next());
    if (!passed) {
      TRY(finish());
      ended_ = !read_again();
      return ok();
    }
    if (reading_->step() != step_) {
      if (input_.steps_in_order) {
        TRY(finish());
        if (read_again()) return ok();
        first_step_ = reading_->step();
      }
      step_ = reading_->step();
      place_ = 0;
    }
    return add(*passed);
  }

  /// False if everything up to here has been taken.
  bool read_again() {
    if (!floor_) return false;
    resume_ = *std::exchange(floor_, std::nullopt);
    reading_.reset();
    return true;
  }

  Status add(const Passed& passed) {
    Held row;
    for (uint32_t at = 0; at < passed.count(); ++at) {
      const uint32_t source = passed.row(at);
      row.bytes.clear();
      for (const SortColumn& term : options_.order) {
        append_key(row.bytes, passed.columns[term.column], source, term.direction);
      }
      append_key(row.bytes, static_cast<int64_t>(step_));
      append_key(row.bytes, static_cast<int64_t>(place_++));
      if (row.bytes < resume_ || (floor_ && row.bytes >= *floor_)) continue;
      row.key_at = static_cast<uint32_t>(row.bytes.size());
      for (const size_t column : options_.key) {
        append_key(row.bytes, passed.columns[column], source);
      }
      row.values_at = static_cast<uint32_t>(row.bytes.size());
      if (written_of(row) >= options_.limit_per_key) continue;
      for (const size_t column : projection_) {
        append_exact(row.bytes, passed.columns[column], source);
      }
      held_.push_back(row);
      held_bytes_ += held_.back().memory();
      if (is_full()) drop();
    }
    return ok();
  }

  uint64_t written_of(const Held& row) const {
    if (written_.empty()) return 0;
    const auto found = written_.find(std::string(row.key()));
    return found == written_.end() ? 0 : found->second;
  }

  bool is_full() const {
    if (held_.size() < 2) return false;
    const uint64_t most = left_ > UINT64_MAX / 4 ? UINT64_MAX : 2 * left_ + kSlackRows;
    return held_bytes_ + written_bytes_ > options_.memory_bytes || held_.size() > most;
  }

  /// Drops what no limit reaches, and what the memory does not hold.
  void drop() {
    std::sort(held_.begin(), held_.end());
    keep_first_of_keys();
    if (held_.size() > left_) cut(left_);
    while (held_.size() > 1 && held_bytes_ + written_bytes_ > options_.memory_bytes / 2) {
      cut(held_.size() / 2);
    }
  }

  void cut(size_t rows) {
    floor_ = std::string(held_[rows].sort_key());
    while (held_.size() > rows) pop_held();
  }

  void pop_held() {
    held_bytes_ -= held_.back().memory();
    held_.pop_back();
  }

  /// Of the sorted rows. A row's bytes are never so few that moving it moves them.
  void keep_first_of_keys() {
    if (options_.limit_per_key == UINT64_MAX) return;
    std::unordered_map<std::string_view, uint64_t> counts;
    std::vector<Held> kept;
    held_bytes_ = 0;
    for (Held& row : held_) {
      const auto [count, is_new] = counts.try_emplace(row.key(), 0);
      if (is_new) count->second = written_of(row);
      if (count->second++ >= options_.limit_per_key) continue;
      held_bytes_ += row.memory();
      kept.push_back(std::move(row));
    }
    held_ = std::move(kept);
  }

  /// What is held is next in the order.
  Status finish() {
    std::sort(held_.begin(), held_.end());
    keep_first_of_keys();
    while (held_.size() > left_) pop_held();
    left_ -= held_.size();
    if (options_.limit_per_key != UINT64_MAX) TRY(count_written());
    done_ = std::exchange(held_, {});
    std::reverse(done_.begin(), done_.end());
    held_bytes_ = 0;
    return ok();
  }

  Status count_written() {
    for (const Held& row : held_) {
      const auto [count, is_new] = written_.try_emplace(std::string(row.key()), 0);
      ++count->second;
      if (is_new) written_bytes_ += kKeyBytes + row.key().size();
    }
    if (written_bytes_ <= options_.memory_bytes / 2) return ok();
    return Error({Code::kInvalid,
                  Reason::kOutOfRange,
                  "the keys of the limit per key do not fit in the memory of the query; allow it "
                  "more, or choose fewer rows",
                  {},
                  options_.memory_bytes,
                  2 * written_bytes_});
  }

  const SortInput input_;
  const SortOptions options_;
  std::vector<size_t> projection_;  // index into the input of each output column

  std::unique_ptr<Reading> reading_;
  size_t first_step_ = 0;  // of the next reading
  size_t step_ = 0;        // of the rows that are read
  uint64_t place_ = 0;     // of the next row in its step
  std::vector<Held> held_;
  uint64_t held_bytes_ = 0;
  std::string resume_;                                 // rows below are done
  std::optional<std::string> floor_;                   // rows from here on wait for another reading
  std::unordered_map<std::string, uint64_t> written_;  // rows of each key, with a limit per key
  uint64_t written_bytes_ = 0;
  uint64_t left_;  // of the limit

  std::vector<Held> done_;  // greatest first
  BatchBuilder out_;
  bool ended_ = false;
  std::optional<Error> failed_;
};

class ScanReading final : public Reading {
 public:
  explicit ScanReading(std::unique_ptr<Scan> scan) : scan_(std::move(scan)) {}
  Result<std::optional<Passed>> next() override { return scan_->next(); }
  size_t step() const override { return scan_->partition(); }

 private:
  std::unique_ptr<Scan> scan_;
};

class GroupReading final : public Reading {
 public:
  explicit GroupReading(std::unique_ptr<Cursor> groups) : groups_(std::move(groups)) {}
  Result<std::optional<Passed>> next() override {
    const std::optional<Batch> batch = TRY(groups_->next());
    if (!batch) return std::optional<Passed>();
    return std::optional(make_passed(*batch));
  }
  size_t step() const override { return 0; }

 private:
  std::unique_ptr<Cursor> groups_;
};

/// Whether no partition has a row that, by this column, comes before one of an earlier partition.
/// Only of columns without null, which comes first among partitions and last among rows.
bool come_in_order_of(const SortColumn& column, const Plan& plan, const TableSpec& spec) {
  if (plan.order.columns.empty()) return false;
  const std::string& name = (*plan.input)[column.column].name;
  const bool is_in_key = std::find(spec.key.begin(), spec.key.end(), name) != spec.key.end();
  return (is_in_key || name == spec.time) && rise_with(model::partition_of(spec), name);
}

}  // namespace

std::unique_ptr<Cursor> make_sorted(SortInput input, SortOptions options) {
  return std::make_unique<SortCursor>(std::move(input), std::move(options));
}

Result<std::unique_ptr<Cursor>> open_sorted_scan(const Contents& contents, Plan plan,
                                                 const ScanOptions& options) {
  const TableSpec spec = contents.metadata.spec();
  SortOptions sort{plan.sort,           {}, plan.output, options.limit, options.limit_per_key,
                   options.memory_bytes};
  if (options.limit_per_key != UINT64_MAX) {
    for (const std::string& name : spec.key) sort.key.push_back(*plan.input->find(name));
    if (sort.key.empty()) {
      return Error(Code::kInvalid, Reason::kMissingColumn,
                   "the table has no key for a limit per key");
    }
  }
  SortInput input;
  input.schema = plan.input;
  input.steps_in_order = plan.sort.empty();
  if (!plan.sort.empty() && come_in_order_of(plan.sort[0], plan, spec)) {
    plan.direction = plan.sort[0].direction;
    input.steps_in_order = true;
  }
  input.read = [contents, shared = std::make_shared<const Plan>(std::move(plan))](
                   size_t first_step) -> Result<std::unique_ptr<Reading>> {
    auto scan = TRY(Scan::open(contents, *shared, first_step));
    return std::unique_ptr<Reading>(std::make_unique<ScanReading>(std::move(scan)));
  };
  return make_sorted(std::move(input), std::move(sort));
}

Result<std::unique_ptr<Cursor>> open_sorted_groups(const Contents& contents,
                                                   const Grouping& grouping,
                                                   const ScanOptions& options) {
  ScanOptions rows = options;
  rows.order.clear();
  rows.limit = UINT64_MAX;
  rows.memory_bytes = options.memory_bytes / 2;
  const auto groups = TRY(open_groups(contents, grouping, rows));
  const SchemaPtr& output = groups->schema();
  SortOptions sort;
  for (const OrderTerm& term :
       TRY(expand_order(options.order, output->fields(), contents.metadata.spec()))) {
    sort.order.push_back({*output->find(term.column), term.direction});
  }
  sort.output = output;
  sort.limit = options.limit;
  sort.memory_bytes = options.memory_bytes / 2;
  SortInput input;
  input.schema = output;
  input.read = [contents, grouping, rows](size_t) -> Result<std::unique_ptr<Reading>> {
    auto reading = TRY(open_groups(contents, grouping, rows));
    return std::unique_ptr<Reading>(std::make_unique<GroupReading>(std::move(reading)));
  };
  return make_sorted(std::move(input), std::move(sort));
}

}  // namespace sluice::query
