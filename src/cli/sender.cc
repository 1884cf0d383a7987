#include "cli/sender.h"

#include <memory>
#include <utility>

namespace sluice::cli {
namespace {

// So often a wait for memory looks whether the user asked to stop.
constexpr Nanos kWaitForMemory = kSecond / 4;

// Enough for one sync to serve many small files; large batches keep the log busy with few.
constexpr size_t kInFlightMax = 64;
constexpr uint64_t kBytesInFlightMax = 8u << 20;

}  // namespace

Sender::~Sender() {
  for (const Sent& sent : in_flight_) sent.verdict.wait();
}

Status Sender::send(const TableName& table, Batch batch,
                    const std::optional<SourcePosition>& source, uint64_t& rows_durable) {
  // A stream has no positions that would refuse what follows a refused batch.
  if (!source) TRY(finish());
  const uint64_t bytes = batch.bytes().size();
  while (!in_flight_.empty() &&
         (in_flight_.size() >= kInFlightMax || bytes_in_flight_ + bytes > kBytesInFlightMax)) {
    TRY(settle_first());
  }
  AppendOptions options;
  options.timeout = kWaitForMemory;
  options.source = source;
  const auto verdict = std::make_shared<std::promise<Result<Appended>>>();
  for (;;) {
    const Status sent = engine_.append(table, batch, options, [verdict](Result<Appended> ack) {
      verdict->set_value(std::move(ack));
    });
    if (sent.ok()) break;
    if (sent.error().reason() != Reason::kDeadline) return sent;
    if (interrupt_.requested()) return Error(Code::kCancelled, "stopped by a signal");
  }
  in_flight_.push_back({verdict->get_future(), batch.rows(), bytes, &rows_durable});
  bytes_in_flight_ += bytes;
  return ok();
}

Status Sender::settle_first() {
  Sent sent = std::move(in_flight_.front());
  in_flight_.pop_front();
  bytes_in_flight_ -= sent.bytes;
  const Appended ack = TRY(sent.verdict.get());
  if (!ack.duplicate) *sent.rows_durable += sent.rows;
  return ok();
}

Status Sender::finish() {
  Status verdict;
  while (!in_flight_.empty()) {
    const Status settled = settle_first();
    if (verdict.ok()) verdict = settled;
  }
  return verdict;
}

}  // namespace sluice::cli
