// A clock and chance without threads, for the tests of this folder.
#pragma once

#include <algorithm>
#include <memory>
#include <span>
#include <string>

#include "base/check.h"
#include "sluice/runtime.h"

namespace sluice::table {

class FakeRuntime final : public Runtime {
 public:
  explicit FakeRuntime(uint64_t seed = 1) : state_(seed) {}
  Nanos now() override { return now_; }
  Nanos wall_now() override { return wall_ + now_; }
  void sleep_until(Nanos deadline) override { now_ = std::max(now_, deadline); }
  void random(std::span<std::byte> out) override {
    for (std::byte& byte : out) {
      state_ = state_ * 6364136223846793005u + 1442695040888963407u;
      byte = static_cast<std::byte>(state_ >> 56);
    }
  }
  std::unique_ptr<Thread> spawn(std::string, std::function<void()>) override { CHECK(false); }
  std::unique_ptr<Monitor> monitor() override { CHECK(false); }

  Nanos now_ = 0;  // tests may look, and set the clock
  Nanos wall_ = 1'700'000'000 * kSecond;

 private:
  uint64_t state_;
};

}  // namespace sluice::table
