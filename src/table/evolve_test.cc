#include "table/evolve.h"

#include <gtest/gtest.h>

#include "table/committer.h"
#include "table/fakes_test.h"
#include "table/format.h"

namespace sluice::table {
namespace {

using Kind = SchemaChange::Kind;

SchemaChange add(std::string column, Type type, bool narrow = false) {
  return {Kind::kAdd, std::move(column), {}, type, narrow};
}
SchemaChange rename(std::string column, std::string to) {
  return {Kind::kRename, std::move(column), std::move(to)};
}
SchemaChange drop(std::string column) {
  return {Kind::kDrop, std::move(column)};
}
SchemaChange widen(std::string column, Type type = Type::kNull, bool narrow = false) {
  return {Kind::kWiden, std::move(column), {}, type, narrow};
}
SchemaChange policy(OnConflict on_conflict) {
  SchemaChange change;
  change.kind = Kind::kOnConflict;
  change.on_conflict = on_conflict;
  return change;
}

/// Keyed by device and time, with a long, a narrow long, a narrow double and a second time.
Metadata sensors() {
  TableSpec spec = keyed_spec();
  spec.columns.push_back({"count", Type::kInt64});
  spec.columns.push_back({"level", Type::kInt64});
  spec.columns.push_back({"gain", Type::kDouble});
  spec.columns.push_back({"seen", Type::kTimestamp});
  spec.narrow = {"level", "gain"};
  Stamp stamp;
  stamp.commit = id_of<CommitId>(1);
  return propose_table(kName, spec, "/lake/db/coll", writer_of(1, 1), stamp)->head->metadata;
}

int32_t id_in(const Metadata& metadata, std::string_view column) {
  const part::Column* found = metadata.schema().find(column);
  return found == nullptr ? 0 : found->field_id;
}

void expect_refused(const std::vector<SchemaChange>& changes, std::string_view where,
                    std::string_view message, Reason reason = Reason::kNone) {
  const auto evolved = evolve(sensors(), changes);
  ASSERT_FALSE(evolved.ok()) << where << ": " << message;
  EXPECT_EQ(evolved.error().code(), Code::kInvalid);
  EXPECT_EQ(evolved.error().where(), where);
  EXPECT_EQ(evolved.error().reason(), reason) << evolved.error().to_string();
  EXPECT_NE(evolved.error().message().find(message), std::string::npos)
      << evolved.error().to_string();
}

TEST(Evolve, ChangesColumnsByTheirFieldIdsInOneNewSchema) {
  const Metadata before = sensors();
  const auto after = evolve(before, {add("note", Type::kString), rename("temp", "celsius"),
                                     drop("count"), widen("level"), widen("gain")});
  ASSERT_TRUE(after.ok()) << after.error().to_string();
  EXPECT_EQ(after->schemas.size(), before.schemas.size() + 1);
  EXPECT_EQ(after->current_schema_id, before.current_schema_id + 1);
  EXPECT_EQ(id_in(*after, "celsius"), id_in(before, "temp"));
  EXPECT_EQ(id_in(*after, "note"), before.last_column_id + 1);
  EXPECT_EQ(id_in(*after, "count"), 0);
  EXPECT_EQ(after->schema().find("level")->type, part::PhysicalType::kInt64);
  EXPECT_EQ(after->schema().find("gain")->type, part::PhysicalType::kDouble);
  EXPECT_TRUE(after->spec().narrow.empty());
  EXPECT_FALSE(after->schema().find("note")->required);
  const auto read = Metadata::decode(after->encode(), after->version, after->prefix);
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->encode(), after->encode());
}

TEST(Evolve, WhatBecomesOfRowsThatDoNotFitIsChangedAloneOrWithColumns) {
  const Metadata before = sensors();
  EXPECT_EQ(before.spec().on_conflict, OnConflict::kReject);
  EXPECT_FALSE(before.properties().contains(std::string(kOnConflictProperty)));
  const auto alone = evolve(before, {policy(OnConflict::kKeep)});
  ASSERT_TRUE(alone.ok()) << alone.error().to_string();
  EXPECT_EQ(alone->schemas.size(), before.schemas.size());
  const auto read = Metadata::decode(alone->encode(), alone->version, alone->prefix);
  ASSERT_TRUE(read.ok()) << read.error().to_string();
  EXPECT_EQ(read->spec().on_conflict, OnConflict::kKeep);
  EXPECT_EQ(read->properties(), alone->properties());
  const auto both = evolve(*alone, {drop("count"), policy(OnConflict::kReject)});
  ASSERT_TRUE(both.ok()) << both.error().to_string();
  EXPECT_EQ(id_in(*both, "count"), 0);
  EXPECT_EQ(both->encode().find(kOnConflictProperty), std::string::npos);
}

TEST(Evolve, APolicyOfANewerVersionIsUnsupported) {
  Metadata metadata = sensors();
  metadata.other_properties[std::string(kOnConflictProperty)] = "pray";
  const auto read = Metadata::decode(metadata.encode(), metadata.version, metadata.prefix);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), Code::kUnsupported);
}

