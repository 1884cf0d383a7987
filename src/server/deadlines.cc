#include "server/deadlines.h"

#include <chrono>

namespace sluice::server {

Deadlines::Deadlines(Runtime& runtime) : runtime_(runtime), thread_([this] { run(); }) {}

Deadlines::~Deadlines() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Deadlines::add(Nanos span, Turn turn, std::function<void()> act) {
  {
    const std::lock_guard lock(mutex_);
    entries_.emplace(runtime_.now() + span, Entry{std::move(turn), std::move(act)});
  }
  changed_.notify_all();
}

void Deadlines::run() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    if (entries_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const Nanos left = entries_.begin()->first - runtime_.now();
    if (left > 0) {
      changed_.wait_for(lock, std::chrono::nanoseconds(left));
      continue;
    }
    Entry due = std::move(entries_.begin()->second);
    entries_.erase(entries_.begin());
    lock.unlock();
    if (due.turn.take()) due.act();
    lock.lock();
  }
}

}  // namespace sluice::server
