// What is done to tables beside writing rows into them and reading them.
#include <algorithm>

#include "sim/workload.h"
#include "sluice/inspect.h"

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
  if (done.ok()) return ledger.tag({table, id, ids_of(*rows)});
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
    const auto snapshot =
        committed_snapshot(platform, tables[table].name, {.snapshot_id = tagged.snapshot_id});
    auto rows = snapshot.ok() ? read_rows(**snapshot) : snapshot.error();
    if (!rows.ok()) {
      expect_explained("reading " + what, rows.error());
    } else if (ids_of(*rows) != tagged.ids) {
      findings.violate(what + " does not show what it showed");
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
  if (!kept.ok()) return !faults;
  return std::any_of(kept->snapshots.begin(), kept->snapshots.end(),
                     [&](const SnapshotDescription& one) { return one.id == snapshot_id; });
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
