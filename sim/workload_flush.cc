#include "sim/workload_flush.h"

#include <algorithm>
#include <utility>

#include "sluice/inspect.h"

namespace sluice::sim {
namespace {

constexpr uint32_t kTriesMax = 3;
constexpr Nanos kNoon = 19'675 * 86'400 * kSecond;  // of 2023-11-14
constexpr Nanos kDay = 86'400 * kSecond;
constexpr std::string_view kTimes[] = {"2023-11-14T00:00:00Z", "2023-11-15T00:00:00Z"};

struct FlushRow {
  uint64_t id = 0;
  std::optional<std::string> note;
  double level = 0;
  uint32_t day = 0;
};

FlushRow row_of(const FlushShape& shape, uint64_t id) {
  Random random(mix64(shape.seed) + id);
  FlushRow row;
  row.id = id;
  if (!random.chance(200)) row.note = std::string(random.below(12), 'n');
  row.level = static_cast<double>(random.below(1000)) + 0.5;
  row.day = static_cast<uint32_t>(random.below(2));
  return row;
}

std::vector<Field> columns() {
  return {{"id", Type::kInt64},
          {"note", Type::kString},
          {"level", Type::kDouble},
          {"at", Type::kTimestamp}};
}

/// The group's rows, in one batch or several.
std::vector<Batch> batches_of(const FlushShape& shape, uint64_t group, uint32_t rows) {
  std::vector<Batch> batches;
  const uint32_t rows_each = 1 + static_cast<uint32_t>(mix64(shape.seed + group) % rows);
  for (uint32_t first = 0; first < rows; first += rows_each) {
    BatchBuilder builder(Schema::make(columns()).value());
    for (uint32_t i = first; i < std::min(rows, first + rows_each); ++i) {
      const FlushRow row = row_of(shape, group * kIdsPerGroup + i);
      builder.append_row(static_cast<int64_t>(row.id), row.note, row.level, kNoon + row.day * kDay);
    }
    batches.push_back(builder.finish().value());
  }
  return batches;
}

/// Entries and the text that they point to.
struct Entries {
  std::vector<std::string> texts;
  std::vector<WalEntry> entries;
};

std::shared_ptr<const Entries> entries_of(const FlushShape& shape, uint64_t group,
                                          const SentGroup& sent) {
  auto made = std::make_shared<Entries>();
  for (uint32_t i = 0; i < sent.rows; ++i) {
    const FlushRow row = row_of(shape, group * kIdsPerGroup + i);
    std::string text = R"({"id":)" + std::to_string(row.id) + R"(,"level":)" +
                       std::to_string(row.level) + R"(,"at":")" + std::string(kTimes[row.day]) +
                       "\"";
    if (row.note) text += R"(,"note":")" + *row.note + "\"";
    made->texts.push_back(text + "}");
  }
  for (uint32_t i = 0; i < sent.rows; ++i) {
    WalEntry entry;
    entry.lsn = sent.min_lsn + i;
    entry.json = made->texts[i];
    made->entries.push_back(entry);
  }
  return made;
}

/// What an answer of the table in flush.h says: the ledger looks at it.
bool is_defined_answer(const Error& error) {
  switch (error.reason()) {
    case Reason::kCommitted:
    case Reason::kRolledBack:
    case Reason::kUnknownFlush:
    case Reason::kUnprepared:
    case Reason::kInProgress:
      return true;
    default:
      return false;
  }
}

/// The same row, read back.
bool agrees(const FlushShape& shape, uint64_t id, const Batch& batch, size_t at,
            const std::vector<size_t>& places) {
  const FlushRow row = row_of(shape, id);
  const ColumnView note = batch.column(places[1]);
  const bool same_note = note.is_null(at) ? !row.note : row.note && *row.note == note.bytes(at);
  return same_note && batch.column(places[2]).real(at) == row.level &&
         batch.column(places[3]).int64(at) == kNoon + row.day * kDay;
}

}  // namespace

TableName flush_table() {
  return {"sim", "flushed"};
}

FlushShape draw_flush_shape(Random& random) {
  FlushShape shape;
  shape.seed = random.next();
  shape.alone = random.chance(450);
  shape.rule = random.chance(700) ? LsnRule::kUnique : LsnRule::kFree;
  shape.timed = random.chance(300);
  shape.keyed = random.chance(300);
  shape.entries = random.chance(400);
  return shape;
}

