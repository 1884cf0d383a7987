// FlushWorld: an engine on simulated storage without faults but those that a test plants, in
// simulated time: an hour takes no longer than what happens in it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/faulty_bucket_fixture.h"
#include "engine/faulty_disk_fixture.h"
#include "sim/bucket.h"
#include "sim/disk.h"
#include "sim/runtime.h"
#include "sluice/engine.h"

namespace sluice::flushing {

inline constexpr Nanos kDay = 86'400 * kSecond;
inline constexpr Nanos kMinute = 60 * kSecond;
inline const TableName kEvents{"demo", "events"};
inline const TableName kOthers{"demo", "others"};

/// Keeps what the engine tells.
class Told : public Listener {
 public:
  void on_segment(const WriteNotification& segment) override { segments.push_back(segment); }
  void on_flush(const FlushCompleteEvent& flush) override { flushes.push_back(flush); }
  void on_trouble(const TableName&, const Error& error) override { troubles.push_back(error); }

  std::vector<WriteNotification> segments;
  std::vector<FlushCompleteEvent> flushes;
  std::vector<Error> troubles;
};

/// Used within run() only.
class FlushWorld {
 public:
  FlushWorld(sim::SimRuntime& runtime, sim::SimDisk& disk, sim::SimBucket& bucket);

  /// Ends the engine as if the process died, and opens another one.
  Status open();
  void create(const TableName& name);
  /// Rows of the days, one each; `note_bytes` make them long.
  Result<Appended> append(const TableName& name, const std::vector<int64_t>& days,
                          size_t note_bytes = 0, Nanos timeout = 60 * kSecond);
  void sleep(Nanos span) { runtime.sleep_until(runtime.now() + span); }
  EngineStatus status() { return engine->status(); }
  /// How many rows the table shows of each day.
  std::map<int64_t, uint64_t> rows(const TableName& name);
  /// Rows that are in no table yet, by PartitionName::to_string().
  std::map<std::string, uint64_t> pending();
  void fail_uploads(bool fails);

  sim::SimRuntime& runtime;
  FaultyDisk disk;
  FaultyBucket bucket;
  EngineOptions options;
  std::shared_ptr<Told> told = std::make_shared<Told>();
  std::unique_ptr<Engine> engine;

 private:
  int64_t next_ = 0;
};

/// Runs `test` in a world of its own, under several schedules. The options are given before the
/// engine is opened and its two tables are made.
void run(const std::function<void(EngineOptions&)>& prepare,
         const std::function<void(FlushWorld&)>& test);

}  // namespace sluice::flushing
