#include "sim/runtime.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "sim/fiber.h"

namespace sluice::sim {
namespace {

constexpr uint64_t kStepsOfTheDead = 100'000;
constexpr uint64_t kTickNanosMax = 500;  // time that a step takes

}  // namespace

/// Why a fiber does not run. The scheduler asks anew at every step; nobody keeps ready lists.
struct SimRuntime::Wait {
  enum class For : uint8_t { kNothing, kTime, kNotice, kLock, kEnd };
  For what = For::kNothing;
  Nanos deadline = kForever;
  const SimMonitor* monitor = nullptr;
  std::shared_ptr<Task> task = nullptr;
};

struct SimRuntime::Task {
  Task(uint64_t task_id, std::string task_name, std::function<void()> body)
      : id(task_id), name(std::move(task_name)), fiber(std::move(body)) {}
  std::string describe() const;

  const uint64_t id;
  const std::string name;
  Fiber fiber;
  Wait wait;
  bool dropped = false;
  std::string last_operation;
};

class SimMonitor final : public Monitor {
 public:
  SimMonitor(SimRuntime& runtime, uint64_t id) : runtime_(runtime), id_(id) {}

  void lock() override {
    runtime_.maybe_yield();
    CHECK(!held_ || owner_ != runtime_.current_);
    while (held_) runtime_.park({.what = For::kLock, .monitor = this});
    take();
  }
  void unlock() override {
    CHECK(held_ && owner_ == runtime_.current_);
    held_ = false;
    runtime_.maybe_yield();
  }
  void wait_until(Nanos deadline) override {
    CHECK(held_ && owner_ == runtime_.current_);
    held_ = false;
    if (runtime_.dice_.chance(runtime_.options_.spurious_permille)) {
      runtime_.park({});
    } else {
      runtime_.park({.what = For::kNotice, .deadline = deadline, .monitor = this});
    }
    while (held_) runtime_.park({.what = For::kLock, .monitor = this});
    take();
  }
  void notify_all() override {
    for (const auto& task : runtime_.tasks_) {
      if (task->wait.what == For::kNotice && task->wait.monitor == this) task->wait = {};
    }
    runtime_.maybe_yield();
  }

  bool held() const { return held_; }
  std::string describe() const {
    const std::string name = "monitor " + std::to_string(id_);
    if (!held_) return name;
    return name + " held by '" + (owner_ == nullptr ? "nobody" : owner_->name) + "'";
  }

 private:
  using For = SimRuntime::Wait::For;
  void take() {
    held_ = true;
    owner_ = runtime_.current_;
  }

  SimRuntime& runtime_;
  const uint64_t id_;
  bool held_ = false;
  const SimRuntime::Task* owner_ = nullptr;  // nullptr: the caller of run()
};

class SimThread final : public Thread {
 public:
  SimThread(SimRuntime& runtime, std::shared_ptr<SimRuntime::Task> task)
      : runtime_(runtime), task_(std::move(task)) {}
  ~SimThread() override { CHECK(joined_ || task_->dropped); }

  void join() override {
    CHECK(!joined_);
    runtime_.maybe_yield();
    while (!task_->fiber.ended()) {
      runtime_.park({.what = SimRuntime::Wait::For::kEnd, .task = task_});
    }
    joined_ = true;
  }

