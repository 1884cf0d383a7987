#include "flush/flush.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "base/bytes.h"
#include "base/check.h"
#include "io/thread_runtime.h"
#include "part/reader.h"

namespace sluice::flush {
namespace {

constexpr Nanos kDay = 86'400 * kSecond;

/// Objects appear when their upload is finished. Uploads fail by plan.
class UploadBucket final : public Bucket {
 public:
  std::map<std::string, std::string, std::less<>> objects;
  std::optional<uint64_t> bytes_left;  ///< then writes fail
  std::optional<size_t> lost_finish;   ///< the finish after so many has its effect and fails
  std::atomic<int> open_uploads = 0;

  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override {
    const std::lock_guard lock(finishing_);
    EXPECT_FALSE(objects.contains(key)) << key;
    return std::unique_ptr<Upload>(new PlannedUpload(*this, std::string(key)));
  }
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override {
    const std::string& object = objects.find(key)->second;
    const size_t begin = std::min<size_t>(offset, object.size());
    const size_t count = std::min(out.size(), object.size() - begin);
    std::memcpy(out.data(), object.data() + begin, count);
    return count;
  }
  Status remove(std::string_view key) override {
    objects.erase(std::string(key));
    return ok();
  }
  Status put_if_absent(std::string_view, ByteView) override { CHECK(false); }
  Status put(std::string_view, ByteView) override { CHECK(false); }
  Result<ObjectEntry> head(std::string_view) override { CHECK(false); }
  Result<std::vector<ObjectEntry>> list(std::string_view) override { CHECK(false); }
  std::string uri(std::string_view key) const override { return std::string(key); }

 private:
  class PlannedUpload final : public Upload {
   public:
    PlannedUpload(UploadBucket& bucket, std::string key) : bucket_(bucket), key_(std::move(key)) {
      ++bucket_.open_uploads;
    }
    ~PlannedUpload() override { --bucket_.open_uploads; }
    Status write(ByteView bytes) override {
      if (bucket_.bytes_left) {
        if (*bucket_.bytes_left < bytes.size()) return Error(Code::kFull, "planned", key_);
        *bucket_.bytes_left -= bytes.size();
      }
      object_ += as_text(bytes);
      return ok();
    }
    Status finish() override {
      const std::lock_guard lock(bucket_.finishing_);
      const bool lost = bucket_.lost_finish == bucket_.objects.size();
      bucket_.objects[key_] = object_;
      return lost ? Status(Error(Code::kIo, Reason::kUnknownOutcome, "planned", key_)) : ok();
    }
    void abort() override {}

