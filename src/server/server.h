// Server: an engine behind HTTP.
//
//   auto server = TRY(Server::start(engine, runtime, options));
//   ... server->url() ...
//   server->stop();      // takes no more requests, answers those that run
//   engine.close();
//   server.reset();      // after the engine was closed
#pragma once

#include <memory>
#include <string>

#include "server/options.h"
#include "sluice/engine.h"
#include "sluice/runtime.h"

namespace sluice::server {

class Server {
 public:
  /// Serves on return. Both outlive it. kInvalid: an option, where() is its name; kExists: the port
  /// is taken; kCorrupt: the catalog.
  static Result<std::unique_ptr<Server>> start(Engine& engine, Runtime& runtime, Options options);
  virtual ~Server() = default;
  /// "http://127.0.0.1:5555"
  virtual std::string url() const = 0;
  /// Waits for running requests, at most Options::stop_wait.
  virtual void stop() = 0;
};

}  // namespace sluice::server
