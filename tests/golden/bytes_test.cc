// Formats, byte for byte: the dumps in X.hex.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "base/bytes.h"
#include "engine/log_record.h"
#include "sim/disk.h"
#include "sim/runtime.h"
#include "table/format.h"
#include "table/roster.h"
#include "tests/golden/golden_file.h"
#include "wal/checkpoint.h"
#include "wal/log.h"

namespace sluice::golden {
namespace {

constexpr size_t kRowBytes = 16;
constexpr std::string_view kNotFrozen =
    "# version 0, not frozen: rewrite this file when the format is changed on purpose";
constexpr std::string_view kLogVersion = "# version 1 of the log format: see log_v1_*.hex";

bool is_zero(ByteView bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](std::byte byte) { return byte == std::byte{}; });
}

/// "offset  bytes  text" a row; rows of zeros are left out.
void dump(Lines& lines, const std::string& title, ByteView bytes) {
  lines.push_back("# " + title + ", " + std::to_string(bytes.size()) + " bytes");
  for (size_t at = 0; at < bytes.size(); at += kRowBytes) {
    const ByteView row = bytes.subspan(at, std::min(kRowBytes, bytes.size() - at));
    if (is_zero(row)) continue;
    char offset[24];
    std::snprintf(offset, sizeof offset, "%06zx ", at);
    std::string line = offset;
    std::string text;
    for (const std::byte byte : row) {
      char digits[4];
      std::snprintf(digits, sizeof digits, " %02x", static_cast<unsigned>(byte));
      line += digits;
      const char c = static_cast<char>(byte);
      text += c >= ' ' && c <= '~' ? c : '.';
    }
    lines.push_back(line + std::string(3 * (kRowBytes - row.size()), ' ') + "  " + text);
  }
}

OpeningId opening(uint8_t number) {
  std::array<std::byte, 16> bytes{};
  bytes.back() = static_cast<std::byte>(number);
  return OpeningId::from_bytes(bytes);
}

SchemaPtr schema_of_all_types() {
  return Schema::make({{"bool", Type::kBool},
                       {"long", Type::kInt64},
                       {"double", Type::kDouble},
                       {"string", Type::kString},
                       {"binary", Type::kBinary},
                       {"time", Type::kTimestamp},
                       {"empty", Type::kNull}})
      .value();
}

TEST(GoldenBytes, OfARosterOfDevices) {
  const auto commit = [](uint8_t number) { return CommitId::from_bytes(opening(number).bytes()); };
  const std::vector<table::RosterRef> below = {{commit(1), 4096, 300}, {commit(2), 90, 1}};
  const std::vector<table::Membership> devices = {{"", 3}, {"a", 0}, {"boiler", 2}};
  const std::string roster =
      table::encode_roster(below, devices, 4, table::groups_key("db/coll", commit(3)));
  Lines lines{std::string(kNotFrozen)};
  dump(lines, "a roster of 3 devices over two others", as_bytes(roster));
  expect_golden("roster.hex", lines);
}

TEST(GoldenBytes, OfABatch) {
  BatchBuilder builder(schema_of_all_types());
  for (int row = 0; row < 3; ++row) {
    builder.append_bool(0, row == 1);
    row == 1 ? builder.append_null(1) : builder.append_int64(1, -row);
    builder.append_double(2, row + 0.5);
    row == 2 ? builder.append_null(3) : builder.append_bytes(3, row == 0 ? "s\xc3\xb8k" : "");
    builder.append_bytes(4, std::string(static_cast<size_t>(row), '\xff'));
    builder.append_timestamp(5, 1'700'000'000 * kSecond + row);
    builder.append_null(6);
  }
  Lines lines{std::string(kNotFrozen)};
  dump(lines, "a batch of 3 rows: bool, long, double, string, binary, timestamp, null",
       builder.finish().value().bytes());
  expect_golden("batch.hex", lines);
}

TEST(GoldenBytes, OfLogRecords) {
  const engine::SchemaRecord schema{{"demo", "events"}, schema_of_all_types()};
  engine::Dictionary dictionary;
  dictionary.add(1, schema);
  dictionary.add(300, schema);
  Lines lines{std::string(kNotFrozen)};
  dump(lines, "schema record", engine::encode(schema));
  dump(lines, "head of a batch record of a source", engine::encode({1, "file.csv", 4096}));
  dump(lines, "head of a batch record without source", engine::encode({300, "", 0}));
  dump(lines, "the application's part of a checkpoint", dictionary.encode());
  expect_golden("log_record.hex", lines);
}

TEST(GoldenBytes, OfACheckpoint) {
  wal::Checkpoint checkpoint;
  checkpoint.trim_lsn = 7;
  checkpoint.chain = {{opening(1), 1}, {opening(2), 300}};
  checkpoint.application.assign(5, std::byte{'a'});
  Lines lines{std::string(kLogVersion)};
  dump(lines, "checkpoint", wal::encode_checkpoint(checkpoint));
  expect_golden("checkpoint.hex", lines);
}

TEST(GoldenBytes, OfASegment) {
  sim::SimRuntime runtime({.seed = 1});
  sim::SimDisk disk(runtime);
  auto log = wal::Log::open(runtime, disk, {.segment_bytes = 64 << 10});
  ASSERT_TRUE(log.ok()) << log.error().to_string();
  const wal::RecordView record{
      .vshard = 2, .tenant = 3, .head = as_bytes("he"), .body = as_bytes("body")};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE((*log)->append(std::span(&record, 1)).ok());
    ASSERT_TRUE((*log)->sync().ok());
  }
  ASSERT_TRUE((*log)->close().ok());
  const sim::Image& image = disk.state().file(*disk.state().find(wal::segment_name(1))).cache();
  std::vector<std::byte> bytes(image.bytes);
  image.read_at(0, bytes);
  Lines lines{std::string(kLogVersion)};
  dump(lines, "a segment: header, checkpoint, two syncs of one frame each, close", bytes);
  expect_golden("segment.hex", lines);
}

}  // namespace
}  // namespace sluice::golden
