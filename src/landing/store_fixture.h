// For tests: a world for one writer after the other, and rows for it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "io/thread_runtime.h"
#include "landing/memory_bucket_fixture.h"
#include "landing/memory_disk_fixture.h"
#include "landing/script_fixture.h"
#include "sluice/flush.h"

namespace sluice::landing {

/// Threads are real, time passes by being waited for.
class QuickRuntime final : public Runtime {
 public:
  Nanos now() override { return now_; }
  Nanos wall_now() override { return 1'700'000'000 * kSecond + now_; }
  void sleep_until(Nanos deadline) override {
    Nanos now = now_;
    while (now < deadline && !now_.compare_exchange_weak(now, deadline)) {
    }
  }
  void random(std::span<std::byte> out) override { inner_->random(out); }
  std::unique_ptr<Thread> spawn(std::string name, std::function<void()> body) override {
    return inner_->spawn(std::move(name), std::move(body));
  }
  std::unique_ptr<Monitor> monitor() override { return inner_->monitor(); }

 private:
  const std::unique_ptr<Runtime> inner_ = io::make_thread_runtime();
  std::atomic<Nanos> now_ = kSecond;
};

/// A world for one writer after the other.
struct Store {
  Script script;
  MemoryDisk disk{script};
  MemoryBucket bucket{script};
  QuickRuntime runtime;
  Platform platform() { return {&runtime, &disk, &bucket}; }
};

inline AtomicFlushWriterOptions alone() {
  AtomicFlushWriterOptions options;
  options.location = "com/example/users";
  options.retry_min = 1;
  options.retry_max = kMillisecond;
  return options;
}
inline AtomicFlushWriterOptions with_table(
    TableSpec spec = {{{"n", Type::kInt64}, {"name", Type::kString}}, {}, {}}) {
  AtomicFlushWriterOptions options = alone();
  options.location.clear();
  options.table = TableName{"db", "users"};
  options.create = std::move(spec);
  options.commit_timeout = 5 * kMillisecond;
  return options;
}
inline std::unique_ptr<AtomicFlushWriter> open_writer(Store& store,
                                                      AtomicFlushWriterOptions options) {
  auto writer = AtomicFlushWriter::open(store.platform(), std::move(options));
  return writer.ok() ? std::move(writer).value() : nullptr;
}

/// Entries `{"n":<lsn>,"name":"..."}` with LSNs first to last.
class Entries {
 public:
  Entries(uint64_t first, uint64_t last) : range_{first, last, first} {
    for (uint64_t lsn = first; lsn <= last; ++lsn) {
      texts_.push_back("{\"n\":" + std::to_string(lsn) + ",\"name\":\"row " + std::to_string(lsn) +
                       "\"}");
    }
    for (uint64_t lsn = first; lsn <= last; ++lsn) {
      WalEntry entry;
      entry.lsn = lsn;
      entry.timestamp_ms = 1'700'000'000'000 + static_cast<int64_t>(lsn);
      entry.row_id = "r";
      entry.json = texts_[lsn - first];
      entries_.push_back(entry);
    }
  }
  Entries(Entries&&) = default;
  operator std::span<const WalEntry>() const { return entries_; }
  const FlushRange& range() const { return range_; }
  std::vector<WalEntry>& all() { return entries_; }

 private:
  std::vector<std::string> texts_;
  std::vector<WalEntry> entries_;
  FlushRange range_;
};

/// What a log would give again.
inline std::function<Result<FlushRows>(const FlushRange&)> log_of_entries() {
  return [](const FlushRange& range) -> Result<FlushRows> {
    auto entries = std::make_shared<Entries>(range.min_lsn, range.max_lsn);
    FlushRows rows;
    rows.entries = entries->all();
    rows.owner = entries;
    return rows;
  };
}

}  // namespace sluice::landing
