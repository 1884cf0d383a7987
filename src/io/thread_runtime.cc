#include "io/thread_runtime.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <ctime>
#include <thread>
#include <utility>

#include "base/check.h"

namespace sluice::io {
namespace {

// Words are waited on by CLOCK_MONOTONIC, which stands still while the machine is suspended: short
// waits bound how late a deadline is noticed after it wakes.
constexpr Nanos kWaitMax = 60 * kSecond;
constexpr size_t kThreadNameBytesMax = 15;

Nanos read_clock(clockid_t clock) {
  timespec time;
  CHECK(::clock_gettime(clock, &time) == 0);
  return time.tv_sec * kSecond + time.tv_nsec;
}

using Word = std::atomic<uint32_t>;
static_assert(sizeof(Word) == sizeof(uint32_t) && Word::is_always_lock_free);

/// Until somebody wakes the word, unless it is not `seen` any more. May return early.
void wait_on(Word& word, uint32_t seen, const timespec* span) {
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, span, nullptr, 0);
}
void wake(Word& word, int threads) {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, threads, nullptr, nullptr, 0);
}

/// Words to wait on, because those who wake from a condition of the standard library find its mutex
/// marked as wanted by others, and each of them calls the kernel once more to let it go.
class ThreadMonitor final : public Monitor {
 public:
  void lock() override;
  void unlock() override {
    if (state_.exchange(kFree, std::memory_order_release) == kWanted) wake(state_, 1);
  }
  void wait_until(Nanos deadline) override;
  void notify_all() override {
    notices_.fetch_add(1);
    if (waiters_.load() > 0) wake(notices_, INT_MAX);
  }

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kHeld = 1;
  static constexpr uint32_t kWanted = 2;  ///< held, and others may sleep until it is free
  static constexpr int kLooks = 64;       ///< for what is held for a moment only

  Word state_ = kFree;
  Word notices_ = 0;
  Word waiters_ = 0;  ///< rises while the lock is held, so that no notifier overlooks one
};

void ThreadMonitor::lock() {
  for (int looks = 0; looks < kLooks; ++looks) {
    uint32_t seen = kFree;
    if (state_.compare_exchange_weak(seen, kHeld, std::memory_order_acquire)) return;
    if (seen == kWanted) break;
  }
  while (state_.exchange(kWanted, std::memory_order_acquire) != kFree) {
    wait_on(state_, kWanted, nullptr);
  }
}

void ThreadMonitor::wait_until(Nanos deadline) {
  timespec span;
  if (deadline != kForever) {
    const Nanos now = read_clock(CLOCK_BOOTTIME);
    if (now >= deadline) return;
    // deadline - now overflows for no deadline above now, since now is not negative.
    const Nanos left = std::min(deadline - now, kWaitMax);
    span = {left / kSecond, left % kSecond};
  }
  const uint32_t seen = notices_.load();
  waiters_.fetch_add(1);
  unlock();
  wait_on(notices_, seen, deadline == kForever ? nullptr : &span);
  waiters_.fetch_sub(1);
  lock();
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
