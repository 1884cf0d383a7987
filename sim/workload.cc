#include "sim/workload.h"

#include <algorithm>
#include <utility>

#include "sluice/inspect.h"

namespace sluice::sim {
namespace {

constexpr uint32_t kTriesMax = 4;
constexpr uint64_t kClockStepHoursMax = 48;

AckClass draw_ack(Random& random) {
  const uint64_t draw = random.below(100);
  return draw < 65 ? AckClass::kLog : draw < 85 ? AckClass::kMemory : AckClass::kTable;
}

const char* name_of(AckClass ack) {
  return ack == AckClass::kMemory ? "memory" : ack == AckClass::kLog ? "log" : "table";
}

uint32_t draw_rows(Random& random) {
  return 1 + static_cast<uint32_t>(random.below(random.chance(500) ? 4 : kBatchRowsLimit));
}

std::string source_name(uint32_t source) {
  return "source-" + std::to_string(source);
}

/// Whether an engine that gave this error will take anything more.
bool is_final(const Error& error) {
  return error.code() == Code::kPoisoned || error.code() == Code::kCancelled ||
         error.code() == Code::kFenced;
}

/// Whether the world may answer so.
bool is_explained(const Stage& stage, const Error& error) {
  switch (error.code()) {
    case Code::kBusy:
      return stage.faults || stage.leaps;
    case Code::kIo:
    case Code::kFull:
    case Code::kPoisoned:
      return stage.faults;
    case Code::kFenced:
      return stage.may_fence;
    case Code::kCorrupt:
      return stage.rotten || stage.stale;
    case Code::kNotFound:
      return stage.stale;
    default:
      return false;
  }
}

}  // namespace

void Reporter::on_recovered(const RecoveryReport& report) {
  torn_bytes_ = report.torn_bytes;
  findings_.note("recovered: " + std::to_string(report.frames_replayed) + " frames, " +
                 std::to_string(report.rows_replayed) + " rows, " +
                 std::to_string(report.torn_bytes) + " torn bytes");
}

void Reporter::on_trouble(const TableName& table, const Error& error) {
  findings_.note("trouble with " + table.to_string() + ": " + error.to_string());
}

void Stage::expect_explained(const std::string& what, const Error& error) {
  findings.note(what + ": " + error.to_string());
  if (!is_explained(*this, error)) findings.violate(what + " failed: " + error.to_string());
}

std::optional<Reading> Stage::read_and_check(uint32_t table, Promise promise) {
  const uint64_t begin = ledger.tick();
  const TableName& name = tables[table].name;
  auto snapshot =
      promise == Promise::kCommitted ? committed_snapshot(platform, name) : engine->snapshot(name);
  auto reading = snapshot.ok() ? read_rows(**snapshot) : snapshot.error();
  if (!reading.ok()) {
    expect_explained("reading " + name.to_string(), reading.error());
    return std::nullopt;
  }
  findings.note("read " + name.to_string() + ": " + std::to_string(reading->rows.size()) + " rows");
  const Promise kept = stale ? Promise::kNothing : promise;
  const auto wrong = find_violation(ledger, tables[table], table, *reading, kept, begin);
  if (wrong) {
    findings.violate(*wrong);
    return std::nullopt;
  }
  if (promise != Promise::kNothing) ledger.witness(tables[table], reading->rows, promise);
  if (kept != Promise::kNothing) ledger.shapes(table).witness(reading->shape, begin, ledger.tick());
  return std::move(*reading);
}

std::optional<Reading> Stage::check_recovery(uint32_t table, uint64_t opened) {
  auto reading = read_and_check(table, Promise::kDurable);
  if (reading && !stale) ledger.settle(table, tables[table], reading->rows, opened);
  return reading;
}

Result<Appended> Stage::send(uint64_t number, AckClass ack) {
  const Sent batch = ledger.sent()[number];
  AppendOptions options;
  options.ack = ack;
  if (batch.source != 0) options.source = {source_name(batch.source), batch.position};
  findings.note("send batch " + std::to_string(number) + " to " +
                tables[batch.table].name.to_string() + ", ack " + name_of(ack));
  const Shapes& shapes = ledger.shapes(batch.table);
  const uint64_t changes = shapes.changes();
  auto answer = engine->append(
      tables[batch.table].name,
      batch_of(tables[batch.table], number, batch.rows, batch.extra != 0, shapes.newest()),
      std::move(options));
  const std::string what = "batch " + std::to_string(number);
  if (!answer.ok()) {
    ledger.fail(number, answer.error());
    const bool has_moved = changes != shapes.changes() || !shapes.is_sure();
    if (has_moved && answer.error().reason() == Reason::kUnknownColumn) {
      findings.note(what + ": " + answer.error().to_string());
      return answer;
    }
    expect_explained(what, answer.error());
    return answer;
  }
  findings.note(what + (answer->duplicate ? ": duplicate" : ": lsn ") +
                std::to_string(answer->lsn));
  if (answer->duplicate && batch.source == 0) {
    findings.violate(what + " has no source and was called a duplicate");
  }
  ledger.acknowledge(number, ack, *answer);
  return answer;
}

void Stage::flush(std::optional<uint32_t> table) {
  const uint64_t begin = ledger.tick();
  const auto report = table ? engine->flush(tables[*table].name) : engine->flush();
  const std::string what = table ? "flush of " + tables[*table].name.to_string() : "flush";
  if (!report.ok()) return expect_explained(what, report.error());
  findings.note(what + ": " + std::to_string(report->rows) + " rows");
  ledger.flushed(log, table, begin);
}

void Clients::run() {
  Random random(plan_.seed);
  std::vector<std::unique_ptr<Thread>> threads;
  const auto spawn = [&](const std::string& name, auto body) {
    threads.push_back(stage_.runtime.spawn(name, [body, own = random.fork()] { body(own); }));
  };
  for (uint32_t i = 0; i < plan_.writers; ++i) {
    spawn("writer-" + std::to_string(i), [this](Random own) { write(own); });
  }
  for (uint32_t source = 1; source <= plan_.sources; ++source) {
    const uint32_t table = source % static_cast<uint32_t>(stage_.tables.size());
    if (!stage_.ledger.has_table(table)) continue;
    spawn(source_name(source), [=, this](Random own) { feed(table, source, own); });
  }
  spawn("flusher", [this](Random own) { flush(own); });
  spawn("reader", [this](Random own) { read(own); });
  if (plan_.keepings > 0) spawn("keeper", [this](Random own) { keep(own); });
  if (plan_.sweeps > 0) spawn("sweeper", [this](Random own) { sweep(own); });
  if (plan_.holds) spawn("holder", [this](Random own) { hold(own); });
  if (plan_.alterations > 0) spawn("alterer", [this](Random own) { alter(own); });
  if (plan_.steps_clock) spawn("stepper", [this](Random own) { step_clock(own); });
  for (const auto& thread : threads) thread->join();
}

void Clients::pause(Random& random) {
  if (random.chance(500)) return;
  const auto nanos = static_cast<Nanos>(random.below(static_cast<uint64_t>(plan_.pause_max)));
  stage_.runtime.sleep_until(stage_.runtime.now() + nanos);
}

std::optional<uint32_t> Clients::pick_table(Random& random) const {
  const auto table = static_cast<uint32_t>(random.below(stage_.tables.size()));
  if (!stage_.ledger.has_table(table)) return std::nullopt;
  return table;
}

void Clients::write(Random random) {
  const bool waits = random.chance(600);
  for (uint32_t i = 0; i < plan_.batches && !stopped_; ++i) {
    pause(random);
    write_one(random, waits);
  }
}

void Clients::write_one(Random& random, bool waits) {
  const auto table = pick_table(random);
  if (!table) return;
  const AckClass ack = draw_ack(random);
  Sent sent{.table = *table, .rows = draw_rows(random), .log = stage_.log};
  const Shape shape = stage_.ledger.shapes(*table).newest();
  if (random.chance(700)) sent.extra = shape.extra;
  const uint64_t number = stage_.ledger.send(sent);
  if (waits) {
    const auto answer = stage_.send(number, ack);
    if (!answer.ok()) stopped_ = stopped_ || is_final(answer.error());
    if (answer.ok() && ack == AckClass::kTable && random.chance(500)) {
      stage_.read_and_check(*table, Promise::kCommitted);
    }
    return;
  }
  const SimTable& target = stage_.tables[*table];
  stage_.findings.note("send batch " + std::to_string(number) + " to " + target.name.to_string() +
                       " without waiting, ack " + name_of(ack));
  ++unanswered_;
  const auto heard = [this, number, ack](const Result<Appended>& answer) {
    --unanswered_;
    stage_.findings.note(
        "batch " + std::to_string(number) + ": " +
        (answer.ok() ? "lsn " + std::to_string(answer->lsn) : answer.error().to_string()));
    if (answer.ok()) return stage_.ledger.acknowledge(number, ack, *answer);
    stage_.ledger.fail(number, answer.error());
    stopped_ = stopped_ || is_final(answer.error());
  };
  AppendOptions options;
  options.ack = ack;
  const Status taken = stage_.engine->append(
      target.name, batch_of(target, number, sent.rows, sent.extra != 0, shape), std::move(options),
      heard);
  if (!taken.ok()) heard(taken.error());
}

// Sends again, in order, what the engine does not know; then new batches, each until it is taken.
void Clients::feed(uint32_t table, uint32_t source, Random random) {
  const auto known = resume_source(table, source);
  if (!known) return;
  uint64_t position = *known;
  for (const uint64_t number : stage_.ledger.of_source(table, source)) {
    const Sent batch = stage_.ledger.sent()[number];
    position = std::max(position, batch.position);
    if (batch.position <= *known) continue;
    stage_.ledger.resend(number);
    if (!feed_one(number, random)) return;
  }
  for (uint32_t i = 0; i < plan_.source_batches; ++i) {
    pause(random);
    Sent sent{.table = table, .rows = draw_rows(random), .log = stage_.log, .source = source};
    sent.position = position += sent.rows;
    const uint64_t number = stage_.ledger.send(sent);
    if (!feed_one(number, random)) return;
    if (!random.chance(250)) continue;
    const auto all = stage_.ledger.of_source(table, source);
    const uint64_t again = all[random.below(all.size())];
    stage_.ledger.resend(again);
    const auto answer = stage_.send(again, draw_ack(random));
    if (answer.ok() && !answer->duplicate && !stage_.stale) {
      stage_.findings.violate("batch " + std::to_string(again) + " was taken a second time");
    }
  }
}

bool Clients::feed_one(uint64_t number, Random& random) {
  for (uint32_t tries = 0; tries < kTriesMax; ++tries) {
    if (tries > 0) stage_.ledger.resend(number);
    const auto answer = stage_.send(number, draw_ack(random));
    if (answer.ok()) return true;
    if (is_final(answer.error())) break;
    pause(random);
  }
  return false;
}

// What the position covers must be there: the source will never send it again.
std::optional<uint64_t> Clients::resume_source(uint32_t table, uint32_t source) {
  const std::string name = source_name(source);
  const auto position = stage_.engine->source_position(stage_.tables[table].name, name);
  if (!position.ok()) {
    stage_.expect_explained("position of " + name, position.error());
    return std::nullopt;
  }
  uint64_t sent = 0;
  for (const uint64_t number : stage_.ledger.of_source(table, source)) {
    const Sent batch = stage_.ledger.sent()[number];
    sent = std::max(sent, batch.position);
    if (batch.position <= *position) {
      stage_.ledger.promise(number);
    } else if (batch.durable_at != kNever && !stage_.stale) {
      stage_.findings.violate(name + " is known to " + std::to_string(*position) +
                              " only, but batch " + std::to_string(number) + " was durable");
    }
  }
  if (*position > sent) {
    stage_.findings.violate(name + " is known to " + std::to_string(*position) +
                            " and never got there");
  }
  return *position;
}

void Clients::flush(Random random) {
  for (uint32_t i = 0; i < plan_.flushes && !stopped_; ++i) {
    pause(random);
    pause(random);
    const auto table = pick_table(random);
    if (table) stage_.flush(random.chance(600) ? table : std::nullopt);
  }
}

void Clients::read(Random random) {
  for (uint32_t i = 0; i < plan_.reads && !stopped_; ++i) {
    pause(random);
    pause(random);
    const auto table = pick_table(random);
    const Promise promise = random.chance(700) ? Promise::kDurable : Promise::kCommitted;
    if (table) stage_.read_and_check(*table, promise);
    if (table && promise == Promise::kCommitted) stage_.check_groups(*table);
  }
}

void Clients::step_clock(Random random) {
  for (int i = 0; i < 3; ++i) {
    pause(random);
    const auto hours = static_cast<Nanos>(random.below(2 * kClockStepHoursMax + 1));
    stage_.runtime.step_wall_clock((hours - Nanos{kClockStepHoursMax}) * 3600 * kSecond);
  }
}

}  // namespace sluice::sim
