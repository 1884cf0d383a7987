// HTTP load: batches of JSON points over kept connections, to the durable answer.
//
//   bench_http_load PORT [CONNECTIONS [BATCHES [POINTS [DEPTH]]]]
//
// Sends to the server on 127.0.0.1, POINTS points a batch, BATCHES batches over all connections,
// each with up to DEPTH requests sent and not answered. Bodies are made before the clock starts:
// the reference telemetry (bench/telemetry.h) as JSON, every point with a time of its own.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "bench/telemetry.h"
#include "sluice/time_text.h"

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string make_request(uint64_t first, uint32_t points) {
  using namespace sluice;
  static const SchemaPtr schema = Schema::make(bench::telemetry_spec().columns).value();
  const Batch batch = bench::telemetry(schema, first, points);
  std::string body = "{\"points\":[";
  char text[256];
  for (uint32_t row = 0; row < points; ++row) {
    const std::string id(batch.column(0).bytes(row));
    const std::string time = format_time(batch.column(1).int64(row));
    std::snprintf(text, sizeof text,
                  "%s{\"id\":\"%s\",\"time\":\"%s\",\"temp\":%.1f,\"hum\":%.1f,\"volt\":%.2f,"
                  "\"rssi\":%.1f}",
                  row == 0 ? "" : ",", id.c_str(), time.c_str(), batch.column(2).real(row),
                  batch.column(3).real(row), batch.column(4).real(row), batch.column(5).real(row));
    body += text;
  }
  body += "]}";
  return "POST /v1/databases/bench/collections/load/write/batch HTTP/1.1\r\nHost: localhost\r\n"
         "Content-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// One connection: what it sends, and how long each answer took.
class Connection {
 public:
  explicit Connection(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int yes = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      fail("cannot connect");
    }
  }
  ~Connection() { ::close(socket_); }

  void run(const std::vector<std::string>& requests, size_t depth) {
    std::deque<Clock::time_point> sent;
    for (const std::string& request : requests) {
      if (sent.size() == depth) take(sent);
      sent.push_back(Clock::now());
      send_all(request);
    }
    while (!sent.empty()) take(sent);
  }

  const std::vector<double>& latencies() const { return latencies_; }

 private:
  void send_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t put = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put <= 0) fail("the server has gone");
      bytes.remove_prefix(static_cast<size_t>(put));
    }
  }

  /// Waits for one answer, which has to be a 202.
  void take(std::deque<Clock::time_point>& sent) {
    size_t head = std::string::npos;
    while ((head = input_.find("\r\n\r\n")) == std::string::npos) fill();
    const size_t at = input_.find("Content-Length: ");
    if (!input_.starts_with("HTTP/1.1 202") || at > head) fail(input_);
    const size_t whole = head + 4 + std::strtoull(input_.c_str() + at + 16, nullptr, 10);
    while (input_.size() < whole) fill();
    input_.erase(0, whole);
    latencies_.push_back(seconds_since(sent.front()));
    sent.pop_front();
  }

  void fill() {
    char piece[4096];
    const ssize_t got = ::recv(socket_, piece, sizeof piece, 0);
    if (got <= 0) fail("the server has gone");
    input_.append(piece, static_cast<size_t>(got));
  }

  const int socket_;
  std::string input_;
  std::vector<double> latencies_;
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& t) { return static_cast<double>(t.tv_sec) + t.tv_usec / 1e6; };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fail("usage: bench_http_load PORT [CONNECTIONS [BATCHES [POINTS [DEPTH]]]]");
  }
  const auto argument = [&](int at, uint64_t usual) {
    return argc > at ? std::strtoull(argv[at], nullptr, 10) : usual;
  };
  const auto port = static_cast<uint16_t>(argument(1, 5555));
  const uint64_t connections = argument(2, 16);
  const uint64_t batches = argument(3, 2000);
  const auto points = static_cast<uint32_t>(argument(4, 1000));
  const size_t depth = argument(5, 2);
  std::vector<std::vector<std::string>> requests(connections);
  for (uint64_t batch = 0; batch < batches; ++batch) {
    requests[batch % connections].push_back(make_request(batch * points, points));
  }
  std::deque<Connection> open;
  for (uint64_t i = 0; i < connections; ++i) open.emplace_back(port);
  const double cpu = cpu_seconds();
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < connections; ++i) {
    threads.emplace_back([&, i] { open[i].run(requests[i], depth); });
  }
  for (std::thread& thread : threads) thread.join();
  const double took = seconds_since(start);
  std::vector<double> latencies;
  for (const Connection& one : open) {
    latencies.insert(latencies.end(), one.latencies().begin(), one.latencies().end());
  }
  std::sort(latencies.begin(), latencies.end());
  const auto at = [&](double share) {
    return 1e3 * latencies[static_cast<size_t>(share * static_cast<double>(latencies.size() - 1))];
  };
  std::printf(
      "%.0f rows/s, %llu rows in %.2f s; answer p50 %.1f ms, p99 %.1f ms; client cpu %.2f s\n",
      static_cast<double>(batches * points) / took,
      static_cast<unsigned long long>(batches * points), took, at(0.5), at(0.99),
      cpu_seconds() - cpu);
}
