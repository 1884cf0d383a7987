// The members of the public structures, in the order in which they travel; and which values their
// enumerations have. A member that is added to a structure is added here, and is a new version.
#pragma once

#include <concepts>
#include <type_traits>

#include "sluice/engine.h"

namespace sluice::remote {

template <class T, class U>
concept Of = std::same_as<std::remove_const_t<T>, U>;

inline bool is_known(Code code) {
  return to_string(code) != "unknown";
}
inline bool is_known(Reason reason) {
  return to_string(reason) != "unknown";
}
inline constexpr bool is_known(Type type) {
  return type <= Type::kTimestamp;
}
inline constexpr bool is_known(Transform transform) {
  return transform <= Transform::kMonth;
}
inline constexpr bool is_known(AckClass ack) {
  return ack <= AckClass::kTable;
}
inline constexpr bool is_known(SchemaChange::Kind kind) {
  return kind <= SchemaChange::Kind::kOnConflict;
}
inline constexpr bool is_known(OnConflict policy) {
  return policy <= OnConflict::kRefuse;
}
inline constexpr bool is_known(Predicate::Op op) {
  return op <= Predicate::Op::kIsNotNull;
}
inline constexpr bool is_known(Aggregate::Function function) {
  return function <= Aggregate::Function::kLast;
}
inline constexpr bool is_known(OrderTerm::Direction direction) {
  return direction <= OrderTerm::Direction::kDescending;
}
inline constexpr bool is_known(Period::Unit unit) {
  return unit <= Period::Unit::kYears;
}

template <class Archive>
void fields(Archive& archive, Of<Error::Body> auto& error) {
  archive(error.code, error.reason, error.message, error.where, error.expected, error.found);
}

// Tables and what is done to them.

template <class Archive>
void fields(Archive& archive, Of<TableName> auto& name) {
  archive(name.database, name.collection);
}
template <class Archive>
void fields(Archive& archive, Of<Field> auto& field) {
  archive(field.name, field.type);
}
template <class Archive>
void fields(Archive& archive, Of<PartitionField> auto& field) {
  archive(field.column, field.transform, field.buckets);
}
template <class Archive>
void fields(Archive& archive, Of<TableSpec> auto& spec) {
  archive(spec.columns, spec.key, spec.time, spec.partition, spec.narrow, spec.on_conflict);
}
template <class Archive>
void fields(Archive& archive, Of<TableDescription> auto& table) {
  archive(table.name, table.spec, table.location, table.metadata, table.version, table.snapshot_id,
          table.snapshots, table.parts, table.stored_rows, table.stored_bytes, table.unflushed_rows,
          table.last_commit_wall_time, table.trouble);
}
template <class Archive>
void fields(Archive& archive, Of<SchemaChange> auto& change) {
  archive(change.kind, change.column, change.new_name, change.type, change.narrow,
          change.on_conflict);
}
template <class Archive>
void fields(Archive& archive, Of<Tag> auto& tag) {
  archive(tag.name, tag.snapshot_id, tag.max_age);
}
template <class Archive>
void fields(Archive& archive, Of<ExpireOptions> auto& options) {
  archive(options.older_than, options.keep_last, options.dry_run);
}
template <class Archive>
void fields(Archive& archive, Of<ExpiredSnapshot> auto& snapshot) {
  archive(snapshot.id, snapshot.wall_time);
}
template <class Archive>
void fields(Archive& archive, Of<ExpireReport> auto& report) {
  archive(report.expired, report.tags, report.kept);
}
template <class Archive>
void fields(Archive& archive, Of<SweepOptions> auto& options) {
  archive(options.grace, options.dry_run);
}
template <class Archive>
void fields(Archive& archive, Of<SweptObject> auto& object) {
  archive(object.key, object.bytes, object.age);
}
template <class Archive>
void fields(Archive& archive, Of<SweepReport> auto& report) {
  archive(report.table, report.dry_run, report.version, report.touched, report.objects,
          report.bytes, report.named, report.young, report.pending, report.foreign, report.swept,
          report.swept_bytes);
}

// Rows on their way in.

template <class Archive>
void fields(Archive& archive, Of<SourcePosition> auto& source) {
  archive(source.source, source.position, source.previous);
}
template <class Archive>
void fields(Archive& archive, Of<AppendOptions> auto& options) {
  archive(options.ack, options.source, options.timeout);
}
template <class Archive>
void fields(Archive& archive, Of<Appended> auto& ack) {
  archive(ack.lsn, ack.duplicate);
}
template <class Archive>
void fields(Archive& archive, Of<FlushReport> auto& report) {
  archive(report.rows, report.rows_replaced, report.partitions, report.parts, report.bytes);
}

// Queries.

template <class Archive>
void fields(Archive& archive, Of<Value> auto& value) {
  archive(value.type, value.boolean, value.int64, value.real, value.bytes);
}
template <class Archive>
void fields(Archive& archive, Of<Predicate> auto& predicate) {
  archive(predicate.op, predicate.operands, predicate.column, predicate.value);
}
template <class Archive>
void fields(Archive& archive, Of<Aggregate> auto& aggregate) {
  archive(aggregate.function, aggregate.column, aggregate.label);
}
template <class Archive>
void fields(Archive& archive, Of<OrderTerm> auto& term) {
  archive(term.column, term.direction);
}
template <class Archive>
void fields(Archive& archive, Of<ScanOptions> auto& options) {
  archive(options.columns, options.where, options.from, options.to, options.order, options.limit,
          options.limit_per_key, options.memory_bytes);
}
template <class Archive>
void fields(Archive& archive, Of<Period> auto& period) {
  archive(period.unit, period.count);
}
template <class Archive>
void fields(Archive& archive, Of<Grouping> auto& grouping) {
  archive(grouping.aggregates, grouping.every, grouping.zone, grouping.by);
}

// What an engine tells of itself.

template <class Archive>
void fields(Archive& archive, Of<DurationCounts> auto& durations) {
  archive(durations.counts, durations.count, durations.sum);
}
template <class Archive>
void fields(Archive& archive, Of<EngineStatus> auto& status) {
  archive(status.durable_lsn, status.applied_lsn, status.log_bytes, status.log_segments,
          status.pinned_segments, status.syncs, status.recovering, status.full, status.failure);
  archive(status.appends, status.rows_appended, status.appends_refused, status.stalls,
          status.stall_time);
  archive(status.memory_bytes_used, status.memory_bytes_max, status.unflushed_rows,
          status.pending_partitions, status.oldest_unflushed_age);
  archive(status.flushes_waiting, status.flushes_running, status.flushes, status.rows_flushed,
          status.parts_flushed, status.bytes_flushed, status.flush_durations, status.flush_failures,
          status.last_flush_age, status.tables_stopped);
}
template <class Archive>
void fields(Archive& archive, Of<PartitionName> auto& name) {
  archive(name.table, name.partition);
}
template <class Archive>
void fields(Archive& archive, Of<PartitionStatus> auto& partition) {
  archive(partition.name, partition.rows, partition.first_lsn, partition.oldest_age,
          partition.flushing, partition.failures, partition.retry_in, partition.trouble);
}

}  // namespace sluice::remote
