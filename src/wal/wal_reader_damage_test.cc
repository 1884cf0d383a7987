// Whatever happens to the bytes: a reader hands out a prefix of what was written, or an error, and
// a filter changes neither.
#include <gtest/gtest.h>

#include <algorithm>

#include "wal/wal_reader_fixture.h"

namespace sluice::wal {
namespace {

class DamagedLog {
 public:
  explicit DamagedLog(uint64_t seed) : dice_(seed) {
    write_some();
    for (uint64_t i = dice_.below(3); i > 0; --i) damage();
  }
  CrashDisk& disk() { return disk_; }
  const std::vector<TestRecord>& written() const { return written_; }
  WalFilter some_filter() {
    WalFilter filter;
    if (dice_.below(2) == 0) filter.types = {static_cast<uint16_t>(20 + dice_.below(3))};
    if (dice_.below(2) == 0) filter.tenants = {static_cast<uint32_t>(dice_.below(3))};
    if (dice_.below(2) == 0) filter.vshards = {0, static_cast<uint16_t>(dice_.below(3))};
    return filter;
  }

 private:
  void write_some() {
    const OpenLog log = open_log(disk_, dice_.roll()).value();
    for (uint64_t i = 1 + dice_.below(12); i > 0; --i) {
      std::vector<TestRecord> group(1 + dice_.below(6));
      for (TestRecord& record : group) {
        record.type = static_cast<uint16_t>(20 + dice_.below(3));
        record.tenant = static_cast<uint32_t>(dice_.below(3));
        record.vshard = static_cast<uint16_t>(dice_.below(3));
        const uint64_t bytes = dice_.below(8) == 0 ? dice_.below(200'000) : dice_.below(900);
        record.payload.assign(bytes, static_cast<char>('a' + dice_.below(26)));
      }
      write(*log, group);
      written_.insert(written_.end(), group.begin(), group.end());
      EXPECT_TRUE(dice_.below(4) != 0 || log->roll(as_bytes("state")).ok());
    }
    EXPECT_TRUE(dice_.below(2) == 0 || log->close().ok());
  }
  void damage() {
    const std::vector<std::string> names = list_segments(disk_).value();
    const std::string& name =
        names[dice_.below(2) == 0 ? names.size() - 1 : dice_.below(names.size())];
    std::vector<std::byte>& bytes = disk_.bytes(name);
    const uint64_t used = std::find_if(bytes.rbegin(), bytes.rend(),
                                       [](std::byte byte) { return byte != std::byte{0}; })
                              .base() -
                          bytes.begin();
    const uint64_t start = dice_.below(used);
    const uint64_t count = dice_.below(3) == 0 ? used - start : 1 + dice_.below(600);
    const bool flips = dice_.below(2) == 0;
    for (uint64_t at = start; at < std::min(used, start + (flips ? 1 : count)); ++at) {
      bytes[at] = flips ? bytes[at] ^ std::byte{0x10} : std::byte{0};
    }
    disk_.settle(name);
  }

  Dice dice_;
  CrashDisk disk_;
  std::vector<TestRecord> written_;
};

/// What comes before the end, and whether that was an error.
struct Outcome {
  std::vector<TestRecord> records{};
  bool failed = false;
};
Outcome read_to_the_end(Disk& disk, const WalReadOptions& options, bool by_header) {
  Outcome outcome;
  const auto reader = open_reader(disk, options);
  if (!reader.ok()) return {{}, true};
  for (;;) {
    std::optional<TestRecord> record;
    if (by_header) {
      const auto header = (*reader)->next_header();
      outcome.failed = !header.ok();
      if (!header.ok() || !*header) break;
      const WalFrameHeader& found = **header;
      const Result<ByteView> payload = (*reader)->payload();
      outcome.failed = !payload.ok();
      if (!payload.ok()) break;
      record = copy({found.lsn, found.type, found.vshard, found.tenant, *payload});
    } else {
      const auto frame = (*reader)->next();
      outcome.failed = !frame.ok();
      if (!frame.ok() || !*frame) break;
      record = copy(**frame);
    }
    outcome.records.push_back(*std::move(record));
  }
  EXPECT_EQ((*reader)->next().ok(), !outcome.failed) << "what has ended stays ended";
  return outcome;
}

bool matches(const WalFilter& filter, const TestRecord& record) {
  const auto has = [](const auto& list, auto value) {
    return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
  };
  return has(filter.types, record.type) && has(filter.tenants, record.tenant) &&
         has(filter.vshards, record.vshard);
}

class WalReaderDamage : public ::testing::TestWithParam<bool> {
 protected:
  WalReaderDamage() { test_keys() = GetParam() ? test_ring(1, 0x11) : nullptr; }
  ~WalReaderDamage() override { test_keys() = nullptr; }
};
INSTANTIATE_TEST_SUITE_P(PlainAndSealed, WalReaderDamage, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Sealed" : "Plain"; });

TEST_P(WalReaderDamage, LeavesAPrefixOrAnErrorAndTheSameRecordsBehindAFilter) {
  uint64_t failed = 0;
  for (uint64_t seed = 1; seed <= 250; ++seed) {
    DamagedLog log(seed);
    const std::vector<TestRecord>& written = log.written();
    const Outcome all = read_to_the_end(log.disk(), {}, false);
    ASSERT_LE(all.records.size(), written.size()) << seed;
    ASSERT_TRUE(std::equal(all.records.begin(), all.records.end(), written.begin())) << seed;
    const Outcome headers = read_to_the_end(log.disk(), {}, true);
    ASSERT_GE(headers.records.size(), all.records.size()) << seed;
    ASSERT_LE(headers.records.size(), all.failed ? written.size() : all.records.size()) << seed;
    ASSERT_TRUE(std::equal(headers.records.begin(), headers.records.end(), written.begin()))
        << seed;
    // Damage in what is passed, a checkpoint or what a filter leaves out, is not seen.
    const WalFilter filter = log.some_filter();
    const Outcome some = read_to_the_end(log.disk(), {.filter = filter}, seed % 2 == 0);
    std::vector<TestRecord> expected;
    for (const TestRecord& record : written) {
      if (matches(filter, record)) expected.push_back(record);
    }
    const auto surely = static_cast<size_t>(
        std::count_if(all.records.begin(), all.records.end(),
                      [&](const TestRecord& record) { return matches(filter, record); }));
    ASSERT_GE(some.records.size(), surely) << seed;
    ASSERT_LE(some.records.size(), all.failed ? expected.size() : surely) << seed;
    ASSERT_TRUE(std::equal(some.records.begin(), some.records.end(), expected.begin())) << seed;
    failed += all.failed ? 1 : 0;
  }
  EXPECT_GT(failed, 50u) << "or the damage was none";
  EXPECT_LT(failed, 200u);
}

}  // namespace
}  // namespace sluice::wal
