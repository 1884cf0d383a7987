// HTTP/1.1: requests and answers as values, and a server that carries them. Only http.cc knows the
// library beneath.
//
//   connections   one request at a time each, any number of connections; pipelined requests wait
//   bodies        taken whole, or piece by piece if the handler gives a BodyStream
//   answers       given whole, by any thread, when it suits the handler
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice::server {

struct Request {
  std::string method;             ///< "GET"
  std::vector<std::string> path;  ///< its segments, decoded: {"v1", "databases"}
  std::string target;             ///< path and query as they were sent
  std::vector<std::pair<std::string, std::string>> parameters;  ///< of the query, decoded
  std::vector<std::pair<std::string, std::string>> headers;     ///< names in lower case
  /// source::kRecordPaddingBytes can be read behind its end.
  std::string body;

  /// Empty if there is none; of several the first.
  std::string_view header(std::string_view lower_case_name) const;
  std::optional<std::string_view> parameter(std::string_view name) const;
};

/// Path and parameters of `target`. False: it has a broken escape.
bool split_target(std::string_view target, Request& request);

struct Response {
  int status = 200;
  std::string body = {};
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// Call it once, from any thread; it never blocks.
using Responder = std::function<void(Response)>;

/// Takes a body as it arrives. One call at a time, each after the one before has said `go_on`.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  /// `go_on(true)` asks for the next piece, `go_on(false)` ends the body early; from any thread,
  /// once, perhaps before this returns.
  virtual void push(std::string piece, std::function<void(bool)> go_on) = 0;
  /// The body is complete, or was ended early. Not called when the client goes away before.
  virtual void finish(Responder respond) = 0;
};

/// What the server asks of the program behind it. Called by the threads that serve connections, at
/// the same time for different ones: be quick, do not block.
class Handler {
 public:
  virtual ~Handler() = default;
  /// Looks at a request whose body has not been read: an answer now spares reading it.
  virtual std::optional<Response> refuse(const Request& head) = 0;
  /// Null: the body is to be taken whole.
  virtual std::shared_ptr<BodyStream> stream(const Request& head) = 0;
  virtual void handle(Request request, Responder respond) = 0;
  /// The answer to what is no request (400), too large (413), or too much at once (429).
  virtual Response fault(int status, std::string_view message) = 0;
};

struct HttpOptions {
  std::string host;
  uint16_t port = 0;
  uint32_t threads = 2;
  uint32_t connections_max = 1024;
  uint64_t body_bytes_max = 0;
  uint64_t bodies_bytes_max = 0;
  Nanos idle_max = 120 * kSecond;
};

class HttpServer {
 public:
  /// Listens on return; requests go to `handler`, which outlives the server. kInvalid: `host` is no
  /// address. kExists: the port is taken. kIo: anything else.
  static Result<std::unique_ptr<HttpServer>> open(const HttpOptions& options, Handler& handler);
  virtual ~HttpServer() = default;
  virtual uint16_t port() const = 0;
  /// Connections that are open.
  virtual uint64_t connections() const = 0;
  /// Takes no more requests and waits for the answers to those that run, at most so long; the
  /// connections are closed then. Afterwards the handler is not called any more; responders may be,
  /// but not after the server is destroyed.
  virtual void stop(Nanos wait) = 0;
};

}  // namespace sluice::server
