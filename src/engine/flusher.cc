#include "engine/flusher.h"

#include "flush/flush.h"
#include "memtable/frozen.h"
#include "table/format.h"

namespace sluice::engine {

namespace {

// A claim goes one above the epoch that was read, a reader's own rows one more.
static_assert(table::kEpochMax + 2 <= memtable::kEpochMax);

// The table's schema as the part writer and the gatherer need it: what is in the batches comes
// first.
Result<flush::Layout> layout_for(const table::Metadata& metadata, const EngineOptions& options) {
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
  layout.writer.row_group_bytes = options.row_group_bytes;
  layout.writer.zstd_level = options.zstd_level;
  layout.writer.iceberg_schema = schema.to_json();
  return layout;
}

std::map<std::string, table::Coverage> positions_of(const std::vector<memtable::Run>& runs) {
  std::map<std::string, table::Coverage> positions;
  for (const memtable::Run& run : runs) {
    if (run.source == nullptr) continue;
    uint64_t& position = positions[*run.source].low_water;
    position = std::max(position, run.position);
  }
  return positions;
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

Flusher::Flusher(Runtime& runtime, Bucket& bucket, Lanes& lanes, const EngineOptions& options,
                 Channel<ApplierEvent>& news)
    : runtime_(runtime),
      bucket_(bucket),
      lanes_(lanes),
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

void Flusher::submit(LanePtr lane) {
  MonitorLock lock(*monitor_);
  queue_.push_back(std::move(lane));
  monitor_->notify_all();
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

LanePtr Flusher::next() {
  MonitorLock lock(*monitor_);
  while (queue_.empty() && !cancelled_) monitor_->wait_until(kForever);
  if (cancelled_) return nullptr;
  LanePtr lane = std::move(queue_.front());
  queue_.erase(queue_.begin());
  return lane;
}

void Flusher::work() {
  while (const LanePtr lane = next()) news_.push(flush_lane(lane));
}

namespace {

struct Flushed {
  table::HeadPtr head;
  FlushCompleteEvent report;
};

// Steps 2 to 7 of a job, with the commit turn held.
class FlushAttempt {
 public:
  FlushAttempt(Runtime& runtime, Bucket& bucket, const EngineOptions& options, Lane& lane, Cut cut,
               std::function<bool()> cancelled)
      : runtime_(runtime),
        bucket_(bucket),
        options_(options),
        committer_(lane.committer()),
        name_(lane.name()),
        cut_(std::move(cut)),
        cancelled_(std::move(cancelled)) {}

  Result<Flushed> run() {
    const Nanos start = runtime_.now();
    const table::HeadPtr claimed = TRY(committer_.claim());
    if (claimed->marks != cut_.base->marks) {
      // E10: an earlier try was committed, though its answer or its confirmation failed.
      return Error(Code::kConflict, "the table's marks moved; rows that they cover are dropped");
    }
    const TableSpec spec = claimed->metadata.spec();
    const memtable::Frozen rows(std::move(cut_.runs), spec);
    table::FlushEdit edit;
    edit.base = TRY(add_nanos_columns(committer_, rows, spec));
    edit.flush = FlushId::draw(runtime_);
    edit.lsns.low_water = cut_.lsn;
    edit.sources = positions_;
    edit.rows_replaced = rows.rows_replaced();
    edit.put_at = runtime_.now();
    const flush::Layout layout = TRY(layout_for(edit.base->metadata, options_));
    edit.parts = TRY(flush::flush(runtime_, bucket_, {edit.flush, &rows, &layout, cancelled_}));
    const Result<table::HeadPtr> committed = committer_.commit(edit);
    if (!committed.ok()) {
      if (may_discard(committed.error())) flush::discard(bucket_, edit.parts);
      return committed.error();
    }
    TRY(committer_.confirm(edit.lsns));  // E5
    return Flushed{*committed, report(edit, rows, **committed, runtime_.now() - start)};
  }

 private:
  FlushCompleteEvent report(const table::FlushEdit& edit, const memtable::Frozen& rows,
                            const table::Head& head, Nanos duration) const {
    FlushCompleteEvent event;
    event.table = name_;
    event.rows = rows.rows();
    event.rows_replaced = rows.rows_replaced();
    event.parts = edit.parts.size();
    for (const part::Meta& part : edit.parts) event.bytes += part.bytes;
    event.version = head.metadata.version;
    event.duration = duration;
    return event;
  }

  Runtime& runtime_;
  Bucket& bucket_;
  const EngineOptions& options_;
  table::Committer& committer_;
  const TableName& name_;
  Cut cut_;
  const std::map<std::string, table::Coverage> positions_ = positions_of(cut_.runs);
  std::function<bool()> cancelled_;
};

}  // namespace

FlushDone Flusher::flush_lane(const LanePtr& lane) {
  CommitTurn turn(lanes_, *lane);
  Cut cut;
  {
    MonitorLock lock(lanes_.monitor());
    if (lane->stopped()) return {lane, *lane->stopped(), nullptr, {}};
    cut = lane->cut();
  }
  FlushAttempt attempt(runtime_, bucket_, options_, *lane, std::move(cut),
                       [this] { return cancelled(); });
  Result<Flushed> flushed = attempt.run();
  if (flushed.ok()) return {lane, ok(), flushed->head, flushed->report};
  if (flushed.error().code() == Code::kConflict) {
    const Result<table::HeadPtr> head = lane->committer().load();
    if (!head.ok()) return {lane, head.error(), nullptr, {}};
    return {lane, flushed.error(), *head, {}};
  }
  return {lane, flushed.error(), nullptr, {}};
}

}  // namespace sluice::engine
