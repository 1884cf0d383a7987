// The log beside the disk itself, RocksDB and LevelDB: durable commits of 256-byte records by one
// client, and replay.
//
//   bench_wal DIR [SECONDS] [--direct] [--records N]
//
//   raw       a file that was filled with zeros; one pwrite of as many bytes and one fdatasync
//   log       Log::append and Log::sync; "sealed" with AES-256-GCM; "double" and "off" with commits
//             that share blocks (TornWrites); "public" with SegmentedWal, what users call
//   rocksdb   a WriteBatch of as many puts, sync = true; leveldb the same
//
// With --direct raw and log again, written past the page cache, and compared with each other. With
// --records commits of that many only, and no replay.
//
// All take turns for SECONDS / 10 each, five times; figures are medians of the five, and ratios of
// medians. A put has the record as its value and 8 bytes of key.
#include <fcntl.h>
#include <leveldb/db.h>
#include <leveldb/write_batch.h>
#include <rocksdb/db.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "io/posix_disk.h"
#include "io/thread_runtime.h"
#include "sluice/wal_log.h"
#include "wal/log.h"

namespace {

using namespace sluice;
using namespace sluice::bench;

/// A way to commit `records` records durably.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual void commit(uint32_t records) = 0;
};

class RawFile final : public Subject {
 public:
  RawFile(const std::string& path, WalIo io) {
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | (io == WalIo::kDirect ? O_DIRECT : 0), 0644);
    for (off_t at = 0; at < kBytes; at += 1 << 20) {
      if (::pwrite(file_, blocks_.data(), 1 << 20, at) < 0) die("cannot fill " + path);
    }
    if (file_ < 0 || ::fsync(file_) != 0) die("cannot make " + path);
  }
  ~RawFile() override { ::close(file_); }
  void commit(uint32_t records) override {
    // What the log writes: a mark and the frames, filled up to a whole block.
    const uint64_t bytes = align_up(40 + records * wal::frame_bytes(kPayloadBytes), 4096);
    if (at_ + static_cast<off_t>(bytes) > kBytes) at_ = 0;
    const ssize_t put = ::pwrite(file_, blocks_.data(), bytes, at_);
    if (put < 0 || ::fdatasync(file_) != 0) die("raw");
    at_ += static_cast<off_t>(bytes);
  }

 private:
  static constexpr off_t kBytes = 256 << 20;
  int file_ = -1;
  off_t at_ = 0;
  struct alignas(4096) Block {
    char bytes[4096];
  };
  std::vector<Block> blocks_ = std::vector<Block>(256);
};

class OwnLog final : public Subject {
 public:
  OwnLog(Runtime& runtime, const std::string& directory, wal::LogOptions options,
         WalIo io = WalIo::kBuffered) {
    std::filesystem::create_directories(directory);
    disk_ = io::open_posix_disk(directory, {.direct_writes = io == WalIo::kDirect}).value();
    log_ = wal::Log::open(runtime, *disk_, std::move(options)).value();
  }
  void commit(uint32_t records) override {
    records_.assign(records, {.tenant = 1, .head = as_bytes(payload_)});
    const Result<wal::Lsn> lsn = log_->append(records_);
    if (!lsn.ok()) die(lsn.error().to_string());
    require(log_->sync());
    if (log_->wants_roll()) require(log_->trim(log_->durable_lsn(), {}));
    if (log_->wants_roll()) require(log_->roll({}));
  }
  wal::Log& log() { return *log_; }

 private:
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<wal::Log> log_;
  const std::string payload_ = std::string(kPayloadBytes, 'p');
  std::vector<wal::RecordView> records_;
};

class PublicLog final : public Subject {
 public:
  explicit PublicLog(const std::string& directory) {
    std::filesystem::create_directories(directory);
    log_ = SegmentedWal::open(directory, {}).value();
  }
  void commit(uint32_t records) override {
    records_.assign(records, {.tenant = 1, .head = as_bytes(payload_)});
    const Result<Lsn> lsn = log_->append(records_);
    if (!lsn.ok()) die(lsn.error().to_string());
    require(log_->sync());
    const Lsn first_lsn = log_->active_segment_first_lsn();
    if (first_lsn == first_lsn_) return;
    if (!log_->truncate_before(first_lsn).ok()) die("truncate");
    first_lsn_ = first_lsn;
  }

