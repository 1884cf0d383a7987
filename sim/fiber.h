// Fiber: a stack of its own whose body runs until it suspends, and goes on where it was resumed.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace sluice::sim {

/// Not movable: the running body holds its address. Resumed and destroyed from outside only.
class Fiber {
 public:
  explicit Fiber(std::function<void()> body);
  /// Only of a fiber that has ended, or was never resumed.
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Runs the body until it suspends or ends.
  void resume();
  /// Called by the body: returns at the next resume().
  void suspend();
  bool ended() const { return ended_; }

 private:
  struct Stack;
  std::function<void()> body_;
  std::unique_ptr<Stack> stack_;
  bool ended_ = false;
};

}  // namespace sluice::sim
