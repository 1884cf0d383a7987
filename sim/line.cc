#include "sim/line.h"

#include <utility>

namespace sluice::sim {
namespace {

Error gone() {
  return Error(Code::kCancelled, "the simulated process is dead");
}

Error no_answer(const Change& change) {
  return Error(Code::kIo, Reason::kUnknownOutcome, "no answer", std::string(change.key));
}

}  // namespace

class LineUpload final : public Upload {
 public:
  LineUpload(Line& line, std::string key, std::unique_ptr<Upload> upload)
      : line_(line), key_(std::move(key)), upload_(std::move(upload)) {}

  Status write(ByteView bytes) override {
    TRY(line_.enter());
    return upload_->write(bytes);
  }
  Status finish() override {
    return line_.change({Change::Verb::kUpload, key_}, [this] { return upload_->finish(); });
  }
  void abort() override { upload_->abort(); }

 private:
  Line& line_;
  const std::string key_;
  const std::unique_ptr<Upload> upload_;
};

void Line::wake() {
  const MonitorLock lock(*monitor_);
  next_commit_ = Trouble::kNone;
  asleep_ = false;
  ++wakes_;
  monitor_->notify_all();
}

void Line::land() {
  for (const Late& put : std::exchange(late_, {})) {
    const Status answer = bucket_.put_if_absent(put.key, put.bytes);
    if (answer.ok() && on_put) on_put(put.key);
  }
}

void Line::cut() {
  if (cut_) return;
  cut_ = true;
  if (on_cut) on_cut();
  wake();
}

Status Line::enter() {
  if (nanos_max_ > 0) TRY(runtime_.enter(nanos_max_));
  return cut_ ? Status(gone()) : ok();
}

Trouble Line::trouble_of(const Change& change) {
  if (next_commit_ != Trouble::kNone && change.commits()) {
    return std::exchange(next_commit_, Trouble::kNone);
  }
  return plan ? plan(change) : Trouble::kNone;
}

Status Line::change(const Change& change, const std::function<Status()>& effect) {
  TRY(enter());
  const uint64_t wakes = wakes_;
  const Trouble trouble = trouble_of(change);
  if (trouble == Trouble::kCut) cut();
  if (trouble == Trouble::kSleepBefore) fall_asleep(wakes);
  if (cut_) return gone();
  if (trouble == Trouble::kFails) return no_answer(change);
  if (trouble == Trouble::kLate) {
    late_.push_back({std::string(change.key), {change.bytes.begin(), change.bytes.end()}});
    return no_answer(change);
  }
  Status answer = effect();
  if (answer.ok() && change.verb != Change::Verb::kRemove && on_put) on_put(change.key);
  if (trouble == Trouble::kTwice) answer = effect();
  if (trouble == Trouble::kSleepAfter || trouble == Trouble::kSleepLost) fall_asleep(wakes);
  if (cut_) return gone();
  const bool lost = trouble == Trouble::kAnswerLost || trouble == Trouble::kSleepLost;
  return lost ? Status(no_answer(change)) : answer;
}

/// Unless it was woken since `wakes`, while its call took long.
void Line::fall_asleep(uint64_t wakes) {
  const MonitorLock lock(*monitor_);
  if (wakes_ != wakes) return;
  asleep_ = true;
  while (asleep_) monitor_->wait_until(kForever);
}

Status Line::put_if_absent(std::string_view key, ByteView bytes) {
  return change({Change::Verb::kPutIfAbsent, key, bytes},
                [&] { return bucket_.put_if_absent(key, bytes); });
}

Result<std::unique_ptr<Upload>> Line::begin_upload(std::string_view key) {
  TRY(enter());
  auto upload = TRY(bucket_.begin_upload(key));
  return std::make_unique<LineUpload>(*this, std::string(key), std::move(upload));
}

Status Line::put(std::string_view key, ByteView bytes) {
  return change({Change::Verb::kPut, key, bytes}, [&] { return bucket_.put(key, bytes); });
}

Result<size_t> Line::get_range(std::string_view key, uint64_t offset, std::span<std::byte> out) {
  TRY(enter());
  return bucket_.get_range(key, offset, out);
}

Result<ObjectEntry> Line::head(std::string_view key) {
  TRY(enter());
  return bucket_.head(key);
}

Result<std::vector<ObjectEntry>> Line::list(std::string_view prefix) {
  TRY(enter());
  return bucket_.list(prefix);
}

Status Line::remove(std::string_view key) {
  return change({Change::Verb::kRemove, key}, [&] { return bucket_.remove(key); });
}

}  // namespace sluice::sim
