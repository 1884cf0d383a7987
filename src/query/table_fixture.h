// A table in memory that rows are appended to and flushed from, for tests.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "memtable/gatherer.h"
#include "part/writer.h"
#include "query/rows_fixture.h"
#include "query/view.h"
#include "table/fakes_test.h"
#include "table/format.h"

namespace sluice::query {

/// Objects are strings. Counts what is read of parts.
class MemoryBucket final : public Bucket {
 public:
  std::map<std::string, std::string, std::less<>> objects;
  uint64_t parts_opened = 0;
  uint64_t manifests_opened = 0;  ///< manifest lists excluded
  bool broken = false;

  Status put_if_absent(std::string_view key, ByteView bytes) override {
    if (objects.contains(key)) return Error(Code::kExists, "taken", std::string(key));
    return put(key, bytes);
  }
  Status put(std::string_view key, ByteView bytes) override {
    objects[std::string(key)] = std::string(as_text(bytes));
    return ok();
  }
  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override {
    return std::unique_ptr<Upload>(new MemoryUpload(objects[std::string(key)]));
  }
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override {
    if (broken) return Error(Code::kIo, "broken", std::string(key));
    const auto found = objects.find(key);
    if (found == objects.end()) return absent(key);
    if (key.ends_with(".parquet") && offset + out.size() >= found->second.size()) ++parts_opened;
    const bool is_manifest = key.ends_with(".avro") && key.find("/snap-") == key.npos;
    if (is_manifest && offset == 0) ++manifests_opened;
    const size_t begin = std::min<size_t>(offset, found->second.size());
    const size_t count = std::min(out.size(), found->second.size() - begin);
    std::memcpy(out.data(), found->second.data() + begin, count);
    return count;
  }
  Result<ObjectEntry> head(std::string_view key) override {
    const auto found = objects.find(key);
    if (found == objects.end()) return absent(key);
    return ObjectEntry{found->first, found->second.size(), 0};
  }
  Result<std::vector<ObjectEntry>> list(std::string_view prefix) override {
    std::vector<ObjectEntry> entries;
    for (const auto& [key, bytes] : objects) {
      if (key.starts_with(prefix)) entries.push_back({key, bytes.size(), 0});
    }
    return entries;
  }
  Status remove(std::string_view key) override {
    objects.erase(std::string(key));
    return ok();
  }
  std::string uri(std::string_view key) const override { return "/lake/" + std::string(key); }

 private:
  class MemoryUpload final : public Upload {
   public:
    explicit MemoryUpload(std::string& object) : object_(object) {}
    Status write(ByteView bytes) override {
      object_ += as_text(bytes);
      return ok();
    }
    Status finish() override { return ok(); }
    void abort() override {}

   private:
    std::string& object_;
  };
  static Error absent(std::string_view key) {
    return Error(Code::kNotFound, "no such object", std::string(key));
  }
};

/// Flushes as the engine does, a part at most `part_rows` rows.
class TestTable {
 public:
  explicit TestTable(TableSpec spec, table::CommitterOptions options = {})
      : committer_(runtime_, bucket, table::kName, table::writer_of(1, 1), options,
                   [] { return false; }) {
    EXPECT_TRUE(committer_.create(spec).ok());
  }

  MemoryBucket bucket;
  size_t part_rows = SIZE_MAX;
  part::WriterOptions writer;

  TableSpec spec() const { return committer_.head()->metadata.spec(); }
  void add_columns(const std::vector<Field>& columns) {
    EXPECT_TRUE(committer_.add_columns(columns).ok());
  }
  void alter(const std::vector<SchemaChange>& changes) {
    const auto altered = committer_.alter(changes);
    EXPECT_TRUE(altered.ok()) << altered.error().to_string();
  }
  void append(Batch batch) { runs_.push_back({std::move(batch), next_lsn_++, nullptr, 0}); }
  void append(const std::vector<Row>& rows) { append(make_batch(spec().columns, rows)); }

