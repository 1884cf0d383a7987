#include "server/server.h"

#include <utility>

#include "server/api.h"

namespace sluice::server {
namespace {

constexpr size_t kWaitingMax = 1024;
constexpr size_t kChangers = 2;

bool is_loopback(const std::string& host) {
  return host == "::1" || host.starts_with("127.");
}

Status within(const char* name, uint64_t value, uint64_t least, uint64_t most) {
  if (value >= least && value <= most) return ok();
  return Error({Code::kInvalid, Reason::kOutOfRange,
                "must be between " + std::to_string(least) + " and " + std::to_string(most), name,
                value < least ? least : most, value});
}

Status check(const Options& options) {
  TRY(within("threads", options.threads, 1, 64));
  TRY(within("workers", options.workers, 1, 256));
  TRY(within("connections_max", options.connections_max, 1, 1'000'000));
  TRY(within("groups_total", options.groups_total, 1, 65'536));
  TRY(within("points_max", options.points_max, 1, kBatchRowsMax));
  if (is_loopback(options.host) || !options.api_keys.empty() || options.allow_anonymous)
    return ok();
  return Error(Code::kInvalid,
               "others can reach this address, and there is no API key; give one, or say that "
               "anybody may read and write",
               options.host);
}

HttpOptions http_options(const Options& options) {
  HttpOptions http;
  http.host = options.host;
  http.port = options.port;
  http.threads = options.threads;
  http.connections_max = options.connections_max;
  http.body_bytes_max = options.body_bytes_max;
  http.bodies_bytes_max = options.bodies_bytes_max;
  http.idle_max = options.idle_max;
  return http;
}

/// Members in the order in which they go last: what the workers run answers through `http_`, by way
/// of `api_`.
class ServerOfEngine final : public Server {
 public:
  ServerOfEngine(Engine& engine, Runtime& runtime, Options options, Keys keys,
                 std::unique_ptr<Catalog> catalog)
      : options_(std::move(options)),
        keys_(std::move(keys)),
        catalog_(std::move(catalog)),
        collections_(engine, runtime, *catalog_),
        api_({engine, runtime, collections_, readers_, changers_, flushes_, deadlines_, keys_,
              options_}),
        deadlines_(runtime),
        flushes_(engine, runtime, deadlines_, options_.flush_wait),
        readers_(options_.workers, kWaitingMax),
        changers_(kChangers, kWaitingMax) {}

  ~ServerOfEngine() override { stop(); }

  Status listen() {
    http_ = TRY(HttpServer::open(http_options(options_), api_));
    api_.count_connections([this] { return http_->connections(); });
    return ok();
  }

  std::string url() const override {
    const bool is_v6 = options_.host.find(':') != std::string::npos;
    return "http://" + (is_v6 ? "[" + options_.host + "]" : options_.host) + ":" +
           std::to_string(http_->port());
  }

  void stop() override {
    api_.begin_stopping();
    if (http_) http_->stop(options_.stop_wait);
  }

 private:
  const Options options_;
  const Keys keys_;
  const std::unique_ptr<Catalog> catalog_;
  Collections collections_;
  std::unique_ptr<HttpServer> http_;
  Api api_;
  Deadlines deadlines_;
  FlushDesk flushes_;
  Workers readers_;
  Workers changers_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(Engine& engine, Runtime& runtime, Options options) {
  TRY(check(options));
  Keys keys = TRY(Keys::make(options.api_keys));
  auto catalog = TRY(Catalog::open(options.catalog_path));
  auto server = std::make_unique<ServerOfEngine>(engine, runtime, std::move(options),
                                                 std::move(keys), std::move(catalog));
  TRY(server->listen());
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace sluice::server
