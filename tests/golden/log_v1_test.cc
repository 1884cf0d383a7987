// Logs of format version 1, byte for byte as they were written when it was frozen: they are read
// for ever. A file that is not there is written; one that is there never again.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sim/disk.h"
#include "sim/runtime.h"
#include "sluice/wal_file.h"
#include "sluice/wal_reader.h"
#include "wal/format.h"
#include "wal/log.h"
#include "wal/single_file.h"

namespace sluice::golden {
namespace {

constexpr size_t kRowBytes = 16;
using Records = std::vector<std::pair<Lsn, std::string>>;

std::string path_of(const std::string& file) {
  return std::string(SLUICE_GOLDEN_DIR) + "/" + file;
}

std::shared_ptr<const KeyRing> some_keys() {
  const std::vector<std::byte> bytes(WalEncryptionKey::kBytes, std::byte{0x6b});
  return std::make_shared<const KeyRing>(
      KeyRing::make(7, WalEncryptionKey::from_bytes(bytes).value()).value());
}

/// "offset: bytes" a row in hexadecimal; rows of zeros are left out.
void write_rows(const std::string& file, ByteView bytes) {
  std::ofstream out(path_of(file));
  out << "# " << bytes.size() << " bytes, format version 1: never rewrite this file\n" << std::hex;
  for (size_t at = 0; at < bytes.size(); at += kRowBytes) {
    const ByteView row = bytes.subspan(at, std::min(kRowBytes, bytes.size() - at));
    if (std::all_of(row.begin(), row.end(), [](std::byte b) { return b == std::byte{0}; })) {
      continue;
    }
    out << at << ':';
    for (const std::byte byte : row) {
      out << ' ' << (static_cast<int>(byte) >> 4) << (static_cast<int>(byte) & 15);
    }
    out << '\n';
  }
}

std::vector<std::byte> read_rows(const std::string& file) {
  std::ifstream in(path_of(file));
  std::string line;
  std::getline(in, line);
  std::vector<std::byte> bytes(std::stoul(line.substr(2)));
  while (std::getline(in, line)) {
    const size_t colon = line.find(':');
    size_t at = std::stoul(line.substr(0, colon), nullptr, 16);
    std::istringstream row(line.substr(colon + 1));
    for (std::string byte; row >> byte; ++at) {
      bytes.at(at) = static_cast<std::byte>(std::stoul(byte, nullptr, 16));
    }
  }
  return bytes;
}

bool is_new(const std::string& file) {
  if (std::filesystem::exists(path_of(file))) return false;
  ADD_FAILURE() << file << " was not there; it is written now, look at it and keep it";
  return true;
}

struct Storage {
  sim::SimRuntime runtime{{.seed = 1}};
  sim::SimDisk disk{runtime};

  std::vector<std::byte> bytes(const std::string& name) {
    const auto file = disk.open(name, OpenMode::kRead).value();
    std::vector<std::byte> bytes(file->size().value());
    EXPECT_EQ(file->read_at(0, bytes).value(), bytes.size());
    return bytes;
  }
  void put(const std::string& name, ByteView bytes) {
    const auto file = disk.create(name).value();
    EXPECT_TRUE(file->pwrite_at(0, bytes).ok() && file->sync().ok() && disk.sync_dir().ok());
  }
};

Records records_of(WalReader& reader) {
  Records records;
  for (;;) {
    const auto frame = reader.next();
    EXPECT_TRUE(frame.ok()) << frame.error().to_string();
    if (!frame.ok() || !frame->has_value()) return records;
    EXPECT_EQ((*frame)->type, 20 | kWalRequired);
    EXPECT_EQ((*frame)->tenant, 3u);
    EXPECT_EQ((*frame)->vshard, 2);
    records.emplace_back((*frame)->lsn, as_text((*frame)->payload));
  }
}

WalRecord record_of(std::string_view text, Lsn lsn = 0) {
  return {.type = 20 | kWalRequired, .vshard = 2, .tenant = 3, .head = as_bytes(text), .lsn = lsn};
}

/// Two commits and a roll: the first segment, which has a successor.
void write_segment(const std::string& file, const std::shared_ptr<const KeyRing>& keys) {
  Storage storage;
  const auto log =
      wal::Log::open(storage.runtime, storage.disk, {.segment_bytes = 64 << 10, .keys = keys})
          .value();
  const std::vector<WalRecord> both = {record_of("first"), record_of("")};
  const WalRecord third = record_of("third");
  ASSERT_TRUE(log->append(both).ok() && log->sync().ok());
  ASSERT_TRUE(log->append({&third, 1}).ok() && log->sync().ok() && log->close().ok());
  write_rows(file, storage.bytes(wal::segment_name(1)));
}

void expect_segment(const std::string& file, const std::shared_ptr<const KeyRing>& keys) {
  if (is_new(file)) write_segment(file, keys);
  Storage storage;
  storage.put(wal::segment_name(1), read_rows(file));
  const Records expected = {{1, "first"}, {2, ""}, {3, "third"}};
  EXPECT_EQ(records_of(*open_wal_reader(storage.disk, keys, {}).value()), expected);
  const auto log = wal::Log::open(storage.runtime, storage.disk, {.keys = keys});
  ASSERT_TRUE(log.ok()) << log.error().to_string();
  const WalRecord next = record_of("fourth");
  EXPECT_EQ((*log)->append({&next, 1}).value(), 4u);
}

TEST(LogV1, APlainSegmentIsRead) {
  expect_segment("log_v1_plain.hex", nullptr);
}

TEST(LogV1, AnEncryptedSegmentIsRead) {
  expect_segment("log_v1_sealed.hex", some_keys());
}

/// Opened three times: plain, plain, encrypted.
void write_file(const std::string& file) {
  Storage storage;
  Lsn sequence = 10;
  for (const auto& keys : {std::shared_ptr<const KeyRing>(), some_keys(), some_keys()}) {
    WalFileOptions options;
    options.keys = keys;
    auto writer =
        wal::SingleFile::open(storage.runtime, storage.disk, "a.log", {options, Numbering::kRising})
            .value();
    const std::string text = "at " + std::to_string(sequence);
    const WalRecord record = record_of(text, sequence);
    ASSERT_TRUE(writer->append({&record, 1}).ok() && writer->close().ok());
    sequence += 5;
  }
  write_rows(file, storage.bytes("a.log"));
}

TEST(LogV1, AFileThatWasReopenedIsRead) {
  const std::string file = "log_v1_file.hex";
  if (is_new(file)) write_file(file);
  Storage storage;
  storage.put("a.log", read_rows(file));
  const Records expected = {{10, "at 10"}, {15, "at 15"}, {20, "at 20"}};
  const auto reader = open_wal_file_reader(storage.disk, "a.log", some_keys(), {});
  ASSERT_TRUE(reader.ok()) << reader.error().to_string();
  EXPECT_EQ(records_of(**reader), expected);
  WalFsOptions options;
  options.file.keys = some_keys();
  auto writer = WalFsWriter::open(storage.runtime, storage.disk, "a.log", options);
  ASSERT_TRUE(writer.ok()) << writer.error().to_string();
  EXPECT_EQ(writer->current_sequence(), 20u);
  EXPECT_TRUE(writer->append(21, as_bytes("more")).ok());
}

}  // namespace
}  // namespace sluice::golden
