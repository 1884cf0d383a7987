// What is done to tables beside writing rows into them and reading them.
#include <algorithm>

#include "sim/workload.h"
#include "sluice/inspect.h"
#include "sluice/inspect_groups.h"

namespace sluice::sim {
namespace {

constexpr Nanos kHour = 3600 * kSecond;
constexpr uint32_t kVersionsRenewed = 120;  // 100 are kept, and a sweep lets 16 at a time go

}  // namespace

void Stage::tag(uint32_t table) {
  const TableName& name = tables[table].name;
  const auto snapshot = committed_snapshot(platform, name);
  auto rows = snapshot.ok() ? read_rows(**snapshot) : snapshot.error();
  if (!rows.ok()) return expect_explained("reading " + name.to_string(), rows.error());
  const uint64_t id = (*snapshot)->table().snapshot_id;
  if (id == 0) return;
  findings.note("tag snapshot " + std::to_string(id) + " of " + name.to_string());
  const Status done = engine->tag(name, {.name = "t" + std::to_string(id), .snapshot_id = id});
  if (done.ok()) return ledger.tag({table, id, ids_of(rows->rows)});
  // Snapshots expire with every commit.
  if (done.error().code() != Code::kNotFound) expect_explained("tagging", done.error());
}

void Stage::expire(uint32_t table, uint32_t keep_last) {
  const auto report = engine->expire(tables[table].name, {.keep_last = keep_last});
  if (!report.ok()) return expect_explained("expiring", report.error());
  findings.note("expired " + std::to_string(report->expired.size()) + " snapshots of " +
                tables[table].name.to_string());
}

void Stage::roll_back(uint32_t table) {
  const auto& all = ledger.tagged();
  const auto to = std::find_if(all.begin(), all.end(),
                               [&](const Tagged& tagged) { return tagged.table == table; });
  if (to == all.end()) return;
  const Tagged tagged = *to;
  const auto flushed = engine->flush(tables[table].name);
  if (!flushed.ok()) return expect_explained("flush before a rollback", flushed.error());
  findings.note("roll back to snapshot " + std::to_string(tagged.snapshot_id) + " of " +
                tables[table].name.to_string());
  ledger.begin_rollback(tagged);
  const Status done = engine->rollback(tables[table].name, tagged.snapshot_id);
  if (!done.ok()) return expect_explained("rolling back", done.error());
  ledger.rolled_back(tagged, tables[table]);
  read_and_check(table, Promise::kDurable);
}

void Stage::look_back(uint32_t table) {
  for (size_t i = 0; i < ledger.tagged().size(); ++i) {
    const Tagged tagged = ledger.tagged()[i];
    if (tagged.table != table) continue;
    const std::string what = "snapshot " + std::to_string(tagged.snapshot_id);
    const uint64_t begin = ledger.tick();
    const auto snapshot =
        committed_snapshot(platform, tables[table].name, {.snapshot_id = tagged.snapshot_id});
    auto rows = snapshot.ok() ? read_rows(**snapshot) : snapshot.error();
    if (!rows.ok()) {
      expect_explained("reading " + what, rows.error());
    } else if (ids_of(rows->rows) != tagged.ids) {
      findings.violate(what + " does not show what it showed");
    } else if (const auto wrong =
                   find_violation(ledger, tables[table], table, *rows, Promise::kPast, begin)) {
      findings.violate(what + ": " + *wrong);
    }
  }
}

void Stage::sweep(uint32_t table, const SweepOptions& options) {
  const TableName& name = tables[table].name;
  findings.note("sweep " + name.to_string());
  const auto report = engine->sweep(name, options);
  if (!report.ok()) return expect_explained("sweeping " + name.to_string(), report.error());
  findings.note("swept " + std::to_string(report->swept.size()) + " objects of " +
                name.to_string() + (report->touched ? ", after an empty commit" : ""));
  for (const SweptObject& object : report->swept) findings.note("  " + object.key);
}

// Snapshots may expire meanwhile.
void Stage::read_kept(uint32_t table) {
  const TableName& name = tables[table].name;
  const auto kept = inspect_table(platform, name);
  if (!kept.ok()) return expect_explained("inspecting " + name.to_string(), kept.error());
  findings.note("read " + std::to_string(kept->snapshots.size()) + " snapshots of " +
                name.to_string());
  for (const SnapshotDescription& one : kept->snapshots) {
    const std::string what = "snapshot " + std::to_string(one.id) + " of " + name.to_string();
    const uint64_t begin = ledger.tick();
    const auto snapshot = committed_snapshot(platform, name, {.snapshot_id = one.id});
    auto rows = snapshot.ok() ? read_rows(**snapshot) : snapshot.error();
    if (rows.ok()) {
      const auto wrong = find_violation(ledger, tables[table], table, *rows, Promise::kPast, begin);
      if (wrong) findings.violate(what + ": " + *wrong);
      continue;
    }
    const bool gone = !snapshot.ok() && snapshot.error().code() == Code::kNotFound;
    if (!gone || is_kept(table, one.id)) expect_explained("reading " + what, rows.error());
  }
}

bool Stage::is_kept(uint32_t table, uint64_t snapshot_id) {
  const auto kept = inspect_table(platform, tables[table].name);
  // With findings it is an older version that was looked at.
  if (!kept.ok() || !kept->findings.empty()) return !faults;
  return std::any_of(kept->snapshots.begin(), kept->snapshots.end(),
                     [&](const SnapshotDescription& one) { return one.id == snapshot_id; });
}

void Stage::check_groups(uint32_t table) {
  const std::string name = tables[table].name.to_string();
  const std::map<std::string, uint32_t> known = ledger.devices(table);
  const auto groups = inspect_groups(platform, tables[table].name, {.all_devices = true});
  if (!groups.ok()) return expect_explained("inspecting groups of " + name, groups.error());
  for (const Finding& finding : groups->findings) {
    expect_explained("inspecting groups of " + name, finding.error);
  }
  // What could not be read, or a list that lags behind, says nothing of what is gone.
  const bool is_whole = groups->findings.empty() && !stale;
  std::map<std::string, uint32_t> seen;
  for (const DeviceDescription& device : groups->devices_asked) {
    const bool is_text = device.device.type == Type::kString;
    seen[is_text ? device.device.bytes : std::to_string(device.device.int64)] =
        device.group.value();
  }
  for (const auto& [device, group] : known) {
    const auto now = seen.find(device);
    if (now == seen.end() ? is_whole : now->second != group) {
      findings.violate("device '" + device + "' of " + name + " has left group " +
                       std::to_string(group));
    }
  }
  ledger.devices(table).insert(seen.begin(), seen.end());
  for (const GroupDescription& group : groups->groups) {
    if (group.devices <= kGroupDevicesMax) continue;
    findings.violate("group " + std::to_string(group.group) + " of " + name + " has " +
                     std::to_string(group.devices) + " devices");
  }
}

std::optional<Shape> Stage::current_shape(uint32_t table) {
  const auto now = engine->describe(tables[table].name);
  const auto schema = now.ok() ? Schema::make(now->spec.columns) : now.error();
  const auto seen = schema.ok() ? shape_of(**schema) : schema.error();
  if (!seen.ok()) {
    expect_explained("describing " + tables[table].name.to_string(), seen.error());
    return std::nullopt;
  }
  const uint64_t tick = ledger.tick();
  const auto known = ledger.shapes(table).candidates(*seen, tick, tick);
  // Of two that look the same nobody can tell which it is: the alteration stays in doubt.
  if (known.size() > 1) return std::nullopt;
  if (!known.empty()) return known.back();
  if (!stale) findings.violate(tables[table].name.to_string() + " has columns of another time");
  return std::nullopt;
}

void Stage::alter(uint32_t table, Random& random) {
  const auto shape = current_shape(table);
  if (!shape) return;
  using Kind = SchemaChange::Kind;
  Shapes& shapes = ledger.shapes(table);
  std::vector<SchemaChange> changes;
  Shape to = *shape;
  if (random.chance(300)) {
    to.is_memo = !to.is_memo;
    changes.push_back({Kind::kRename, note_name(*shape), note_name(to)});
  }
  if (random.chance(300)) {
    to.is_unit = !to.is_unit;
    changes.push_back({Kind::kRename, device_name(*shape), device_name(to)});
  }
  const bool adds = shape->extra == 0 ? random.chance(600) : random.chance(200);
  if (shape->extra != 0 && (adds || random.chance(300))) {
    to.extra = 0;
    changes.push_back({Kind::kDrop, std::string(kExtraColumn)});
  }
  if (adds) {
    to.extra = shapes.generations() + 1;
    changes.push_back({Kind::kAdd, std::string(kExtraColumn), {}, Type::kInt64});
  }
  const bool has_ints = !tables[table].spec.narrow.empty() && !shapes.was_widened();
  if (has_ints && random.chance(300)) {
    to.has_longs = true;
    changes.push_back({Kind::kWiden, "slot"});
  }
  if (changes.empty()) return;
  const TableName& name = tables[table].name;
  for (const SchemaChange& change : changes) {
    constexpr const char* kWords[] = {"add ", "rename ", "drop ", "widen "};
    findings.note("alter " + name.to_string() + ": " + kWords[static_cast<size_t>(change.kind)] +
                  change.column + " " + change.new_name);
  }
  shapes.begin(to, ledger.tick());
  const bool only_adds = changes.size() == 1 && adds && random.chance(500);
  const Status done = only_adds
                          ? engine->add_columns(name, {{std::string(kExtraColumn), Type::kInt64}})
                          : engine->alter(name, changes);
  findings.note("altering " + name.to_string() + (done.ok() ? ": done" : " failed"));
  if (done.ok()) return shapes.done(ledger.tick());
  if (done.error().reason() == Reason::kDeadline) shapes.undone();
  expect_explained("altering " + name.to_string(), done.error());
}

void Stage::expect_no_orphans() {
  const auto report = verify(platform);
  if (!report.ok()) return expect_explained("verify", report.error());
  if (report->orphans == 0) return;
  findings.violate(std::to_string(report->orphans) + " objects that nothing names are left");
}

void Stage::renew_versions(uint32_t table) {
  const TableName& name = tables[table].name;
  findings.note("renew the versions of " + name.to_string());
  for (uint32_t i = 0; i < kVersionsRenewed; ++i) {
    const Status done =
        i % 2 == 0 ? engine->tag(name, {.name = "renewed"}) : engine->untag(name, "renewed");
    if (done.ok()) continue;
    const Code code = done.error().code();  // of one whose outcome is not known
    if (code == Code::kNotFound || code == Code::kExists) continue;
    return expect_explained("renewing the versions", done.error());
  }
}

void Clients::keep(Random random) {
  for (uint32_t i = 0; i < plan_.keepings && !stopped_; ++i) {
    pause(random);
    const auto table = pick_table(random);
    if (!table) continue;
    const uint64_t draw = random.below(100);
    if (draw < 40) {
      stage_.tag(*table);
    } else if (draw < 70) {
      stage_.expire(*table, 1 + static_cast<uint32_t>(random.below(3)));
    } else {
      stage_.look_back(*table);
    }
  }
}

void Clients::alter(Random random) {
  for (uint32_t i = 0; i < plan_.alterations && !stopped_; ++i) {
    pause(random);
    const auto table = pick_table(random);
    if (table) stage_.alter(*table, random);
  }
}

// Hours pass at once, also in the midst of what others are at: so what nothing names grows old.
void Clients::sweep(Random random) {
  for (uint32_t i = 0; i < plan_.sweeps && !stopped_; ++i) {
    const auto table = pick_table(random);
    pause(random);
    if (!table) continue;
    if (random.chance(plan_.renewals_permille)) {
      stage_.renew_versions(*table);
      stage_.runtime.suspend(25 * kHour);
    }
    const uint64_t draw = random.below(3);
    const Nanos minutes = static_cast<Nanos>(random.below(draw == 1 ? 60 : 1500));
    if (draw > 0) stage_.runtime.suspend(minutes * 60 * kSecond);
    SweepOptions options;
    if (random.chance(300)) options.grace = static_cast<Nanos>(1 + random.below(90)) * 60 * kSecond;
    stage_.sweep(*table, options);
    if (random.chance(300)) stage_.read_kept(*table);
    if (random.chance(300)) stage_.look_back(*table);
  }
}

// What a reader has begun to read stays, however long it takes.
void Clients::hold(Random random) {
  pause(random);
  const auto table = pick_table(random);
  if (!table) return;
  const uint64_t begin = stage_.ledger.tick();
  const SimTable& held = stage_.tables[*table];
  const auto snapshot = stage_.engine->snapshot(held.name);
  if (!snapshot.ok()) return stage_.expect_explained("holding a snapshot", snapshot.error());
  pause(random);
  stage_.runtime.suspend(static_cast<Nanos>(random.below(60)) * kHour);
  pause(random);
  const auto rows = read_rows(**snapshot);
  if (!rows.ok()) return stage_.expect_explained("reading what is held", rows.error());
  stage_.findings.note("read what is held of " + held.name.to_string());
  const Promise promise = stage_.stale ? Promise::kNothing : Promise::kDurable;
  const auto wrong = find_violation(stage_.ledger, held, *table, *rows, promise, begin);
  if (wrong) stage_.findings.violate("held since long ago: " + *wrong);
}

}  // namespace sluice::sim