void FlushStage::expect_explained(const std::string& what, const Error& error, bool damaged) {
  findings.note(what + ": " + error.to_string());
  fenced = fenced || error.code() == Code::kFenced;
  if (is_defined_answer(error)) return;
  switch (error.code()) {
    case Code::kIo:
    case Code::kBusy:
    case Code::kFull:
    case Code::kPoisoned:
      if (faults) return;
      break;
    case Code::kFenced:
      if (may_fence) return;
      break;
    case Code::kInvalid:  // a rollback failed midway
      if (faults && error.reason() == Reason::kUnknownOutcome) return;
      break;
    case Code::kNotFound:
    case Code::kCorrupt:
      if (damaged || stale) return;
      break;
    default:
      break;
  }
  findings.violate(what + " failed: " + error.to_string());
}

bool FlushStage::open() {
  AtomicFlushWriterOptions options;
  if (shape.alone) options.location = "sim/alone";
  options.lsn_rule = shape.rule;
  options.row_group_bytes = 64 << 10;
  options.part_bytes = 64 << 10;
  options.retry_min = kMillisecond;
  options.retry_max = 50 * kMillisecond;
  if (!shape.alone) {
    options.table = flush_table();
    options.create = TableSpec{columns(), {}, {}};
    if (shape.keyed) options.create->key = {"id"};
    if (shape.timed) options.create->time = "at";
  }
  if (rows_lost_permille < 1000) {
    options.rows_of = [this](const FlushRange& range) -> Result<FlushRows> {
      if (random.chance(rows_lost_permille)) return Error(Code::kIo, "the rows cannot be had now");
      if (range.seq >= ledger.flushes().size()) {
        findings.violate("rows are wanted of a flush that was never sent");
        return Error(Code::kNotFound, "no such rows");
      }
      const uint64_t group = ledger.flushes()[range.seq].group;
      FlushRows rows;
      if (shape.entries) {
        const auto made = entries_of(shape, group, ledger.groups()[group]);
        rows.entries = made->entries;
        rows.owner = made;
      } else {
        rows.batches = batches_of(shape, group, ledger.groups()[group].rows);
      }
      return rows;
    };
  }
  for (uint32_t tries = 0; tries < kTriesMax; ++tries) {
    findings.note("open");
    auto opened = AtomicFlushWriter::open(platform, options);
    if (opened.ok()) {
      writer = std::move(*opened);
      ledger.opened();
      return true;
    }
    expect_explained("opening", opened.error(), false);
    if (!faults) break;
  }
  return false;
}

std::optional<FlushRecoveryResult> FlushStage::recover() {
  findings.note("recover");
  auto result = writer->recover_pending_flushes();
  if (!result.ok()) {
    expect_explained("recovery", result.error(), false);
    return std::nullopt;
  }
  findings.note("recovered " + std::to_string(result->recovered.size()) + ", retried " +
                std::to_string(result->retried.size()) + ", committed " +
                std::to_string(result->committed.size()) + ", rolled back " +
                std::to_string(result->rolled_back.size()) + ", failed " +
                std::to_string(result->failed.size()));
  judge(ledger.recovered(*result, !faults && !may_fence && !stale));
  for (const FailedFlush& failed : result->failed) {
    const auto number = ledger.find(failed.name);
    // An unfinished flush, or a damaged one, whose rows nobody could give.
    const bool had = number && ledger.flushes()[*number].may_be == kPrepared &&
                     ledger.flushes()[*number].damaged.empty();
    if (!had && rows_lost_permille > 0) continue;
    expect_explained("recovery of " + failed.name, failed.reason, false);
  }
  return std::move(*result);
}

template <class Call>
auto FlushStage::with_rows(uint64_t number, Call call) {
  const uint64_t group = ledger.flushes()[number].group;
  const SentGroup sent = ledger.groups()[group];
  const FlushRange range = ledger.flushes()[number].range;
  findings.note("prepare " + ledger.name(number));
  if (shape.entries) {
    const auto made = entries_of(shape, group, sent);
    return call(std::span<const WalEntry>(made->entries), range);
  }
  const auto batches = batches_of(shape, group, sent.rows);
  return call(std::span<const Batch>(batches), range);
}