TEST(Evolve, SwapsTheNamesOfTwoColumnsInOneChange) {
  const Metadata before = sensors();
  const auto after = evolve(before, {rename("temp", "gain"), rename("gain", "temp")});
  ASSERT_TRUE(after.ok()) << after.error().to_string();
  EXPECT_EQ(id_in(*after, "gain"), id_in(before, "temp"));
  EXPECT_EQ(id_in(*after, "temp"), id_in(before, "gain"));
}

// T12
TEST(Evolve, NeverUsesTheFieldIdOfADroppedColumnAgain) {
  const Metadata before = sensors();
  const auto dropped = evolve(before, {drop("count")});
  ASSERT_TRUE(dropped.ok());
  const auto later = evolve(*dropped, {add("count", Type::kString)});
  ASSERT_TRUE(later.ok());
  EXPECT_EQ(id_in(*later, "count"), before.last_column_id + 1);
  const auto at_once = evolve(before, {drop("count"), add("count", Type::kString)});
  ASSERT_TRUE(at_once.ok());
  EXPECT_EQ(id_in(*at_once, "count"), before.last_column_id + 1);
}

TEST(Evolve, MovesEverythingThatNamesARenamedColumn) {
  Metadata before = sensors();
  Stamp stamp;
  stamp.commit = id_of<CommitId>(2);
  const std::vector<part::Column> companions = {
      {0, nanos_column("time"), part::PhysicalType::kInt32, false},
      {0, nanos_column("seen"), part::PhysicalType::kInt32, false}};
  before = propose_columns({before, {}}, companions, stamp)->head->metadata;
  const auto after =
      evolve(before, {rename("device", "id"), rename("time", "at"), rename("seen", "heard")});
  ASSERT_TRUE(after.ok()) << after.error().to_string();
  EXPECT_EQ(after->key_columns, std::vector<std::string>{"id"});
  EXPECT_EQ(after->time_column, "at");
  ASSERT_EQ(after->partition.size(), 1u);
  EXPECT_EQ(after->partition[0].source_id, id_in(before, "time"));
  EXPECT_EQ(after->partition[0].name, "time_day");  // manifests have it
  EXPECT_EQ(after->spec().partition->front().column, "at");
  EXPECT_EQ(id_in(*after, "_at_ns"), id_in(before, "_time_ns"));
  EXPECT_EQ(id_in(*after, "_heard_ns"), id_in(before, "_seen_ns"));
  EXPECT_TRUE(Metadata::decode(after->encode(), after->version, after->prefix).ok());
  const auto dropped = evolve(before, {drop("seen")});
  ASSERT_TRUE(dropped.ok());
  EXPECT_EQ(id_in(*dropped, "_seen_ns"), 0);
}

TEST(Evolve, RefusesWithAReasonWhatTheTableCannotBecome) {
  expect_refused({}, "", "nothing to change");
  expect_refused({drop("absent")}, "absent", "no such column", Reason::kUnknownColumn);
  expect_refused({drop("_version")}, "_version", "no such column", Reason::kUnknownColumn);
  expect_refused({rename("temp", "gain")}, "gain", "another column has this name");
  expect_refused({add("temp", Type::kBool)}, "temp", "another column has this name");
  expect_refused({add("x", Type::kBool), add("x", Type::kBool)}, "x", "another column");
  expect_refused({rename("temp", "_mine")}, "_mine", "reserved");
  expect_refused({rename("temp", "")}, "", "needs a name");
  expect_refused({rename("temp", "temp")}, "temp", "already");
  expect_refused({rename("temp", "a"), rename("temp", "b")}, "temp", "two changes");
  expect_refused({rename("temp", "a"), drop("temp")}, "temp", "two changes");
  expect_refused({drop("level"), widen("level")}, "level", "both widened and dropped");
  expect_refused({drop("device")}, "device", "key needs the column");
  expect_refused({drop("time")}, "time", "key needs the column");
  expect_refused({widen("count")}, "count", "only int and float", Reason::kTypeMismatch);
  expect_refused({widen("temp", Type::kString)}, "temp", "cannot become string",
                 Reason::kTypeMismatch);
  expect_refused({widen("count", Type::kInt64, true)}, "count", "narrower", Reason::kTypeMismatch);
  expect_refused({add("y", Type::kNull)}, "y", "needs a type", Reason::kTypeMismatch);
  expect_refused({add("y", Type::kString, true)}, "y", "four bytes", Reason::kTypeMismatch);
}

