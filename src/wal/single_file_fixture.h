// For tests: logs in one file on a CrashDisk.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wal/log_fixture.h"
#include "wal/segment_parser.h"
#include "wal/single_file.h"

namespace sluice::wal {

inline const std::string kFile = "events.log";

/// A SingleFile and the Runtime that it needs.
class OpenFile {
 public:
  OpenFile(std::unique_ptr<TestRuntime> runtime, std::unique_ptr<SingleFile> file)
      : runtime_(std::move(runtime)), file_(std::move(file)) {}
  SingleFile& operator*() const { return *file_; }
  SingleFile* operator->() const { return file_.get(); }

 private:
  std::unique_ptr<TestRuntime> runtime_;
  std::unique_ptr<SingleFile> file_;
};

inline Result<OpenFile> open_file(CrashDisk& disk, SingleFileOptions options, uint64_t seed = 1) {
  auto runtime = std::make_unique<TestRuntime>(seed);
  std::unique_ptr<SingleFile> file =
      TRY(SingleFile::open(*runtime, disk, kFile, std::move(options)));
  return OpenFile(std::move(runtime), std::move(file));
}

/// One record per text, numbered from `lsn` on where callers number.
inline Result<Lsn> append(SingleFile& file, const std::vector<std::string>& texts, Lsn lsn = 0) {
  std::vector<WalRecord> records;
  for (const std::string& text : texts) {
    records.push_back({.tenant = 7, .head = as_bytes(text), .lsn = lsn});
    if (lsn != 0) ++lsn;
  }
  return file.append(records);
}

/// What the file holds now, read by itself.
inline Result<TestFrames> file_frames(CrashDisk& disk, const KeyRing* keys = nullptr) {
  std::unique_ptr<File> file = TRY(disk.open(kFile, OpenMode::kReadDevice));
  const auto parser = TRY(SegmentParser::open_single(std::move(file), kFile, std::nullopt, keys));
  TestFrames found;
  while (const std::optional<ParsedFrame> frame = TRY(parser->next())) {
    if (!is_own_type(frame->type)) found.emplace_back(frame->lsn, as_text(frame->payload));
  }
  return found;
}

}  // namespace sluice::wal
