#include "remote/socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace sluice::remote {
namespace {

constexpr const char* kName = "sluice.sock";

Error failed(const std::string& action, int number) {
  const Code code = number == EMFILE || number == ENFILE ? Code::kBusy : Code::kIo;
  return Error(code, "cannot " + action + ": " + std::generic_category().message(number), kName);
}

template <class Call>
auto uninterrupted(Call call) {
  for (;;) {
    const auto answer = call();
    if (answer != -1 || errno != EINTR) return answer;
  }
}

Result<FileDescriptor> open_directory(const std::string& data_dir) {
  const int file = ::open(data_dir.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (file >= 0) return FileDescriptor(file);
  const Code code = errno == ENOENT || errno == ENOTDIR ? Code::kNotFound : Code::kIo;
  return Error(code, "cannot open the data directory: " + std::generic_category().message(errno),
               data_dir);
}

/// An address holds 107 bytes, whatever the length of the directory's path.
sockaddr_un address_in(const FileDescriptor& directory) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(directory.get()) + "/" + kName;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<FileDescriptor> make_socket() {
  const int file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file < 0) return failed("make a socket", errno);
  return FileDescriptor(file);
}

iovec span_of(ByteView bytes) {
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace

FileDescriptor::FileDescriptor(FileDescriptor&& other) noexcept
    : number_(std::exchange(other.number_, -1)) {}

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);
}

Result<Socket> Socket::connect(const std::string& data_dir) {
  const FileDescriptor directory = TRY(open_directory(data_dir));
  FileDescriptor file = TRY(make_socket());
  const sockaddr_un address = address_in(directory);
  const int connected = uninterrupted([&] {
    return ::connect(file.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  });
  if (connected == 0) return Socket(std::move(file));
  if (errno == ENOENT || errno == ECONNREFUSED) {
    return Error(Code::kNotFound, "no server runs on this data directory", data_dir);
  }
  return failed("connect to the server of the data directory", errno).at(data_dir);
}

Status Socket::send(Kind kind, uint64_t call, ByteView first, ByteView second) {
  const uint64_t bytes = first.size() + second.size();
  if (bytes > kBodyBytesMax) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                  "this is too large to go through the server's socket", kName, kBodyBytesMax,
                  bytes});
  }
  const FrameHeader header{static_cast<uint32_t>(bytes), kind, 0, call};
  std::array<iovec, 3> parts = {span_of(std::as_bytes(std::span(&header, 1))), span_of(first),
                                span_of(second)};
  size_t at = 0;
  while (at < parts.size()) {
    msghdr message = {};
    message.msg_iov = &parts[at];
    message.msg_iovlen = parts.size() - at;
    const ssize_t sent =
        uninterrupted([&] { return ::sendmsg(file_.get(), &message, MSG_NOSIGNAL); });
    if (sent < 0) return failed("send to the other side", errno);
    auto left = static_cast<size_t>(sent);
    while (at < parts.size() && left >= parts[at].iov_len) left -= parts[at++].iov_len;
    if (at == parts.size()) break;
    parts[at].iov_base = static_cast<std::byte*>(parts[at].iov_base) + left;
    parts[at].iov_len -= left;
  }
  return ok();
}

Result<bool> Socket::fill(std::byte* to, uint64_t bytes) {
  uint64_t filled = 0;
  while (filled < bytes) {
    const ssize_t got = uninterrupted(
        [&] { return ::recv(file_.get(), to + filled, bytes - filled, MSG_WAITALL); });
    if (got < 0) return failed("receive from the other side", errno);
    if (got == 0 && filled == 0) return false;
    if (got == 0) return Error(Code::kIo, "the other side went away within a frame", kName);
    filled += static_cast<uint64_t>(got);
  }
  return true;
}

Result<std::optional<Frame>> Socket::receive(int timeout_ms) {
  pollfd ready = {file_.get(), POLLIN, 0};
  if (timeout_ms >= 0 && uninterrupted([&] { return ::poll(&ready, 1, timeout_ms); }) == 0) {
    return Error(Code::kBusy, Reason::kDeadline, "the server does not answer", kName);
  }
  FrameHeader header;
  if (!TRY(fill(reinterpret_cast<std::byte*>(&header), sizeof(header)))) {
    return std::optional<Frame>();
  }
  if (header.body_bytes > kBodyBytesMax || header.zero != 0) {
    return Error(Code::kCorrupt, Reason::kDecodeFailure,
                 "what comes from the other side is no frame", kName);
  }
  Frame frame{header.kind, header.call, {}};
  if (header.body_bytes == 0) return std::optional<Frame>(std::move(frame));
  // Not touched before the bytes are there: a length alone takes no memory.
  const auto words = std::make_shared_for_overwrite<uint64_t[]>((header.body_bytes + 7) / 8);
  if (!TRY(fill(reinterpret_cast<std::byte*>(words.get()), header.body_bytes))) {
    return Error(Code::kIo, "the other side went away within a frame", kName);
  }
  frame.body = {words, header.body_bytes};
  return std::optional<Frame>(std::move(frame));
}

void Socket::end_receiving() {
  ::shutdown(file_.get(), SHUT_RD);
}

void Socket::cut() {
  ::shutdown(file_.get(), SHUT_RDWR);
}

Listening::Listening(FileDescriptor directory, FileDescriptor socket)
    : directory_(std::move(directory)), socket_(std::move(socket)) {}

Result<std::unique_ptr<Listening>> Listening::at(const std::string& data_dir) {
  FileDescriptor directory = TRY(open_directory(data_dir));
  FileDescriptor socket = TRY(make_socket());
  std::unique_ptr<Listening> listening(new Listening(std::move(directory), std::move(socket)));
  const int place = listening->directory_.get();
  const int file = listening->socket_.get();
  if (::unlinkat(place, kName, 0) != 0 && errno != ENOENT) {
    return failed("take the place of an earlier socket", errno).at(data_dir);
  }
  const sockaddr_un address = address_in(listening->directory_);
  // Of a socket the mode comes before the name: there is no moment in which others can connect.
  if (::fchmod(file, S_IRUSR | S_IWUSR) != 0 ||
      ::bind(file, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return failed("make the socket for commands in the data directory", errno).at(data_dir);
  }
  struct stat node = {};
  if (::fstatat(place, kName, &node, AT_SYMLINK_NOFOLLOW) != 0 || ::listen(file, SOMAXCONN) != 0) {
    return failed("listen in the data directory", errno).at(data_dir);
  }
  listening->device_ = node.st_dev;
  listening->inode_ = node.st_ino;
  return listening;
}

Listening::~Listening() {
  // Our node cannot be another's while our socket is open.
  struct stat node = {};
  const int place = directory_.get();
  const bool is_there = ::fstatat(place, kName, &node, AT_SYMLINK_NOFOLLOW) == 0;
  if (is_there && node.st_dev == device_ && node.st_ino == inode_) ::unlinkat(place, kName, 0);
}

Result<Socket> Listening::accept() {
  for (;;) {
    const int file = ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (file >= 0) return Socket(FileDescriptor(file));
    if (errno == EINVAL) return Error(Code::kCancelled, Reason::kClosed, "no longer listening");
    if (errno != EINTR && errno != ECONNABORTED) return failed("accept a client", errno);
  }
}

void Listening::stop() {
  ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace sluice::remote
