#include "server/flush_desk.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

namespace sluice::server {

FlushDesk::FlushDesk(Engine& engine, Runtime& runtime, Nanos wait)
    : engine_(engine), runtime_(runtime), wait_(wait) {
  flusher_ = std::thread([this] { flush_loop(); });
  watch_ = std::thread([this] { watch_loop(); });
}

FlushDesk::~FlushDesk() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  flusher_.join();
  watch_.join();
}

void FlushDesk::ask(Done done) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back({std::move(done), runtime_.now()});
  }
  changed_.notify_all();
}

void FlushDesk::flush_loop() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      served_ = std::exchange(waiting_, {});
    }
    const Result<FlushReport> report = engine_.flush();
    std::vector<Ticket> served;
    {
      const std::lock_guard lock(mutex_);
      served = std::exchange(served_, {});
    }
    for (const Ticket& ticket : served) ticket.done(report, runtime_.now() - ticket.asked_at);
  }
}

std::vector<FlushDesk::Ticket> FlushDesk::take_expired(std::vector<Ticket>& tickets) {
  const Nanos now = runtime_.now();
  const auto expired =
      std::stable_partition(tickets.begin(), tickets.end(),
                            [&](const Ticket& ticket) { return now - ticket.asked_at < wait_; });
  std::vector<Ticket> taken(std::make_move_iterator(expired),
                            std::make_move_iterator(tickets.end()));
  tickets.erase(expired, tickets.end());
  return taken;
}

void FlushDesk::watch_loop() {
  std::unique_lock lock(mutex_);
  while (!ended_) {
    std::vector<Ticket> expired = take_expired(served_);
    for (Ticket& ticket : take_expired(waiting_)) expired.push_back(std::move(ticket));
    if (!expired.empty()) {
      lock.unlock();
      const Error reason = reason_of_delay();
      for (const Ticket& ticket : expired) ticket.done(reason, wait_);
      lock.lock();
      continue;
    }
    const bool is_idle = served_.empty() && waiting_.empty();
    if (is_idle) {
      changed_.wait(lock);
      continue;
    }
    const Nanos oldest = (served_.empty() ? waiting_ : served_).front().asked_at;
    const Nanos left = std::max<Nanos>(oldest + wait_ - runtime_.now(), kMillisecond);
    changed_.wait_for(lock, std::chrono::nanoseconds(left));
  }
}

Error FlushDesk::reason_of_delay() {
  for (const PartitionStatus& partition : engine_.pending(100)) {
    if (!partition.trouble) continue;
    return Error(Code::kBusy, Reason::kDeadline,
                 "the flush fails and is tried again: " + partition.trouble->message(),
                 partition.name.to_string());
  }
  return Error(Code::kBusy, Reason::kDeadline, "the flush did not end in time, it goes on");
}

}  // namespace sluice::server