 private:
  std::unique_ptr<SegmentedWal> log_;
  Lsn first_lsn_ = 0;
  const std::string payload_ = std::string(kPayloadBytes, 'p');
  std::vector<WalRecord> records_;
};

/// RocksDB and LevelDB have the same words for this.
template <class Db, class Options, class Batch, class Sync>
class KeyValueStore final : public Subject {
 public:
  explicit KeyValueStore(const std::string& directory) {
    Options options;
    options.create_if_missing = true;
    Db* opened = nullptr;
    const auto status = Db::Open(options, directory, &opened);
    if (!status.ok()) die(status.ToString());
    db_.reset(opened);
    sync_.sync = true;
  }
  void commit(uint32_t records) override {
    Batch batch;
    for (uint32_t i = 0; i < records; ++i) {
      ++key_;
      batch.Put({reinterpret_cast<const char*>(&key_), sizeof key_}, payload_);
    }
    const auto status = db_->Write(sync_, &batch);
    if (!status.ok()) die(status.ToString());
  }

 private:
  std::unique_ptr<Db> db_;
  Sync sync_;
  uint64_t key_ = 0;
  const std::string payload_ = std::string(kPayloadBytes, 'p');
};
using RocksDb =
    KeyValueStore<rocksdb::DB, rocksdb::Options, rocksdb::WriteBatch, rocksdb::WriteOptions>;
using LevelDb =
    KeyValueStore<leveldb::DB, leveldb::Options, leveldb::WriteBatch, leveldb::WriteOptions>;

struct Contestant {
  std::string name;
  std::unique_ptr<Subject> subject;
  std::vector<double> commits_per_second;  // by round
  std::vector<double> p99_micros;
};

void run_round(Contestant& contestant, uint32_t records, double seconds) {
  std::vector<double> micros;
  const auto start = Clock::now();
  while (seconds_since(start) < seconds) {
    const auto before = Clock::now();
    contestant.subject->commit(records);
    micros.push_back(seconds_since(before) * 1e6);
  }
  const double taken = seconds_since(start);
  std::sort(micros.begin(), micros.end());
  contestant.commits_per_second.push_back(static_cast<double>(micros.size()) / taken);
  contestant.p99_micros.push_back(micros[micros.size() * 99 / 100]);
}

void compare(std::vector<Contestant>& contestants, uint32_t records, double seconds) {
  for (Contestant& contestant : contestants) {
    contestant.commits_per_second.clear();
    contestant.p99_micros.clear();
    contestant.subject->commit(records);
  }
  for (int round = 0; round < kRounds; ++round) {
    for (Contestant& contestant : contestants) run_round(contestant, records, seconds);
  }
  double raw = 0;
  std::printf("%u records of %zu bytes a commit\n", records, kPayloadBytes);
  for (const Contestant& contestant : contestants) {
    const double commits = median(contestant.commits_per_second);
    if (contestant.name.starts_with("raw")) raw = commits;
    std::printf("  %-13s %9.0f records/s  p50 of a commit %7.0f us, p99 %7.0f us  %.2f x raw\n",
                contestant.name.c_str(), commits * records, 1e6 / commits,
                median(contestant.p99_micros), commits / raw);
  }
  const auto commits_of = [&](std::string_view name) {
    const auto found =
        std::find_if(contestants.begin(), contestants.end(),
                     [&](const Contestant& contestant) { return contestant.name == name; });
    return median(found->commits_per_second);
  };
  std::printf("  log by rocksdb %.2f, by leveldb %.2f\n", commits_of("log") / commits_of("rocksdb"),
              commits_of("log") / commits_of("leveldb"));
}

