// Runtime: the seam through which the library meets time, threads and chance.
//
// Two implementations: io/thread_runtime.h (operating system threads) and sim/runtime.h (fibers on
// one thread, a seeded schedule). Library code names no clock, thread, mutex or random source
// itself; a test checks its symbols.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

namespace sluice {

/// Nanoseconds: a span, or a point on one of the Runtime's two clocks.
using Nanos = int64_t;
inline constexpr Nanos kMicrosecond = 1'000;
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;
inline constexpr Nanos kForever = INT64_MAX;

/// A mutex with one condition. Not recursive. Every wait may return early: loop on your own
/// predicate.
class Monitor {
 public:
  virtual ~Monitor() = default;
  virtual void lock() = 0;
  virtual void unlock() = 0;
  /// Releases the lock until a notify or the monotonic `deadline` (kForever: none); holds it again
  /// on return.
  virtual void wait_until(Nanos deadline) = 0;
  virtual void notify_all() = 0;
};

/// Holds a Monitor's lock for a scope.
class MonitorLock {
 public:
  explicit MonitorLock(Monitor& monitor) : monitor_(monitor) { monitor_.lock(); }
  ~MonitorLock() { monitor_.unlock(); }
  MonitorLock(const MonitorLock&) = delete;
  MonitorLock& operator=(const MonitorLock&) = delete;

 private:
  Monitor& monitor_;
};

/// A running thread of control. join() exactly once before destruction; anything else is a bug.
class Thread {
 public:
  virtual ~Thread() = default;
  virtual void join() = 0;
};

/// Any thread may call any function.
class Runtime {
 public:
  virtual ~Runtime() = default;
  /// Monotonic; also counts while the machine is suspended. For deadlines and ages.
  virtual Nanos now() = 0;
  /// UTC since 1970. May step in both directions: for stamps that people read, never for order.
  virtual Nanos wall_now() = 0;
  virtual void sleep_until(Nanos deadline) = 0;
  /// Unpredictable bytes, fit for identities and keys.
  virtual void random(std::span<std::byte> out) = 0;
  virtual std::unique_ptr<Thread> spawn(std::string name, std::function<void()> body) = 0;
  virtual std::unique_ptr<Monitor> monitor() = 0;
};

}  // namespace sluice
