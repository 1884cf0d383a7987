#include "engine/flusher.h"

#include <algorithm>
#include <utility>

#include "flush/flush.h"
#include "memtable/device_rows.h"
#include "memtable/frozen.h"
#include "table/format.h"

namespace sluice::engine {

namespace {

// A claim goes one above the epoch that was read, a reader's own rows one more.
static_assert(table::kEpochMax + 2 <= memtable::kEpochMax);

// The table's schema as the part writer and the gatherer need it: what is in the batches comes
// first.
Result<flush::Layout> layout_for(const table::Metadata& metadata, const EngineOptions& options,
                                 bool by_groups) {
  const table::TableSchema& schema = metadata.schema();
  flush::Layout layout;
  std::vector<Field> fields = metadata.spec().columns;
  for (const part::Column& column : schema.columns) {
    if (column.name == memtable::kVersionColumn) fields.push_back({column.name, Type::kInt64});
  }
  layout.columns = TRY(Schema::make(std::move(fields)));
  for (size_t input = 0; input < layout.columns->size(); ++input) {
    const Field& field = (*layout.columns)[input];
    const part::Column* column = schema.find(field.name);
    if (column == nullptr)
      return Error(Code::kCorrupt, "the schema lacks a column of the table", field.name);
    const bool micros = column->type == part::PhysicalType::kTimestampMicros;
    layout.part_columns.push_back(
        {*column, input, micros ? part::Transform::kMicros : part::Transform::kNone});
    const part::Column* nanos = micros ? schema.find(table::nanos_column(field.name)) : nullptr;
    if (nanos != nullptr) layout.part_columns.push_back({*nanos, input, part::Transform::kNanos});
  }
  layout.prefix = metadata.prefix;
  layout.epoch = metadata.epoch;
  layout.part_bytes = options.part_bytes;
  if (by_groups) {
    const DeviceGroups& groups = *options.device_groups;
    layout.part_bytes = groups.part_bytes_max;
    layout.group_rows = {groups.part_rows_max, groups.part_rows_min};
  }
  layout.writer.row_group_bytes = options.row_group_bytes;
  layout.writer.zstd_level = options.zstd_level;
  layout.writer.iceberg_schema = schema.to_json();
  return layout;
}

// A remainder below a microsecond gets its column when the first one appears.
Result<table::HeadPtr> add_nanos_columns(table::Committer& committer, const memtable::Frozen& rows,
                                         const TableSpec& spec) {
  std::vector<part::Column> columns;
  for (size_t column = 0; column < spec.columns.size(); ++column) {
    if (!rows.has_nanos()[column]) continue;
    columns.push_back(
        {0, table::nanos_column(spec.columns[column].name), part::PhysicalType::kInt32, false});
  }
  return columns.empty() ? committer.head() : committer.add_system_columns(columns);
}

// E8: after these errors of a commit no metadata names its parts, and none will
// (table/committer.h).
bool may_discard(const Error& error) {
  switch (error.code()) {
    case Code::kConflict:
    case Code::kInvalid:
    case Code::kIo:
    case Code::kFull:
    case Code::kBusy:
      return true;
    default:
      return false;
  }
}

}  // namespace

Flusher::Flusher(Runtime& runtime, Bucket& bucket, Lanes& lanes, Budget& budget,
                 const EngineOptions& options, Channel<ApplierEvent>& news)
    : runtime_(runtime),
      bucket_(bucket),
      lanes_(lanes),
      budget_(budget),
      options_(options),
      news_(news),
      monitor_(runtime.monitor()) {
  for (uint32_t i = 0; i < options.flush_threads; ++i) {
    threads_.push_back(runtime.spawn("flush-" + std::to_string(i), [this] { work(); }));
  }
}

Flusher::~Flusher() {
  stop();
}

void Flusher::submit(LanePtr lane, uint64_t cut) {
  MonitorLock lock(*monitor_);
  queue_.push_back({std::move(lane), cut});
  monitor_->notify_all();
}

size_t Flusher::waiting() const {
  MonitorLock lock(*monitor_);
  return queue_.size();
}

void Flusher::stop() {
  {
    MonitorLock lock(*monitor_);
    cancelled_ = true;
    monitor_->notify_all();
  }
  for (auto& thread : threads_) thread->join();
  threads_.clear();
}

Flusher::Job Flusher::next() {
  MonitorLock lock(*monitor_);
  while (queue_.empty() && !cancelled_) monitor_->wait_until(kForever);
  if (cancelled_) return {};
  Job job = std::move(queue_.front());
  queue_.erase(queue_.begin());
  return job;
}

void Flusher::work() {
  for (Job job = next(); job.lane != nullptr; job = next()) news_.push(flush(job));
}

namespace {

/// Of the memory for rows, for groups of devices.
constexpr uint64_t kGroupsShare = 8;

struct Flushed {
  table::HeadPtr head;
  FlushCompleteEvent report;
  std::map<std::string, Error> left;
};

// Steps 1 to 5 of a job.
class FlushAttempt {
 public:
  struct Rows {
    uint64_t cut = 0;
    std::vector<memtable::Run> runs;
    std::shared_ptr<const TableSpec> spec;
  };