 private:
  SimRuntime& runtime_;
  std::shared_ptr<SimRuntime::Task> task_;
  bool joined_ = false;
};

std::string SimRuntime::Task::describe() const {
  std::string text = "'" + name + "' ";
  switch (wait.what) {
    case Wait::For::kNothing:
      text += "can run";
      break;
    case Wait::For::kTime:
      text += "sleeps until " + std::to_string(wait.deadline);
      break;
    case Wait::For::kNotice:
      text += "waits for a notice of " + wait.monitor->describe();
      break;
    case Wait::For::kLock:
      text += "waits for the lock of " + wait.monitor->describe();
      break;
    case Wait::For::kEnd:
      text += "waits for the end of '" + wait.task->name + "'";
      break;
  }
  return last_operation.empty() ? text : text + ", last operation: " + last_operation;
}

std::string Operation::to_string() const {
  std::string text(verb);
  if (!name.empty()) text.append(" ").append(name);
  if (!to.empty()) text.append(" ").append(to);
  if (ranged) text += " " + std::to_string(offset) + "+" + std::to_string(bytes);
  if (failed) text += " fails";
  return text;
}

std::string RunReport::to_string() const {
  std::string text = outcome == Outcome::kDeadlock ? "deadlock" : "it does not end";
  for (const std::string& fiber : dropped) text += "; " + fiber;
  return text;
}

SimRuntime::SimRuntime(const RuntimeOptions& options)
    : options_(options),
      dice_(options.seed),
      entropy_(dice_.fork()),
      now_(options.now),
      wall_offset_(options.wall - options.now),
      steps_max_(options.steps_max) {}

SimRuntime::~SimRuntime() {
  CHECK(current_ == nullptr);
  RunReport unread;
  drop_all(unread);
}

void SimRuntime::sleep_until(Nanos deadline) {
  park({.what = Wait::For::kTime, .deadline = deadline});
}

void SimRuntime::random(std::span<std::byte> out) {
  entropy_.fill(out);
  fold(crc32c(out));
}

std::shared_ptr<SimRuntime::Task> SimRuntime::start(std::string name, std::function<void()> body) {
  auto task = std::make_shared<Task>(tasks_started_++, std::move(name), std::move(body));
  tasks_.push_back(task);
  return task;
}

std::unique_ptr<Thread> SimRuntime::spawn(std::string name, std::function<void()> body) {
  auto thread = std::make_unique<SimThread>(*this, start(std::move(name), std::move(body)));
  maybe_yield();
  return thread;
}

std::unique_ptr<Monitor> SimRuntime::monitor() {
  return std::make_unique<SimMonitor>(*this, monitors_made_++);
}

void SimRuntime::kill() {
  if (killed_) return;
  killed_ = true;
  steps_max_ = std::min(steps_max_, steps_ + kStepsOfTheDead);
}

void SimRuntime::park(const Wait& wait) {
  if (current_ == nullptr) {
    const bool timed = wait.what == Wait::For::kTime || wait.what == Wait::For::kNotice;
    CHECK(wait.what == Wait::For::kNothing || (timed && wait.deadline != kForever));
    if (timed) now_ = std::max(now_, wait.deadline);
    return;
  }
  Task& self = *current_;
  self.wait = wait;
  self.fiber.suspend();
  self.wait = {};
}

void SimRuntime::maybe_yield() {
  if (current_ != nullptr && dice_.chance(options_.switch_permille)) park({});
}

bool SimRuntime::can_run(const Task& task) const {
  const Wait& wait = task.wait;
  switch (wait.what) {
    case Wait::For::kNothing:
      return true;
    case Wait::For::kTime:
    case Wait::For::kNotice:
      return wait.deadline <= now_ || killed_;
    case Wait::For::kLock:
      return !wait.monitor->held();
    case Wait::For::kEnd:
      return wait.task->fiber.ended();
  }
  return false;
}

SimRuntime::Task* SimRuntime::choose() {
  candidates_.clear();
  for (const auto& task : tasks_) {
    if (can_run(*task)) candidates_.push_back(task.get());
  }
  if (candidates_.empty()) return nullptr;
  return candidates_[candidates_.size() == 1 ? 0 : dice_.below(candidates_.size())];
}

bool SimRuntime::jump_to_next_deadline() {
  Nanos next = kForever;
  for (const auto& task : tasks_) next = std::min(next, task->wait.deadline);
  if (next == kForever) return false;
  now_ = next;
  return true;
}

void SimRuntime::step(Task& task) {
  ++steps_;
  now_ += static_cast<Nanos>(dice_.below(kTickNanosMax));
  if (killed_ && task.wait.deadline != kForever) now_ = std::max(now_, task.wait.deadline);
  fold(task.id);
  current_ = &task;
  task.fiber.resume();
  current_ = nullptr;
  if (!task.fiber.ended()) return;
  std::erase_if(tasks_, [&](const auto& one) { return one.get() == &task; });
}

RunReport SimRuntime::run(std::function<void()> main) {
  CHECK(current_ == nullptr);
  start("main", std::move(main));
  RunReport report;
  while (!tasks_.empty()) {
    Task* task = choose();
    if (task == nullptr && jump_to_next_deadline()) continue;
    if (task == nullptr || steps_ == steps_max_) {
      if (!killed_) report.outcome = task == nullptr ? Outcome::kDeadlock : Outcome::kEndless;
      drop_all(report);
      break;
    }
    step(*task);
  }
  return report;
}

void SimRuntime::drop_all(RunReport& report) {
  // Never destroyed, so that a leak checker still reaches what the dropped stacks own.
  static auto* const graveyard = new std::vector<std::shared_ptr<Task>>();
  for (auto& task : tasks_) {
    report.dropped.push_back(task->describe());
    task->dropped = true;
    graveyard->push_back(std::move(task));
  }
  tasks_.clear();
}

Status SimRuntime::enter(Nanos nanos_max) {
  if (nanos_max > 0 && !killed_) {
    sleep_until(now_ + static_cast<Nanos>(dice_.below(static_cast<uint64_t>(nanos_max))));
  } else {
    maybe_yield();
  }
  if (killed_) return Error(Code::kCancelled, "the simulated process is dead");
  return ok();
}

void SimRuntime::observed(const Operation& operation) {
  fold(crc32c(as_bytes(operation.verb)));
  fold(crc32c(as_bytes(operation.name)));
  fold(crc32c(as_bytes(operation.to)));
  fold(operation.offset);
  fold(operation.bytes * 2 + (operation.failed ? 1 : 0));
  fold(crc32c(operation.content));
  fold(static_cast<uint64_t>(now_));
}

void SimRuntime::took_effect(const Operation& operation) {
  observed(operation);
  ++operations_;
  if (trace != nullptr || current_ != nullptr) {
    std::string line = operation.to_string();
    if (trace != nullptr) trace->push_back(line);
    if (current_ != nullptr) current_->last_operation = std::move(line);
  }
  if (after_operation) after_operation(operations_);
}

}  // namespace sluice::sim
