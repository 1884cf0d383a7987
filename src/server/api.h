// Api: the routes of the server over an engine.
//
// Owns: the metrics. Does not own: the engine and what works for it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/auth.h"
#include "server/collections.h"
#include "server/databases.h"
#include "server/flush_desk.h"
#include "server/http.h"
#include "server/metrics.h"
#include "server/options.h"
#include "server/routes.h"
#include "server/workers.h"
#include "server/writer.h"
#include "sluice/engine.h"

namespace sluice::server {

/// What the routes work with; everything outlives the Api.
struct Surroundings {
  Engine& engine;
  Runtime& runtime;
  Collections& collections;
  Workers& readers;   ///< for queries
  Workers& changers;  ///< for writes that wait, and for what changes tables
  FlushDesk& flushes;
  Deadlines& deadlines;
  const Keys& keys;
  const Options& options;
};

class Api final : public Handler {
 public:
  explicit Api(const Surroundings& around);

  std::optional<Response> refuse(const Request& head) override;
  std::shared_ptr<BodyStream> stream(const Request& head) override;
  void handle(Request request, Responder respond) override;
  Response fault(int status, std::string_view message) override;

  /// From now on /readyz says that the server is about to go.
  void begin_stopping() { stopping_.store(true); }
  /// Connections that are open, for /metrics.
  void count_connections(std::function<uint64_t()> count) { connections_ = std::move(count); }

 private:
  void answer(Request request, const Matched& matched, const Responder& respond);
  void write(Request request, Form form, const Responder& respond);
  void answer_written(const Request& request, Form form, Written written, const Responder& respond);
  void query(Request request, const Responder& respond);
  void flush(const Responder& respond);
  void change(Request request, Response (Databases::*what)(const Request&),
              const Responder& respond);
  std::shared_ptr<BodyStream> lines(const Request& head, const TableName& name, AckClass ack,
                                    bool is_streamed);
  Response health(bool is_brief);
  Response ready();
  Response metrics();

  const Surroundings around_;
  Writer writer_;
  Databases databases_;
  HttpMetrics metrics_;
  std::atomic<bool> stopping_{false};
  std::function<uint64_t()> connections_;
};

}  // namespace sluice::server
