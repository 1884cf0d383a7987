#include "server/flush_desk.h"

#include <utility>

namespace sluice::server {

Error reason_of_delay(Engine& engine) {
  for (const PartitionStatus& partition : engine.pending(100)) {
    if (!partition.trouble) continue;
    return Error(Code::kBusy, Reason::kDeadline,
                 "it fails and is tried again: " + partition.trouble->message(),
                 partition.name.to_string());
  }
  return Error(Code::kBusy, Reason::kDeadline, "it did not end in time, and goes on");
}

FlushDesk::FlushDesk(Engine& engine, Runtime& runtime, Deadlines& deadlines, Nanos wait)
    : engine_(engine), runtime_(runtime), deadlines_(deadlines), wait_(wait) {
  thread_ = std::thread([this] { run(); });
}

FlushDesk::~FlushDesk() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void FlushDesk::ask(Done done) {
  const Ticket ticket{{}, std::move(done), runtime_.now()};
  deadlines_.add(wait_, ticket.turn, [this, ticket] {
    ticket.done(reason_of_delay(engine_).with_context("the flush"), wait_);
  });
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(ticket);
  }
  changed_.notify_all();
}

void FlushDesk::run() {
  for (;;) {
    std::vector<Ticket> served;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ended_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      served = std::exchange(waiting_, {});
    }
    const Result<FlushReport> report = engine_.flush();
    for (Ticket& ticket : served) {
      if (ticket.turn.take()) ticket.done(report, runtime_.now() - ticket.asked_at);
    }
  }
}

}  // namespace sluice::server
