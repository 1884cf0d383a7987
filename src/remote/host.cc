#include "remote/host.h"

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "remote/served.h"
#include "remote/socket.h"
#include "remote/start_thread.h"

namespace sluice::remote {
namespace {

constexpr std::chrono::seconds kLastAnswers(1);
constexpr std::chrono::milliseconds kNoDescriptor(100);

uint64_t draw_instance() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

/// Loop `arrivals_`: accepts, and joins who has gone. Owns: the socket, the connections' threads.
class SocketHost final : public Host {
 public:
  SocketHost(Engine& engine, std::unique_ptr<Listening> listening)
      : engine_(engine), instance_(draw_instance()), listening_(std::move(listening)) {}
  ~SocketHost() override { stop(); }
  Status begin() {
    return start_thread(arrivals_, [this] { accept_all(); });
  }

  void stop() override {
    const std::lock_guard stopping(stopping_);
    if (listening_ == nullptr) return;
    {
      const std::lock_guard lock(mutex_);
      is_stopped_ = true;
      changed_.notify_all();
    }
    listening_->stop();
    if (arrivals_.joinable()) arrivals_.join();
    listening_.reset();
    end_all();
  }

 private:
  struct Guest {
    std::unique_ptr<Served> served;
    std::thread thread;
    bool has_gone = false;
  };

  void accept_all() {
    for (;;) {
      auto arrived = listening_->accept();
      std::unique_lock lock(mutex_);
      if (is_stopped_) return;
      bid_farewell(lock);
      if (arrived.ok()) {
        admit(*std::move(arrived));
      } else {
        changed_.wait_for(lock, kNoDescriptor, [this] { return is_stopped_; });
      }
    }
  }

  void admit(Socket socket) {
    auto served = std::make_unique<Served>(engine_, std::move(socket), instance_);
    if (guests_.size() >= kConnectionsMax) {
      return served->refuse(Error({Code::kBusy, Reason::kQuota,
                                   "the server of the data directory has too many connections",
                                   "sluice.sock", kConnectionsMax, guests_.size()}));
    }
    Guest& guest = guests_.emplace_back();
    guest.served = std::move(served);
    const Status started = start_thread(guest.thread, [this, &guest] {
      guest.served->run();
      const std::lock_guard lock(mutex_);
      guest.has_gone = true;
      changed_.notify_all();
    });
    if (started.ok()) return;
    guest.served->refuse(started.error());
    guests_.pop_back();
  }

  /// Joins the threads of those that have gone.
  void bid_farewell(std::unique_lock<std::mutex>& lock) {
    std::list<Guest> gone;
    for (auto guest = guests_.begin(); guest != guests_.end();) {
      const auto next = std::next(guest);
      if (guest->has_gone) gone.splice(gone.end(), guests_, guest);
      guest = next;
    }
    lock.unlock();
    for (Guest& guest : gone) guest.thread.join();
    lock.lock();
  }

  void end_all() {
    std::unique_lock lock(mutex_);
    for (Guest& guest : guests_) guest.served->end();
    changed_.wait_for(lock, kLastAnswers, [this] {
      for (const Guest& guest : guests_) {
        if (!guest.has_gone) return false;
      }
      return true;
    });
    for (Guest& guest : guests_) guest.served->cut();
    lock.unlock();
    for (Guest& guest : guests_) guest.thread.join();
    guests_.clear();
  }

  Engine& engine_;
  const uint64_t instance_;
  std::mutex stopping_;  ///< held by who stops
  std::unique_ptr<Listening> listening_;
  std::thread arrivals_;
  std::mutex mutex_;  ///< of what follows
  std::condition_variable changed_;
  std::list<Guest> guests_;
  bool is_stopped_ = false;
};

}  // namespace

Result<std::unique_ptr<Host>> Host::start(Engine& engine, const std::string& data_dir) {
  auto listening = TRY(Listening::at(data_dir));
  auto host = std::make_unique<SocketHost>(engine, std::move(listening));
  TRY(host->begin());
  return std::unique_ptr<Host>(std::move(host));
}

}  // namespace sluice::remote