void replay(Runtime& runtime, const std::string& directory,
            const std::shared_ptr<const KeyRing>& keys, const char* name) {
  OwnLog own(runtime, directory, {.keys = keys});
  for (int commit = 0; commit < 200; ++commit) {
    const std::string payload(kPayloadBytes, 'p');
    const std::vector<wal::RecordView> records(1000, {.tenant = 1, .head = as_bytes(payload)});
    if (!own.log().append(records).ok()) die("append");
    require(own.log().sync());
    if (own.log().wants_roll()) require(own.log().roll({}));
  }
  std::vector<double> speeds;
  for (int round = 0; round < kRounds; ++round) {
    const auto reader = own.log().read({1}).value();
    uint64_t bytes = 0;
    const auto start = Clock::now();
    for (;;) {
      const auto frame = reader->next();
      if (!frame.ok()) die(frame.error().to_string());
      if (!frame->has_value()) break;
      bytes += wal::frame_bytes((*frame)->payload.size());
    }
    speeds.push_back(static_cast<double>(bytes) / seconds_since(start) / 1e9);
  }
  std::printf("replay, warm, checksums verified, %s: %.2f GB/s\n", name, median(speeds));
}

struct Arguments {
  std::string directory;
  double seconds = 1;  ///< of a turn
  bool direct = false;
  uint32_t records = 0;  ///< 0: all
};

Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--direct") {
      arguments.direct = true;
    } else if (word == "--records" && i + 1 < argc) {
      arguments.records = static_cast<uint32_t>(std::atoi(argv[++i]));
    } else if (word.starts_with("-")) {
      return {};
    } else if (arguments.directory.empty()) {
      arguments.directory = word;
    } else {
      arguments.seconds = std::atof(argv[i]) / 10;
    }
  }
  return arguments;
}

std::vector<Contestant> make_contestants(Runtime& runtime, const Arguments& arguments) {
  const std::string& directory = arguments.directory;
  std::vector<Contestant> contestants;
  const auto add = [&](const std::string& name, std::unique_ptr<Subject> subject) {
    contestants.push_back({name, std::move(subject), {}, {}});
  };
  for (const WalIo io : {WalIo::kBuffered, WalIo::kDirect}) {
    if (io == WalIo::kDirect && !arguments.direct) break;
    const std::string kind = io == WalIo::kDirect ? "-direct" : "";
    const std::string log = directory + "/log" + kind;
    add("raw" + kind, std::make_unique<RawFile>(directory + "/raw" + kind, io));
    const auto add_log = [&](const std::string& name, wal::LogOptions options) {
      const std::string place = log + "-" + name;
      add(name + kind, std::make_unique<OwnLog>(runtime, place, std::move(options), io));
    };
    add_log("log", {});
    add_log("sealed", {.keys = some_key()});
    if (io == WalIo::kDirect) continue;
    add("public", std::make_unique<PublicLog>(directory + "/public"));
    add_log("double", {.torn_writes = TornWrites::kDoubleWrite});
    add_log("off", {.torn_writes = TornWrites::kOff});
    add("rocksdb", std::make_unique<RocksDb>(directory + "/rocksdb"));
    add("leveldb", std::make_unique<LevelDb>(directory + "/leveldb"));
  }
  return contestants;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parse(argc, argv);
  const std::string& directory = arguments.directory;
  if (directory.empty()) {
    return std::fprintf(stderr, "usage: bench_wal DIR [SECONDS] [--direct] [--records N]\n"), 2;
  }
  std::filesystem::create_directories(directory);
  const std::unique_ptr<Runtime> runtime = io::make_thread_runtime();
  std::vector<Contestant> contestants = make_contestants(*runtime, arguments);
  for (const uint32_t records : {1u, 32u, 1000u}) {
    if (arguments.records != 0 && arguments.records != records) continue;
    compare(contestants, records, arguments.seconds);
  }
  if (arguments.records != 0) return 0;
  replay(*runtime, directory + "/replay", nullptr, "plain");
  replay(*runtime, directory + "/replay-sealed", some_key(), "sealed");
}
