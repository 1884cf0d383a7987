// Calls: what each asks and what it returns. The functions of Engine, Snapshot and Cursor say what
// they mean. Part of the specification of wire.h.
#pragma once

#include <tuple>
#include <vector>

#include "remote/wire.h"
#include "sluice/engine.h"

namespace sluice::remote {

/// Of a call that returns only that it was done: an empty body.
using Nothing = std::tuple<>;
using Columns = std::vector<Field>;

template <class RequestValues, class ReplyValues>
struct CallOf {
  using Request = RequestValues;
  using Reply = ReplyValues;
};

template <Kind kKind>
struct Call;
/// magic, version; and in the reply the instance.
template <>
struct Call<Kind::kHello>
    : CallOf<std::tuple<uint32_t, uint16_t>, std::tuple<uint32_t, uint16_t, uint64_t>> {};
template <>
struct Call<Kind::kCreateTable> : CallOf<std::tuple<TableName, TableSpec>, Nothing> {};
template <>
struct Call<Kind::kAddColumns> : CallOf<std::tuple<TableName, Columns>, Nothing> {};
template <>
struct Call<Kind::kAlter>
    : CallOf<std::tuple<TableName, std::vector<SchemaChange>, Nanos>, Nothing> {};
template <>
struct Call<Kind::kTag> : CallOf<std::tuple<TableName, Tag>, Nothing> {};
template <>
struct Call<Kind::kUntag> : CallOf<std::tuple<TableName, std::string>, Nothing> {};
template <>
struct Call<Kind::kExpire>
    : CallOf<std::tuple<TableName, ExpireOptions>, std::tuple<ExpireReport>> {};
template <>
struct Call<Kind::kRollback> : CallOf<std::tuple<TableName, uint64_t>, Nothing> {};
template <>
struct Call<Kind::kRelocate> : CallOf<std::tuple<TableName>, Nothing> {};
template <>
struct Call<Kind::kDescribe> : CallOf<std::tuple<TableName>, std::tuple<TableDescription>> {};
template <>
struct Call<Kind::kTables> : CallOf<std::tuple<>, std::tuple<std::vector<TableDescription>>> {};
/// Behind these the batch, of these columns.
template <>
struct Call<Kind::kAppend> : CallOf<std::tuple<TableName, AppendOptions, Columns>, Nothing> {};
template <>
struct Call<Kind::kFlush> : CallOf<std::tuple<TableName>, std::tuple<FlushReport>> {};
template <>
struct Call<Kind::kFlushAll> : CallOf<std::tuple<>, std::tuple<FlushReport>> {};
/// Ends the snapshot that the connection had, and its cursors.
template <>
struct Call<Kind::kSnapshot> : CallOf<std::tuple<TableName>, std::tuple<TableDescription>> {};
/// Of the connection's snapshot: a cursor's number, and its columns.
template <>
struct Call<Kind::kScan> : CallOf<std::tuple<ScanOptions>, std::tuple<uint64_t, SchemaPtr>> {};
template <>
struct Call<Kind::kAggregate>
    : CallOf<std::tuple<Grouping, ScanOptions>, std::tuple<uint64_t, SchemaPtr>> {};
/// The number of the cursor. The reply is a batch.
template <>
struct Call<Kind::kNext> : CallOf<std::tuple<uint64_t>, Nothing> {};
template <>
struct Call<Kind::kCloseCursor> : CallOf<std::tuple<uint64_t>, Nothing> {};
template <>
struct Call<Kind::kSourcePosition>
    : CallOf<std::tuple<TableName, std::string>, std::tuple<uint64_t>> {};
template <>
struct Call<Kind::kSources>
    : CallOf<std::tuple<TableName>, std::tuple<std::vector<SourcePosition>>> {};
template <>
struct Call<Kind::kSweep> : CallOf<std::tuple<TableName, SweepOptions>, std::tuple<SweepReport>> {};
template <>
struct Call<Kind::kStatus> : CallOf<std::tuple<>, std::tuple<EngineStatus>> {};
/// At most so many partitions.
template <>
struct Call<Kind::kPending>
    : CallOf<std::tuple<uint64_t>, std::tuple<std::vector<PartitionStatus>>> {};

}  // namespace sluice::remote
