// The interface suites: what every Disk, Bucket and Runtime has to do, whoever implements it.
//
// An implementation joins with a World and one line:
//
//   INSTANTIATE_SEAM_SUITES(Local, make_local_world);
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/platform.h"

namespace sluice::interface {

/// Fresh seams for one test: an empty Disk, an empty Bucket, no injected faults.
class World {
 public:
  virtual ~World() = default;
  virtual Platform platform() = 0;
  /// Calls `body` as a thread of the runtime and returns when it has ended.
  virtual void run(const std::function<void()>& body) { body(); }
};

struct Implementation {
  std::string_view name;
  std::unique_ptr<World> (*make)();
};
inline void PrintTo(const Implementation& implementation, std::ostream* out) {
  *out << implementation.name;
}

class SeamSuite : public testing::TestWithParam<Implementation> {};
class DiskSuite : public SeamSuite {};
class BucketSuite : public SeamSuite {};
class RuntimeSuite : public SeamSuite {};

/// A test of `Suite` whose body runs inside the World and sees its `platform`.
#define SEAM_TEST(Suite, Name)                                 \
  static void Suite##Name([[maybe_unused]] Platform platform); \
  TEST_P(Suite, Name) {                                        \
    const std::unique_ptr<World> world = GetParam().make();    \
    world->run([&world] { Suite##Name(world->platform()); });  \
  }                                                            \
  static void Suite##Name([[maybe_unused]] Platform platform)

#define INSTANTIATE_SEAM_SUITES(Name, make_world)                                                  \
  INSTANTIATE_TEST_SUITE_P(Name, DiskSuite, testing::Values(Implementation{#Name, make_world}));   \
  INSTANTIATE_TEST_SUITE_P(Name, BucketSuite, testing::Values(Implementation{#Name, make_world})); \
  INSTANTIATE_TEST_SUITE_P(Name, RuntimeSuite, testing::Values(Implementation{#Name, make_world}))

/// Calls body(0) to body(count - 1), each in a thread of its own, and joins them all.
inline void run_threads(Runtime& runtime, size_t count, const std::function<void(size_t)>& body) {
  std::vector<std::unique_ptr<Thread>> threads;
  for (size_t i = 0; i < count; ++i) {
    threads.push_back(runtime.spawn("thread-" + std::to_string(i), [&body, i] { body(i); }));
  }
  for (const auto& thread : threads) thread->join();
}

/// `count` bytes that differ from place to place and from seed to seed.
inline std::string pattern(size_t count, uint32_t seed = 1) {
  std::string text(count, '\0');
  uint32_t state = seed * 2654435761u;
  for (char& c : text) {
    state = state * 1664525u + 1013904223u;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

#define EXPECT_OK(expression)                                 \
  do {                                                        \
    const auto& outcome = (expression);                       \
    EXPECT_TRUE(outcome.ok()) << outcome.error().to_string(); \
  } while (false)

/// The code of an error that must be one.
template <class T>
Code code_of(const Result<T>& result) {
  return result.error().code();
}

}  // namespace sluice::interface
