// The log as C sees it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sluice/sluice_wal.h"

namespace {

namespace fs = std::filesystem;
using Frames = std::vector<std::pair<uint64_t, std::string>>;

class CApi : public ::testing::Test {
 protected:
  CApi() {
    std::string name = fs::temp_directory_path() / "sluice-wal-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~CApi() override {
    sluice_wal_free(log_);
    fs::remove_all(directory_);
  }
  int32_t open(const sluice_wal_options* options = nullptr) {
    sluice_wal_free(std::exchange(log_, nullptr));
    return sluice_wal_open(directory_.c_str(), options, &log_, &error_);
  }
  static sluice_wal_record record(std::string_view text) {
    return {20 | 0x8000, 2, 3, text.data(), text.size()};
  }
  int32_t append(std::string_view text) {
    const sluice_wal_record one = record(text);
    return sluice_wal_append(log_, &one, 1, nullptr, &error_);
  }
  Frames frames(uint64_t from = 0) {
    sluice_wal_read_options options{};
    options.from_lsn = from;
    sluice_wal_reader* reader = nullptr;
    EXPECT_EQ(sluice_wal_read(log_, &options, &reader, &error_), SLUICE_WAL_OK) << error_.message;
    Frames found = rest_of(reader);
    sluice_wal_reader_free(reader);
    return found;
  }
  /// Until it says that it is at its end.
  Frames rest_of(sluice_wal_reader* reader) {
    Frames found;
    sluice_wal_frame frame;
    while (sluice_wal_reader_next(reader, &frame, &error_) == SLUICE_WAL_OK && frame.lsn != 0) {
      last_ = {frame.type, frame.vshard, frame.tenant, nullptr, 0};
      found.emplace_back(frame.lsn,
                         std::string(static_cast<const char*>(frame.payload), frame.payload_bytes));
    }
    EXPECT_EQ(error_.code, SLUICE_WAL_OK) << error_.message;
    return found;
  }

