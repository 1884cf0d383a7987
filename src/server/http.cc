#include "server/http.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "server/body_limit.h"
#include "source/records.h"

namespace sluice::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using Failure = boost::system::error_code;

constexpr size_t kHeaderBytesMax = 32 << 10;
constexpr size_t kBufferBytes = 64 << 10;
constexpr size_t kPieceBytes = 256 << 10;
// A client that is answered before it has sent everything may send so much more: it would not read
// the answer otherwise.
constexpr uint64_t kLeftoverBytesMax = 256 << 20;
constexpr auto kWriteMax = std::chrono::seconds(60);
constexpr auto kLingerMax = std::chrono::seconds(10);

class Session;

/// What the sessions of a server share.
struct Shared {
  Shared(const HttpOptions& all, Handler& behind)
      : options(all), handler(behind), limit(all.bodies_bytes_max) {}
  const HttpOptions options;
  Handler& handler;
  BodyLimit limit;

  std::mutex mutex;
  std::condition_variable changed;
  std::set<Session*> sessions;
  bool stopping = false;
  std::function<void()> on_room;  ///< a connection ended
};

/// One connection. Its steps: 1 read a head  2 ask the handler whether it is refused, or streamed
/// 3 read the body  4 wait for the answer  5 write it, then 1 again. Everything runs on its strand.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, std::shared_ptr<Shared> shared)
      : stream_(std::move(socket)),
        shared_(std::move(shared)),
        buffer_(kBufferBytes + kPieceBytes) {
    buffer_.reserve(kBufferBytes);
    const std::lock_guard lock(shared_->mutex);
    shared_->sessions.insert(this);
  }

  ~Session() {
    std::function<void()> on_room;
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->sessions.erase(this);
      on_room = shared_->on_room;
      shared_->changed.notify_all();
    }
    if (on_room) on_room();
  }

  void run() {
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] { self->read_head(); });
  }

  /// Ends when the request at hand has been answered; at once if there is none, or if `now`.
  void stop(bool now) {
    asio::post(stream_.get_executor(), [self = shared_from_this(), now] {
      self->is_last_ = true;
      if (self->is_idle_ || now) beast::get_lowest_layer(self->stream_).close();
    });
  }

 private:
  void expire(std::chrono::nanoseconds span) { stream_.expires_after(span); }

  void read_head() {
    if (is_last_) return close();
    parser_.emplace();
    parser_->header_limit(kHeaderBytesMax);
    parser_->body_limit(boost::none);
    request_ = Request();
    lease_.reset();
    streamed_.reset();
    is_idle_ = true;
    expire(std::chrono::nanoseconds(shared_->options.idle_max));
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = shared_from_this()](Failure error, size_t) {
                              self->is_idle_ = false;
                              self->on_head(error);
                            });
  }

  void on_head(Failure error) {
    if (error == http::error::end_of_stream) return close();
    if (error == http::error::header_limit) return refuse(431, "the headers are too large");
    if (error.category() == http::make_error_code(http::error::bad_method).category()) {
      return refuse(400, "this is no HTTP request: " + error.message());
    }
    if (error) return;
    take_head();
    if (!split_target(request_.target, request_)) return refuse(400, "the path has a bad escape");
    if (auto answer = shared_->handler.refuse(request_)) return answer_early(*std::move(answer));
    streamed_ = shared_->handler.stream(request_);
    const auto length = parser_->content_length();
    if (!streamed_ && length && *length > shared_->options.body_bytes_max) {
      return refuse(413, "the body is too large");
    }
    lease_.emplace(shared_->limit);
    if (!streamed_ && length && !lease_->grow(*length)) {
      return refuse(429, "too much is being sent at once");
    }
    if (beast::iequals(request_.header("expect"), "100-continue")) return invite_body();
    read_body();
  }

  void take_head() {
    const auto& head = parser_->get();
    request_.method = std::string(head.method_string());
    request_.target = std::string(head.target());
    for (const auto& field : head) {
      std::string name(field.name_string());
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      request_.headers.emplace_back(std::move(name), std::string(field.value()));
    }
    keeps_alive_ = head.keep_alive();
    version_ = head.version();
    is_head_ = head.method() == http::verb::head;
  }

  void invite_body() {
    static constexpr std::string_view kInvitation = "HTTP/1.1 100 Continue\r\n\r\n";
    asio::async_write(stream_, asio::buffer(kInvitation),
                      [self = shared_from_this()](Failure error, size_t) {
                        if (!error) self->read_body();
                      });
  }

  void read_body() {
    expire(std::chrono::nanoseconds(shared_->options.idle_max));
    const auto length = parser_->content_length();
    if (!streamed_ && length) request_.body.reserve(*length + source::kRecordPaddingBytes);
    read_piece();
  }

  /// The next piece of the body: behind what there is of it, or alone if it is streamed.
  void read_piece() {
    if (parser_->is_done()) return on_body();
    std::string& into = streamed_ ? piece_ : request_.body;
    if (streamed_) into.clear();
    const uint64_t left = parser_->content_length_remaining().value_or(kPieceBytes);
    const size_t before = into.size();
    const size_t size = std::min<uint64_t>(left, streamed_ ? kPieceBytes : left);
    into.resize(before + std::max<size_t>(size, 1));
    parser_->get().body().data = into.data() + before;
    parser_->get().body().size = into.size() - before;
    parser_->get().body().more = true;
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](Failure error, size_t) { self->on_piece(error); });
  }

  void on_piece(Failure error) {
    if (error == http::error::need_buffer) error = {};
    if (error.category() == http::make_error_code(http::error::bad_chunk).category()) {
      return refuse(400, "this is no HTTP request: " + error.message());
    }
    if (error) return;
    std::string& into = streamed_ ? piece_ : request_.body;
    into.resize(into.size() - parser_->get().body().size);
    if (streamed_) return push_piece();
    if (into.size() > shared_->options.body_bytes_max) return refuse(413, "the body is too large");
    if (into.size() > lease_->bytes() && !lease_->grow(into.size() - lease_->bytes())) {
      return refuse(429, "too much is being sent at once");
    }
    read_piece();
  }

  void push_piece() {
    stream_.expires_never();
    streamed_->push(std::move(piece_), [self = shared_from_this()](bool go_on) {
      asio::post(self->stream_.get_executor(), [self, go_on] {
        self->expire(std::chrono::nanoseconds(self->shared_->options.idle_max));
        if (go_on) return self->read_piece();
        self->on_body();
      });
    });
    piece_ = {};
  }

  void on_body() {
    stream_.expires_never();
    if (streamed_) return streamed_->finish(responder());
    request_.body.reserve(request_.body.size() + source::kRecordPaddingBytes);
    shared_->handler.handle(std::move(request_), responder());
  }

  Responder responder() {
    return [self = shared_from_this()](Response response) {
      asio::post(self->stream_.get_executor(), [self, response = std::move(response)]() mutable {
        self->write(std::move(response));
      });
    };
  }

  void refuse(int status, std::string_view message) {
    answer_early(shared_->handler.fault(status, message));
  }

  /// What is left of the request may come still: it is read before the connection ends.
  void answer_early(Response response) {
    if (!parser_->is_done() && parser_->is_header_done()) {
      const auto left = parser_->content_length_remaining();
      is_last_ = is_last_ || !left || *left > 0;
    }
    is_last_ = is_last_ || !parser_->is_header_done();
    write(std::move(response));
  }

  void write(Response response) {
    answer_ = {};
    answer_.version(version_);
    answer_.result(static_cast<unsigned>(response.status));
    if (!response.body.empty() || response.status != 204) {
      answer_.set(http::field::content_type, response.content_type);
    }
    for (const auto& [name, value] : response.headers) answer_.set(name, value);
    is_last_ = is_last_ || !keeps_alive_ || !parser_->is_done();
    answer_.keep_alive(!is_last_);
    answer_.body() = std::move(response.body);
    answer_.prepare_payload();
    if (is_head_) answer_.body().clear();
    expire(kWriteMax);
    http::async_write(stream_, answer_, [self = shared_from_this()](Failure error, size_t) {
      if (error) return;
      if (self->is_last_) return self->close();
      self->read_head();
    });
  }

  void close() {
    Failure ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    is_idle_ = true;
    expire(kLingerMax);
    if (!parser_->is_done()) drain();
  }

  void drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kBufferBytes),
                            [self = shared_from_this()](Failure error, size_t bytes) {
                              self->drained_ += bytes;
                              if (!error && self->drained_ < kLeftoverBytesMax) self->drain();
                            });
  }

  beast::tcp_stream stream_;
  const std::shared_ptr<Shared> shared_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::buffer_body>> parser_;
  http::response<http::string_body> answer_;
  Request request_;
  std::optional<BodyLease> lease_;
  std::shared_ptr<BodyStream> streamed_;
  std::string piece_;
  uint64_t drained_ = 0;
  unsigned version_ = 11;
  bool keeps_alive_ = true;
  bool is_head_ = false;
  bool is_idle_ = false;
  bool is_last_ = false;
};

