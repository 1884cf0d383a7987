// Served: one connection of a client, on the host's side.
//
// 1 the hello  2 for each frame: the call, its answer  3 the acks of appends, as they come
// Owns: the connection, its snapshot and cursors. Does not own: the engine.
//
// An ack comes from a thread of the engine, which only puts it into a queue; a thread of the
// connection sends it. Appends wait while kUntoldMax of them have not been told their ack: so a
// client that does not read holds a queue of that length, and itself.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "remote/acks.h"
#include "remote/socket.h"
#include "sluice/engine.h"

namespace sluice::remote {

/// What answers a call: `first` and, of kNext, a batch behind it.
struct Answer {
  std::vector<std::byte> first;
  Batch batch = {};
};

class Served {
 public:
  static constexpr size_t kCursorsMax = 64;

  Served(Engine& engine, Socket socket, uint64_t instance);
  /// Ends what run() started.
  ~Served();
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  /// Until the client goes, or the connection is ended. One thread, once.
  void run();
  /// Tells the client that it is not served, and why.
  void refuse(const Error& why);
  /// The running call is the last one. What is due is still sent. Any thread.
  void end();
  /// Nothing more is sent. Any thread.
  void cut();

 private:
  bool greet();
  Status send_answer(const Frame& frame, Result<Answer> answer);
  Result<Answer> serve(const Frame& frame);
  Result<Answer> serve_change(const Frame& frame);
  Result<Answer> serve_question(const Frame& frame);
  Result<Answer> serve_rows(const Frame& frame);
  Result<Answer> append(const Frame& frame);
  Result<Answer> add_cursor(Result<std::unique_ptr<Cursor>> cursor);
  Result<Answer> next(const Frame& frame);
  Result<SchemaPtr> schema_of(std::vector<Field> columns);
  void tell_acks();

  Engine& engine_;
  Socket socket_;
  const uint64_t instance_;
  std::mutex sending_;
  std::shared_ptr<Acks> acks_ = std::make_shared<Acks>();
  std::thread telling_;  ///< sends acks; from the first append on
  std::atomic<bool> has_ended_ = false;

  SchemaPtr last_schema_;  ///< of the append before: most are alike
  std::unique_ptr<Snapshot> snapshot_;
  std::map<uint64_t, std::unique_ptr<Cursor>> cursors_;  ///< over snapshot_
  uint64_t last_cursor_ = 0;
};

}  // namespace sluice::remote