  void flush() {
    const memtable::Frozen frozen(std::exchange(runs_, {}), spec());
    std::vector<part::Column> nanos;
    for (size_t column = 0; column < spec().columns.size(); ++column) {
      if (!frozen.has_nanos()[column]) continue;
      nanos.push_back(
          {0, table::nanos_column(spec().columns[column].name), part::PhysicalType::kInt32, false});
    }
    EXPECT_TRUE(committer_.add_system_columns(nanos).ok());
    table::FlushEdit edit;
    edit.base = committer_.head();
    edit.flush = FlushId::draw(runtime_);
    edit.lsns.low_water = next_lsn_ - 1;
    for (const auto& partition : frozen.partitions()) {
      for (size_t done = 0; done < partition.count; done += std::min(part_rows, partition.count)) {
        const size_t count = std::min(part_rows, partition.count - done);
        edit.parts.push_back(write_part(frozen, {partition.values, partition.first + done, count},
                                        edit.flush.hex()));
      }
    }
    const auto committed = committer_.commit(edit);
    EXPECT_TRUE(committed.ok()) << committed.error().to_string();
  }

  std::unique_ptr<Snapshot> snapshot() {
    const table::HeadPtr head = committer_.head();
    return make_snapshot(bucket, {table::kName, head, runs_, head->metadata.epoch + 1});
  }

  table::HeadPtr head() const { return committer_.head(); }
  /// Without the rows that are not flushed.
  std::unique_ptr<Snapshot> snapshot(const AsOf& as_of) {
    return make_snapshot(bucket, {table::kName, head_as_of(*head(), as_of).value(), {}, 0});
  }

  std::vector<std::string> rows(const ScanOptions& options = {}) {
    auto rows = read_rows(*snapshot(), options);
    EXPECT_TRUE(rows.ok()) << rows.error().to_string();
    return rows.ok() ? *rows : std::vector<std::string>();
  }
  /// Rows that pass `where`.
  std::vector<std::string> rows(std::string_view where) {
    ScanOptions options;
    options.where = parse_predicate(where).value();
    return rows(options);
  }

 private:
  part::Meta write_part(const memtable::Frozen& frozen, memtable::Frozen::Partition rows,
                        const std::string& flush) {
    const table::Metadata& metadata = committer_.head()->metadata;
    std::vector<Field> fields = metadata.spec().columns;
    if (!metadata.key_columns.empty()) fields.push_back({"_version", Type::kInt64});
    std::vector<part::WriterColumn> columns;
    for (size_t input = 0; input < fields.size(); ++input) {
      const part::Column& column = *metadata.schema().find(fields[input].name);
      const bool time = column.type == part::PhysicalType::kTimestampMicros;
      columns.push_back({column, input, time ? part::Transform::kMicros : part::Transform::kNone});
      const auto* nanos = metadata.schema().find(table::nanos_column(column.name));
      if (nanos != nullptr) columns.push_back({*nanos, input, part::Transform::kNanos});
    }
    const std::string key =
        metadata.prefix + "/data/" + flush + "-" + std::to_string(parts_++) + ".parquet";
    const auto upload = bucket.begin_upload(key).value();
    part::WriterOptions options = writer;
    options.key = key;
    part::Writer part(*upload, columns, options);
    memtable::Gatherer gatherer(frozen, Schema::make(fields).value(), metadata.epoch);
    while (rows.count > 0) {
      const Batch batch = gatherer.rows(rows.first, std::min<size_t>(rows.count, 100)).value();
      EXPECT_TRUE(part.append(batch).ok());
      rows.first += batch.rows();
      rows.count -= batch.rows();
    }
    part::Meta meta = part.finish().value();
    meta.key = key;
    meta.partition = rows.values;
    return meta;
  }

  table::FakeRuntime runtime_;
  table::Committer committer_;
  std::vector<memtable::Run> runs_;
  uint64_t next_lsn_ = 1;
  size_t parts_ = 0;
};

}  // namespace sluice::query
