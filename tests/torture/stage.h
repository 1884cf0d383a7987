// The stage of a scenario: hosts with logs of their own, and one bucket, which is a directory that
// foreign readers can open afterwards. Threads, time, chance and the logs' disks are simulated, so
// that every run is the same.
//
// The first thing that goes wrong is kept; after it every call here does nothing, so that a
// scenario ends soon, however broken the code under it is.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/disk.h"
#include "sim/line.h"
#include "sim/runtime.h"
#include "sluice/engine.h"
#include "sluice/flush.h"
#include "sluice/io.h"
#include "tests/torture/truth.h"

namespace sluice::torture {

class Stage;

/// A machine: its log, its way to the bucket, and its process if one runs.
class Host {
 public:
  Host(Stage& stage, sim::DiskState disk);

  sim::Line& line() { return line_; }
  sim::SimDisk& disk() { return disk_; }
  Platform platform();
  Engine* engine() { return engine_.get(); }

  // These have to work.
  void open(const EngineOptions& options);
  void open();
  void make(const Table& table);
  /// Appends, acknowledged by the log. What is acknowledged is promised.
  void write(const Table& table, const Rows& rows);
  /// Promised when the ack of class table comes, if it comes.
  void write_to_table(const Table& table, const Rows& rows);
  uint64_t acked_by_table() const { return acked_by_table_; }
  /// As write(), with a position behind the rows that the source has never sent before.
  void feed(const Table& table, const std::string& source, uint64_t position, const Rows& rows);
  /// The same batch again. Nothing is promised that was not before.
  void resend(const Table& table, const std::string& source, uint64_t position, const Rows& rows);
  void flush();
  void sweep(const Table& table);
  void close();

  // With an atomic flush writer in the place of an engine: rows of plain shape, whose LSNs are
  // their ids. The table is made if there is none.
  AtomicFlushWriter* writer() { return writer_.get(); }
  void open_writer(const Table& table);
  void open_writer(AtomicFlushWriterOptions options);
  /// The id of the flush.
  std::string prepare(const Rows& rows);
  /// What is committed is promised.
  void commit(const Table& table, const std::string& flush_id, const Rows& rows);

  // These may fail.
  Status try_open(const EngineOptions& options);
  Result<Appended> append(const Table& table, const Rows& rows, AppendOptions options = {});
  Status try_flush();

  /// A call in a fiber of its own, one at a time.
  void start(std::function<Status()> call);
  void start_flush();
  /// Waits until it has ended, or its line was cut; the verdict of one that has ended.
  std::optional<Status> await();
  /// Waits until one of its changes of the bucket has fallen asleep.
  void await_sleep();
  /// The process is dead, at the latest now: no call of it has an effect any more.
  void die();
  /// What it left at its death.
  sim::DiskState left(sim::CrashKind kind);

 private:
  void stop();

  Stage& stage_;
  sim::SimDisk disk_;
  sim::Line line_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<AtomicFlushWriter> writer_;
  std::unique_ptr<Thread> caller_;
  std::optional<Status> answer_;
  uint64_t acked_by_table_ = 0;
  std::optional<sim::DiskState> disk_at_death_;
};

class Stage {
 public:
  struct Plan {
    std::string dir;  ///< exists and is empty
    uint64_t seed = 1;
    uint64_t crash_point = 1;  ///< see Scenario
  };
  explicit Stage(const Plan& plan);

  /// Runs the scenario to its end; what went wrong.
  std::optional<Wrong> run(const std::function<void(Stage&)>& scenario);

  sim::SimRuntime& runtime() { return runtime_; }
  Bucket& bucket() { return *bucket_; }
  sim::Random& random() { return random_; }
  /// The object gets the time of the simulated clock.
  void stamp(std::string_view key);
  void pass(Nanos span) { runtime_.sleep_until(runtime_.now() + span); }
  Truth& truth() { return truth_; }

  Host& add_host(sim::DiskState disk = {});
  /// Dies, and a new process comes up on the same machine; not open yet.
  Host& restart(Host& host, sim::CrashKind kind);
  /// The same, open.
  Host& restart_open(Host& host, sim::CrashKind kind);
  /// The host is cut at the crash point, counted in changes of the bucket from now on.
  void cut_at_crash_point(Host& host);
  bool was_cut() const { return was_cut_; }

  bool failed() const { return wrong_.has_value(); }
  void violate(Harm harm, const std::string& text);
  /// An error is a violation.
  void expect(const std::string& what, const Status& status);
  /// So is any answer but an error of this code.
  void expect_code(const std::string& what, Code code, const Status& status);
  void wait_until(const std::string& what, const std::function<bool()>& predicate);

  /// What the engine shows and what is committed of every table, against the truth.
  void judge(Host& host);
  void judge_committed();
  /// The rows of a table now are a state that time travel must find later.
  void remember(Host& host, const Table& table);
  /// These were sent and never acknowledged: those that are there all the same are promised.
  void admit(Host& host, const Table& table, const Rows& rows);
  /// The snapshot is to expire.
  void forget(uint64_t snapshot_id);
  /// What time travel finds now, of all that is remembered.
  void judge_memories();
  /// Versions were taken away by hand: that they are missing is no finding.
  void forgive_missing_versions() { forgives_versions_ = true; }
  /// Flush, judge, restart, judge: a second recovery changes nothing. Then verify; the log and the
  /// truth are left beside the tables.
  void conclude(Host& host);

 private:
  struct Memory {
    Table table;
    uint64_t snapshot_id;
    Rows rows;
  };

  void judge_snapshot(const Table& table, Result<std::unique_ptr<Snapshot>> snapshot,
                      const std::string& who);
  void verify(Host& host);
  void leave_log(const sim::DiskState& disk);
  void leave_truth();

  const std::string dir_;
  const uint64_t crash_point_;
  sim::SimRuntime runtime_;
  sim::Random random_;
  std::unique_ptr<Bucket> bucket_;
  Truth truth_;
  std::vector<Memory> memories_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::optional<Wrong> wrong_;
  bool forgives_versions_ = false;
  uint64_t changes_ = 0;
  bool was_cut_ = false;
};

template <class T>
Status to_status(const Result<T>& result) {
  return result.ok() ? ok() : Status(result.error());
}

/// The LSNs of rows in an atomic flush: their ids.
FlushRange range_of(const Rows& rows);
/// Whether there is such an object.
bool has_object(Bucket& bucket, const std::string& key);

/// Small memory, quick retries, no flush but those that are asked for.
EngineOptions quiet_options();

}  // namespace sluice::torture
