// The log of many clients: each appends records of 256 bytes, one at a time, and waits until its
// record is durable.
//
//   bench_wal_clients DIR [SECONDS [CLIENTS]]
//
//   group     GroupCommitter over a SegmentedWal; "sealed" with AES-256-GCM
//   raw       a file that was filled with zeros: whoever comes first takes what others bring while
//             the group before is synced, one pwrite and one fdatasync for all, futexes to wait on
//   leveldb   Put with sync = true
//
// All take turns for SECONDS / 10 each, five times; figures are medians of the five, and ratios of
// medians. Then appends to memory: records of 64 bytes by one thread, its whole CPU time counted,
// that of writing the file included.
#include <fcntl.h>
#include <leveldb/db.h>
#include <linux/futex.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "bench/measure.h"
#include "io/posix_disk.h"
#include "io/thread_runtime.h"
#include "sluice/wal_log.h"

namespace {

using namespace sluice;
using namespace sluice::bench;

constexpr size_t kFrameBytes = 288;
constexpr uint64_t kBlockBytes = 4096;
/// A way to commit one record durably. Any thread.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual void commit(const std::string& payload) = 0;
};

class RawGroups final : public Subject {
 public:
  explicit RawGroups(const std::string& path) {
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT, 0644);
    const std::string zeros(1 << 20, '\0');
    for (uint64_t at = 0; at < kFileBytes; at += zeros.size()) {
      if (::pwrite(file_, zeros.data(), zeros.size(), static_cast<off_t>(at)) < 0) {
        die("cannot fill " + path);
      }
    }
    if (file_ < 0 || ::fsync(file_) != 0) die("cannot make " + path);
  }
  ~RawGroups() override { ::close(file_); }

  void commit(const std::string& payload) override {
    mutex_.lock();
    const uint32_t generation = open_generation_;
    const bool leads = gathered_.empty();
    char header[kFrameBytes - kPayloadBytes] = {};
    const uint32_t crc = crc32c(as_bytes(payload));
    std::memcpy(header, &crc, sizeof crc);
    gathered_.append(header, sizeof header).append(payload);
    mutex_.unlock();
    std::atomic<uint32_t>& done = done_[generation % std::size(done_)];
    if (!leads) {
      for (uint32_t seen = done; seen < generation; seen = done) wait(done, seen);
      return;
    }
    // The group before lets this one begin.
    std::atomic<uint32_t>& turn = turn_;
    for (uint32_t seen = turn; seen != generation; seen = turn) wait(turn, seen);
    mutex_.lock();
    std::swap(gathered_, written_);
    ++open_generation_;
    mutex_.unlock();
    write();
    turn = generation + 1;
    wake(turn);
    done = generation;
    wake(done);
  }

 private:
  static void wait(std::atomic<uint32_t>& word, uint32_t seen) {
    ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
  }
  static void wake(std::atomic<uint32_t>& word) {
    ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
  }
  void write() {
    written_.resize(align_up(written_.size(), kBlockBytes));
    if (at_ + written_.size() > kFileBytes) at_ = 0;
    const ssize_t put = ::pwrite(file_, written_.data(), written_.size(), static_cast<off_t>(at_));
    if (put < 0 || ::fdatasync(file_) != 0) die("raw");
    at_ += written_.size();
    written_.clear();
  }

  static constexpr uint64_t kFileBytes = 256 << 20;
  int file_ = -1;
  uint64_t at_ = 0;
  std::mutex mutex_;
  std::string gathered_;
  std::string written_;
  uint32_t open_generation_ = 1;
  std::atomic<uint32_t> turn_ = 1;
  std::atomic<uint32_t> done_[4] = {};
};

class Groups final : public Subject {
 public:
  Groups(Runtime& runtime, const std::string& directory, std::shared_ptr<const KeyRing> keys) {
    std::filesystem::create_directories(directory);
    disk_ = io::open_posix_disk(directory).value();
    const WalRetention retention{.bytes_max = 256 << 20};
    const auto take = [](const WalSegment&, File&) { return ok(); };
    log_ = SegmentedWal::open(runtime, *disk_,
                              {.keys = std::move(keys), .archive = take, .retention = retention})
               .value();
    committer_ = std::make_unique<GroupCommitter>(runtime, *log_);
  }
  void commit(const std::string& payload) override {
    const Result<Lsn> lsn = committer_->submit({.tenant = 1, .head = as_bytes(payload)});
    if (!lsn.ok()) die(lsn.error().to_string());
  }

 private:
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<SegmentedWal> log_;
  std::unique_ptr<GroupCommitter> committer_;
};

