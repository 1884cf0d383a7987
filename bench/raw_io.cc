// How a commit reaches the device: the ways that Linux has to make bytes durable, side by side.
//
//   bench_raw_io DIR [SECONDS [THREADS]]
//
// Every way has a file of its own that was filled with zeros and synced. Commits of 4, 12 and
// 300 KiB by 1, 2, 4 and 8 threads, or just so many, each of which has one commit under way. All
// ways take turns for SECONDS / 50 each, five times; figures are medians of the five. Linked: one
// io_uring call for the write and the fsync behind it.
#include <fcntl.h>
#include <liburing.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/measure.h"

namespace {

using namespace sluice::bench;

constexpr size_t kBlockBytes = 4096;
constexpr uint64_t kFileBytes = 256 << 20;

enum class Way : uint8_t { kSync, kDsync, kDirectSync, kDirectDsync, kLinked, kDirectLinked };
struct Named {
  Way way;
  const char* name;
};
constexpr std::array<Named, 6> kWays = {{{Way::kSync, "pwrite, fdatasync"},
                                         {Way::kDsync, "RWF_DSYNC"},
                                         {Way::kDirectSync, "O_DIRECT, fdatasync"},
                                         {Way::kDirectDsync, "O_DIRECT, RWF_DSYNC"},
                                         {Way::kLinked, "io_uring, linked"},
                                         {Way::kDirectLinked, "O_DIRECT, io_uring"}}};

bool is_direct(Way way) {
  return way == Way::kDirectSync || way == Way::kDirectDsync || way == Way::kDirectLinked;
}

struct alignas(kBlockBytes) Block {
  char bytes[kBlockBytes];
};

/// Commits of one thread.
class Committer {
 public:
  Committer(Way way, int file, size_t bytes)
      : way_(way), file_(file), blocks_(bytes / kBlockBytes) {
    std::memset(blocks_.data(), 'x', bytes);
    const bool uses_ring = way == Way::kLinked || way == Way::kDirectLinked;
    if (uses_ring && ::io_uring_queue_init(4, &ring_, 0) != 0) die("no io_uring here");
    has_ring_ = uses_ring;
  }
  ~Committer() {
    if (has_ring_) ::io_uring_queue_exit(&ring_);
  }
  void commit(uint64_t offset) {
    if (has_ring_) return commit_linked(offset);
    const size_t bytes = blocks_.size() * kBlockBytes;
    const bool is_durable = way_ == Way::kDsync || way_ == Way::kDirectDsync;
    iovec part{blocks_.data(), bytes};
    const ssize_t put =
        ::pwritev2(file_, &part, 1, static_cast<off_t>(offset), is_durable ? RWF_DSYNC : 0);
    if (put != static_cast<ssize_t>(bytes)) die("write");
    if (!is_durable && ::fdatasync(file_) != 0) die("sync");
  }

 private:
  void commit_linked(uint64_t offset) {
    const auto bytes = static_cast<unsigned>(blocks_.size() * kBlockBytes);
    io_uring_sqe* const write = ::io_uring_get_sqe(&ring_);
    ::io_uring_prep_write(write, file_, blocks_.data(), bytes, offset);
    write->flags |= IOSQE_IO_LINK;
    ::io_uring_prep_fsync(::io_uring_get_sqe(&ring_), file_, IORING_FSYNC_DATASYNC);
    if (::io_uring_submit_and_wait(&ring_, 2) != 2) die("submit");
    for (int i = 0; i < 2; ++i) {
      io_uring_cqe* done = nullptr;
      if (::io_uring_wait_cqe(&ring_, &done) != 0 || done->res < 0) die("io_uring");
      ::io_uring_cqe_seen(&ring_, done);
    }
  }

  const Way way_;
  const int file_;
  std::vector<Block> blocks_;
  io_uring ring_{};
  bool has_ring_ = false;
};

struct Subject {
  Named named{};
  int file = -1;
  std::atomic<uint64_t> next{0};  ///< commits so far
  std::vector<double> commits_per_second{};
  std::vector<double> p99_micros{};
};

void open_file(Subject& subject, const std::string& path) {
  const int flags = O_RDWR | O_CREAT | (is_direct(subject.named.way) ? O_DIRECT : 0);
  subject.file = ::open(path.c_str(), flags, 0644);
  const std::vector<Block> zeros(256);
  const size_t bytes = zeros.size() * kBlockBytes;
  for (uint64_t at = 0; at < kFileBytes; at += bytes) {
    if (::pwrite(subject.file, zeros.data(), bytes, static_cast<off_t>(at)) < 0) die("fill");
  }
  if (::fsync(subject.file) != 0) die("cannot make " + path);
}

struct Shape {
  size_t commit_bytes;
  int threads;
  double seconds;
};

void run_round(Subject& subject, const Shape& shape) {
  std::vector<std::vector<double>> micros(static_cast<size_t>(shape.threads));
  std::vector<std::thread> threads;
  const auto start = Clock::now();
  for (std::vector<double>& taken : micros) {
    threads.emplace_back([&subject, &shape, &taken, start] {
      Committer committer(subject.named.way, subject.file, shape.commit_bytes);
      while (seconds_since(start) < shape.seconds) {
        const uint64_t places = kFileBytes / shape.commit_bytes;
        const auto before = Clock::now();
        committer.commit(subject.next++ % places * shape.commit_bytes);
        taken.push_back(seconds_since(before) * 1e6);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const double taken = seconds_since(start);
  std::vector<double> all;
  for (const std::vector<double>& one : micros) all.insert(all.end(), one.begin(), one.end());
  std::sort(all.begin(), all.end());
  subject.commits_per_second.push_back(static_cast<double>(all.size()) / taken);
  subject.p99_micros.push_back(all[all.size() * 99 / 100]);
}

void compare(std::vector<std::unique_ptr<Subject>>& subjects, const Shape& shape) {
  for (const auto& subject : subjects) {
    subject->commits_per_second.clear();
    subject->p99_micros.clear();
  }
  for (int round = 0; round < kRounds; ++round) {
    for (const auto& subject : subjects) run_round(*subject, shape);
  }
  const double plain = median(subjects.front()->commits_per_second);
  std::printf("%zu KiB a commit, %d in flight\n", shape.commit_bytes / 1024, shape.threads);
  for (const auto& subject : subjects) {
    const double commits = median(subject->commits_per_second);
    std::printf("  %-20s %8.0f commits/s  p99 %7.0f us  %.2f\n", subject->named.name, commits,
                median(subject->p99_micros), commits / plain);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: bench_raw_io DIR [SECONDS [THREADS]]\n"), 2;
  const std::string directory = argv[1];
  const double seconds = (argc > 2 ? std::atof(argv[2]) : 10) / 50;
  std::filesystem::create_directories(directory);
  std::vector<std::unique_ptr<Subject>> subjects;
  for (const Named& named : kWays) {
    auto& subject = *subjects.emplace_back(std::make_unique<Subject>());
    subject.named = named;
    open_file(subject, directory + "/way-" + std::to_string(subjects.size()));
  }
  const int only = argc > 3 ? std::atoi(argv[3]) : 0;
  for (const size_t kibibytes : {4, 12, 300}) {
    for (const int threads : {1, 2, 4, 8}) {
      if (only == 0 || only == threads) compare(subjects, {kibibytes << 10, threads, seconds});
    }
  }
}
