#include "io/thread_runtime.h"

#include <pthread.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <thread>
#include <utility>

#include "base/check.h"

namespace sluice::io {
namespace {

// Conditions wait on CLOCK_MONOTONIC, which stands still while the machine is suspended: short
// waits bound how late a deadline is noticed after it wakes.
constexpr Nanos kWaitMax = 60 * kSecond;
constexpr size_t kThreadNameBytesMax = 15;

Nanos read_clock(clockid_t clock) {
  timespec time;
  CHECK(::clock_gettime(clock, &time) == 0);
  return time.tv_sec * kSecond + time.tv_nsec;
}

class ThreadMonitor final : public Monitor {
 public:
  void lock() override { mutex_.lock(); }
  void unlock() override { mutex_.unlock(); }
  void wait_until(Nanos deadline) override;
  void notify_all() override { condition_.notify_all(); }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
};

void ThreadMonitor::wait_until(Nanos deadline) {
  std::unique_lock lock(mutex_, std::adopt_lock);
  if (deadline == kForever) {
    condition_.wait(lock);
  } else if (const Nanos now = read_clock(CLOCK_BOOTTIME); now < deadline) {
    // deadline - now overflows for no deadline above now, since now is not negative.
    condition_.wait_for(lock, std::chrono::nanoseconds(std::min(deadline - now, kWaitMax)));
  }
  lock.release();
}

class SystemThread final : public Thread {
 public:
  SystemThread(const std::string& name, std::function<void()> body)
      : thread_([name = name.substr(0, kThreadNameBytesMax), body = std::move(body)] {
          CHECK(::pthread_setname_np(::pthread_self(), name.c_str()) == 0);
          body();
        }) {}
  ~SystemThread() override { CHECK(!thread_.joinable()); }
  void join() override {
    CHECK(thread_.joinable());
    thread_.join();
  }

 private:
  std::thread thread_;
};

class ThreadRuntime final : public Runtime {
 public:
  Nanos now() override { return read_clock(CLOCK_BOOTTIME); }
  Nanos wall_now() override { return read_clock(CLOCK_REALTIME); }
  void sleep_until(Nanos deadline) override;
  void random(std::span<std::byte> out) override;
  std::unique_ptr<Thread> spawn(std::string name, std::function<void()> body) override {
    return std::make_unique<SystemThread>(name, std::move(body));
  }
  std::unique_ptr<Monitor> monitor() override { return std::make_unique<ThreadMonitor>(); }
};

void ThreadRuntime::sleep_until(Nanos deadline) {
  if (deadline <= 0) return;
  const timespec until{deadline / kSecond, deadline % kSecond};
  int error = 0;
  do {
    error = ::clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &until, nullptr);
  } while (error == EINTR);
  CHECK(error == 0);
}

void ThreadRuntime::random(std::span<std::byte> out) {
  while (!out.empty()) {
    const ssize_t got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    CHECK(got > 0);
    out = out.subspan(static_cast<size_t>(got));
  }
}

}  // namespace

std::unique_ptr<Runtime> make_thread_runtime() {
  return std::make_unique<ThreadRuntime>();
}

}  // namespace sluice::io
