// Link: one connection to a host, on the client's side.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "remote/archive.h"
#include "remote/calls.h"
#include "remote/socket.h"
#include "sluice/engine.h"

namespace sluice::remote {

/// How many appends of an engine's links wait for their acks. Any thread.
class AcksDue {
 public:
  void add(int64_t count);
  /// False: some are due after that time.
  bool wait(Nanos timeout);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int64_t count_ = 0;
};

/// One call at a time, from any thread: who has the link for himself makes it. Its own thread
/// receives, and tells the acks of appends.
class Link {
 public:
  /// Connects, and greets. kNotFound: nobody listens. kUnsupported (kVersion): the host is of
  /// another version. kBusy: it has too many connections, or does not answer.
  static Result<std::unique_ptr<Link>> open(const std::string& data_dir,
                                            std::shared_ptr<AcksDue> due);
  /// Appends without an ack get kIo (kUnknownOutcome).
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Drawn by the host when it started.
  uint64_t instance() const { return instance_; }
  /// Whether calls may still succeed.
  bool is_whole();
  /// Ends the running call, and all that follow. Any thread.
  void cut();

  /// The host's answer. kIo (kClosed): the connection is gone, and the call did not reach the host.
  /// kIo (kUnknownOutcome): it went before the answer came.
  template <Kind kKind, class... Values>
  Result<typename Call<kKind>::Reply> call(const Values&... values) {
    static_assert(std::is_same_v<std::tuple<Values...>, typename Call<kKind>::Request>);
    const Body answer = TRY(exchange(kKind, encode(values...), {}, nullptr));
    return decode<typename Call<kKind>::Reply>(answer.view());
  }
  /// The rows that follow, or nothing.
  Result<Body> next(uint64_t cursor);
  /// The host's answer to an append. After ok `done` is called once, on the link's thread.
  Status append(const TableName& name, const Batch& batch, const AppendOptions& options,
                Completion done);

 private:
  Link(Socket socket, std::shared_ptr<AcksDue> due);
  Status greet();
  Result<Body> exchange(Kind kind, ByteView first, ByteView second, Completion* done);
  void receive_all();
  Status take(const Frame& frame);
  void tell(const Frame& frame);
  void forget(uint64_t call);
  void lose(const Error& why);

  Socket socket_;
  const std::shared_ptr<AcksDue> due_;
  uint64_t instance_ = 0;
  std::mutex mutex_;  ///< of what follows
  std::condition_variable changed_;
  uint64_t last_call_ = 0;
  bool is_waiting_ = false;             ///< for the answer to last_call_
  std::optional<Result<Body>> answer_;  ///< to that
  std::map<uint64_t, Completion> unacked_;
  std::optional<Error> lost_;
  std::thread receiving_;
};

}  // namespace sluice::remote
