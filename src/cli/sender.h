// Sender: batches on their way into the log, several in flight, each source's in order.
//
// A batch names the position of the one before it, so a batch behind a refused one is refused too:
// it is never accepted, which would pass the lost rows' position and lose them for good.
#pragma once

#include <cstdint>
#include <deque>
#include <future>
#include <optional>

#include "cli/interrupt.h"
#include "sluice/engine.h"

namespace sluice::cli {

/// One thread. After an error nothing more may be sent.
class Sender {
 public:
  Sender(Engine& engine, const Interrupt& interrupt) : engine_(engine), interrupt_(interrupt) {}
  /// Waits for what is in flight.
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// The verdict is of batches before. Waits for memory as long as it takes; kCancelled if the user
  /// asked to stop meanwhile. Without `source` (a stream) a batch that is sent twice lands twice.
  /// `rows_durable` grows once the batch is durable and was news; it must live until finish().
  Status send(const TableName& table, Batch batch, const std::optional<SourcePosition>& source,
              uint64_t& rows_durable);
  /// The verdict of all that was sent.
  Status finish();

 private:
  struct Sent {
    std::future<Result<Appended>> verdict;
    uint64_t rows;
    uint64_t bytes;
    uint64_t* rows_durable;
  };
  Status settle_first();

  Engine& engine_;
  const Interrupt& interrupt_;
  std::deque<Sent> in_flight_;
  uint64_t bytes_in_flight_ = 0;
};

}  // namespace sluice::cli
