#include "sim/fiber.h"

#include <boost/context/fiber.hpp>
#include <boost/context/preallocated.hpp>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace sluice::sim {
namespace {

constexpr size_t kStackBytes = 1 << 20;  // touched lazily; sanitizers triple the frames
// At the low end of a stack, where an overflow arrives.
constexpr std::string_view kCanary =
    "a fiber's stack ends here; whoever writes here has overflowed it";

/// What a sanitizer must hear about a switch of stacks; nothing without a sanitizer.
class SwitchNotice {
 public:
#if defined(__SANITIZE_ADDRESS__)
  void born(const void* bottom, size_t bytes) {
    bottom_ = bottom, bytes_ = bytes;
  }
  void before_resume() {
    __sanitizer_start_switch_fiber(&outer_fake_, bottom_, bytes_);
  }
  void after_resume() {
    __sanitizer_finish_switch_fiber(outer_fake_, nullptr, nullptr);
  }
  void arrived() {
    __sanitizer_finish_switch_fiber(inner_fake_, &outer_bottom_, &outer_bytes_);
  }
  void before_suspend() {
    __sanitizer_start_switch_fiber(&inner_fake_, outer_bottom_, outer_bytes_);
  }
  void before_end() {
    __sanitizer_start_switch_fiber(nullptr, outer_bottom_, outer_bytes_);
  }

 private:
  const void* bottom_ = nullptr;
  size_t bytes_ = 0;
  const void* outer_bottom_ = nullptr;
  size_t outer_bytes_ = 0;
  void* outer_fake_ = nullptr;
  void* inner_fake_ = nullptr;
#elif defined(__SANITIZE_THREAD__)
  void born(const void*, size_t) {
    inner_ = __tsan_create_fiber(0);
  }
  ~SwitchNotice() {
    __tsan_destroy_fiber(inner_);
  }
  void before_resume() {
    outer_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(inner_, 0);
  }
  void after_resume() {}
  void arrived() {}
  void before_suspend() {
    __tsan_switch_to_fiber(outer_, 0);
  }
  void before_end() {
    __tsan_switch_to_fiber(outer_, 0);
  }

 private:
  void* inner_ = nullptr;
  void* outer_ = nullptr;
#else
  void born(const void*, size_t) {}
  void before_resume() {}
  void after_resume() {}
  void arrived() {}
  void before_suspend() {}
  void before_end() {}
#endif
};

/// The Fiber owns the memory, so Boost has none to give back.
struct Borrowed {
  boost::context::stack_context allocate() { return {}; }
  void deallocate(boost::context::stack_context&) {}
};

}  // namespace

struct Fiber::Stack {
  std::unique_ptr<std::byte[]> memory = std::make_unique_for_overwrite<std::byte[]>(kStackBytes);
  boost::context::fiber inside;   // the suspended body
  boost::context::fiber outside;  // the suspended resumer
  SwitchNotice notice;
};

Fiber::Fiber(std::function<void()> body)
    : body_(std::move(body)), stack_(std::make_unique<Stack>()) {}

Fiber::~Fiber() {
  CHECK(ended_ || !stack_->inside);
}

void Fiber::resume() {
  CHECK(!ended_);
  Stack& stack = *stack_;
  std::byte* bottom = stack.memory.get();
  if (!stack.inside) {
    std::memcpy(bottom, kCanary.data(), kCanary.size());
    stack.notice.born(bottom, kStackBytes);
    boost::context::stack_context context;
    context.sp = bottom + kStackBytes;
    context.size = kStackBytes;
    const boost::context::preallocated place(context.sp, context.size, context);
    stack.inside = boost::context::fiber(std::allocator_arg, place, Borrowed{},
                                         [this](boost::context::fiber&& outside) {
                                           stack_->outside = std::move(outside);
                                           stack_->notice.arrived();
                                           body_();
                                           ended_ = true;
                                           stack_->notice.before_end();
                                           return std::move(stack_->outside);
                                         });
  }
  stack.notice.before_resume();
  stack.inside = std::move(stack.inside).resume();
  stack.notice.after_resume();
  CHECK(std::memcmp(bottom, kCanary.data(), kCanary.size()) == 0);
}

void Fiber::suspend() {
  stack_->notice.before_suspend();
  stack_->outside = std::move(stack_->outside).resume();
  stack_->notice.arrived();
}

}  // namespace sluice::sim
