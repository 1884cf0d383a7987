#include "cli/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>

namespace sluice::cli {
namespace {

std::atomic<bool> was_requested{false};
std::atomic<int> wake_file{-1};

void request(int) {
  was_requested.store(true);
  const ssize_t written = ::write(wake_file.load(), "", 1);
  static_cast<void>(written);  // the pipe is full only if it is readable already
}

void install(void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

Interrupt::Interrupt() {
  if (pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
  wake_file.store(pipe_[1]);
  was_requested.store(false);
  install(request);
}

Interrupt::~Interrupt() {
  install(SIG_DFL);
  close(pipe_[0]);
  close(pipe_[1]);
}

bool Interrupt::requested() const {
  return was_requested.load();
}

bool Interrupt::wait_readable(int file) const {
  pollfd files[] = {{file, POLLIN, 0}, {pipe_[0], POLLIN, 0}};
  while (!requested()) {
    if (poll(files, 2, -1) > 0 && files[0].revents != 0) return !requested();
  }
  return false;
}

void Interrupt::wait(Nanos span) const {
  pollfd woken = {pipe_[0], POLLIN, 0};
  poll(&woken, 1, static_cast<int>(std::clamp<Nanos>(span / kMillisecond, 0, 1'000'000)));
}

}  // namespace sluice::cli