  FlushAttempt(Runtime& runtime, Bucket& bucket, const EngineOptions& options, Lanes& lanes,
               Budget& budget, Lane& lane, Rows rows, std::function<bool()> cancelled)
      : runtime_(runtime),
        bucket_(bucket),
        options_(options),
        lanes_(lanes),
        budget_(budget),
        lane_(lane),
        cut_(rows.cut),
        spec_(std::move(rows.spec)),
        rows_(std::move(rows.runs), *spec_),
        cancelled_(std::move(cancelled)) {}

  Result<Flushed> run() {
    const LanePass pass(lanes_, lane_, LanePass::Kind::kFlush);
    const Nanos start = runtime_.now();
    table::FlushEdit edit;
    edit.base = TRY(begin());
    edit.flush = FlushId::draw(runtime_);
    edit.put_at = runtime_.now();
    const flush::Layout layout = TRY(layout_for(edit.base->metadata, options_, by_groups()));
    const flush::Job job = {edit.flush, &rows_, &layout, cancelled_,
                            by_groups() ? &devices_ : nullptr};
    flush::Outcome outcome = TRY(flush::flush_each(runtime_, bucket_, job));
    edit.parts = std::move(outcome.parts);
    Flushed flushed;
    for (const flush::PartitionFailure& failure : outcome.failures) {
      flushed.left.emplace(name_of(failure.partition), failure.error);
    }
    edit.rows_replaced = flushed.left.empty() ? rows_.rows_replaced() : 0;
    flushed.head = TRY(commit(edit, flushed.left));
    flushed.report = report(edit, flushed.left);
    flushed.report.version = flushed.head->metadata.version;
    flushed.report.duration = runtime_.now() - start;
    return flushed;
  }

 private:
  bool by_groups() const {
    return options_.device_groups && !spec_->key.empty() && !spec_->time.empty();
  }

  Result<table::HeadPtr> begin() {
    std::optional<memtable::Devices> devices;
    if (by_groups()) devices.emplace(rows_, *spec_);
    table::HeadPtr head;
    std::vector<uint32_t> groups;
    {
      CommitTurn turn(lanes_, lane_);
      TRY(lane_.committer().claim());
      head = TRY(add_nanos_columns(lane_.committer(), rows_, *spec_));
      if (!devices) return head;
      groups = TRY(lane_.committer().assign(devices->ids(), options_.device_groups->devices_max));
      head = lane_.committer().head();
      keep_groups();
    }
    devices_ = devices->arrange(rows_, groups);
    return head;
  }

  // What the lane keeps of its groups counts as memory; where it is too much, the next flush reads
  // them again. In the commit turn.
  void keep_groups() {
    const table::GroupsPtr& groups = lane_.committer().groups();
    uint64_t bytes = groups ? groups->bytes() : 0;
    if (bytes == lane_.groups_bytes) return;
    MonitorLock lock(lanes_.monitor());
    const uint64_t others = lanes_.groups_bytes - lane_.groups_bytes;
    if (others + bytes > budget_.bytes_max() / kGroupsShare) {
      lane_.committer().forget_groups();
      bytes = 0;
    }
    lanes_.groups_bytes = others + bytes;
    lane_.groups_bytes = bytes;
    budget_.overdraw(bytes);
    lane_.groups_held = budget_.hold(bytes);
  }