class LevelDb final : public Subject {
 public:
  explicit LevelDb(const std::string& directory) {
    leveldb::Options options;
    options.create_if_missing = true;
    leveldb::DB* opened = nullptr;
    const leveldb::Status status = leveldb::DB::Open(options, directory, &opened);
    if (!status.ok()) die(status.ToString());
    db_.reset(opened);
    sync_.sync = true;
  }
  void commit(const std::string& payload) override {
    const uint64_t key = ++key_;
    const leveldb::Status status =
        db_->Put(sync_, {reinterpret_cast<const char*>(&key), sizeof key}, payload);
    if (!status.ok()) die(status.ToString());
  }

 private:
  std::unique_ptr<leveldb::DB> db_;
  leveldb::WriteOptions sync_;
  std::atomic<uint64_t> key_ = 0;
};

struct Contestant {
  std::string name;
  std::unique_ptr<Subject> subject;
  std::vector<double> commits_per_second;  // by round
};

void run_round(Contestant& contestant, uint32_t clients, double seconds) {
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> commits = 0;
  std::vector<std::thread> threads;
  const auto start = Clock::now();
  for (uint32_t client = 0; client < clients; ++client) {
    threads.emplace_back([&] {
      const std::string payload(kPayloadBytes, 'p');
      uint64_t own = 0;
      for (; !stop.load(std::memory_order_relaxed); ++own) contestant.subject->commit(payload);
      commits += own;
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  contestant.commits_per_second.push_back(static_cast<double>(commits) / seconds_since(start));
}

void compare(std::vector<Contestant>& contestants, uint32_t clients, double seconds) {
  for (Contestant& contestant : contestants) contestant.commits_per_second.clear();
  for (int round = 0; round < kRounds; ++round) {
    for (Contestant& contestant : contestants) run_round(contestant, clients, seconds);
  }
  std::vector<double> medians;
  for (const Contestant& contestant : contestants) {
    medians.push_back(median(contestant.commits_per_second));
  }
  std::printf("%u clients, %zu bytes, each durable\n", clients, kPayloadBytes);
  for (size_t i = 0; i < contestants.size(); ++i) {
    std::printf("  %-8s %9.0f commits/s  %.2f x leveldb  %.2f x raw\n", contestants[i].name.c_str(),
                medians[i], medians[i] / medians.back(), medians[i] / medians.front());
  }
}

double cpu_seconds() {
  struct rusage usage;
  ::getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void append_to_memory(Runtime& runtime, const std::string& directory, double seconds) {
  constexpr uint64_t kRecords = 500'000;
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  const std::unique_ptr<Disk> disk = io::open_posix_disk(directory).value();
  const std::unique_ptr<SegmentedWal> log = SegmentedWal::open(runtime, *disk, {}).value();
  const std::string payload(64, 'p');
  std::vector<double> speeds;
  const auto start = Clock::now();
  while (seconds_since(start) < seconds * kRounds * 2 || speeds.size() < kRounds) {
    const double before = cpu_seconds();
    for (uint64_t record = 0; record < kRecords; ++record) {
      if (!log->append({.tenant = 1, .head = as_bytes(payload)}).ok()) die("append");
    }
    speeds.push_back(static_cast<double>(kRecords) / (cpu_seconds() - before) / 1e6);
    require(log->sync());
    if (!log->truncate_before(log->next_lsn()).ok()) die("truncate");
  }
  std::printf("append to memory, 64 bytes, writes included: %.1f M/s of CPU time (best %.1f)\n",
              median(speeds), *std::max_element(speeds.begin(), speeds.end()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2)
    return std::fprintf(stderr, "usage: bench_wal_clients DIR [SECONDS [CLIENTS]]\n"), 2;
  const std::string directory = argv[1];
  const double seconds = (argc > 2 ? std::atof(argv[2]) : 10) / 10;
  std::filesystem::create_directories(directory);
  const std::unique_ptr<Runtime> runtime = io::make_thread_runtime();
  std::vector<Contestant> contestants;
  const auto add = [&](const char* name, std::unique_ptr<Subject> subject) {
    contestants.push_back({name, std::move(subject), {}});
  };
  add("raw", std::make_unique<RawGroups>(directory + "/raw"));
  add("group", std::make_unique<Groups>(*runtime, directory + "/group", nullptr));
  add("sealed", std::make_unique<Groups>(*runtime, directory + "/sealed", some_key()));
  add("leveldb", std::make_unique<LevelDb>(directory + "/leveldb"));
  const uint32_t only = argc > 3 ? static_cast<uint32_t>(std::atoi(argv[3])) : 0;
  for (const uint32_t clients : {4u, 16u, 64u, 256u}) {
    if (only == 0 || only == clients) compare(contestants, clients, seconds);
  }
  append_to_memory(*runtime, directory + "/memory", seconds);
}