TEST(Evolve, KeepsAtLeastOneColumn) {
  TableSpec spec{{{"a", Type::kInt64}}, {}, ""};
  Stamp stamp;
  stamp.commit = id_of<CommitId>(1);
  const auto table = propose_table(kName, spec, "/lake/db/coll", writer_of(1, 1), stamp);
  const auto evolved = evolve(table->head->metadata, {drop("a")});
  ASSERT_FALSE(evolved.ok());
  EXPECT_NE(evolved.error().message().find("last column"), std::string::npos);
}

TEST(Evolve, TellsWhatBecameOfAColumn) {
  const auto renamed = evolve(sensors(), {rename("temp", "celsius"), drop("count")});
  ASSERT_TRUE(renamed.ok());
  EXPECT_EQ(fate_of(*renamed, "temp"), "was renamed to celsius");
  EXPECT_EQ(fate_of(*renamed, "count"), "was dropped");
  EXPECT_EQ(fate_of(*renamed, "celsius"), std::nullopt);
  EXPECT_EQ(fate_of(*renamed, "never"), std::nullopt);
  const auto again = evolve(*renamed, {drop("temp")});
  ASSERT_FALSE(again.ok());
  EXPECT_NE(again.error().message().find("it was renamed to celsius"), std::string::npos);
}

TEST(Evolve, ShowsAnEarlierSnapshotWithTheNamesOfThen) {
  Metadata before = sensors();
  SnapshotEntry snapshot;
  snapshot.id = 7;
  snapshot.schema_id = before.current_schema_id;
  const auto after = evolve(before, {rename("device", "id"), rename("time", "at"), drop("count")});
  ASSERT_TRUE(after.ok());
  const Metadata then = at_snapshot(*after, snapshot);
  EXPECT_EQ(then.spec().key, std::vector<std::string>{"device"});
  EXPECT_EQ(then.spec().time, "time");
  EXPECT_NE(then.schema().find("count"), nullptr);
  EXPECT_EQ(then.current_snapshot_id, 7);
}

TEST(Evolve, ReadsASnapshotWithTheColumnsOfTodayWhenItsSchemaIsNoneOfTheTable) {
  Metadata metadata = sensors();
  TableSchema foreign = metadata.schema();
  foreign.schema_id = 7;
  foreign.columns.erase(foreign.columns.begin());  // the key
  metadata.schemas.push_back(foreign);
  SnapshotEntry snapshot;
  for (const int32_t schema : {7, 99}) {
    snapshot.schema_id = schema;
    EXPECT_EQ(at_snapshot(metadata, snapshot).spec().key, std::vector<std::string>{"device"});
  }
}

TEST(Evolve, CommitsAnAlterationOnceWhateverHappensToItsAnswers) {
  for (const Fault fault : {Fault::kFailBefore, Fault::kAnswerLost, Fault::kLate, Fault::kTwice}) {
    for (uint64_t at = 1; at < 20; ++at) {
      SCOPED_TRACE(std::to_string(static_cast<int>(fault)) + " at " + std::to_string(at));
      FakeBucket bucket;
      FakeRuntime runtime;
      Committer committer(runtime, bucket, kName, writer_of(1, 1), {}, [] { return false; });
      ASSERT_TRUE(committer.create(keyed_spec()).ok());
      bucket.fail_at(bucket.operations() + at, fault, 3);
      const std::vector<SchemaChange> changes = {rename("temp", "celsius")};
      auto altered = committer.alter(changes);
      // Before anything was put an error is the answer, and nothing has happened.
      if (!altered.ok() && altered.error().code() == Code::kIo) altered = committer.alter(changes);
      ASSERT_TRUE(altered.ok()) << altered.error().to_string();
      bucket.fail_at(0, fault);
      const auto head = load_head(bucket, kName);
      ASSERT_TRUE(head.ok());
      EXPECT_NE((*head)->metadata.schema().find("celsius"), nullptr);
      EXPECT_EQ((*head)->metadata.schemas.size(), 2u);
    }
  }
}

}  // namespace
}  // namespace sluice::table
