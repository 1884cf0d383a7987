// Commits: what one costs, as a multiple of what a sync costs in the same minute on the same disk.
//
//   bench_table DIR [COMMITS]
//
// For tables of 1, 1 000 and 100 000 parts: COMMITS times one fdatasync of 4 KiB written over, one
// part of 16 KiB put, and the commit of that part, in turn. Then how long the table takes to open.
// The parts that a table has before are names in its manifests only: no commit reads them.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/bytes.h"
#include "bench/telemetry.h"
#include "io/dir_bucket.h"
#include "io/thread_runtime.h"
#include "table/committer.h"
#include "table/format.h"

namespace {

using Clock = std::chrono::steady_clock;
using namespace sluice;

class Samples {
 public:
  template <class Work>
  void time(Work work) {
    const auto start = Clock::now();
    work();
    micros_.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  double at(double share) {
    std::sort(micros_.begin(), micros_.end());
    return micros_[static_cast<size_t>(share * static_cast<double>(micros_.size() - 1))];
  }

 private:
  std::vector<double> micros_;
};

/// A file whose blocks are there: a sync of it costs what the device costs, and no more.
class SyncedFile {
 public:
  explicit SyncedFile(const std::string& path)
      : file_(::open(path.c_str(), O_RDWR | O_CREAT, 0666)) {
    const std::string zeros(kBytes, '\0');
    if (::pwrite(file_, zeros.data(), zeros.size(), 0) < 0 || ::fsync(file_) != 0) std::exit(1);
  }
  ~SyncedFile() { ::close(file_); }
  void write_and_sync() {
    const std::string page(kPage, 'x');
    if (::pwrite(file_, page.data(), page.size(), static_cast<off_t>(at_)) < 0) std::exit(1);
    if (::fdatasync(file_) != 0) std::exit(1);
    at_ = (at_ + kPage) % kBytes;
  }

 private:
  static constexpr size_t kPage = 4096;
  static constexpr size_t kBytes = 1 << 20;
  int file_;
  size_t at_ = 0;
};

/// One table, its only writer, and LSNs that rise.
class BenchTable {
 public:
  BenchTable(Runtime& runtime, Bucket& bucket, TableName name)
      : runtime_(runtime), bucket_(bucket), name_(std::move(name)), committer_(make()) {
    const TableSpec spec{{{"device", Type::kString}, {"temp", Type::kDouble}}, {}, ""};
    head_ = committer_.create(spec).value();
  }
  part::Meta part() {
    part::Meta part;
    part.key = table::table_prefix(name_) + "/data/" + FlushId::draw(runtime_).hex() + ".parquet";
    part.bytes = kPartBytes;
    part.rows = 1000;
    part.columns = {{1, 8000, 1000, 0, 0, "dev-0001", "dev-0999"},
                    {2, 8000, 1000, 0, 0, std::string(8, '\1'), std::string(8, '\2')}};
    part.split_offsets = {4};
    return part;
  }
  void put(const part::Meta& part) {
    const std::string bytes(part.bytes, 'p');
    const std::unique_ptr<Upload> upload = bucket_.begin_upload(part.key).value();
    bench::require(upload->write(as_bytes(bytes)));
    bench::require(upload->finish());
  }
  void commit(std::vector<part::Meta> parts) {
    table::FlushEdit edit;
    edit.flush = FlushId::draw(runtime_);
    edit.base = head_;
    edit.parts = std::move(parts);
    edit.lsns.low_water = ++lsn_;
    head_ = committer_.commit(edit).value();
  }
  void fill(size_t parts) {
    constexpr size_t kPartsPerCommit = 1000;
    while (parts > 0) {
      std::vector<part::Meta> some(std::min(parts, kPartsPerCommit));
      std::generate(some.begin(), some.end(), [&] { return part(); });
      parts -= some.size();
      commit(std::move(some));
    }
  }
  const table::HeadPtr& head() const { return head_; }

 private:
  static constexpr uint64_t kPartBytes = 16 << 10;

  table::Committer make() {
    const auto opening = OpeningId::draw(runtime_);
    table::Writer writer{LogId::draw(runtime_), opening, {{opening, 1}}};
    return {runtime_, bucket_, name_, std::move(writer), {}, [] { return false; }};
  }

  Runtime& runtime_;
  Bucket& bucket_;
  const TableName name_;
  table::Committer committer_;
  table::HeadPtr head_;
  uint64_t lsn_ = 0;
};

void measure(Runtime& runtime, const std::string& root, size_t parts, size_t commits) {
  const auto bucket = io::open_dir_bucket(root, runtime).value();
  const TableName name{"bench", "t" + std::to_string(parts)};
  BenchTable table(runtime, *bucket, name);
  table.fill(parts);
  SyncedFile file(root + "/synced");
  Samples sync;
  Samples put;
  Samples commit;
  for (size_t i = 0; i < commits; ++i) {
    sync.time([&] { file.write_and_sync(); });
    const part::Meta part = table.part();
    put.time([&] { table.put(part); });
    commit.time([&] { table.commit({part}); });
  }
  Samples open;
  for (int i = 0; i < 20; ++i) {
    open.time([&] {
      const auto fresh = io::open_dir_bucket(root, runtime).value();
      if (!table::load_head(*fresh, name).ok()) std::exit(1);
    });
  }
  const table::Metadata& metadata = table.head()->metadata;
  const double unit = sync.at(0.5);
  std::printf("%7zu  %6.0f %6.0f  %6.0f %6.0f  %6.0f %6.0f  %5.1f %5.1f  %7.2f  %6llu %5zu\n",
              parts, unit, sync.at(0.99), put.at(0.5), put.at(0.99), commit.at(0.5),
              commit.at(0.99), commit.at(0.5) / unit, commit.at(0.99) / unit, open.at(0.5) / 1e3,
              static_cast<unsigned long long>(metadata.version), metadata.encode().size() / 1024);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: bench_table DIR [COMMITS]\n"), 2;
  const size_t commits = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1000;
  std::filesystem::create_directories(argv[1]);
  const auto runtime = io::make_thread_runtime();
  std::printf(
      "          fdatasync µs    put µs         commit µs      × fdatasync  open ms  versions KiB\n"
      "  parts     p50    p99     p50    p99     p50    p99    p50   p99      p50\n");
  for (const size_t parts : {1, 1000, 100'000}) measure(*runtime, argv[1], parts, commits);
}
