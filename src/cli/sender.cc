#include "cli/sender.h"

#include <memory>
#include <utility>

namespace sluice::cli {
namespace {

// So often a wait for memory looks whether the user asked to stop.
constexpr Nanos kWaitForMemory = kSecond / 4;

}  // namespace

Sender::Sender(Engine& engine, TableName table, std::optional<std::string> source,
               const Interrupt& interrupt)
    : engine_(engine),
      table_(std::move(table)),
      source_(std::move(source)),
      interrupt_(interrupt) {}

Sender::~Sender() {
  if (in_flight_.valid()) in_flight_.wait();
}

Status Sender::send(Batch batch, uint64_t end_offset) {
  TRY(finish());
  AppendOptions options;
  options.timeout = kWaitForMemory;
  if (source_) options.source = SourcePosition{*source_, end_offset};
  const auto verdict = std::make_shared<std::promise<Result<Appended>>>();
  for (;;) {
    const Status sent = engine_.append(table_, batch, options, [verdict](Result<Appended> ack) {
      verdict->set_value(std::move(ack));
    });
    if (sent.ok()) break;
    if (sent.error().reason() != Reason::kDeadline) return sent;
    if (interrupt_.requested()) return Error(Code::kCancelled, "stopped by a signal");
  }
  in_flight_ = verdict->get_future();
  rows_in_flight_ = batch.rows();
  return ok();
}

Status Sender::finish() {
  if (!in_flight_.valid()) return ok();
  const Appended ack = TRY(in_flight_.get());
  if (!ack.duplicate) rows_durable_ += rows_in_flight_;
  return ok();
}

}  // namespace sluice::cli
