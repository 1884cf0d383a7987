#include "io/thread_runtime.h"

#include <gtest/gtest.h>
#include <pthread.h>

namespace sluice::io {
namespace {

TEST(ThreadRuntime, GivesThreadsTheBeginningOfTheirName) {
  const auto runtime = make_thread_runtime();
  char name[16] = {};
  runtime
      ->spawn("flush-worker-number-12",
              [&] { ::pthread_getname_np(::pthread_self(), name, sizeof(name)); })
      ->join();
  EXPECT_STREQ(name, "flush-worker-nu");
}

TEST(ThreadRuntimeDeathTest, AThreadThatIsNotJoinedIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto runtime = make_thread_runtime();
  EXPECT_DEATH(runtime->spawn("lost", [] {}).reset(), "CHECK failed");
}

TEST(ThreadRuntimeDeathTest, AThreadThatIsJoinedTwiceIsABug) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto runtime = make_thread_runtime();
  const auto join_twice = [&] {
    const auto thread = runtime->spawn("twice", [] {});
    thread->join();
    thread->join();
  };
  EXPECT_DEATH(join_twice(), "CHECK failed");
}

}  // namespace
}  // namespace sluice::io