   private:
    UploadBucket& bucket_;
    std::string key_;
    std::string object_;
  };
  std::mutex finishing_;
};

const TableSpec kSpec = {
    {{"id", Type::kInt64}, {"time", Type::kTimestamp}, {"text", Type::kString}}, {"id"}, "time"};

/// `rows` rows a day, of texts that do not compress well.
memtable::Frozen frozen_of(int days, int rows) {
  BatchBuilder builder(Schema::make(kSpec.columns).value());
  uint64_t state = 1;
  for (int day = 0; day < days; ++day) {
    for (int row = 0; row < rows; ++row) {
      std::string text;
      for (int i = 0; i < 40; ++i) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        text += static_cast<char>('!' + (state >> 33) % 90);
      }
      builder.append_int64(0, row);
      builder.append_timestamp(1, (day - 1) * kDay);
      builder.append_bytes(2, text);
    }
  }
  std::vector<memtable::Run> runs;
  runs.push_back({builder.finish().value(), 9, nullptr, 0});
  return memtable::Frozen(std::move(runs), kSpec);
}

Layout layout_of(uint64_t part_bytes) {
  Layout layout;
  layout.prefix = "db/coll";
  std::vector<Field> fields = kSpec.columns;
  fields.push_back({"_version", Type::kInt64});
  layout.columns = Schema::make(fields).value();
  layout.part_columns = {
      {{1, "id", part::PhysicalType::kInt64, true}, 0},
      {{2, "time", part::PhysicalType::kTimestampMicros, true}, 1, part::Transform::kMicros},
      {{3, "text", part::PhysicalType::kString, false}, 2},
      {{4, "_version", part::PhysicalType::kInt64, true}, 3}};
  layout.writer.row_group_bytes = 64u << 10;
  layout.part_bytes = part_bytes;
  layout.epoch = 2;
  return layout;
}

Result<std::vector<part::Meta>> flush_into(
    UploadBucket& bucket, const memtable::Frozen& rows, uint64_t part_bytes,
    std::function<bool()> cancelled = [] { return false; }) {
  const auto runtime = io::make_thread_runtime();
  const Layout layout = layout_of(part_bytes);
  return flush(*runtime, bucket, {FlushId{}, &rows, &layout, std::move(cancelled)});
}

std::vector<int64_t> longs_of(UploadBucket& bucket, const part::Meta& part, int32_t field_id) {
  const auto reader = part::Reader::open(bucket, part.key, part.bytes).value();
  const auto rows = reader->read({{field_id, "column", Type::kInt64, 0}}, {}).value();
  std::vector<int64_t> values;
  while (const auto batch = rows->next().value()) {
    for (uint32_t row = 0; row < batch->rows(); ++row) {
      values.push_back(batch->column(0).int64(row));
    }
  }
  return values;
}

TEST(Flush, EveryPartitionHasPartsOfItsOwn) {
  UploadBucket bucket;
  const auto parts = flush_into(bucket, frozen_of(3, 10), 1u << 30).value();
  ASSERT_EQ(parts.size(), 3u);
  for (int day = 0; day < 3; ++day) {
    const part::Meta& part = parts[static_cast<size_t>(day)];
    EXPECT_EQ(part.partition, (model::PartitionTuple{day - 1}));
    EXPECT_EQ(part.rows, 10u);
    EXPECT_EQ(part.bytes, bucket.objects.at(part.key).size());
    EXPECT_TRUE(part.key.starts_with("db/coll/data/" + FlushId{}.hex() + "-")) << part.key;
    EXPECT_EQ(longs_of(bucket, part, 4), std::vector<int64_t>(10, memtable::make_version(2, 9)));
  }
  EXPECT_EQ(bucket.objects.size(), 3u);
}

TEST(Flush, PartsEndAtTheirSizeAndTogetherHoldEveryRowInOrder) {
  UploadBucket bucket;
  constexpr uint64_t kPartBytes = 200'000;
  const auto parts = flush_into(bucket, frozen_of(1, 50'000), kPartBytes).value();
  EXPECT_GT(parts.size(), 3u);
  std::vector<int64_t> ids;
  std::set<std::string> keys;
  for (const part::Meta& part : parts) {
    // A part ends after the chunk of 8192 rows that made it full.
    EXPECT_LT(part.bytes, kPartBytes + 8192 * 60);
    EXPECT_TRUE(keys.insert(part.key).second);
    for (const int64_t id : longs_of(bucket, part, 1)) ids.push_back(id);
  }
  ASSERT_EQ(ids.size(), 50'000u);
  for (size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(ids[i], static_cast<int64_t>(i));
}

TEST(Flush, OfNothingHasNoParts) {
  UploadBucket bucket;
  const memtable::Frozen nothing({}, kSpec);
  EXPECT_TRUE(flush_into(bucket, nothing, 1000)->empty());
  EXPECT_TRUE(bucket.objects.empty());
}

TEST(Flush, CancelledAtAnyChunkItLeavesNothing) {
  const memtable::Frozen rows = frozen_of(2, 20'000);
  UploadBucket whole;
  size_t chunks = 0;
  const auto count = [&] { return ++chunks == 0; };
  ASSERT_TRUE(flush_into(whole, rows, 300'000, count).ok());
  ASSERT_GT(chunks, 4u);
  for (size_t at = 0; at < chunks; ++at) {
    UploadBucket bucket;
    size_t asked = 0;
    const auto cancelled = flush_into(bucket, rows, 300'000, [&] { return asked++ == at; });
    ASSERT_FALSE(cancelled.ok());
    EXPECT_EQ(cancelled.error().code(), Code::kCancelled);
    EXPECT_TRUE(bucket.objects.empty()) << at;
    EXPECT_EQ(bucket.open_uploads, 0);
  }
}

TEST(Flush, AFailingUploadLeavesNothing) {
  const memtable::Frozen rows = frozen_of(2, 20'000);
  UploadBucket whole;
  const auto parts = flush_into(whole, rows, 300'000).value();
  uint64_t bytes = 0;
  for (const part::Meta& part : parts) bytes += part.bytes;
  for (uint64_t left = 0; left < bytes; left += bytes / 7) {
    UploadBucket bucket;
    bucket.bytes_left = left;
    const auto failed = flush_into(bucket, rows, 300'000);
    ASSERT_FALSE(failed.ok()) << left;
    EXPECT_EQ(failed.error().code(), Code::kFull);
    EXPECT_TRUE(bucket.objects.empty()) << left;
    EXPECT_EQ(bucket.open_uploads, 0);
  }
}

TEST(Flush, APartWhoseAnswerWasLostIsRemovedToo) {
  const memtable::Frozen rows = frozen_of(3, 10);
  for (size_t part = 0; part < 3; ++part) {
    UploadBucket bucket;
    bucket.lost_finish = part;
    const auto failed = flush_into(bucket, rows, 1u << 30);
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().reason(), Reason::kUnknownOutcome);
    EXPECT_TRUE(bucket.objects.empty()) << part;
  }
}

TEST(FlushEach, APartitionThatFailsHoldsUpNoOther) {
  const auto runtime = io::make_thread_runtime();
  const Layout layout = layout_of(1u << 30);
  const memtable::Frozen rows = frozen_of(3, 10);
  const auto go_on = [] { return false; };
  UploadBucket bucket;
  bucket.lost_finish = 1;
  const auto outcome = flush_each(*runtime, bucket, {FlushId{}, &rows, &layout, go_on});
  ASSERT_TRUE(outcome.ok()) << outcome.error().to_string();
  ASSERT_EQ(outcome->failures.size(), 1u);
  ASSERT_EQ(outcome->parts.size(), 2u);
  const auto& failed = rows.partitions()[outcome->failures[0].partition];
  for (const part::Meta& part : outcome->parts) {
    EXPECT_NE(part.partition, failed.values);
    EXPECT_TRUE(bucket.objects.contains(part.key));
  }
  EXPECT_EQ(bucket.objects.size(), 2u) << "the part whose answer was lost has gone";
}

TEST(FlushEach, WhenMoreFailThanNotTheBucketIsToBlame) {
  const auto runtime = io::make_thread_runtime();
  const Layout layout = layout_of(1u << 30);
  const memtable::Frozen rows = frozen_of(20, 10);
  const auto go_on = [] { return false; };
  UploadBucket bucket;
  bucket.bytes_left = 0;
  const auto outcome = flush_each(*runtime, bucket, {FlushId{}, &rows, &layout, go_on});
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().code(), Code::kFull);
  EXPECT_TRUE(bucket.objects.empty());
  EXPECT_EQ(bucket.open_uploads, 0);
}

/// Puts the rows with the devices in groups of so many, in turn.
std::vector<part::Meta> flush_groups(UploadBucket& bucket, memtable::Frozen& rows, Layout layout,
                                     uint32_t devices_max) {
  const memtable::Devices devices(rows, kSpec);
  std::vector<uint32_t> groups(devices.ids().size());
  for (uint32_t at = 0; at < groups.size(); ++at) groups[at] = at / devices_max;
  const auto arranged = devices.arrange(rows, groups);
  const auto runtime = io::make_thread_runtime();
  return flush(*runtime, bucket, {FlushId{}, &rows, &layout, [] { return false; }, &arranged})
      .value();
}

TEST(FlushByGroups, APartHoldsOneGroupOfOneDayAndItsNameTellsWhich) {
  UploadBucket bucket;
  memtable::Frozen rows = frozen_of(2, 10);
  const auto parts = flush_groups(bucket, rows, layout_of(1u << 30), 4);
  ASSERT_EQ(parts.size(), 6u);
  for (size_t at = 0; at < parts.size(); ++at) {
    const auto group = static_cast<int64_t>(at % 3);
    EXPECT_EQ(parts[at].partition, (model::PartitionTuple{at < 3 ? -1 : 0}));
    EXPECT_TRUE(parts[at].key.ends_with("-" + std::to_string(at) + "-g" + std::to_string(group) +
                                        ".parquet"))
        << parts[at].key;
    for (const int64_t id : longs_of(bucket, parts[at], 1)) EXPECT_EQ(id / 4, group);
  }
}

TEST(FlushByGroups, PartsEndByRowsAndBytesWhicheverComesFirstAndNoRowIsLostAtASeam) {
  Layout by_rows = layout_of(1u << 30);
  by_rows.group_rows = {1'000, 10};
  Layout by_bytes = layout_of(50'000);
  by_bytes.group_rows = {1u << 20, 10};
  for (const Layout& layout : {by_rows, by_bytes}) {
    UploadBucket bucket;
    memtable::Frozen rows = frozen_of(1, 20'000);
    std::vector<int64_t> ids;
    const auto parts = flush_groups(bucket, rows, layout, 5'000);
    for (const part::Meta& part : parts) {
      EXPECT_LE(part.rows, layout.group_rows.rows_max);
      // What a row group in the making holds is not compressed yet.
      EXPECT_LT(part.bytes, layout.part_bytes * 5 / 4);
      for (const int64_t id : longs_of(bucket, part, 1)) ids.push_back(id);
    }
    EXPECT_GE(parts.size(), 12u);
    EXPECT_LE(parts.size(), 32u);
    ASSERT_EQ(ids.size(), 20'000u);
    for (size_t i = 0; i < ids.size(); ++i) ASSERT_EQ(ids[i], static_cast<int64_t>(i));
  }
}

TEST(FlushByGroups, APartOfFewRowsIsNotEndedByItsBytes) {
  Layout layout = layout_of(1);
  layout.group_rows = {100'000, 700};
  UploadBucket bucket;
  memtable::Frozen rows = frozen_of(1, 2'000);
  for (const part::Meta& part : flush_groups(bucket, rows, layout, 900)) {
    EXPECT_TRUE(part.rows == 700 || part.rows == 200) << part.rows;
  }
}

TEST(Discard, RemovesTheObjectsOfParts) {
  UploadBucket bucket;
  const auto parts = flush_into(bucket, frozen_of(2, 10), 1u << 30).value();
  ASSERT_EQ(bucket.objects.size(), 2u);
  discard(bucket, parts);
  EXPECT_TRUE(bucket.objects.empty());
}

}  // namespace
}  // namespace sluice::flush
