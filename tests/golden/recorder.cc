#include "tests/golden/recorder.h"

#include <utility>

namespace sluice::golden {
namespace {

constexpr size_t kLsnDigits = 20;
constexpr size_t kIdCharsMin = 8;

/// "verb name rest", and what went wrong.
template <class Outcome>
Outcome said(Tape& tape, std::string line, Outcome outcome) {
  if (!outcome.ok()) line += ": " + std::string(to_string(outcome.error().code()));
  tape.say(line);
  return outcome;
}

std::string words(std::string_view verb, std::string_view name) {
  return std::string(verb) + " " + std::string(name);
}
std::string range(uint64_t offset, uint64_t bytes) {
  return " " + std::to_string(offset) + "+" + std::to_string(bytes);
}

class RecordedFile final : public File {
 public:
  RecordedFile(std::unique_ptr<File> file, RecordedDisk::Name name, Tape& tape)
      : file_(std::move(file)), name_(std::move(name)), tape_(tape) {}
  Status pwrite_at(uint64_t offset, ByteView bytes) override {
    return said(tape_, words("write", *name_) + range(offset, bytes.size()),
                file_->pwrite_at(offset, bytes));
  }
  Status sync() override { return said(tape_, words("sync", *name_), file_->sync()); }
  Status truncate(uint64_t bytes) override {
    return said(tape_, words("truncate", *name_) + " " + std::to_string(bytes),
                file_->truncate(bytes));
  }
  Status allocate(uint64_t offset, uint64_t bytes) override {
    return said(tape_, words("allocate", *name_) + range(offset, bytes),
                file_->allocate(offset, bytes));
  }
  Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override {
    return file_->read_at(offset, out);
  }
  Result<uint64_t> size() override { return file_->size(); }

 private:
  std::unique_ptr<File> file_;
  RecordedDisk::Name name_;
  Tape& tape_;
};

class RecordedLock final : public DiskLock {
 public:
  RecordedLock(std::unique_ptr<DiskLock> lock, std::string name, Tape& tape)
      : lock_(std::move(lock)), name_(std::move(name)), tape_(tape) {}
  ~RecordedLock() override { tape_.say(words("unlock", name_)); }

 private:
  std::unique_ptr<DiskLock> lock_;
  std::string name_;
  Tape& tape_;
};

class RecordedUpload final : public Upload {
 public:
  RecordedUpload(std::unique_ptr<Upload> upload, std::string key, Tape& tape)
      : upload_(std::move(upload)), key_(std::move(key)), tape_(tape) {}
  Status write(ByteView bytes) override { return upload_->write(bytes); }
  Status finish() override { return said(tape_, words("finish", key_), upload_->finish()); }
  void abort() override {
    upload_->abort();
    tape_.say(words("abort", key_));
  }

 private:
  std::unique_ptr<Upload> upload_;
  std::string key_;
  Tape& tape_;
};

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

void Tape::say(std::string_view said) {
  lines_.push_back(stable(said));
}

std::string Tape::stable(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    bool digits_only = true;
    while (end < text.size() && is_hex(text[end])) digits_only &= is_digit(text[end++]);
    const std::string run(text.substr(at, end - at));
    if (run.size() == kLsnDigits && digits_only) {
      out += std::to_string(std::stoull(run));
    } else if (run.size() >= kIdCharsMin) {
      const size_t number = ids_.try_emplace(run, ids_.size() + 1).first->second;
      out += "<id" + std::to_string(number) + ">";
    } else {
      out += run;
    }
    if (end < text.size()) out += text[end];
    at = end + 1;
  }
  return out;
}

Result<std::unique_ptr<File>> RecordedDisk::recorded(Result<std::unique_ptr<File>> file,
                                                     std::string_view name) {
  if (!file.ok()) return file;
  Name& known = names_[std::string(name)];
  if (known == nullptr) known = std::make_shared<std::string>(name);
  return std::unique_ptr<File>(std::make_unique<RecordedFile>(std::move(*file), known, tape_));
}

Result<std::unique_ptr<File>> RecordedDisk::create(std::string_view name) {
  return recorded(said(tape_, words("create", name), disk_.create(name)), name);
}

Result<std::unique_ptr<File>> RecordedDisk::open(std::string_view name, OpenMode mode) {
  return recorded(disk_.open(name, mode), name);
}

Status RecordedDisk::rename(std::string_view from, std::string_view to) {
  const auto known = names_.extract(std::string(from));
  if (known) *(names_[std::string(to)] = known.mapped()) = to;
  return said(tape_, words("rename", from) + " " + std::string(to), disk_.rename(from, to));
}

Status RecordedDisk::remove(std::string_view name) {
  names_.erase(std::string(name));
  return said(tape_, words("remove", name), disk_.remove(name));
}

Status RecordedDisk::sync_dir() {
  return said(tape_, "sync_dir", disk_.sync_dir());
}

Result<std::unique_ptr<DiskLock>> RecordedDisk::lock(std::string_view name) {
  auto lock = said(tape_, words("lock", name), disk_.lock(name));
  if (!lock.ok()) return lock;
  return std::unique_ptr<DiskLock>(
      std::make_unique<RecordedLock>(std::move(*lock), std::string(name), tape_));
}

Status RecordedBucket::put_if_absent(std::string_view key, ByteView bytes) {
  return said(tape_, words("put_if_absent", key), bucket_.put_if_absent(key, bytes));
}

Result<std::unique_ptr<Upload>> RecordedBucket::begin_upload(std::string_view key) {
  auto upload = said(tape_, words("begin_upload", key), bucket_.begin_upload(key));
  if (!upload.ok()) return upload;
  return std::unique_ptr<Upload>(
      std::make_unique<RecordedUpload>(std::move(*upload), std::string(key), tape_));
}

Status RecordedBucket::put(std::string_view key, ByteView bytes) {
  return said(tape_, words("put", key), bucket_.put(key, bytes));
}

Result<ObjectEntry> RecordedBucket::head(std::string_view key) {
  if (!key.ends_with(".metadata.json")) return bucket_.head(key);
  return said(tape_, words("head", key), bucket_.head(key));
}

Result<std::vector<ObjectEntry>> RecordedBucket::list(std::string_view prefix) {
  return said(tape_, words("list", prefix), bucket_.list(prefix));
}

Status RecordedBucket::remove(std::string_view key) {
  return said(tape_, words("remove", key), bucket_.remove(key));
}

}  // namespace sluice::golden
