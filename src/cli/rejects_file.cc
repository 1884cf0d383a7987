#include "cli/rejects_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "cli/json_writer.h"

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

Error failure(const std::string& path, int code) {
  return Error(code == ENOSPC ? Code::kFull : Code::kIo,
               std::string("cannot write the rejects: ") + std::strerror(code) +
                   "; another file can be named with --rejects",
               path);
}

Status write_durably(const std::string& path, int flags, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
  if (file < 0) return failure(path, errno);
  Status verdict;
  while (verdict.ok() && !text.empty()) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR) verdict = failure(path, errno);
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  if (verdict.ok() && fsync(file) != 0) verdict = failure(path, errno);
  close(file);
  return verdict;
}

/// How every line of the input begins.
std::string line_prefix(const std::string& input) {
  JsonWriter json;
  return json.begin_object().key("file").text(input).key("line").take();
}

/// The offset in a line of ours.
std::optional<uint64_t> offset_of(std::string_view line) {
  constexpr std::string_view kKey = ",\"offset\":";
  const size_t key = line.find(kKey);
  if (key == std::string_view::npos) return std::nullopt;
  uint64_t offset = 0;
  const char* begin = line.data() + key + kKey.size();
  const auto [end, error] = std::from_chars(begin, line.data() + line.size(), offset);
  return error == std::errc() ? std::optional(offset) : std::nullopt;
}

/// Leaves whole lines only, without those of `prefix` that begin at `from` or behind.
Status forget(const std::string& path, const std::string& prefix, uint64_t from) {
  const std::string fresh = path + ".new";
  std::ifstream old(path, std::ios::binary);
  std::string kept;
  TRY(write_durably(fresh, O_TRUNC, ""));
  for (std::string line; std::getline(old, line) && !old.eof();) {
    const bool is_ours = line.starts_with(prefix);
    const auto offset = is_ours ? offset_of(line.substr(prefix.size())) : std::nullopt;
    if (offset && *offset >= from) continue;
    kept += line + "\n";
    if (kept.size() < (1u << 20)) continue;
    TRY(write_durably(fresh, O_APPEND, kept));
    kept.clear();
  }
  if (old.bad()) return failure(path, EIO);
  TRY(write_durably(fresh, O_APPEND, kept));
  std::error_code error;
  if (fs::file_size(fresh, error) > 0) {
    fs::rename(fresh, path, error);
  } else {
    fs::remove(fresh, error);
    fs::remove(path, error);
  }
  return error ? Status(failure(path, error.value())) : ok();
}

}  // namespace

Result<RejectsFile> RejectsFile::open(std::string path, std::string input, uint64_t resume_offset) {
  if (fs::exists(path)) TRY(forget(path, line_prefix(input), resume_offset));
  return RejectsFile(std::move(path), std::move(input));
}

Status RejectsFile::append(const std::vector<source::Reject>& rejects) {
  if (rejects.empty()) return ok();
  std::string text;
  for (const source::Reject& reject : rejects) {
    JsonWriter json;
    json.begin_object().key("file").text(input_);
    json.key("line").number(reject.at.line).key("offset").number(reject.at.offset);
    json.key("column");
    reject.column.empty() ? json.null() : json.text(reject.column);
    json.key("reason").text(source::to_string(reject.reason));
    json.key("text").text(reject.raw).end_object();
    text += json.take() + "\n";
  }
  std::error_code error;
  if (const fs::path folder = fs::path(path_).parent_path(); !folder.empty()) {
    fs::create_directories(folder, error);
  }
  if (error) return failure(path_, error.value());
  TRY(write_durably(path_, O_APPEND, text));
  count_ += rejects.size();
  return ok();
}

}  // namespace sluice::cli
