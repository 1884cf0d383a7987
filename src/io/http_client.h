// HttpClient: one HTTP/1.1 request and its answer, over connections that are kept.
//
// Any thread may call send(). Each call in progress has a connection of its own; connections are
// kept for later calls, so there are as many as calls were ever in progress at once.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice::io {

struct HttpRequest {
  std::string method = {};
  std::string url = {};  ///< sent as it is
  std::vector<std::string> headers = {};
  ByteView body = {};
  /// The request must not reach the server twice. Without it a request is sent again, once, when a
  /// kept connection turns out to be dead before anything came back.
  bool send_once = false;
  std::span<std::byte> out = {};  ///< where the body of an answer of success goes, if not empty
  uint64_t text_bytes_max = 0;    ///< of all other bodies; a longer one is an error
};

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string, std::less<>> headers;  ///< by lower-case name
  size_t out_bytes = 0;
  std::string text;

  bool is_success() const { return status >= 200 && status < 300; }
  /// Empty if there is none.
  std::string_view header(std::string_view name) const;
};

struct HttpOptions {
  Nanos connect_nanos_max = 0;
  Nanos request_nanos_max = 0;
  std::string ca_file = {};  ///< empty: the system's certificates
};

class HttpClient {
 public:
  explicit HttpClient(HttpOptions options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// A whole answer of any status; redirects are not followed. kIo (kNone): it cannot work like
  /// this. kIo (kDeadline, kUnknownOutcome): no answer, or not all of it; the request may have had
  /// its effect.
  Result<HttpAnswer> send(const HttpRequest& request);

 private:
  struct Connection;
  std::unique_ptr<Connection> take();
  void keep(std::unique_ptr<Connection> connection);

  const HttpOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;  ///< the last one used was used last
};

}  // namespace sluice::io
