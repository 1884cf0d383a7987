// connect(): the engine of another process of this machine, as if it were one's own.
#pragma once

#include <memory>
#include <string>

#include "sluice/engine.h"
#include "sluice/result.h"

namespace sluice::remote {

/// The engine that a process serves at this data directory (remote/host.h). Its functions are those
/// of Engine, and their errors are the engine's own, whole; but
///   any call         kIo (kClosed): the server is gone, the call did not reach it; connect again.
///                    kIo (kUnknownOutcome): it went before it answered, so the call may or may not
///                    have been done. An append says so by its return, or to `done` once it was
///                    accepted: send again what has a source, it lands once. kBusy (kQuota): the
///                    server has too many connections. kInvalid (kPayloadTooLarge): what is asked
///                    or answered does not fit into a frame (remote/wire.h).
///   close()          waits for the acks that are due, for at most 30 seconds; kBusy (kDeadline):
///                    some did not come, what they are of was accepted. It flushes nothing: the
///                    server does, and lives on.
///   status()         of the server; `failure` says it if that does not answer. Waits for it.
///   pending()        the same: empty if it does not answer.
///   snapshot()       is held by the server until it is destroyed; one batch of rows is fetched
///                    when it is asked for.
///
/// kNotFound: no process serves the directory. kUnsupported (kVersion): it is of another version.
/// kBusy (kDeadline): it does not answer. kIo: it is another user's, or what else is wrong.
Result<std::unique_ptr<Engine>> connect(const std::string& data_dir);

}  // namespace sluice::remote
