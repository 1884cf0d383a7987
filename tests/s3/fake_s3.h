// FakeS3: the fake S3 server of tests/s3/fake_s3.py as a process of its own, for as long as this
// lives. It ends with its owner, however that ends: its standard input is the owner's pipe.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "io/http_client.h"
#include "sluice/s3.h"

namespace sluice {

class FakeS3 {
 public:
  /// `script`: where tests/s3/fake_s3.py is.
  explicit FakeS3(std::string script, std::vector<std::string> options = {}) {
    std::vector<std::string> words = {"python3", "-B", std::move(script), "--bucket", "lake"};
    words.insert(words.end(), options.begin(), options.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int to_server[2];
    int from_server[2];
    if (::pipe2(to_server, O_CLOEXEC) != 0 || ::pipe2(from_server, O_CLOEXEC) != 0) {
      throw std::runtime_error("no pipe for the fake S3");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, to_server[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, from_server[1], STDOUT_FILENO);
    const int error =
        ::posix_spawnp(&process_, "python3", &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(to_server[0]);
    ::close(from_server[1]);
    life_ = to_server[1];
    for (char c = 0; error == 0 && ::read(from_server[0], &c, 1) == 1 && c != '\n';) port_ += c;
    ::close(from_server[0]);
    if (port_.empty()) throw std::runtime_error("the fake S3 does not start: is python3 there?");
  }
  ~FakeS3() { stop(); }
  FakeS3(const FakeS3&) = delete;
  FakeS3& operator=(const FakeS3&) = delete;

  void stop() {
    if (life_ < 0) return;
    ::close(life_);
    life_ = -1;
    ::waitpid(process_, nullptr, 0);
  }

  std::string endpoint() const { return "http://127.0.0.1:" + port_; }
  std::string port() const { return port_; }
  /// Of the bucket "lake", below `prefix`.
  S3Options options(std::string prefix = "") const {
    S3Options options;
    options.place.bucket = "lake";
    options.place.prefix = std::move(prefix);
    options.place.endpoint = endpoint();
    options.credentials = {"sluice-test", "sluice-test-secret", ""};
    options.request_nanos_max = 20 * kSecond;
    return options;
  }

  /// A plan of tests/s3/faults.py.
  void plan(std::string_view json) { control("POST", "faults", json); }
  void fault(std::string_view rule) { plan("{\"rules\": [" + std::string(rule) + "]}"); }
  void no_faults() { plan("{}"); }
  void forget() { control("POST", "forget", ""); }
  /// The number behind "name": in the log, 0 if there is none.
  uint64_t logged(std::string_view name) {
    const std::string text = control("GET", "log", "");
    const std::string quoted = "\"" + std::string(name) + "\": ";
    const size_t at = text.substr(0, text.find("\"entries\"")).find(quoted);
    return at == text.npos ? 0 : std::stoull(text.substr(at + quoted.size()));
  }
  std::string open_uploads() { return control("GET", "uploads", ""); }

 private:
  std::string control(std::string method, std::string_view name, std::string_view body) {
    io::HttpRequest request{.method = std::move(method), .text_bytes_max = 64u << 20};
    request.url = endpoint() + "/-/" + std::string(name);
    request.body = as_bytes(body);
    const io::HttpAnswer answer = http_.send(request).value();
    EXPECT_EQ(answer.status, 200);
    return answer.text;
  }

  io::HttpClient http_{{.connect_nanos_max = 5 * kSecond, .request_nanos_max = 20 * kSecond}};
  pid_t process_ = -1;
  int life_ = -1;
  std::string port_;
};

}  // namespace sluice
