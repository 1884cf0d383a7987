#include "query/group.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/calendar.h"
#include "query/aggregate.h"
#include "query/predicate.h"
#include "query/row_key.h"

namespace sluice::query {

namespace {

constexpr uint32_t kRowsMax = 8192;
constexpr uint64_t kBytesMax = 4ull << 20;
/// Of a node, a key and the states on the heap.
constexpr uint64_t kGroupBytes = 128;

using States = std::unique_ptr<Aggregation::State[]>;

/// A grouping bound to a table.
struct Groups {
  Aggregation aggregation;
  std::optional<Calendar> calendar;
  std::string time;
  std::vector<Field> by;
  SchemaPtr output;
};

class GroupCursor final : public Cursor {
 public:
  GroupCursor(const Contents& contents, Plan plan, Groups groups, uint64_t memory_bytes,
              uint64_t limit)
      : contents_(contents),
        plan_(std::move(plan)),
        groups_(std::move(groups)),
        memory_bytes_(memory_bytes),
        left_(limit),
        out_(groups_.output) {
    groups_.aggregation.bind(*plan_.input);
    for (const Field& field : groups_.by) by_.push_back(*plan_.input->find(field.name));
    if (groups_.calendar) time_ = plan_.input->find(groups_.time);
    if (is_single()) find_group();
  }

  const SchemaPtr& schema() const override { return groups_.output; }

  Result<std::optional<Batch>> next() override {
    if (failed_) return *failed_;
    Result<std::optional<Batch>> batch = read();
    if (!batch.ok()) failed_ = batch.error();
    return batch;
  }

 private:
  struct Done {
    std::string key;
    States states;
  };

  /// Without buckets and values there is one group, of no rows too.
  bool is_single() const { return !groups_.calendar && groups_.by.empty(); }

  Result<std::optional<Batch>> read() {
    while (done_.empty()) {
      if (ended_ || left_ == 0) return std::optional<Batch>();
      TRY(step());
    }
    const size_t first_state = groups_.output->size() - groups_.aggregation.size();
    while (!done_.empty() && out_.rows() < kRowsMax && out_.bytes() < kBytesMax) {
      const Done& group = done_.back();
      std::string_view key = group.key;
      for (size_t column = 0; column < first_state; ++column) {
        take_key(key, (*groups_.output)[column].type, out_, column);
      }
      TRY(groups_.aggregation.write({group.states.get(), groups_.aggregation.size()}, out_,
                                    first_state));
      done_.pop_back();
      if (--left_ == 0) done_.clear();
    }
    return std::optional(TRY(out_.finish()));
  }

  /// Reads on until something is done, a batch at least.
  Status step() {
    if (!scan_) scan_ = TRY(Scan::open(contents_, plan_));
    const std::optional<Passed> passed = TRY(scan_->next());
    if (!passed) {
      finish_below(std::string(1, '\xff'));
      if (floor_) return read_again(), ok();
      ended_ = true;
      return ok();
    }
    const std::optional<Nanos> start = scan_->start();
    const bool is_later = start && start != start_;
    start_ = start;
    if (is_later && groups_.calendar && finish_before(*start)) return ok();
    add(*passed);
    return ok();
  }

  /// True if the rest is to be read again, from an earlier time.
  bool finish_before(Nanos start) {
    std::string open;
    append_key(open, groups_.calendar->bucket_of(start).first);
    finish_below(open);
    if (!floor_ || *floor_ >= open) return false;
    read_again();
    return true;
  }

  void read_again() {
    resume_ = *std::exchange(floor_, std::nullopt);
    scan_.reset();
    start_.reset();
    if (!groups_.calendar) return;
    // What is below is done, so that its partitions need not be read.
    std::string_view key = resume_;
    plan_.partitions = partitions_;
    plan_.partitions.require_from(groups_.time, take_int64(key));
  }

  void finish_below(std::string_view end) {
    for (auto group = states_.begin(); group != states_.end();) {
      if (group->first >= end) {
        ++group;
        continue;
      }
      held_bytes_ -= bytes_of(*group);
      auto node = states_.extract(group++);
      done_.push_back({std::move(node.key()), std::move(node.mapped())});
    }
    last_ = nullptr;
    std::sort(done_.begin(), done_.end(),
              [](const Done& a, const Done& b) { return a.key > b.key; });
  }

  void add(const Passed& passed) {
    for (uint32_t first = 0; first < passed.count();) {
      const bool taken = find_group(passed, passed.row(first));
      uint32_t end = first + 1;
      while (end < passed.count() && is_same_group(passed, passed.row(end))) ++end;
      if (taken) {
        held_bytes_ += static_cast<uint64_t>(groups_.aggregation.add(
            {last_, groups_.aggregation.size()}, passed, first, end - first));
        if (held_bytes_ > memory_bytes_ && states_.size() > 1) drop_greatest();
      }
      first = end;
    }
  }

  void spell_key(const Passed& passed, uint32_t row, std::string& key) {
    key.clear();
    if (time_) {
      const Nanos time = passed.columns[*time_].int64(row);
      if (!bucket_ || !bucket_->holds(time)) bucket_ = groups_.calendar->bucket_of(time);
      append_key(key, bucket_->first);
    }
    for (const size_t column : by_) append_key(key, passed.columns[column], row);
  }

  bool is_same_group(const Passed& passed, uint32_t row) {
    if (by_.empty()) return !time_ || bucket_->holds(passed.columns[*time_].int64(row));
    spell_key(passed, row, next_key_);
    return next_key_ == key_;
  }

