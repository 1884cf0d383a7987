#include "tests/torture/stage.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/check.h"
#include "io/dir_bucket.h"
#include "sluice/inspect.h"
#include "table/json.h"

namespace sluice::torture {
namespace {

constexpr Nanos kPatience = 30 * kSecond;
constexpr Nanos kLatency = kMillisecond;
constexpr uint64_t kStepsMax = 3'000'000;

std::unique_ptr<Bucket> open_tables(const std::string& dir, Runtime& runtime) {
  std::filesystem::create_directory(dir + "/tables");
  auto bucket = io::open_dir_bucket(dir + "/tables", runtime);
  CHECK(bucket.ok());
  return std::move(*bucket);
}

void write_file(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  CHECK(file.flush().good());
}

void write_rows(table::JsonWriter& json, const Rows& rows) {
  json.name("rows").open_array();
  for (const Row& row : rows) {
    json.open_object().name("id").text(std::to_string(row.id));
    json.name("device").text(row.device).name("at").text(std::to_string(row.at));
    json.name("value").text(std::to_string(row.value)).name("note").text(row.note).close_object();
  }
  json.close_array();
}

AppendOptions from(const std::string& source, uint64_t position) {
  AppendOptions options;
  options.source = {source, position};
  return options;
}

}  // namespace

FlushRange range_of(const Rows& rows) {
  const auto first = static_cast<uint64_t>(rows.front().id);
  return {first, first + rows.size() - 1, first};
}

bool has_object(Bucket& bucket, const std::string& key) {
  return bucket.head(key).ok();
}

EngineOptions quiet_options() {
  EngineOptions options;
  options.segment_bytes = 64 << 10;
  options.memory_bytes = 16 << 20;
  options.flush_age = kForever;
  options.retry_min = 10 * kMillisecond;
  options.retry_max = kSecond;
  options.close_flush = 0;
  options.flush_threads = 1;  // tables are committed in the order of their names
  return options;
}

// ---- Host

Host::Host(Stage& stage, sim::DiskState disk)
    : stage_(stage),
      disk_(stage.runtime(), std::move(disk)),
      line_(stage.runtime(), stage.bucket(), kLatency) {
  line_.on_cut = [this] { disk_at_death_ = disk_.state(); };
  line_.on_put = [this](std::string_view key) { stage_.stamp(key); };
}

Platform Host::platform() {
  return {&stage_.runtime(), &disk_, &line_};
}

Status Host::try_open(const EngineOptions& options) {
  CHECK(engine_ == nullptr);
  engine_ = TRY(Engine::open(platform(), options));
  return ok();
}

void Host::open(const EngineOptions& options) {
  if (!stage_.failed()) stage_.expect("opening", try_open(options));
}

void Host::open() {
  open(quiet_options());
}

void Host::make(const Table& table) {
  if (!stage_.failed()) stage_.expect("making", engine_->create_table(table.name, table.spec));
}

Result<Appended> Host::append(const Table& table, const Rows& rows, AppendOptions options) {
  if (stage_.failed()) return Error(Code::kCancelled, "the scenario is over");
  return engine_->append(table.name, batch_of(rows), std::move(options));
}

void Host::write(const Table& table, const Rows& rows) {
  const Result<Appended> answer = append(table, rows);
  if (!answer.ok()) return stage_.expect("a write", answer.error());
  stage_.truth().promise(table, rows);
}

void Host::write_to_table(const Table& table, const Rows& rows) {
  if (stage_.failed()) return;
  AppendOptions options;
  options.ack = AckClass::kTable;
  const Status taken = engine_->append(table.name, batch_of(rows), std::move(options),
                                       [this, table, rows](const Result<Appended>& answer) {
                                         if (!answer.ok()) return;
                                         stage_.truth().promise(table, rows);
                                         ++acked_by_table_;
                                       });
  stage_.expect("a write", taken);
}

void Host::feed(const Table& table, const std::string& source, uint64_t position,
                const Rows& rows) {
  const Result<Appended> answer = append(table, rows, from(source, position));
  if (!answer.ok()) return stage_.expect("a source's batch", answer.error());
  if (answer->duplicate) {
    return stage_.violate(Harm::kLost, "new rows of " + source + " were taken for a resend");
  }
  stage_.truth().promise(table, rows);
}

void Host::resend(const Table& table, const std::string& source, uint64_t position,
                  const Rows& rows) {
  const Result<Appended> answer = append(table, rows, from(source, position));
  if (!answer.ok()) stage_.expect("a resend", answer.error());
}

void Host::start(std::function<Status()> call) {
  if (stage_.failed()) return;
  CHECK(caller_ == nullptr);
  answer_.reset();
  caller_ = stage_.runtime().spawn("call", [this, call = std::move(call)] { answer_ = call(); });
}

void Host::start_flush() {
  start([this] { return to_status(engine_->flush()); });
}

std::optional<Status> Host::await() {
  if (stage_.failed()) return std::nullopt;
  stage_.wait_until("a call ends", [this] { return answer_ || line_.is_cut(); });
  if (!answer_) return std::nullopt;
  caller_->join();
  caller_.reset();
  return answer_;
}

void Host::await_sleep() {
  stage_.wait_until("a change falls asleep", [this] { return line_.asleep(); });
}

Status Host::try_flush() {
  start_flush();
  return await().value_or(Error(Code::kCancelled, "the flush did not end"));
}

void Host::flush() {
  if (!stage_.failed()) stage_.expect("a flush", try_flush());
}

void Host::sweep(const Table& table) {
  if (stage_.failed()) return;
  stage_.expect("a sweep", to_status(engine_->sweep(table.name, {})));
}

void Host::open_writer(const Table& table) {
  AtomicFlushWriterOptions options;
  options.table = table.name;
  options.create = table.spec;
  open_writer(std::move(options));
}

void Host::open_writer(AtomicFlushWriterOptions options) {
  if (stage_.failed()) return;
  CHECK(engine_ == nullptr && writer_ == nullptr);
  options.rows_of = [](const FlushRange& range) -> Result<FlushRows> {
    const auto first = static_cast<int64_t>(range.min_lsn);
    const auto count = static_cast<int64_t>(range.max_lsn) - first + 1;
    return FlushRows{{batch_of(rows_of({.first = first, .count = count}))}, {}, nullptr};
  };
  auto writer = AtomicFlushWriter::open(platform(), std::move(options));
  if (!writer.ok()) return stage_.expect("opening", writer.error());
  writer_ = std::move(*writer);
}

std::string Host::prepare(const Rows& rows) {
  if (stage_.failed()) return {};
  const std::vector<Batch> batches = {batch_of(rows)};
  const auto prepared = writer_->prepare_flush(batches, range_of(rows));
  stage_.expect("a prepare", to_status(prepared));
  return prepared.ok() ? prepared->flush_id : std::string();
}

void Host::commit(const Table& table, const std::string& flush_id, const Rows& rows) {
  if (stage_.failed()) return;
  const auto committed = writer_->commit_flush(flush_id);
  if (!committed.ok()) return stage_.expect("a commit", committed.error());
  stage_.truth().promise(table, rows);
}

void Host::stop() {
  if (engine_ != nullptr) {
    const Status closed = engine_->close();
    static_cast<void>(closed);  // of a process that is dead, or has said everything
  }
  if (caller_ != nullptr) caller_->join();
  caller_.reset();
  engine_.reset();
  writer_.reset();
}

void Host::close() {
  if (stage_.failed() || engine_ == nullptr) return;
  stage_.expect("closing", engine_->close());
  stop();
}

void Host::die() {
  line_.cut();
  stop();
}

sim::DiskState Host::left(sim::CrashKind kind) {
  return (disk_at_death_ ? *disk_at_death_ : disk_.state()).crash(stage_.random(), kind);
}

// ---- Stage

Stage::Stage(const Plan& plan)
    : dir_(plan.dir),
      crash_point_(plan.crash_point),
      runtime_({.seed = plan.seed, .steps_max = kStepsMax}),
      random_(plan.seed + plan.crash_point),
      bucket_(open_tables(dir_, runtime_)) {}

void Stage::stamp(std::string_view key) {
  namespace chrono = std::chrono;
  const chrono::sys_time<chrono::nanoseconds> now(chrono::nanoseconds(runtime_.wall_now()));
  std::filesystem::last_write_time(dir_ + "/tables/" + std::string(key),
                                   chrono::file_clock::from_sys(now));
}

std::optional<Wrong> Stage::run(const std::function<void(Stage&)>& scenario) {
  const sim::RunReport report = runtime_.run([&] {
    scenario(*this);
    for (const auto& host : hosts_) host->die();
  });
  for (const std::string& fiber : report.dropped) violate(Harm::kStuck, "no end: " + fiber);
  // What is stuck cannot be taken down.
  if (!report.dropped.empty()) {
    for (auto& host : hosts_) static_cast<void>(host.release());
  }
  if (!failed()) leave_truth();
  return wrong_;
}

Host& Stage::add_host(sim::DiskState disk) {
  hosts_.push_back(std::make_unique<Host>(*this, std::move(disk)));
  return *hosts_.back();
}

Host& Stage::restart(Host& host, sim::CrashKind kind) {
  host.die();
  return add_host(host.left(kind));
}

Host& Stage::restart_open(Host& host, sim::CrashKind kind) {
  Host& next = restart(host, kind);
  next.open();
  return next;
}

void Stage::cut_at_crash_point(Host& host) {
  host.line().plan = [this](const sim::Change&) {
    was_cut_ = was_cut_ || ++changes_ == crash_point_;
    return was_cut_ ? sim::Trouble::kCut : sim::Trouble::kNone;
  };
}

void Stage::violate(Harm harm, const std::string& text) {
  if (!wrong_) wrong_ = Wrong{harm, text};
}

void Stage::expect(const std::string& what, const Status& status) {
  if (status.ok()) return;
  const bool corrupt = status.error().code() == Code::kCorrupt;
  violate(corrupt ? Harm::kUnreadable : Harm::kStuck,
          what + " failed: " + status.error().to_string());
}

void Stage::expect_code(const std::string& what, Code code, const Status& status) {
  if (failed() || (!status.ok() && status.error().code() == code)) return;
  violate(Harm::kUnfenced, what + ": " + (status.ok() ? "ok" : status.error().to_string()));
}

void Stage::wait_until(const std::string& what, const std::function<bool()>& predicate) {
  const Nanos deadline = runtime_.now() + kPatience;
  while (!failed() && !predicate()) {
    if (runtime_.now() > deadline) return violate(Harm::kStuck, "never: " + what);
    runtime_.sleep_until(runtime_.now() + kMillisecond);
  }
}

void Stage::judge_snapshot(const Table& table, Result<std::unique_ptr<Snapshot>> snapshot,
                           const std::string& who) {
  if (failed()) return;
  const Result<Rows> rows = snapshot.ok() ? read_rows(**snapshot) : snapshot.error();
  if (!rows.ok()) {
    return violate(Harm::kUnreadable, table.name.to_string() + ": " + rows.error().to_string());
  }
  if (const auto wrong = truth_.judge(table, *rows)) violate(wrong->harm, who + wrong->text);
}

void Stage::judge(Host& host) {
  for (const Table& table : truth_.tables()) {
    if (failed()) return;
    judge_snapshot(table, host.engine()->snapshot(table.name), "");
  }
}

void Stage::judge_committed() {
  for (const Table& table : truth_.tables()) {
    const Platform reader{&runtime_, nullptr, bucket_.get()};
    judge_snapshot(table, committed_snapshot(reader, table.name), "committed: ");
  }
}

void Stage::remember(Host& host, const Table& table) {
  if (failed()) return;
  const Result<TableDescription> now = host.engine()->describe(table.name);
  if (!now.ok()) return expect("describing", now.error());
  memories_.push_back({table, now->snapshot_id, truth_.rows(table)});
}

void Stage::forget(uint64_t snapshot_id) {
  std::erase_if(memories_, [&](const Memory& memory) { return memory.snapshot_id == snapshot_id; });
}

void Stage::admit(Host& host, const Table& table, const Rows& rows) {
  if (failed()) return;
  const auto snapshot = host.engine()->snapshot(table.name);
  const Result<Rows> found = snapshot.ok() ? read_rows(**snapshot) : snapshot.error();
  if (!found.ok()) return expect("reading", found.error());
  for (const Row& row : rows) {
    if (std::find(found->begin(), found->end(), row) != found->end()) truth_.promise(table, {row});
  }
}

void Stage::judge_memories() {
  const Platform reader{&runtime_, nullptr, bucket_.get()};
  for (const Memory& memory : memories_) {
    Truth then;
    then.promise(memory.table, memory.rows);
    if (failed()) return;
    auto snapshot =
        committed_snapshot(reader, memory.table.name, AsOf{.snapshot_id = memory.snapshot_id});
    const Result<Rows> rows = snapshot.ok() ? read_rows(**snapshot) : snapshot.error();
    if (!rows.ok()) return violate(Harm::kUnreadable, "time travel: " + rows.error().to_string());
    const auto wrong = then.judge(memory.table, *rows);
    if (wrong) return violate(wrong->harm, "time travel: " + wrong->text);
  }
}

void Stage::verify(Host& host) {
  if (failed()) return;
  const Result<VerifyReport> report = sluice::verify(host.platform());
  if (!report.ok()) return expect("verifying", report.error());
  for (const Finding& finding : report->findings) {
    if (forgives_versions_ && finding.object.ends_with(".metadata.json")) continue;
    violate(Harm::kUnreadable, finding.object + ": " + finding.error.to_string());
  }
}

void Stage::conclude(Host& host) {
  if (failed()) return;
  host.flush();
  judge(host);
  judge_committed();
  host.close();
  if (failed()) return;
  Host& again = restart(host, sim::CrashKind::kProcessDeath);
  again.open();
  judge(again);
  again.flush();
  judge_committed();
  again.close();
  judge_memories();
  verify(again);
  if (!failed()) leave_log(again.disk().state());
}

void Stage::leave_log(const sim::DiskState& disk) {
  std::filesystem::create_directory(dir_ + "/log");
  for (const auto& [name, id] : disk.names()) {
    const sim::Image& image = disk.file(id).cache();
    std::string bytes(image.bytes, '\0');
    CHECK(image.read_at(0, std::as_writable_bytes(std::span(bytes))) == bytes.size());
    write_file(dir_ + "/log/" + name, bytes);
  }
  write_file(dir_ + "/FORMAT", "sluice 0\n");
}

void Stage::leave_truth() {
  table::JsonWriter json;
  json.open_object().name("tables").open_array();
  for (const Table& table : truth_.tables()) {
    json.open_object().name("name").text(table.name.to_string());
    json.name("key").open_array();
    for (const std::string& column : table.spec.key) json.text(column);
    json.close_array();
    write_rows(json, truth_.rows(table));
    json.name("history").open_array();
    for (const Memory& memory : memories_) {
      if (memory.table.name != table.name) continue;
      json.open_object().name("snapshot").text(std::to_string(memory.snapshot_id));
      write_rows(json, memory.rows);
      json.close_object();
    }
    json.close_array().close_object();
  }
  json.close_array().close_object();
  write_file(dir_ + "/expected.json", json.take());
}

}  // namespace sluice::torture