std::optional<uint64_t> FlushStage::prepare(uint64_t group) {
  const uint64_t number = ledger.send(group);
  const auto answer = with_rows(number, [&](const auto& rows, const FlushRange& range) {
    return writer->prepare_flush(rows, range);
  });
  judge(ledger.prepared(number, answer));
  if (answer.ok()) {
    findings.note("prepared " + ledger.name(number));
    return number;
  }
  expect_explained("preparing " + ledger.name(number), answer.error(), false);
  return std::nullopt;
}

void FlushStage::flush_at_once(uint64_t group) {
  const uint64_t number = ledger.send_at_once(group);
  const auto answer = with_rows(number, [&](const auto& rows, const FlushRange& range) {
    return writer->atomic_flush(rows, range);
  });
  judge(ledger.flushed(number, answer));
  findings.note("flushed " + ledger.name(number));
  if (!answer.ok()) expect_explained("flushing " + ledger.name(number), answer.error(), false);
}

bool FlushStage::commit(uint64_t number) {
  findings.note("commit " + ledger.name(number));
  ledger.begin_commit(number);
  const std::string id = ledger.flushes()[number].id;
  const auto answer = writer->commit_flush(id);
  judge(ledger.committed(number, answer));
  if (answer.ok()) findings.note("committed " + ledger.name(number));
  if (!answer.ok()) {
    expect_explained("committing " + ledger.name(number), answer.error(),
                     !ledger.flushes()[number].damaged.empty());
  }
  return answer.ok();
}

bool FlushStage::roll_back(uint64_t number) {
  findings.note("roll back " + ledger.name(number));
  const bool quiet = bucket.state().in_flight.empty();
  ledger.begin_rollback(number);
  const std::string id = ledger.flushes()[number].id;
  const Status answer = writer->rollback_flush(id);
  judge(ledger.rolled_back(number, answer));
  if (answer.ok()) findings.note("rolled back " + ledger.name(number));
  if (answer.ok() && quiet) check_gone(number);
  if (!answer.ok()) expect_explained("rolling back " + ledger.name(number), answer.error(), false);
  return answer.ok();
}

// Save what was on its way, and what lists do not know of: the sweeper gets that.
void FlushStage::check_gone(uint64_t number) {
  if (stale || !bucket.state().in_flight.empty()) return;
  const std::string& id = ledger.flushes()[number].id;
  for (const auto& [key, object] : bucket.state().objects) {
    if (key.find(id) == std::string::npos) continue;
    findings.violate(ledger.name(number) + " left " + key + " behind");
  }
}

void FlushStage::consume() {
  const std::vector<BlockMetadata> blocks = writer->committed_blocks();
  findings.note("consume " + std::to_string(blocks.size()) + " blocks");
  ledger.consume(blocks);
  const Status cleared = writer->clear_committed_blocks(blocks);
  if (!cleared.ok()) return expect_explained("clearing", cleared.error(), false);
  ledger.cleared(blocks);
}

void FlushStage::ask_for_unknown() {
  const std::string id(32, 'f');
  const auto commit = writer->commit_flush(id);
  const Status rollback = writer->rollback_flush(id);
  for (const auto* error :
       {commit.ok() ? nullptr : &commit.error(), rollback.ok() ? nullptr : &rollback.error()}) {
    if (error == nullptr) {
      findings.violate("a flush that never was is known");
    } else if (error->reason() != Reason::kUnknownFlush) {
      expect_explained("asking for an unknown flush", *error, false);
    }
  }
}

std::optional<std::vector<uint64_t>> FlushStage::read_table() {
  const auto read = [&]() -> Result<std::vector<uint64_t>> {
    const auto snapshot = TRY(committed_snapshot(platform, flush_table()));
    const auto cursor = TRY(snapshot->scan({}));
    std::vector<size_t> places;
    for (const Field& field : columns()) {
      const auto place = cursor->schema()->find(field.name);
      if (!place) return Error(Code::kCorrupt, "the table lacks a column of ours", field.name);
      places.push_back(*place);
    }
    std::vector<uint64_t> ids;
    while (const std::optional<Batch> batch = TRY(cursor->next())) {
      for (uint32_t i = 0; i < batch->rows(); ++i) {
        ids.push_back(static_cast<uint64_t>(batch->column(places[0]).int64(i)));
        if (agrees(shape, ids.back(), *batch, i, places)) continue;
        findings.violate("a row with other values: " + std::to_string(ids.back()));
      }
    }
    return ids;
  };
  auto ids = read();
  if (ids.ok()) return std::move(*ids);
  expect_explained("reading the table", ids.error(), false);
  return std::nullopt;
}

