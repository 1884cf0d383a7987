#include "wal/spare_maker.h"

#include <algorithm>

#include "wal/format.h"
#include "wal/segments.h"

namespace sluice::wal {
namespace {

/// Zeros that are synced together: commits wait behind no more than these.
constexpr uint64_t kStepBytes = 2 << 20;

}  // namespace

SpareMaker::SpareMaker(Runtime& runtime, Disk& disk, uint64_t bytes)
    : disk_(disk),
      bytes_(bytes),
      name_(zeros_name()),
      monitor_(runtime.monitor()),
      thread_(runtime.spawn("wal-zeros", [this] { run(); })) {}

SpareMaker::~SpareMaker() {
  stop();
}

void SpareMaker::want() {
  const MonitorLock lock(*monitor_);
  if (state_ != State::kNone) return;
  state_ = State::kWanted;
  monitor_->notify_all();
}

std::string SpareMaker::take() {
  const MonitorLock lock(*monitor_);
  if (state_ != State::kReady) return {};
  state_ = State::kNone;
  return name_;
}

bool SpareMaker::give_back() {
  const MonitorLock lock(*monitor_);
  const bool is_making = state_ == State::kMaking;
  const bool is_there = is_making || state_ == State::kReady;
  if (is_making) state_ = State::kGivenUp;
  while (state_ == State::kGivenUp) monitor_->wait_until(kForever);
  if (state_ == State::kReady) static_cast<void>(remove_if_present(disk_, name_));
  if (state_ != State::kStopped) state_ = State::kNone;
  return is_there;
}

void SpareMaker::stop() {
  if (thread_ == nullptr) return;
  give_back();
  {
    const MonitorLock lock(*monitor_);
    state_ = State::kStopped;
    monitor_->notify_all();
  }
  thread_->join();
  thread_.reset();
}

void SpareMaker::run() {
  const MonitorLock lock(*monitor_);
  while (state_ != State::kStopped) {
    if (state_ != State::kWanted) {
      monitor_->wait_until(kForever);
      continue;
    }
    state_ = State::kMaking;
    monitor_->unlock();
    const Status made = make();
    monitor_->lock();
    // Given up, it may have been finished all the same.
    const bool is_kept = made.ok() && state_ == State::kMaking;
    if (!is_kept) static_cast<void>(remove_if_present(disk_, name_));
    state_ = is_kept ? State::kReady : State::kNone;
    monitor_->notify_all();
  }
}

/// W1: durable before it is taken, so that the birth of a segment in it need not wait for that.
Status SpareMaker::make() {
  // What is left serves those who append.
  if (TRY(disk_.free_bytes()) < 2 * bytes_) return Error(Code::kFull, "the disk is nearly full");
  TRY(remove_if_present(disk_, name_));
  const std::unique_ptr<File> file = TRY(disk_.create(name_));
  for (uint64_t at = 0; at < bytes_; at += kStepBytes) {
    if (!is_making()) return Error(Code::kCancelled, "the file is not wanted any more");
    TRY(file->allocate(at, std::min(kStepBytes, bytes_ - at)));
    TRY(file->sync());
  }
  return ok();
}

bool SpareMaker::is_making() const {
  const MonitorLock lock(*monitor_);
  return state_ == State::kMaking;
}

}  // namespace sluice::wal