class BeastServer final : public HttpServer {
 public:
  BeastServer(const HttpOptions& options, Handler& handler)
      : shared_(std::make_shared<Shared>(options, handler)),
        context_(static_cast<int>(options.threads)),
        work_(asio::make_work_guard(context_)),
        acceptor_(asio::make_strand(context_)) {}

  ~BeastServer() override { stop(0); }

  Status listen() {
    Failure error;
    const auto address = asio::ip::make_address(shared_->options.host, error);
    if (error) return Error(Code::kInvalid, "is no IP address", shared_->options.host);
    const tcp::endpoint place(address, shared_->options.port);
    acceptor_.open(place.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(place, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      const bool is_taken = error == asio::error::address_in_use;
      const std::string where = shared_->options.host + ":" + std::to_string(place.port());
      return Error(is_taken ? Code::kExists : Code::kIo, "cannot listen: " + error.message(),
                   where);
    }
    port_ = acceptor_.local_endpoint().port();
    shared_->on_room = [this] { asio::post(acceptor_.get_executor(), [this] { accept(); }); };
    asio::post(acceptor_.get_executor(), [this] { accept(); });
    for (uint32_t i = 0; i < shared_->options.threads; ++i) {
      threads_.emplace_back([this] { context_.run(); });
    }
    return ok();
  }

  uint16_t port() const override { return port_; }

  uint64_t connections() const override {
    const std::lock_guard lock(shared_->mutex);
    return shared_->sessions.size();
  }

  void stop(Nanos wait) override {
    {
      const std::lock_guard lock(shared_->mutex);
      if (std::exchange(shared_->stopping, true)) return;
      shared_->on_room = nullptr;
    }
    asio::post(acceptor_.get_executor(), [this] {
      Failure ignored;
      acceptor_.close(ignored);
    });
    end_sessions(false);
    std::unique_lock lock(shared_->mutex);
    const auto none_left = [this] { return shared_->sessions.empty(); };
    shared_->changed.wait_for(lock, std::chrono::nanoseconds(wait), none_left);
    lock.unlock();
    end_sessions(true);
    work_.reset();
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void end_sessions(bool now) {
    std::vector<std::shared_ptr<Session>> sessions;
    {
      const std::lock_guard lock(shared_->mutex);
      for (Session* session : shared_->sessions) {
        if (auto alive = session->weak_from_this().lock()) sessions.push_back(std::move(alive));
      }
    }
    for (const auto& session : sessions) session->stop(now);
  }

  /// One accept waits at a time; none while there are as many connections as there may be.
  void accept() {
    {
      const std::lock_guard lock(shared_->mutex);
      const bool is_full = shared_->sessions.size() >= shared_->options.connections_max;
      if (is_accepting_ || is_full || shared_->stopping) return;
    }
    is_accepting_ = true;
    acceptor_.async_accept(asio::make_strand(context_), [this](Failure error, tcp::socket socket) {
      is_accepting_ = false;
      if (error == asio::error::operation_aborted) return;
      if (!error) {
        Failure ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        std::make_shared<Session>(std::move(socket), shared_)->run();
        return accept();
      }
      // Out of file descriptors, mostly: a connection that ends calls again.
      if (connections() == 0) accept();
    });
  }

  const std::shared_ptr<Shared> shared_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor acceptor_;
  bool is_accepting_ = false;  ///< on the acceptor's strand
  uint16_t port_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::open(const HttpOptions& options, Handler& handler) {
  auto server = std::make_unique<BeastServer>(options, handler);
  TRY(server->listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace sluice::server
