// Logs on paths of a real file system.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/bytes.h"
#include "sluice/wal_check.h"
#include "sluice/wal_file.h"
#include "sluice/wal_log.h"
#include "sluice/wal_reader.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

/// From nothing to more than a log stages before it writes.
std::string text_of(Lsn lsn) {
  const size_t bytes = lsn % 7 == 0 ? 300'000 + 1000 * lsn : lsn % 5 == 0 ? 0 : 977 * lsn;
  return std::string(bytes, static_cast<char>('a' + lsn % 26));
}

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
  /// Records `first` to `last` are text_of() their LSNs, and the last is the last.
  void expect_texts(const std::string& name, const std::shared_ptr<const KeyRing>& keys, Lsn first,
                    Lsn last) const {
    const auto reader = open_wal_reader(path(name), keys, {.from = first}).value();
    for (Lsn lsn = first; lsn <= last; ++lsn) {
      const auto frame = reader->next();
      ASSERT_TRUE(frame.ok() && *frame) << lsn;
      EXPECT_EQ((*frame)->lsn, lsn);
      EXPECT_TRUE(as_text((*frame)->payload) == text_of(lsn)) << lsn;
    }
    EXPECT_FALSE(reader->next().value());
  }
  void expect_one(const std::string& name) const {
    const auto reader = open_wal_reader(path(name), nullptr, {}).value();
    EXPECT_EQ(as_text(reader->next().value()->payload), "one");
  }
  bool takes_direct_writes() const {
    const int file = ::open(path("probe").c_str(), O_RDWR | O_CREAT | O_DIRECT, 0644);
    if (file >= 0) ::close(file);
    fs::remove(path("probe"));
    return file >= 0;
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

TEST_F(LocalWal, AFileIsOpenedOnceWhateverNamesItHas) {
  fs::create_symlink("a.log", path("link"));
  fs::create_symlink(path("link"), path("link-to-link"));
  WalWriter writer = WalWriter::open(path("a.log")).value();
  append(writer, "one");
  EXPECT_TRUE(writer.sync().ok());
  fs::create_hard_link(path("a.log"), path("twin"));
  for (const char* other : {"link", "link-to-link", "twin"}) {
    const Error error = WalWriter::open(path(other)).error();
    EXPECT_EQ(error.code(), Code::kBusy) << other;
    EXPECT_EQ(error.reason(), Reason::kLocked) << other;
    EXPECT_EQ(WalWriter::create(path(other), 1, {}).error().reason(), Reason::kLocked) << other;
    EXPECT_EQ(salvage_wal(path(other), nullptr).error().reason(), Reason::kLocked) << other;
    EXPECT_FALSE(check_wal(path(other), {}).value().is_damaged()) << "who only reads needs no lock";
    expect_one(other);
  }
  append(writer, "two");
  EXPECT_TRUE(writer.close().ok());
  { const WalWriter closed = std::move(writer); }
  WalWriter twin = WalWriter::open(path("twin")).value();
  EXPECT_EQ(twin.current_lsn(), 2u);
  EXPECT_EQ(WalWriter::open(path("a.log")).error().reason(), Reason::kLocked)
      << "also of a log that was opened, not made";
  EXPECT_EQ(WalFsWriter::open(path("link")).error().reason(), Reason::kLocked);
}

TEST_F(LocalWal, WhatLiesBesideAFileIsFoundThroughALink) {
  ASSERT_TRUE(fs::create_directory(path("there")));
  fs::create_symlink("there/a.log", path("link"));
  {
    WalWriter writer = WalWriter::open(path("link")).value();
    append(writer, "one");
    EXPECT_TRUE(writer.close().ok());
  }
  EXPECT_TRUE(fs::is_symlink(path("link"))) << "the log is made where the link leads";
  EXPECT_TRUE(fs::exists(path("there/a.log")));
  EXPECT_TRUE(fs::exists(path("there/a.log.lock")));
  std::ofstream(path("link"), std::ios::app | std::ios::binary) << std::string(100, 'x');
  const WalWriter writer = WalWriter::open(path("link")).value();
  EXPECT_TRUE(fs::exists(path("there/" + writer.repair().quarantine)));
  EXPECT_EQ(writer.current_lsn(), 1u);
  fs::create_symlink("round", path("round"));
  EXPECT_EQ(WalWriter::open(path("round")).error().code(), Code::kIo);
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

TEST_F(LocalWal, DamageIsNamedByPathOffsetLsnAndKind) {
  ASSERT_TRUE(fs::create_directory(path("log")));
  const auto append_three = [](auto& log) {
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(log.append({.head = as_bytes("a record")}).ok());
      ASSERT_TRUE(log.sync().ok());
    }
    ASSERT_TRUE(log.close().ok());
  };
  append_three(*SegmentedWal::open(path("log"), {}).value());
  {
    WalWriter file = WalWriter::open(path("a.log")).value();
    append_three(file);
  }
  const std::string segment = "log/wal-00000000000000000001.seg";
  const uint64_t offset = 3 * 4096;  // each sync fills a block
  for (const std::string& name : {segment, std::string("a.log")}) {
    std::fstream(path(name), std::ios::binary | std::ios::in | std::ios::out)
        .seekp(static_cast<std::streamoff>(offset))
        .put('x');
  }
  const auto expect_named = [&](const Error& error, const std::string& name) {
    EXPECT_EQ(error.code(), Code::kCorrupt);
    EXPECT_EQ(error.reason(), Reason::kCrcMismatch);
    EXPECT_EQ(error.where(), path(name));
    EXPECT_EQ(error.found(), offset);
    EXPECT_NE(error.message().find("behind LSN 1"), std::string::npos) << error.message();
  };
  expect_named(SegmentedWal::open(path("log"), {.repair = RepairPolicy::kStrict}).error(), segment);
  expect_named(SegmentedWal::open(path("log") + "/", {}).error(), segment);
  expect_named(WalWriter::open(path("a.log"), {}).error(), "a.log");
  EXPECT_EQ(check_wal(path("log"), {}).value().files.at(0).damage->found(), offset);
}

TEST_F(LocalWal, DirectCommitsOfOneSmallRecordTakeOneBlockEach) {
  WalWriter writer = WalWriter::open(path("a.log"), {.io = WalIo::kDirect}).value();
  EXPECT_EQ(writer.file_offset(), 0u);
  for (uint64_t sync = 1; sync <= 16; ++sync) {
    append(writer, "hello");
    ASSERT_TRUE(writer.sync().ok());
    EXPECT_EQ(writer.file_offset(), sync * 4096);
  }
  EXPECT_EQ(writer.is_direct(), takes_direct_writes());
  const auto reader = open_wal_reader(path("a.log"), nullptr, {}).value();
  for (Lsn lsn = 1; lsn <= 16; ++lsn) {
    const WalFrame frame = reader->next().value().value();
    EXPECT_EQ(frame.lsn, lsn);
    EXPECT_EQ(as_text(frame.payload), "hello");
  }
  EXPECT_FALSE(reader->next().value());
}

TEST_F(LocalWal, BlocksThatCommitsShareAreWrittenDirectlyToo) {
  const WalFileOptions options{.repair = RepairPolicy::kTruncatePartial,
                               .torn_writes = TornWrites::kDoubleWrite,
                               .io = WalIo::kDirect};
  {
    WalWriter writer = WalWriter::open(path("a.log"), options).value();
    for (int sync = 1; sync <= 3; ++sync) {
      append(writer, "hello");
      ASSERT_TRUE(writer.sync().ok());
      EXPECT_LT(writer.file_offset(), 4096u);
    }
    EXPECT_GT(writer.protection().double_writes, 0u);
    EXPECT_FALSE(writer.protection().failure);
    EXPECT_TRUE(writer.close().ok());
  }
  const auto reader = open_wal_reader(path("a.log"), nullptr, {}).value();
  for (Lsn lsn = 1; lsn <= 3; ++lsn) EXPECT_EQ(as_text(reader->next().value()->payload), "hello");
  EXPECT_FALSE(reader->next().value());
  EXPECT_EQ(WalWriter::open(path("a.log"), options).value().current_lsn(), 3u);
}

TEST_F(LocalWal, ABufferedLogIsNotDirect) {
  EXPECT_FALSE(WalWriter::open(path("a.log")).value().is_direct());
  EXPECT_FALSE(WalFsWriter::open(path("b.log")).value().is_direct());
  ASSERT_TRUE(fs::create_directory(path("log")));
  EXPECT_FALSE(SegmentedWal::open(path("log"), {}).value()->is_direct());
}

TEST_F(LocalWal, AFileIsWrittenDirectlyAndBufferedInTurn) {
  for (uint64_t opening = 0; opening < 6; ++opening) {
    const WalIo io = opening % 2 == 0 ? WalIo::kDirect : WalIo::kBuffered;
    WalFsWriter writer = WalFsWriter::open(path("a.log"), WalFsOptions{.file = {.io = io}}).value();
    EXPECT_EQ(writer.is_direct(), io == WalIo::kDirect && takes_direct_writes());
    for (uint64_t i = 1; i <= 3; ++i) {
      ASSERT_TRUE(writer.append(3 * opening + i, as_bytes(text_of(3 * opening + i))).ok());
      if (i == 2) {
        ASSERT_TRUE(writer.sync().ok());
      }
    }
  }
  expect_texts("a.log", nullptr, 1, 18);
}

/// Batches of many sizes, synced now and then, over several segments.
void append_many(SegmentedWal& log, Lsn first, Lsn last) {
  for (Lsn lsn = first; lsn <= last; ++lsn) {
    ASSERT_EQ(log.append({.head = as_bytes(text_of(lsn))}).value(), lsn);
    if (lsn % 3 == 0) {
      ASSERT_TRUE(log.sync().ok());
    }
  }
}

TEST_F(LocalWal, ADirectLogOfSegmentsHoldsWhatWasAppended) {
  const auto keys = load_wal_keys({write("key", std::string(32, 'k'))}).value();
  for (const auto& ring : {std::shared_ptr<const KeyRing>(), keys}) {
    const std::string name = ring ? "sealed" : "plain";
    ASSERT_TRUE(fs::create_directory(path(name)));
    const SegmentedWalOptions options{.segment_bytes = 1 << 20, .keys = ring, .io = WalIo::kDirect};
    {
      const auto log = SegmentedWal::open(path(name), options).value();
      EXPECT_EQ(log->is_direct(), takes_direct_writes());
      append_many(*log, 1, 60);
      EXPECT_TRUE(log->close().ok());
    }
    const auto log = SegmentedWal::open(path(name), options).value();
    append_many(*log, 61, 90);
    EXPECT_TRUE(log->sync().ok());
    EXPECT_GT(log->list_segments().size(), 3u);
    expect_texts(name, ring, 1, 90);
    // The next segments lie in the files of those that went.
    EXPECT_GT(log->truncate_before(60).value().segments, 1u);
    append_many(*log, 91, 150);
    EXPECT_TRUE(log->sync().ok());
    expect_texts(name, ring, 60, 150);
  }
}

/// 0: there is no such file.
ino_t inode_of(const fs::path& path, uint64_t bytes_least) {
  struct stat status;
  const bool is_there = ::stat(path.c_str(), &status) == 0;
  return is_there && static_cast<uint64_t>(status.st_size) >= bytes_least ? status.st_ino : 0;
}

TEST_F(LocalWal, SegmentsLieInFilesThatWereFilledWithZerosMeanwhile) {
  for (const WalIo io : {WalIo::kBuffered, WalIo::kDirect}) {
    const fs::path log_path = directory_ / (io == WalIo::kDirect ? "direct" : "buffered");
    ASSERT_TRUE(fs::create_directory(log_path));
    SegmentedWalOptions options{.segment_bytes = 256 << 10, .zeros_ahead = true};
    options.io = io;
    const auto log = SegmentedWal::open(log_path, options).value();
    ino_t zeros = 0;
    while (zeros == 0) {
      zeros = inode_of(log_path / "zeros.new", (256 << 10) + (64 << 10));
      std::this_thread::yield();
    }
    Lsn last = 0;
    for (bool is_used = false; !is_used;) {
      ASSERT_EQ(log->append({.head = as_bytes(text_of(++last))}).value(), last);
      ASSERT_TRUE(log->roll().ok());
      is_used = inode_of(log_path / log->list_segments().back().name, 0) == zeros;
    }
    for (const Lsn until = last + 5; last < until;) {
      ASSERT_EQ(log->append({.head = as_bytes(text_of(++last))}).value(), last);
    }
    EXPECT_TRUE(log->close().ok());
    EXPECT_FALSE(fs::exists(log_path / "zeros.new"));
    expect_texts(log_path.filename(), nullptr, 1, last);
    EXPECT_FALSE(check_wal(log_path, {}).value().is_damaged());
  }
}

TEST_F(LocalWal, AParentThatIsMissingIsNamed) {
  const auto writer = WalFsWriter::open(path("no/a.log"));
  ASSERT_FALSE(writer.ok());
  EXPECT_EQ(writer.error().code(), Code::kNotFound);
  EXPECT_NE(writer.error().where().find("/no"), std::string::npos);
}

// The design wins: who names a directory that is not there is told, and gets no empty log.
TEST_F(LocalWal, ADirectoryThatIsMissingIsNoEmptyLog) {
  const std::string missing = path("none");
  EXPECT_EQ(SegmentedWal::open(missing, {}).error().code(), Code::kNotFound);
  EXPECT_EQ(open_wal_reader(missing, nullptr, {}).error().code(), Code::kNotFound);
  EXPECT_EQ(check_wal(missing, {}).error().code(), Code::kNotFound);
  EXPECT_EQ(salvage_wal(missing, nullptr).error().code(), Code::kNotFound);
  EXPECT_TRUE(fs::is_empty(directory_)) << "and nothing is made there";
  const std::string file = write("file", "a text");
  EXPECT_EQ(SegmentedWal::open(file, {}).error().code(), Code::kInvalid);
  EXPECT_EQ(fs::file_size(file), 6u);
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
