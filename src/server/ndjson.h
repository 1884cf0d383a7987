// NdjsonStream: a body of one point a line, of any length, in bounded memory.
//
// Owns: the lines that are not written yet, and what was counted. A piece: 1 put it behind the last
// broken line  2 hand its whole lines to the writer  3 ask for the next when they are acknowledged.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/http.h"
#include "server/writer.h"

namespace sluice::server {

class NdjsonStream final : public BodyStream, public std::enable_shared_from_this<NdjsonStream> {
 public:
  /// What became of the body, before the client hears of it.
  struct End {
    uint64_t points = 0;  ///< stored
    source::ConflictCounts kept;
    source::ConflictCounts refused;  ///< lines that were left out
    uint64_t bytes = 0;
    Response response = {};
  };
  NdjsonStream(Writer& writer, const Options& options, Request head, TableName table, AckClass ack,
               std::function<void(End&)> on_end);
  void push(std::string piece, std::function<void(bool)> go_on) override;
  void finish(Responder respond) override;

 private:
  void write(std::string lines, std::function<void(bool)> then);
  void take(Written written);
  Response answer() const;
  void end(const Responder& respond);

  Writer& writer_;
  const uint64_t line_bytes_max_;
  const Request head_;
  const TableName table_;
  const AckClass ack_;
  const std::function<void(End&)> on_end_;
  std::string carry_;
  uint64_t bytes_ = 0;
  uint64_t next_line_ = 1;
  uint64_t points_ = 0;
  uint64_t faults_total_ = 0;
  source::ConflictCounts kept_;
  source::ConflictCounts refused_;
  std::vector<PointFault> faults_;
  std::optional<Refusal> refusal_;
};

}  // namespace sluice::server
