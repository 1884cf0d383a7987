#include "remote/link.h"

#include <chrono>
#include <utility>

#include "remote/start_thread.h"

namespace sluice::remote {
namespace {

constexpr int kGreetingMs = 10'000;

Error unknown_outcome(const Error& why) {
  return Error(Code::kIo, Reason::kUnknownOutcome,
               "the connection to the server broke before it answered, so it is unknown whether "
               "this was done (" +
                   why.message() + "); ask the server, or send again what has a source",
               "sluice.sock");
}

Error not_reached(const Error& why) {
  return Error(Code::kIo, Reason::kClosed,
               "the server is gone, and this did not reach it (" + why.message() + ")",
               "sluice.sock");
}

/// What the host says went wrong; or else, that it cannot be read.
Error error_in(ByteView body) {
  auto decoded = decode<std::tuple<Error::Body>>(body);
  return decoded.ok() ? Error(std::get<0>(*std::move(decoded))) : decoded.error();
}

Result<Body> answer_of(const Frame& frame) {
  if (frame.kind == Kind::kReply) return frame.body;
  return error_in(frame.body.view());
}

Result<Appended> verdict_of(const Frame& frame) {
  if (frame.kind == Kind::kAck) {
    const auto [ack] = TRY(decode<std::tuple<Appended>>(frame.body.view()));
    return ack;
  }
  return error_in(frame.body.view());
}

}  // namespace

void AcksDue::add(int64_t count) {
  const std::lock_guard lock(mutex_);
  count_ += count;
  changed_.notify_all();
}

bool AcksDue::wait(Nanos timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::nanoseconds(timeout), [this] { return count_ == 0; });
}

Link::Link(Socket socket, std::shared_ptr<AcksDue> due)
    : socket_(std::move(socket)), due_(std::move(due)) {}

Link::~Link() {
  cut();
  if (receiving_.joinable()) receiving_.join();
}

Result<std::unique_ptr<Link>> Link::open(const std::string& data_dir,
                                         std::shared_ptr<AcksDue> due) {
  Socket socket = TRY(Socket::connect(data_dir));
  std::unique_ptr<Link> link(new Link(std::move(socket), std::move(due)));
  TRY(link->greet());
  TRY(start_thread(link->receiving_, [self = link.get()] { self->receive_all(); }));
  return link;
}

Status Link::greet() {
  // A host that refuses may have closed before this arrives: what it said is there all the same.
  const Status sent = socket_.send(Kind::kHello, 0, encode(kMagic, kVersion));
  const std::optional<Frame> frame = TRY(socket_.receive(kGreetingMs));
  if (!frame) return sent.ok() ? not_reached(Error(Code::kIo, "it closed at once")) : sent.error();
  const Body body = TRY(answer_of(*frame));
  const auto [magic, version, instance] = TRY(decode<Call<Kind::kHello>::Reply>(body.view()));
  if (magic != kMagic || version != kVersion) {
    return Error({Code::kUnsupported, Reason::kVersion,
                  "the server that has the data directory is of another version of sluice",
                  "sluice.sock", kVersion, version});
  }
  instance_ = instance;
  return ok();
}

bool Link::is_whole() {
  const std::lock_guard lock(mutex_);
  return !lost_;
}

void Link::cut() {
  socket_.cut();
}

Result<Body> Link::next(uint64_t cursor) {
  return exchange(Kind::kNext, encode(cursor), {}, nullptr);
}

Status Link::append(const TableName& name, const Batch& batch, const AppendOptions& options,
                    Completion done) {
  std::vector<std::byte> head = encode(name, options, batch.schema());
  head.resize(align_up(head.size(), 8));
  const auto answer = exchange(Kind::kAppend, head, batch.bytes(), &done);
  return answer.ok() ? ok() : Status(answer.error());
}

Result<Body> Link::exchange(Kind kind, ByteView first, ByteView second, Completion* done) {
  std::unique_lock lock(mutex_);
  if (lost_) return not_reached(*lost_);
  const uint64_t call = ++last_call_;
  is_waiting_ = true;
  // Before it is sent: the ack may overtake the answer.
  if (done != nullptr) {
    unacked_[call] = std::move(*done);
    due_->add(1);
  }
  lock.unlock();
  const Status sent = socket_.send(kind, call, first, second);
  lock.lock();
  if (sent.ok()) changed_.wait(lock, [this] { return answer_ || lost_; });
  is_waiting_ = false;
  if (answer_) return *std::exchange(answer_, std::nullopt);
  forget(call);
  if (sent.ok()) return unknown_outcome(*lost_);
  if (sent.error().code() == Code::kInvalid) return sent.error();
  socket_.cut();  // a part of the frame may have gone
  return not_reached(sent.error());
}

/// With the lock held. What is forgotten is not told.
void Link::forget(uint64_t call) {
  if (unacked_.erase(call) > 0) due_->add(-1);
}

void Link::receive_all() {
  for (;;) {
    const auto frame = socket_.receive();
    if (!frame.ok()) return lose(frame.error());
    if (!frame->has_value()) return lose(Error(Code::kIo, "it closed the connection"));
    const Status taken = take(**frame);
    if (!taken.ok()) return lose(taken.error());
  }
}

Status Link::take(const Frame& frame) {
  if (frame.kind == Kind::kAck || frame.kind == Kind::kNack) {
    tell(frame);
    return ok();
  }
  const std::lock_guard lock(mutex_);
  const bool is_answer = frame.kind == Kind::kReply || frame.kind == Kind::kError;
  if (!is_answer || frame.call != last_call_ || !is_waiting_ || answer_) {
    return Error(Code::kCorrupt, Reason::kDecodeFailure, "it answered what nobody asked");
  }
  answer_ = answer_of(frame);
  if (!answer_->ok()) forget(frame.call);
  changed_.notify_all();
  return ok();
}

void Link::tell(const Frame& frame) {
  std::unique_lock lock(mutex_);
  const auto found = unacked_.find(frame.call);
  if (found == unacked_.end()) return;
  const Completion done = std::move(found->second);
  unacked_.erase(found);
  lock.unlock();
  if (done) done(verdict_of(frame));
  due_->add(-1);
}

void Link::lose(const Error& why) {
  socket_.cut();
  std::unique_lock lock(mutex_);
  lost_ = why;
  std::map<uint64_t, Completion> untold;
  for (auto each = unacked_.begin(); each != unacked_.end();) {
    const auto next = std::next(each);
    // The one that waits for its answer is told by that.
    const bool is_unanswered = each->first == last_call_ && is_waiting_ && !answer_;
    if (!is_unanswered) untold.insert(unacked_.extract(each));
    each = next;
  }
  changed_.notify_all();
  lock.unlock();
  for (const auto& [call, done] : untold) {
    if (done) done(unknown_outcome(why));
    due_->add(-1);
  }
}

}  // namespace sluice::remote