  fs::path directory_;
  sluice_wal* log_ = nullptr;
  sluice_wal_error error_{};
  sluice_wal_record last_{};  ///< that was read, without its payload
};

TEST_F(CApi, AppendsSyncsAndReads) {
  ASSERT_EQ(open(), SLUICE_WAL_OK) << error_.message;
  const std::vector<sluice_wal_record> both = {record("one"), record("")};
  uint64_t lsn = 0;
  ASSERT_EQ(sluice_wal_append(log_, both.data(), both.size(), &lsn, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(lsn, 1u);
  EXPECT_EQ(sluice_wal_durable_lsn(log_), 0u);
  EXPECT_EQ(frames(), Frames()) << "nothing is durable";
  ASSERT_EQ(sluice_wal_sync(log_, &error_), SLUICE_WAL_OK);
  const sluice_wal_record third = record("three");
  ASSERT_EQ(sluice_wal_submit(log_, &third, &lsn, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(lsn, 3u);
  ASSERT_EQ(append("four"), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_wait_durable(log_, 4, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(sluice_wal_next_lsn(log_), 5u);
  ASSERT_EQ(sluice_wal_close(log_, &error_), SLUICE_WAL_OK);
  ASSERT_EQ(open(), SLUICE_WAL_OK) << error_.message;
  EXPECT_EQ(frames(), (Frames{{1, "one"}, {2, ""}, {3, "three"}, {4, "four"}}));
  EXPECT_EQ(frames(4), (Frames{{4, "four"}}));
  EXPECT_EQ(last_.type, 20 | 0x8000);
  EXPECT_EQ(last_.vshard, 2);
  EXPECT_EQ(last_.tenant, 3u);
}

TEST_F(CApi, TruncatesWholeSegments) {
  ASSERT_EQ(open(), SLUICE_WAL_OK);
  ASSERT_EQ(append("one"), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_roll(log_, &error_), SLUICE_WAL_OK);
  ASSERT_EQ(append("two"), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_sync(log_, &error_), SLUICE_WAL_OK);
  uint64_t segments = 0;
  uint64_t bytes = 0;
  ASSERT_EQ(sluice_wal_truncate_before(log_, 2, &segments, &bytes, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(segments, 1u);
  EXPECT_GT(bytes, 0u);
  EXPECT_EQ(frames(), (Frames{{2, "two"}}));
}

TEST_F(CApi, SaysWhatIsWrongAndWhere) {
  ASSERT_EQ(open(), SLUICE_WAL_OK);
  sluice_wal* second = nullptr;
  EXPECT_EQ(sluice_wal_open(directory_.c_str(), nullptr, &second, &error_), SLUICE_WAL_BUSY);
  EXPECT_STREQ(error_.reason, "locked");
  EXPECT_NE(std::string(error_.where).find(directory_), std::string::npos);
  EXPECT_EQ(second, nullptr);
  const std::string large(2 << 20, 'x');
  sluice_wal_options options{};
  options.payload_bytes_max = 1 << 20;
  ASSERT_EQ(open(&options), SLUICE_WAL_OK);
  EXPECT_EQ(append(large), SLUICE_WAL_INVALID);
  EXPECT_STREQ(error_.reason, "payload_too_large");
  EXPECT_EQ(error_.expected, 1u << 20);
  EXPECT_EQ(error_.found, large.size());
  ASSERT_EQ(sluice_wal_close(log_, nullptr), SLUICE_WAL_OK);
  EXPECT_EQ(append("late"), SLUICE_WAL_INVALID);
  EXPECT_STREQ(error_.reason, "closed");
}

TEST_F(CApi, ChoosesWhatIsDoneAboutTornWrites) {
  sluice_wal_options options{};
  options.torn_writes = 3;
  EXPECT_EQ(open(&options), SLUICE_WAL_INVALID);
  EXPECT_EQ(error_.found, 3u);
  options.torn_writes = SLUICE_WAL_DOUBLE_WRITE;
  ASSERT_EQ(open(&options), SLUICE_WAL_OK) << error_.message;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(append("small"), SLUICE_WAL_OK);
    ASSERT_EQ(sluice_wal_sync(log_, nullptr), SLUICE_WAL_OK);
  }
  EXPECT_TRUE(std::filesystem::exists(directory_ / "wal-tail.side"));
  uint64_t double_writes = 0;
  uint64_t padded_blocks = 1;
  ASSERT_EQ(sluice_wal_protection(log_, &double_writes, &padded_blocks, &error_), SLUICE_WAL_OK);
  EXPECT_GT(double_writes, 0u);
  EXPECT_EQ(padded_blocks, 0u);
  EXPECT_EQ(error_.code, SLUICE_WAL_OK) << "the side file has not failed";
  EXPECT_EQ(sluice_wal_attach_side_file(log_, &error_), SLUICE_WAL_OK);
  ASSERT_EQ(open(), SLUICE_WAL_OK);
  EXPECT_EQ(sluice_wal_attach_side_file(log_, &error_), SLUICE_WAL_INVALID);
  options.repair = 4;
  EXPECT_EQ(open(&options), SLUICE_WAL_INVALID);
  EXPECT_EQ(error_.found, 4u);
}

TEST_F(CApi, NeedsTheKeyOfAnEncryptedLog) {
  const std::vector<uint8_t> bytes(32, 7);
  const sluice_wal_key key{5, bytes.data()};
  sluice_wal_options options{};
  options.keys = &key;
  options.key_count = 1;
  options.must_be_encrypted = 1;
  ASSERT_EQ(open(&options), SLUICE_WAL_OK) << error_.message;
  ASSERT_EQ(append("secret"), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_close(log_, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(open(), SLUICE_WAL_INVALID);
  EXPECT_STREQ(error_.reason, "missing_key");
  ASSERT_EQ(open(&options), SLUICE_WAL_OK);
  EXPECT_EQ(frames(), (Frames{{1, "secret"}}));
}

TEST_F(CApi, TurnsItsKeyAndReadsWhatTheOldOneSealed) {
  const std::vector<uint8_t> first(32, 7);
  const std::vector<uint8_t> second(32, 8);
  const std::vector<sluice_wal_key> keys = {{6, second.data()}, {5, first.data()}};
  sluice_wal_options options{};
  options.keys = &keys[1];
  options.key_count = 1;
  ASSERT_EQ(open(&options), SLUICE_WAL_OK) << error_.message;
  ASSERT_EQ(append("old"), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_set_keys(log_, keys.data(), keys.size(), &error_), SLUICE_WAL_OK);
  ASSERT_EQ(append("new"), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_close(log_, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(open(&options), SLUICE_WAL_INVALID) << "the new key is needed too";
  EXPECT_STREQ(error_.reason, "missing_key");
  options.keys = keys.data();
  options.key_count = keys.size();
  ASSERT_EQ(open(&options), SLUICE_WAL_OK) << error_.message;
  EXPECT_EQ(frames(), (Frames{{1, "old"}, {2, "new"}}));
  const std::vector<sluice_wal_key> twice = {keys[0], keys[0]};
  EXPECT_EQ(sluice_wal_set_keys(log_, twice.data(), 2, &error_), SLUICE_WAL_EXISTS);
  EXPECT_EQ(sluice_wal_set_keys(log_, nullptr, 1, &error_), SLUICE_WAL_INVALID);
  EXPECT_EQ(sluice_wal_set_keys(log_, nullptr, 0, &error_), SLUICE_WAL_OK);
}

TEST_F(CApi, ReadsALogWithoutItsLockAndGoesOnAsItGrows) {
  ASSERT_EQ(open(), SLUICE_WAL_OK);
  ASSERT_EQ(append("one"), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_sync(log_, &error_), SLUICE_WAL_OK);
  sluice_wal_reader* reader = nullptr;
  ASSERT_EQ(sluice_wal_reader_open(directory_.c_str(), nullptr, nullptr, &reader, &error_),
            SLUICE_WAL_OK);
  EXPECT_EQ(rest_of(reader), (Frames{{1, "one"}}));
  ASSERT_EQ(append("two"), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_sync(log_, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(rest_of(reader), Frames()) << "nothing comes before a reset";
  sluice_wal_reader_reset(reader);
  EXPECT_EQ(rest_of(reader), (Frames{{2, "two"}}));
  sluice_wal_reader_seek(reader, 1);
  EXPECT_EQ(rest_of(reader), (Frames{{1, "one"}, {2, "two"}}));
  sluice_wal_reader_free(reader);
  EXPECT_EQ(sluice_wal_reader_open("/nowhere", nullptr, nullptr, &reader, &error_),
            SLUICE_WAL_NOT_FOUND);
  EXPECT_EQ(reader, nullptr);
}

TEST_F(CApi, ReadsOnlyWhatIsAskedFor) {
  ASSERT_EQ(open(), SLUICE_WAL_OK);
  const std::vector<sluice_wal_record> records = {
      {20, 1, 1, "a", 1}, {21, 1, 2, "b", 1}, {20, 2, 2, "c", 1}};
  ASSERT_EQ(sluice_wal_append(log_, records.data(), records.size(), nullptr, &error_),
            SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_sync(log_, &error_), SLUICE_WAL_OK);
  const uint16_t type = 20;
  const uint32_t tenant = 2;
  const uint16_t vshard = 1;
  const auto read = [&](const sluice_wal_read_options& options) {
    sluice_wal_reader* reader = nullptr;
    EXPECT_EQ(sluice_wal_read(log_, &options, &reader, &error_), SLUICE_WAL_OK);
    Frames found = rest_of(reader);
    sluice_wal_reader_free(reader);
    return found;
  };
  sluice_wal_read_options types{};
  types.types = &type;
  types.type_count = 1;
  EXPECT_EQ(read(types), (Frames{{1, "a"}, {3, "c"}}));
  types.from_lsn = 2;
  EXPECT_EQ(read(types), (Frames{{3, "c"}}));
  sluice_wal_read_options tenants{};
  tenants.tenants = &tenant;
  tenants.tenant_count = 1;
  EXPECT_EQ(read(tenants), (Frames{{2, "b"}, {3, "c"}}));
  sluice_wal_read_options vshards{};
  vshards.vshards = &vshard;
  vshards.vshard_count = 1;
  EXPECT_EQ(read(vshards), (Frames{{1, "a"}, {2, "b"}}));
  sluice_wal_reader* reader = nullptr;
  sluice_wal_read_options nowhere{};
  nowhere.type_count = 1;
  EXPECT_EQ(sluice_wal_read(log_, &nowhere, &reader, &error_), SLUICE_WAL_INVALID);
}

TEST_F(CApi, WritesPastThePageCacheIfItIsTold) {
  sluice_wal_options options{};
  options.direct = 1;
  ASSERT_EQ(open(&options), SLUICE_WAL_OK);
  const int32_t is_direct = sluice_wal_is_direct(log_);  // the file system decides
  ASSERT_EQ(append("direct"), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_sync(log_, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(frames(), (Frames{{1, "direct"}}));
  ASSERT_EQ(open(), SLUICE_WAL_OK);
  EXPECT_EQ(sluice_wal_is_direct(log_), 0);
  sluice_wal_file* file = nullptr;
  const fs::path path = directory_ / "one.log";
  ASSERT_EQ(sluice_wal_file_open(path.c_str(), &options, &file, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(sluice_wal_file_is_direct(file), is_direct);
  sluice_wal_file_free(file);
}

TEST_F(CApi, APayloadThatIsNullIsNoEmptyOne) {
  ASSERT_EQ(open(), SLUICE_WAL_OK);
  const sluice_wal_record lost{20, 0, 0, nullptr, 5};
  EXPECT_EQ(sluice_wal_append(log_, &lost, 1, nullptr, &error_), SLUICE_WAL_INVALID);
  EXPECT_EQ(sluice_wal_submit(log_, &lost, nullptr, &error_), SLUICE_WAL_INVALID);
  EXPECT_EQ(sluice_wal_append(log_, &lost, SIZE_MAX, nullptr, &error_), SLUICE_WAL_BUSY);
  EXPECT_EQ(sluice_wal_next_lsn(log_), 1u);
}

TEST_F(CApi, NothingIsAskedOfNull) {
  EXPECT_EQ(sluice_wal_open(nullptr, nullptr, &log_, &error_), SLUICE_WAL_INVALID);
  EXPECT_EQ(sluice_wal_sync(nullptr, &error_), SLUICE_WAL_INVALID);
  EXPECT_EQ(sluice_wal_close(nullptr, nullptr), SLUICE_WAL_INVALID);
  EXPECT_EQ(sluice_wal_durable_lsn(nullptr), 0u);
  EXPECT_EQ(sluice_wal_reader_next(nullptr, nullptr, &error_), SLUICE_WAL_INVALID);
  EXPECT_EQ(sluice_wal_file_append(nullptr, 1, "x", 1, &error_), SLUICE_WAL_INVALID);
  sluice_wal_reader_free(nullptr);
  sluice_wal_file_free(nullptr);
}

TEST_F(CApi, AFileTakesTheCallersNumbers) {
  const std::string path = directory_ / "a.log";
  sluice_wal_file* file = nullptr;
  ASSERT_EQ(sluice_wal_file_open(path.c_str(), nullptr, &file, &error_), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_file_append(file, 5, "five", 4, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(sluice_wal_file_append(file, 5, "five", 4, &error_), SLUICE_WAL_INVALID);
  EXPECT_STREQ(error_.reason, "sequence_violation");
  EXPECT_EQ(error_.expected, 6u);
  EXPECT_EQ(error_.found, 5u);
  ASSERT_EQ(sluice_wal_file_sync(file, &error_), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_file_close(file, &error_), SLUICE_WAL_OK);
  sluice_wal_file_free(file);
  ASSERT_EQ(sluice_wal_file_open(path.c_str(), nullptr, &file, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(sluice_wal_file_current_sequence(file), 5u);
  ASSERT_EQ(sluice_wal_file_append(file, 9, "nine", 4, &error_), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_file_sync(file, &error_), SLUICE_WAL_OK);
  sluice_wal_reader* reader = nullptr;
  ASSERT_EQ(sluice_wal_reader_open(path.c_str(), nullptr, nullptr, &reader, &error_),
            SLUICE_WAL_OK);
  EXPECT_EQ(rest_of(reader), (Frames{{5, "five"}, {9, "nine"}}));
  sluice_wal_reader_free(reader);
  sluice_wal_file_free(file);
  sluice_wal_options any{};
  any.any_sequence = 1;
  ASSERT_EQ(sluice_wal_file_open(path.c_str(), &any, &file, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(sluice_wal_file_append(file, 2, "two", 3, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(sluice_wal_file_current_sequence(file), 9u);
  sluice_wal_file_free(file);
}

TEST_F(CApi, AFileIsOpenedStrictlyUnlessItIsToldToCut) {
  const std::string path = directory_ / "a.log";
  sluice_wal_file* file = nullptr;
  ASSERT_EQ(sluice_wal_file_open(path.c_str(), nullptr, &file, &error_), SLUICE_WAL_OK);
  ASSERT_EQ(sluice_wal_file_append(file, 1, "one", 3, &error_), SLUICE_WAL_OK);
  sluice_wal_file_free(file);
  const auto bytes = fs::file_size(path);
  std::ofstream(path, std::ios::binary | std::ios::app) << std::string(40, 'x');
  ASSERT_GT(fs::file_size(path), bytes);
  EXPECT_EQ(sluice_wal_file_open(path.c_str(), nullptr, &file, &error_), SLUICE_WAL_CORRUPT);
  EXPECT_EQ(file, nullptr);
  sluice_wal_options cutting{};
  cutting.repair = SLUICE_WAL_TRUNCATE_PARTIAL;
  ASSERT_EQ(sluice_wal_file_open(path.c_str(), &cutting, &file, &error_), SLUICE_WAL_OK);
  EXPECT_EQ(sluice_wal_file_current_sequence(file), 1u);
  sluice_wal_file_free(file);
}

}  // namespace
