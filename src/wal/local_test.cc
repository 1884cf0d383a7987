// Logs on paths of a real file system.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/bytes.h"
#include "sluice/wal_check.h"
#include "sluice/wal_file.h"
#include "sluice/wal_log.h"
#include "sluice/wal_reader.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

class LocalWal : public ::testing::Test {
 protected:
  LocalWal() {
    std::string name = fs::temp_directory_path() / "sluice-wal-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~LocalWal() override { fs::remove_all(directory_); }
  std::string path(const std::string& name) const { return directory_ / name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }
  static void append(WalWriter& writer, std::string_view text) {
    ASSERT_TRUE(writer.append({.head = as_bytes(text)}).ok());
  }

  fs::path directory_;
};

TEST_F(LocalWal, AWriterGoesOnWhereTheLastOneClosed) {
  {
    WalWriter writer = WalWriter::open(path("a.log")).value();
    append(writer, "one");
    EXPECT_TRUE(writer.close().ok());
    EXPECT_EQ(fs::file_size(path("a.log")), 4 * 4096u) << "no zeros are left ahead";
  }
  WalWriter writer = WalWriter::open(path("a.log")).value();
  EXPECT_EQ(writer.current_lsn(), 1u);
  EXPECT_EQ(WalWriter::open(path("a.log")).error().reason(), Reason::kLocked);
  append(writer, "two");
  EXPECT_TRUE(writer.sync().ok());
  EXPECT_EQ(writer.durable_lsn(), 2u);
}

TEST_F(LocalWal, ALogOfSegmentsIsOpenedByItsPathAndKeepsItsDirectory) {
  ASSERT_TRUE(fs::create_directory(path("log")));
  {
    const std::unique_ptr<SegmentedWal> log = SegmentedWal::open(path("log"), {}).value();
    EXPECT_EQ(SegmentedWal::open(path("log"), {}).error().reason(), Reason::kLocked);
    EXPECT_EQ(log->append({.head = as_bytes("one")}).value(), 1u);
    EXPECT_TRUE(log->wait_durable(1).ok());
  }
  const std::unique_ptr<SegmentedWal> log = SegmentedWal::open(path("log") + "/", {}).value();
  EXPECT_EQ(log->next_lsn(), 2u);
  EXPECT_TRUE(log->close().ok());
  EXPECT_EQ(check_wal(path("log"), {}).value().records(), 1u);
  EXPECT_EQ(SegmentedWal::open(path("none"), {}).error().code(), Code::kNotFound);
}

TEST_F(LocalWal, AParentThatIsMissingIsNamed) {
  const auto writer = WalFsWriter::open(path("no/a.log"));
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.error().code(), Code::kNotFound);
  EXPECT_NE(writer.error().where().find("/no"), std::string::npos);
}

TEST_F(LocalWal, ASalvageTakesTheNameAndKeepsTheOldLog) {
  {
    WalFsWriter writer = WalFsWriter::open(path("a.log")).value();
    for (uint64_t sequence : {3, 7, 9}) {
      EXPECT_TRUE(writer.append(sequence, as_bytes("text")).ok());
      EXPECT_TRUE(writer.sync().ok());
    }
    EXPECT_TRUE(writer.close().ok());
  }
  {
    std::fstream file(path("a.log"), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(3 * 4096 + 34);
    file.put('!');
  }
  EXPECT_TRUE(check_wal(path("a.log"), {}).value().is_damaged());
  EXPECT_FALSE(WalFsWriter::open(path("a.log"), RepairPolicy::kTruncateUnsynced).ok());
  const WalSalvage salvage = salvage_wal(path("a.log"), nullptr).value();
  EXPECT_EQ(salvage.records, 2u);
  EXPECT_EQ(salvage.kept, "a.log.damaged");
  EXPECT_FALSE(check_wal(path("a.log"), {}).value().is_damaged());
  EXPECT_TRUE(check_wal(path("a.log.damaged"), {}).value().is_damaged());
  EXPECT_EQ(WalFsWriter::open(path("a.log")).value().current_sequence(), 9u);
  EXPECT_EQ(salvage_wal(path("a.log"), nullptr).value().kept, "a.log.damaged-2");
}

TEST_F(LocalWal, KeysAreReadFromFilesAndTheEnvironment) {
  const std::string raw(32, 'k');
  const std::string hex = "6b6B6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b6b\n";
  const auto ring = load_wal_keys({write("raw", raw)}).value();
  EXPECT_NE(ring->current_id(), 0u);
  EXPECT_EQ(load_wal_keys({write("hex", hex)}).value()->current_id(), ring->current_id());
  const auto two = load_wal_keys({write("new", std::string(32, 'n')), path("raw")}).value();
  EXPECT_TRUE(two->find(ring->current_id()).ok());
  EXPECT_NE(two->current_id(), ring->current_id());
  for (const std::string& wrong : {std::string(), std::string(31, 'k'), std::string(33, 'k'),
                                   std::string(64, 'k'), hex + "00"}) {
    EXPECT_EQ(load_wal_keys({write("wrong", wrong)}).error().reason(), Reason::kOutOfRange);
  }
  EXPECT_EQ(load_wal_keys({path("none")}).error().code(), Code::kNotFound);
  EXPECT_EQ(load_wal_keys({path("raw"), path("hex")}).error().code(), Code::kExists);
  ::setenv("SLUICE_TEST_KEY", hex.substr(0, 64).c_str(), 1);
  EXPECT_EQ(wal_key_from_environment("SLUICE_TEST_KEY").value()->current_id(), ring->current_id());
  EXPECT_EQ(wal_key_from_environment("SLUICE_TEST_NO_KEY").error().code(), Code::kNotFound);
}

TEST_F(LocalWal, AReaderOfAPathReadsAFileAndADirectoryThatOthersHaveOpen) {
  WalWriter writer = WalWriter::open(path("a.log")).value();
  append(writer, "one");
  EXPECT_TRUE(writer.sync().ok());
  const auto reader = open_wal_reader(path("a.log"), nullptr, {}).value();
  EXPECT_EQ(as_text(reader->next().value()->payload), "one");
  EXPECT_FALSE(reader->next().value());
  append(writer, "two");
  EXPECT_TRUE(writer.sync().ok());
  reader->reset();
  EXPECT_EQ(as_text(reader->next().value()->payload), "two");
  fs::create_directory(path("log"));
  const auto empty = open_wal_reader(path("log"), nullptr, {}).value();
  EXPECT_FALSE(empty->next().value());
  const auto log = SegmentedWal::open(path("log"), {}).value();
  EXPECT_TRUE(log->append({.head = as_bytes("three")}).ok());
  EXPECT_TRUE(log->sync().ok());
  empty->reset();
  EXPECT_EQ(as_text(empty->next().value()->payload), "three");
  EXPECT_EQ(open_wal_reader(path("none"), nullptr, {}).error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace sluice
