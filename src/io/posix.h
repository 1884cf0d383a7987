// The few system calls that src/io is built from, with errors as values. Paths are whole paths.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/io.h"
#include "sluice/result.h"

namespace sluice::io {

/// Owns an open file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

/// "cannot open: Permission denied; check who owns it and who may use it": `action` is what was
/// tried. ENOSPC, EDQUOT: kFull. ENOENT, and a file where a directory should be or the reverse:
/// kNotFound. EEXIST: kExists. ENAMETOOLONG: kInvalid. All others: kIo.
Error system_error(int error, std::string_view action, const std::string& where);

/// Repeats `call` as long as a signal interrupts it.
template <class Call>
auto uninterrupted(Call call) {
  while (true) {
    const auto answer = call();
    if (answer != -1 || errno != EINTR) return answer;
  }
}

/// The name that an open file has by now; `opened_as` if the system cannot tell.
std::string name_of(const Descriptor& file, const std::string& opened_as);
/// open(2), close-on-exec. New files are as readable and writable as the umask allows.
Result<Descriptor> open_path(const std::string& path, int flags);
/// Writes all of `bytes`.
Status write_all(const Descriptor& file, uint64_t offset, ByteView bytes, const std::string& path);
/// Fills `out`; fewer bytes only at the end of the file.
Result<size_t> read_all(const Descriptor& file, uint64_t offset, std::span<std::byte> out,
                        const std::string& path);
/// Lets the system begin to write what a sync_file() will wait for.
void start_writing(const Descriptor& file);
/// fdatasync(2): the bytes, and the size if it changed.
Status sync_file(const Descriptor& file, const std::string& path);
/// Makes created, renamed and removed names in the directory durable.
Status sync_directory(const std::string& path);
/// Makes one directory and its name durable; ok also if it exists, for whoever made it may have
/// died before the name was durable.
Status make_directory(const std::string& path);
/// Puts what `from` names under the name `to`, and what `to` named under `kept`, which is free;
/// both in one directory. Durable on return. A crash leaves `to` as it was, as it becomes, or,
/// where the file system cannot exchange names, absent. An error loses neither of them; if `from`
/// cannot take the name, `to` has it.
struct Replacement {
  std::string from;
  std::string to;
  std::string kept;
};
Status replace_keeping(const std::string& directory, const Replacement& names);
enum class NameKind : uint8_t {
  kFile,
  kDirectory,
  kAsk,  ///< a link, or the file system does not tell: stat(2) does
  kOther,
};
struct DirectoryName {
  std::string name;
  NameKind kind = NameKind::kAsk;
};
/// All names in the directory that begin with `start`, but "." and "..", in no order.
Result<std::vector<DirectoryName>> names_in(const std::string& path, std::string_view start);
Result<std::vector<std::string>> directory_names(const std::string& path);
/// The path itself, or where it leads as a symbolic link, which need not be there.
Result<std::string> follow_links(std::string path);
/// The absolute path of an existing directory. kNotFound; kInvalid: it is something else.
Result<std::string> absolute_directory(const std::string& path);

}  // namespace sluice::io
