#include "server/catalog.h"

#include <fcntl.h>
#include <simdjson.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "server/answer.h"

namespace sluice::server {
namespace {

namespace dom = simdjson::dom;

constexpr uint64_t kFormat = 1;

Error failure(const char* what, const std::string& path) {
  return Error(errno == ENOSPC || errno == EDQUOT ? Code::kFull : Code::kIo,
               std::string(what) + ": " + std::strerror(errno), path);
}

/// A file descriptor that is closed with its scope.
class Descriptor {
 public:
  explicit Descriptor(int file) : file_(file) {}
  ~Descriptor() {
    if (file_ >= 0) ::close(file_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return file_; }

 private:
  const int file_;
};

Result<std::string> read_file(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 && errno == ENOENT) return std::string();
  if (file.get() < 0) return failure("cannot open", path);
  std::string text;
  char piece[4096];
  for (;;) {
    const ssize_t got = ::read(file.get(), piece, sizeof piece);
    if (got < 0) return failure("cannot read", path);
    if (got == 0) return text;
    text.append(piece, static_cast<size_t>(got));
  }
}

Status sync_parent(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash);
  const Descriptor folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return failure("cannot sync", parent);
  return ok();
}

Status replace_file(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".tmp";
  {
    const Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0) return failure("cannot create", fresh);
    for (size_t at = 0; at < text.size();) {
      const ssize_t put = ::write(file.get(), text.data() + at, text.size() - at);
      if (put < 0) return failure("cannot write", fresh);
      at += static_cast<size_t>(put);
    }
    if (::fsync(file.get()) != 0) return failure("cannot sync", fresh);
  }
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return failure("cannot rename", fresh);
  return sync_parent(path);
}

void append_notes(JsonObject& into, const char* title, const std::map<std::string, Note>& notes) {
  JsonObject all;
  for (const auto& [name, note] : notes) {
    JsonObject one;
    one.text("description", note.description).number("created_at", note.created_at);
    if (!note.json.empty()) one.raw("json", note.json);
    if (!note.fields.empty()) one.raw("fields", note.fields);
    all.raw(name, one.take());
  }
  into.raw(title, all.take());
}

bool read_notes(dom::element file, const char* title, std::map<std::string, Note>& notes) {
  dom::object all;
  if (file[title].get(all) != simdjson::SUCCESS) return false;
  for (const auto& [name, element] : all) {
    Note& note = notes[std::string(name)];
    std::string_view description;
    if (element["description"].get(description) != simdjson::SUCCESS) return false;
    if (element["created_at"].get(note.created_at) != simdjson::SUCCESS) return false;
    note.description = description;
    dom::element extra;
    if (element["json"].get(extra) == simdjson::SUCCESS) note.json = simdjson::minify(extra);
    if (element["fields"].get(extra) == simdjson::SUCCESS) note.fields = simdjson::minify(extra);
  }
  return true;
}

std::optional<Note> find(const std::map<std::string, Note>& notes, const std::string& name) {
  const auto at = notes.find(name);
  return at == notes.end() ? std::nullopt : std::optional(at->second);
}

}  // namespace

Result<std::unique_ptr<Catalog>> Catalog::open(const std::string& path) {
  std::unique_ptr<Catalog> catalog(new Catalog(path));
  if (path.empty()) return catalog;
  const std::string text = TRY(read_file(path));
  if (!text.empty()) TRY(catalog->read(text));
  return catalog;
}

Status Catalog::read(const std::string& text) {
  dom::parser parser;
  dom::element file;
  uint64_t format = 0;
  const bool is_json = parser.parse(text).get(file) == simdjson::SUCCESS &&
                       file["format"].get(format) == simdjson::SUCCESS;
  if (is_json && format > kFormat) {
    return Error(
        {Code::kUnsupported, Reason::kVersion, "is of a newer version", path_, kFormat, format});
  }
  if (is_json && read_notes(file, "databases", databases_) &&
      read_notes(file, "collections", collections_)) {
    return ok();
  }
  return Error(Code::kCorrupt, Reason::kDecodeFailure,
               "the descriptions of databases and collections cannot be read; without this file "
               "the server starts, and has none",
               path_);
}

Status Catalog::save() {
  if (path_.empty()) return ok();
  JsonObject file;
  file.number("format", kFormat);
  append_notes(file, "databases", databases_);
  append_notes(file, "collections", collections_);
  return replace_file(path_, file.take() + "\n");
}

std::map<std::string, Note> Catalog::databases() const {
  const std::lock_guard lock(mutex_);
  return databases_;
}

std::optional<Note> Catalog::database(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return find(databases_, name);
}

std::optional<Note> Catalog::collection(const TableName& name) const {
  const std::lock_guard lock(mutex_);
  return find(collections_, name.to_string());
}

Result<bool> Catalog::add_database(const std::string& name, const Note& note) {
  const std::lock_guard lock(mutex_);
  if (!databases_.emplace(name, note).second) return false;
  const Status saved = save();
  if (saved.ok()) return true;
  databases_.erase(name);
  return saved.error();
}

Result<bool> Catalog::add_collection(const TableName& name, const Note& note) {
  const std::lock_guard lock(mutex_);
  if (!collections_.emplace(name.to_string(), note).second) return false;
  const Status saved = save();
  if (saved.ok()) return true;
  collections_.erase(name.to_string());
  return saved.error();
}

}  // namespace sluice::server
