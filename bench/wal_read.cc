// Reading a log from the page cache: whole records, headers alone, and filtered.
//
//   bench_wal_read DIR [MIB]
//
// A log of MIB (128) of payloads, a sync each 64 KiB; one record in 16 is of the wanted type, and
// one of the wanted tenant. "live" is read through the SegmentedWal that wrote it, "at rest" by
// somebody who knows nothing of it. All ways take turns, five times; figures are medians, in
// millions of records a second that were passed or handed out.
#include <filesystem>
#include <functional>
#include <string_view>

#include "bench/measure.h"
#include "io/posix_disk.h"
#include "io/thread_runtime.h"
#include "sluice/wal.h"

namespace {

using namespace sluice;
using namespace sluice::bench;

constexpr uint16_t kWantedType = 17;
constexpr uint32_t kWantedTenant = 99;
constexpr uint64_t kSyncBytes = 64 << 10;

/// What is at rest, from the page cache.
class CachedDisk final : public Disk {
 public:
  explicit CachedDisk(Disk& disk) : disk_(disk) {}
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode) override {
    return disk_.open(name, OpenMode::kRead);
  }
  Result<std::vector<DiskEntry>> list() override { return disk_.list(); }
  Result<std::unique_ptr<File>> create(std::string_view) override { return refused(); }
  Status rename(std::string_view, std::string_view) override { return refused(); }
  Status remove(std::string_view) override { return refused(); }
  Status sync_dir() override { return refused(); }
  Result<std::unique_ptr<DiskLock>> lock(std::string_view) override { return refused(); }
  Result<uint64_t> free_bytes() override { return refused(); }

 private:
  static Error refused() { return Error(Code::kUnsupported, "only to be read"); }
  Disk& disk_;
};

struct Way {
  const char* name;
  WalFilter filter;
  bool has_payloads;
};
const Way kWays[] = {{"whole", {}, true},
                     {"headers", {}, false},
                     {"type", {.types = {kWantedType}}, true},
                     {"tenant", {.tenants = {kWantedTenant}}, true}};

using OpenReader = std::function<Result<std::unique_ptr<WalReader>>(WalReadOptions)>;

double seconds_of(const OpenReader& open, const Way& way, uint64_t expected) {
  const auto start = Clock::now();
  const std::unique_ptr<WalReader> reader = open({.filter = way.filter}).value();
  uint64_t records = 0;
  if (way.has_payloads) {
    while (reader->next().value()) ++records;
  } else {
    while (reader->next_header().value()) ++records;
  }
  const bool is_filtered = !way.filter.types.empty() || !way.filter.tenants.empty();
  if (records != (is_filtered ? (expected + 15) / 16 : expected)) die("records are missing");
  return seconds_since(start);
}

void compare(const char* label, const OpenReader& open, uint64_t records) {
  std::vector<double> seconds[std::size(kWays)];
  for (int round = 0; round < kRounds; ++round) {
    for (size_t way = 0; way < std::size(kWays); ++way) {
      seconds[way].push_back(seconds_of(open, kWays[way], records));
    }
  }
  std::printf("  %-8s", label);
  for (size_t way = 0; way < std::size(kWays); ++way) {
    const double rate = static_cast<double>(records) / median(seconds[way]) / 1e6;
    std::printf("  %s %8.2f", kWays[way].name, rate);
  }
  std::printf("  headers / whole %5.2f\n", median(seconds[0]) / median(seconds[1]));
}

struct Shape {
  uint64_t payload_bytes;
  uint64_t log_bytes;
  bool is_sealed;
};

void run(const std::string& directory, const Shape& shape) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  const auto runtime = io::make_thread_runtime();
  const auto disk = io::open_posix_disk(directory).value();
  const std::shared_ptr<const KeyRing> keys = shape.is_sealed ? some_key() : nullptr;
  const auto log = SegmentedWal::open(*runtime, *disk, {.keys = keys}).value();
  const std::vector<std::byte> payload(shape.payload_bytes, std::byte{'x'});
  const uint64_t records = shape.log_bytes / shape.payload_bytes;
  const uint64_t each = std::max<uint64_t>(1, kSyncBytes / shape.payload_bytes);
  for (uint64_t i = 0; i < records; ++i) {
    const bool is_wanted = i % 16 == 0;
    const Result<Lsn> appended = log->append({.type = is_wanted ? kWantedType : kWalTypeMin,
                                              .tenant = is_wanted ? kWantedTenant : 1,
                                              .head = payload});
    if (!appended.ok()) die(appended.error().to_string());
    if (i % each == 0) require(log->sync());
  }
  require(log->sync());
  std::printf("%llu bytes, %s\n", static_cast<unsigned long long>(shape.payload_bytes),
              shape.is_sealed ? "sealed" : "plain");
  compare(
      "live", [&](WalReadOptions options) { return log->read(std::move(options)); }, records);
  require(log->close());
  CachedDisk cached(*disk);
  compare(
      "at rest",
      [&](WalReadOptions options) { return open_wal_reader(cached, keys, std::move(options)); },
      records);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2 || count > 3) die("usage: bench_wal_read DIR [MIB]");
  const std::string directory = std::string(arguments[1]) + "/wal_read";
  const uint64_t log_bytes = (count == 3 ? std::stoull(arguments[2]) : 128) << 20;
  for (const bool is_sealed : {false, true}) {
    for (const uint64_t payload_bytes : {64, 256, 4 << 10, 64 << 10}) {
      run(directory, {payload_bytes, log_bytes, is_sealed});
    }
  }
  std::filesystem::remove_all(directory);
  return 0;
}