  Result<table::HeadPtr> commit(table::FlushEdit& edit, const std::map<std::string, Error>& left) {
    CommitTurn turn(lanes_, lane_);
    const Status fits = meet_head(edit, left);
    const Result<table::HeadPtr> committed =
        fits.ok() ? lane_.committer().commit(edit) : Result<table::HeadPtr>(fits.error());
    if (!committed.ok()) {
      if (may_discard(committed.error())) flush::discard(bucket_, edit.parts);
      return committed.error();
    }
    TRY(lane_.committer().confirm(edit.lsns));  // E5
    return committed;
  }

  // E10: other flushes of the lane may have been committed meanwhile. They cover none of our rows,
  // unless an earlier try of ours was committed, though its answer or its confirmation failed.
  Status meet_head(table::FlushEdit& edit, const std::map<std::string, Error>& left) {
    const table::HeadPtr head = lane_.committer().head();
    const table::Metadata& now = head->metadata;
    const table::Metadata& then = edit.base->metadata;
    if (now.epoch != then.epoch || now.owner != then.owner ||
        now.current_schema_id != then.current_schema_id) {
      return Error(Code::kConflict, "the table's columns or owner changed while parts were put",
                   lane_.name().to_string());
    }
    MonitorLock lock(lanes_.monitor());
    if (lane_.stopped()) return *lane_.stopped();
    lane_.set_head(head);
    if (lane_.is_covered(cut_)) {
      return Error(Code::kConflict, "the table's marks moved; rows that they cover are dropped",
                   lane_.name().to_string());
    }
    MarksOfFlush marks = lane_.marks_after(cut_, left, lanes_.applied_lsn);
    edit.base = head;
    edit.lsns = std::move(marks.lsns);
    edit.sources = std::move(marks.sources);
    return ok();
  }

  std::string name_of(size_t partition) const {
    return model::partition_text(*spec_, rows_.partitions()[partition].values);
  }

  FlushCompleteEvent report(const table::FlushEdit& edit,
                            const std::map<std::string, Error>& left) const {
    FlushCompleteEvent event;
    event.table = lane_.name();
    for (size_t at = 0; at < rows_.partitions().size(); ++at) {
      std::string name = name_of(at);
      if (left.contains(name)) continue;
      event.partitions.push_back(std::move(name));
      event.rows += rows_.partitions()[at].count;
    }
    std::sort(event.partitions.begin(), event.partitions.end());
    event.rows_replaced = edit.rows_replaced;
    event.parts = edit.parts.size();
    for (const part::Meta& part : edit.parts) event.bytes += part.bytes;
    return event;
  }

  Runtime& runtime_;
  Bucket& bucket_;
  const EngineOptions& options_;
  Lanes& lanes_;
  Budget& budget_;
  Lane& lane_;
  const uint64_t cut_;
  const std::shared_ptr<const TableSpec> spec_;
  memtable::Frozen rows_;
  std::vector<memtable::DeviceRows> devices_;
  std::function<bool()> cancelled_;
};

}  // namespace

FlushDone Flusher::flush(const Job& job) {
  const LanePtr& lane = job.lane;
  const auto ended = [&](Status verdict) {
    return FlushDone{lane, job.cut, std::move(verdict), nullptr, {}, {}};
  };
  FlushAttempt::Rows rows{job.cut, {}, nullptr};
  {
    MonitorLock lock(lanes_.monitor());
    if (lane->stopped()) return ended(*lane->stopped());
    rows.runs = lane->find(job.cut)->runs;
    rows.spec = lane->spec();
  }
  FlushAttempt attempt(runtime_, bucket_, options_, lanes_, budget_, *lane, std::move(rows),
                       [this] { return cancelled(); });
  Result<Flushed> flushed = attempt.run();
  if (flushed.ok()) {
    return {lane, job.cut, ok(), flushed->head, flushed->report, std::move(flushed->left)};
  }
  if (flushed.error().code() != Code::kConflict) return ended(flushed.error());
  CommitTurn turn(lanes_, *lane);
  const Result<table::HeadPtr> head = lane->committer().load();
  if (!head.ok()) return ended(head.error());
  FlushDone done = ended(flushed.error());
  done.head = *head;
  return done;
}

}  // namespace sluice::engine