  /// Makes last_ the group of the row; false if it is not taken in this reading.
  bool find_group(const Passed& passed, uint32_t row) {
    spell_key(passed, row, key_);
    if (key_ < resume_ || (floor_ && key_ >= *floor_)) return false;
    find_group();
    return true;
  }

  void find_group() {
    const auto [group, is_new] = states_.try_emplace(key_);
    if (is_new) {
      group->second = std::make_unique<Aggregation::State[]>(groups_.aggregation.size());
      held_bytes_ += bytes_of(*group);
    }
    last_ = group->second.get();
  }

  uint64_t bytes_of(const std::pair<const std::string, States>& group) const {
    const size_t count = groups_.aggregation.size();
    uint64_t bytes = kGroupBytes + group.first.size() + count * sizeof(Aggregation::State);
    for (size_t at = 0; at < count; ++at) bytes += group.second[at].bytes.capacity();
    return bytes;
  }

  void drop_greatest() {
    std::vector<std::string_view> keys;
    for (const auto& [key, states] : states_) keys.push_back(key);
    const auto middle = keys.begin() + static_cast<ptrdiff_t>(keys.size() / 2);
    std::nth_element(keys.begin(), middle, keys.end());
    floor_ = std::string(*middle);
    for (auto group = states_.begin(); group != states_.end();) {
      const bool dropped = group->first >= *floor_;
      if (dropped) held_bytes_ -= bytes_of(*group);
      group = dropped ? states_.erase(group) : std::next(group);
    }
  }

  const Contents contents_;
  Plan plan_;
  const PartitionFilter partitions_ = plan_.partitions;  // of the first reading
  Groups groups_;
  const uint64_t memory_bytes_;
  std::vector<size_t> by_;      // index into the input
  std::optional<size_t> time_;  // likewise; absent: no buckets

  std::unique_ptr<Scan> scan_;
  std::optional<Nanos> start_;  // of the partition that is read
  std::unordered_map<std::string, States> states_;
  uint64_t held_bytes_ = 0;
  std::string resume_;                // groups below are done
  std::optional<std::string> floor_;  // groups from here on wait for another reading

  std::optional<Calendar::Bucket> bucket_;  // of the row before
  std::string key_;                         // of the row before
  std::string next_key_;
  Aggregation::State* last_ = nullptr;

  std::vector<Done> done_;  // greatest first
  uint64_t left_;           // of the limit
  BatchBuilder out_;
  bool ended_ = false;
  std::optional<Error> failed_;
};

Result<std::vector<Field>> by_fields(const std::vector<std::string>& names, const TableSpec& spec) {
  std::vector<Field> fields;
  for (const std::string& name : names) {
    const auto found = find_column(spec.columns, name);
    if (found.ok()) {
      fields.push_back(*found);
    } else if (name == "key" && !spec.key.empty()) {
      for (const std::string& key : spec.key) fields.push_back(TRY(find_column(spec.columns, key)));
    } else {
      return found.error();
    }
  }
  return fields;
}

Result<Groups> bind_groups(const Grouping& grouping, const TableSpec& spec) {
  Aggregation aggregation = TRY(Aggregation::make(grouping.aggregates, spec));
  std::optional<Calendar> calendar;
  std::vector<Field> fields;
  if (grouping.every) {
    if (spec.time.empty()) {
      return Error(Code::kInvalid, Reason::kMissingColumn,
                   "the table has no time column to make buckets of");
    }
    calendar = TRY(Calendar::make(*grouping.every, grouping.zone));
    fields.push_back({spec.time, Type::kTimestamp});
  }
  std::vector<Field> by = TRY(by_fields(grouping.by, spec));
  fields.insert(fields.end(), by.begin(), by.end());
  for (Field& field : aggregation.fields()) fields.push_back(std::move(field));
  SchemaPtr output = TRY(Schema::make(std::move(fields)));
  return Groups{std::move(aggregation), std::move(calendar), spec.time, std::move(by),
                std::move(output)};
}

/// What has to be read: one column at least, for rows are counted by it.
std::vector<std::string> columns_of(const Groups& groups, const TableSpec& spec) {
  std::vector<std::string> columns = groups.aggregation.columns();
  for (const Field& field : groups.by) columns.push_back(field.name);
  if (groups.calendar) columns.push_back(groups.time);
  std::sort(columns.begin(), columns.end());
  columns.erase(std::unique(columns.begin(), columns.end()), columns.end());
  if (!columns.empty()) return columns;
  if (!spec.time.empty()) return {spec.time};
  return {spec.key.empty() ? spec.columns.front().name : spec.key.front()};
}

}  // namespace

Result<std::unique_ptr<Cursor>> open_groups(const Contents& contents, const Grouping& grouping,
                                            const ScanOptions& options) {
  if (!options.columns.empty() || options.limit_per_key != UINT64_MAX) {
    return Error(Code::kInvalid, "an aggregation takes no columns and no limit per key");
  }
  const TableSpec spec = contents.metadata.spec();
  Groups groups = TRY(bind_groups(grouping, spec));
  ScanOptions rows = options;
  rows.columns = columns_of(groups, spec);
  Plan plan = TRY(plan_scan(contents.metadata, rows));
  forget_order(plan);
  return std::unique_ptr<Cursor>(std::make_unique<GroupCursor>(
      contents, std::move(plan), std::move(groups), options.memory_bytes, options.limit));
}

}  // namespace sluice::query
