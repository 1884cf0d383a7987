// Socket: frames over DATA_DIR/sluice.sock.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "remote/wire.h"
#include "sluice/io.h"
#include "sluice/result.h"

namespace sluice::remote {

/// Owns an open file descriptor.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept;
  FileDescriptor& operator=(FileDescriptor&&) = delete;
  ~FileDescriptor();
  int get() const { return number_; }

 private:
  int number_;
};

/// The body of a received frame, at an 8-byte aligned address.
struct Body {
  std::shared_ptr<const uint64_t[]> words;
  uint64_t size = 0;
  ByteView view() const { return {reinterpret_cast<const std::byte*>(words.get()), size}; }
};

struct Frame {
  Kind kind = Kind::kHello;
  uint64_t call = 0;
  Body body;
};

/// One end of a connection. At a time one thread may send, one receive, and any end it.
class Socket {
 public:
  /// kNotFound: nobody listens there.
  static Result<Socket> connect(const std::string& data_dir);
  explicit Socket(FileDescriptor connected) : file_(std::move(connected)) {}

  /// The body is `first` and `second`, one behind the other. kInvalid (kPayloadTooLarge): it is
  /// longer than a frame's may be, nothing was sent. kIo: the other side cannot have received it
  /// whole.
  Status send(Kind kind, uint64_t call, ByteView first, ByteView second = {});
  /// Nothing: the other side is gone, between two frames. kIo: within one. kCorrupt: no header of a
  /// frame. kBusy (kDeadline): no byte came for `timeout_ms` milliseconds (-1: waits forever).
  Result<std::optional<Frame>> receive(int timeout_ms = -1);
  /// Whoever receives gets what has come, then the end.
  void end_receiving();
  /// Whoever sends or receives is woken, with an error or the end.
  void cut();

 private:
  Result<bool> fill(std::byte* to, uint64_t bytes);

  FileDescriptor file_;
};

/// The place where clients arrive. Any thread may call stop(), one accept().
class Listening {
 public:
  /// Takes the name, also from a process that died with it: who may call this holds the log's lock.
  /// Only this user can connect.
  static Result<std::unique_ptr<Listening>> at(const std::string& data_dir);
  /// Takes the name away, unless it is another's by now.
  ~Listening();
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

  /// The next client. kCancelled: stop() was called. kBusy: there is no descriptor for it.
  Result<Socket> accept();
  void stop();

 private:
  Listening(FileDescriptor directory, FileDescriptor socket);

  FileDescriptor directory_;
  FileDescriptor socket_;
  uint64_t device_ = 0;
  uint64_t inode_ = 0;
};

}  // namespace sluice::remote
