#include "cli/served_troubles.h"

#include <chrono>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::chrono::seconds kAskEvery(1);
/// Those that pin the oldest of the log come first: who cannot be flushed is among them.
constexpr size_t kPartitionsAsked = 16;

}  // namespace

ServedTroubles::ServedTroubles(Engine& engine, std::shared_ptr<Listener> listener)
    : engine_(engine), listener_(std::move(listener)), thread_([this] { run(); }) {}

ServedTroubles::~ServedTroubles() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  woken_.notify_all();
  thread_.join();
}

void ServedTroubles::run() {
  std::unique_lock lock(mutex_);
  while (!woken_.wait_for(lock, kAskEvery, [this] { return ended_; })) {
    lock.unlock();
    for (const PartitionStatus& partition : engine_.pending(kPartitionsAsked)) {
      if (partition.trouble) listener_->on_trouble(partition.name.table, *partition.trouble);
    }
    lock.lock();
  }
}

}  // namespace sluice::cli
