// For tests: logs of records of many kinds, and what a WalReader makes of them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sluice/wal_reader.h"
#include "wal/log_fixture.h"
#include "wal/record_reader.h"

namespace sluice::wal {

/// A record as a value.
struct TestRecord {
  Lsn lsn = 0;
  uint16_t type = 0;
  uint16_t vshard = 0;
  uint32_t tenant = 0;
  std::string payload{};
  bool operator==(const TestRecord&) const = default;
};
inline std::ostream& operator<<(std::ostream& to, const TestRecord& record) {
  return to << record.lsn << " type " << record.type << " tenant " << record.tenant << " vshard "
            << record.vshard << ": " << record.payload.substr(0, 40) << " ("
            << record.payload.size() << " bytes)";
}

inline TestRecord copy(const WalFrame& frame) {
  return {frame.lsn, frame.type, frame.vshard, frame.tenant, std::string(as_text(frame.payload))};
}

/// Appends and syncs; the records' LSNs are set.
inline void write(Log& log, std::vector<TestRecord>& records) {
  std::vector<RecordView> views;
  for (const TestRecord& record : records) {
    views.push_back({.type = record.type,
                     .vshard = record.vshard,
                     .tenant = record.tenant,
                     .head = as_bytes(record.payload)});
  }
  Lsn lsn = log.append(views).value();
  for (TestRecord& record : records) record.lsn = lsn++;
  ASSERT_TRUE(log.sync().ok());
}

inline Result<std::vector<TestRecord>> rest_of(WalReader& reader) {
  std::vector<TestRecord> found;
  while (const std::optional<WalFrame> frame = TRY(reader.next())) found.push_back(copy(*frame));
  return found;
}

/// The same by headers first, as `reads_payload` says with the payload or without.
template <class Predicate>
Result<std::vector<TestRecord>> rest_by_header(WalReader& reader, Predicate reads_payload) {
  std::vector<TestRecord> found;
  while (const std::optional<WalFrameHeader> header = TRY(reader.next_header())) {
    found.push_back({header->lsn, header->type, header->vshard, header->tenant, {}});
    if (!reads_payload(*header)) continue;
    found.back().payload = as_text(TRY(reader.payload()));
    EXPECT_EQ(found.back().payload.size(), header->payload_bytes);
  }
  return found;
}

inline Result<std::unique_ptr<WalReader>> open_reader(Disk& disk, WalReadOptions options = {}) {
  return open_wal_reader(disk, test_keys(), std::move(options));
}
inline Result<std::vector<TestRecord>> read_all(Disk& disk, WalReadOptions options = {}) {
  const std::unique_ptr<WalReader> reader = TRY(open_reader(disk, std::move(options)));
  return rest_of(*reader);
}

inline std::vector<Lsn> lsns(const std::vector<TestRecord>& records) {
  std::vector<Lsn> lsns;
  for (const TestRecord& record : records) lsns.push_back(record.lsn);
  return lsns;
}

/// Counts what is read of another disk.
class CountingDisk : public Disk {
 public:
  explicit CountingDisk(Disk& inner) : inner_(inner) {}
  Result<std::unique_ptr<File>> create(std::string_view) override { return refused(); }
  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override;
  Status rename(std::string_view, std::string_view) override { return refused(); }
  Status remove(std::string_view) override { return refused(); }
  Result<std::vector<DiskEntry>> list() override { return inner_.list(); }
  Status sync_dir() override { return refused(); }
  Result<std::unique_ptr<DiskLock>> lock(std::string_view) override { return refused(); }
  Result<uint64_t> free_bytes() override { return inner_.free_bytes(); }

  uint64_t read_bytes = 0;
  uint64_t largest_read = 0;
  std::vector<std::string> opened{};  ///< names

 private:
  friend class CountingFile;
  Error refused() { return Error(Code::kIo, "the medium is read-only"); }
  Disk& inner_;
};

class CountingFile : public File {
 public:
  CountingFile(CountingDisk& disk, std::unique_ptr<File> inner)
      : disk_(disk), inner_(std::move(inner)) {}
  Result<size_t> read_at(uint64_t offset, std::span<std::byte> out) override {
    disk_.read_bytes += out.size();
    disk_.largest_read = std::max<uint64_t>(disk_.largest_read, out.size());
    return inner_->read_at(offset, out);
  }
  Result<uint64_t> size() override { return inner_->size(); }
  Status pwrite_at(uint64_t, ByteView) override { return disk_.refused(); }
  Status sync() override { return disk_.refused(); }
  Status truncate(uint64_t) override { return disk_.refused(); }
  Status allocate(uint64_t, uint64_t) override { return disk_.refused(); }

 private:
  CountingDisk& disk_;
  std::unique_ptr<File> inner_;
};

inline Result<std::unique_ptr<File>> CountingDisk::open(std::string_view name, OpenMode mode) {
  if (mode == OpenMode::kReadWrite) return refused();
  std::unique_ptr<File> file = TRY(inner_.open(name, mode));
  opened.emplace_back(name);
  return std::unique_ptr<File>(new CountingFile(*this, std::move(file)));
}

}  // namespace sluice::wal