void FlushStage::check_committed() {
  if (shape.alone) {
    const std::vector<BlockMetadata> blocks = writer->committed_blocks();
    findings.note(std::to_string(blocks.size()) + " committed blocks");
    return judge(ledger.check_blocks(blocks));
  }
  auto ids = read_table();
  if (!ids) return;
  findings.note("read " + std::to_string(ids->size()) + " rows");
  judge(ledger.check_table(std::move(*ids), bucket.state().in_flight.empty()));
}

void FlushClients::run() {
  Random random(plan_.seed);
  if (plan_.clients <= 1) {
    if (plan_.clients == 1) work(random);
    return;
  }
  std::vector<std::unique_ptr<Thread>> threads;
  for (uint32_t i = 0; i < plan_.clients; ++i) {
    threads.push_back(stage_.runtime.spawn("client-" + std::to_string(i),
                                           [this, own = random.fork()] { work(own); }));
  }
  for (const auto& thread : threads) thread->join();
}

void FlushClients::work(Random random) {
  for (uint32_t i = 0; i < plan_.errands; ++i) {
    const auto pause = static_cast<Nanos>(random.below(static_cast<uint64_t>(plan_.pause_max)));
    if (random.chance(300)) stage_.runtime.sleep_until(stage_.runtime.now() + pause);
    run_errand(random);
  }
}

std::optional<uint64_t> FlushClients::pick(const std::vector<uint64_t>& numbers,
                                           Random& random) const {
  std::vector<uint64_t> free;
  for (const uint64_t number : numbers) {
    if (!in_hands_.contains(number)) free.push_back(number);
  }
  if (free.empty()) return std::nullopt;
  return free[random.below(free.size())];
}

void FlushClients::run_errand(Random& random) {
  FlushLedger& ledger = stage_.ledger;
  const uint64_t draw = random.below(100);
  if (draw < 50) {
    const bool again =
        ledger.unique && !ledger.alone && !ledger.groups().empty() && random.chance(250);
    const uint64_t group = again ? random.below(ledger.groups().size())
                                 : ledger.add_group(1 + static_cast<uint32_t>(random.below(6)),
                                                    random.chance(200) ? random.below(5) : 0);
    if (random.chance(200)) return stage_.flush_at_once(group);
    const auto number = stage_.prepare(group);
    if (number && random.chance(600)) settle(*number, random);
  } else if (draw < 75) {
    settle_another(random);
  } else if (draw < 85 && ledger.alone) {
    stage_.consume();
  } else if (draw < 90) {
    ask_again(random);
  } else if (draw < 95) {
    stage_.ask_for_unknown();
  } else if (plan_.clients == 1 && draw < 98) {
    (void)stage_.recover();
  } else if (plan_.clients == 1 && !stage_.stale) {
    stage_.check_committed();
  }
}

void FlushClients::settle(uint64_t number, Random& random) {
  if (!in_hands_.insert(number).second) return;
  const bool commits = random.chance(700);
  for (uint32_t tries = 0; tries < kTriesMax; ++tries) {
    if (commits ? stage_.commit(number) : stage_.roll_back(number)) break;
    if (random.chance(300)) break;
  }
  in_hands_.erase(number);
}

void FlushClients::settle_another(Random& random) {
  if (const auto number = pick(stage_.ledger.pending(), random)) settle(*number, random);
}

/// Asks once more for what is settled.
void FlushClients::ask_again(Random& random) {
  std::vector<uint64_t> settled;
  for (uint64_t number = 0; number < stage_.ledger.flushes().size(); ++number) {
    const SentFlush& flush = stage_.ledger.flushes()[number];
    if (!flush.id.empty() && (flush.may_be & (kUnfinished | kPrepared)) == 0) {
      settled.push_back(number);
    }
  }
  const auto number = pick(settled, random);
  if (!number || !in_hands_.insert(*number).second) return;
  random.chance(500) ? stage_.commit(*number) : stage_.roll_back(*number);
  in_hands_.erase(*number);
}

}  // namespace sluice::sim
