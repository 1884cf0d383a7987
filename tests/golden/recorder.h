// Recorder: a Disk and a Bucket that write down what is asked of another Disk and Bucket.
//
// A line per call that changes something or makes it durable, when it has returned; reads are left
// out, but for the looks at versions that commits rest on. One thread at a time (the fibers of the
// simulator).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "sluice/io.h"
#include "tests/golden/golden_file.h"

namespace sluice::golden {

/// The lines. Names become stable: an LSN loses its zeros; random ids (all other runs of 8 or more
/// hex digits) become <id1>, <id2> in the order in which they appear.
class Tape {
 public:
  /// `said` as it is; names in it become stable.
  void say(std::string_view said);
  /// A line for people, "# ...".
  void phase(std::string_view name) { lines_.push_back("# " + std::string(name)); }
  void clear() { lines_.clear(); }
  const Lines& lines() const { return lines_; }

 private:
  std::string stable(std::string_view text);

  Lines lines_;
  std::map<std::string, size_t> ids_;
};

class RecordedDisk final : public Disk {
 public:
  /// What a file is called, also after it was renamed while open.
  using Name = std::shared_ptr<std::string>;

  RecordedDisk(Disk& disk, Tape& tape) : disk_(disk), tape_(tape) {}
  Result<std::unique_ptr<File>> create(std::string_view name) override;
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Status rename(std::string_view from, std::string_view to) override;
  Status remove(std::string_view name) override;
  Result<std::vector<DiskEntry>> list() override { return disk_.list(); }
  Status sync_dir() override;
  Result<std::unique_ptr<DiskLock>> lock(std::string_view name) override;
  Result<uint64_t> free_bytes() override { return disk_.free_bytes(); }

 private:
  Result<std::unique_ptr<File>> recorded(Result<std::unique_ptr<File>> file, std::string_view name);

  Disk& disk_;
  Tape& tape_;
  std::map<std::string, Name, std::less<>> names_;  // of files that were opened
};

class RecordedBucket final : public Bucket {
 public:
  RecordedBucket(Bucket& bucket, Tape& tape) : bucket_(bucket), tape_(tape) {}
  Status put_if_absent(std::string_view key, ByteView bytes) override;
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override;
  Status put(std::string_view key, ByteView bytes) override;
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override {
    return bucket_.get_range(key, offset, out);
  }
  Result<ObjectEntry> head(std::string_view key) override;
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override;
  Status remove(std::string_view key) override;
  std::string uri(std::string_view key) const override { return bucket_.uri(key); }

 private:
  Bucket& bucket_;
  Tape& tape_;
};

}  // namespace sluice::golden
