// Host: lets other processes of this machine use an engine, through DATA_DIR/sluice.sock (wire.h).
//
//   auto host = TRY(remote::Host::start(*engine, data_dir));
//   ...
//   engine->close();   // what clients wait for ends: with a yes, or a clear no
//   host->stop();
#pragma once

#include <memory>
#include <string>

#include "sluice/engine.h"
#include "sluice/result.h"

namespace sluice::remote {

/// A client has a thread of the host for each of its connections, and holds only these, however
/// slow it is: the engine's threads never wait for it. More than kConnectionsMax are told kBusy
/// (kQuota).
class Host {
 public:
  static constexpr size_t kConnectionsMax = 256;

  /// Serves from now on. The engine is open and outlives the host. A socket that a dead process
  /// left is replaced: the log's lock says that we are the one who lives. kIo: no socket can be
  /// made in the directory.
  static Result<std::unique_ptr<Host>> start(Engine& engine, const std::string& data_dir);
  /// stop().
  virtual ~Host() = default;
  /// Takes the socket away and ends all connections; calls that run are ended and answered before.
  /// So the engine is closed first: else this waits for flushes that do not end. A client that does
  /// not take its answers is waited for a second. Any thread; ok to call again.
  virtual void stop() = 0;
};

}  // namespace sluice::remote
