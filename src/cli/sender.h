// Sender: batches of one input on their way into the log, in order.
//
// One batch is in flight while the next is decoded, and a batch is sent only when the one before it
// is durable: a refused batch is never followed by an accepted one, whose position would pass it
// and lose its rows for good.
#pragma once

#include <cstdint>
#include <future>
#include <optional>
#include <string>

#include "cli/interrupt.h"
#include "sluice/engine.h"

namespace sluice::cli {

/// One thread. After an error nothing more may be sent.
class Sender {
 public:
  /// Without `source` (a stream) a batch that is sent twice lands twice.
  Sender(Engine& engine, TableName table, std::optional<std::string> source,
         const Interrupt& interrupt);
  ~Sender();
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  /// The verdict is of the batch before. Waits for memory as long as it takes; kCancelled if the
  /// user asked to stop meanwhile.
  Status send(Batch batch, uint64_t end_offset);
  /// The verdict of the last batch.
  Status finish();

  uint64_t rows_durable() const { return rows_durable_; }

 private:
  Engine& engine_;
  const TableName table_;
  const std::optional<std::string> source_;
  const Interrupt& interrupt_;
  std::future<Result<Appended>> in_flight_;
  uint64_t rows_in_flight_ = 0;
  uint64_t rows_durable_ = 0;
};

}  // namespace sluice::cli
