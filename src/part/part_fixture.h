// What the tests of parts share: a bucket in memory, random batches, and rows as text.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "part/footer.h"
#include "part/reader.h"
#include "part/writer.h"

namespace sluice::part {

/// Objects are strings; only what parts need works.
class MemoryBucket final : public Bucket {
 public:
  std::map<std::string, std::string, std::less<>> objects;

  class MemoryUpload final : public Upload {
   public:
    explicit MemoryUpload(std::string& object) : object_(object) {}
    Status write(ByteView bytes) override {
      if (fail_at && object_.size() + bytes.size() > *fail_at) return Error(Code::kIo, "planned");
      object_.append(as_text(bytes));
      return ok();
    }
    Status finish() override { return ok(); }
    void abort() override {}
    std::optional<uint64_t> fail_at;

   private:
    std::string& object_;
  };

  Result<std::unique_ptr<Upload>> begin_upload(std::string_view key) override {
    return std::unique_ptr<Upload>(new MemoryUpload(objects[std::string(key)] = {}));
  }
  Result<size_t> get_range(std::string_view key, uint64_t offset,
                           std::span<std::byte> out) override {
    const auto found = objects.find(key);
    if (found == objects.end()) return Error(Code::kNotFound, "no such object", std::string(key));
    const std::string& object = found->second;
    largest_read = std::max<uint64_t>(largest_read, out.size());
    const size_t begin = std::min<size_t>(offset, object.size());
    const size_t count = std::min(out.size(), object.size() - begin);
    std::memcpy(out.data(), object.data() + begin, count);
    return count;
  }
  uint64_t largest_read = 0;
  Status put_if_absent(std::string_view, ByteView) override { return unused(); }
  Status put(std::string_view, ByteView) override { return unused(); }
  Result<ObjectEntry> head(std::string_view) override { return unused(); }
  Result<std::vector<ObjectEntry>> list(std::string_view) override { return unused(); }
  Status remove(std::string_view) override { return unused(); }
  std::string uri(std::string_view key) const override { return std::string(key); }

 private:
  static Error unused() { return Error(Code::kUnsupported, "no part needs it"); }
};

inline SchemaPtr make_schema(std::vector<Field> fields) {
  return Schema::make(std::move(fields)).value();
}

/// A column of the part for every column of `schema`, field ids from 1; a timestamp has its
/// remainder in a companion, ids from 101.
inline std::vector<WriterColumn> writer_columns(const Schema& schema) {
  std::vector<WriterColumn> columns;
  for (size_t i = 0; i < schema.size(); ++i) {
    const auto id = static_cast<int32_t>(i + 1);
    const std::string& name = schema[i].name;
    switch (schema[i].type) {
      case Type::kBool:
        columns.push_back({{id, name, PhysicalType::kBool}, i});
        break;
      case Type::kNull:
      case Type::kInt64:
        columns.push_back({{id, name, PhysicalType::kInt64}, i});
        break;
      case Type::kDouble:
        columns.push_back({{id, name, PhysicalType::kDouble}, i});
        break;
      case Type::kString:
        columns.push_back({{id, name, PhysicalType::kString}, i});
        break;
      case Type::kBinary:
        columns.push_back({{id, name, PhysicalType::kBinary}, i});
        break;
      case Type::kTimestamp:
        columns.push_back({{id, name, PhysicalType::kTimestampMicros}, i, Transform::kMicros});
        columns.push_back(
            {{100 + id, "_" + name + "_ns", PhysicalType::kInt32}, i, Transform::kNanos});
        break;
    }
  }
  return columns;
}

inline std::vector<ReadColumn> read_columns(const Schema& schema) {
  std::vector<ReadColumn> columns;
  for (size_t i = 0; i < schema.size(); ++i) {
    const auto id = static_cast<int32_t>(i + 1);
    columns.push_back({id, schema[i].name, schema[i].type, 100 + id});
    if (schema[i].type != Type::kTimestamp) columns.back().nanos_field_id = 0;
  }
  return columns;
}

/// A value as text that is equal only for equal values, bit for bit.
inline std::string spell(const ColumnView& view, size_t row) {
  if (view.is_null(row)) return "null";
  switch (view.type) {
    case Type::kBool:
      return view.boolean(row) ? "true" : "false";
    case Type::kInt64:
    case Type::kTimestamp:
      return std::to_string(view.int64(row));
    case Type::kDouble:
      return "bits " + std::to_string(std::bit_cast<uint64_t>(view.real(row)));
    default:
      return "'" + std::string(view.bytes(row)) + "'";
  }
}

using SpelledRow = std::vector<std::string>;
inline void spell_rows(const Batch& batch, std::vector<SpelledRow>& rows) {
  const size_t first = rows.size();
  rows.resize(first + batch.rows(), SpelledRow(batch.schema()->size()));
  for (size_t column = 0; column < batch.schema()->size(); ++column) {
    const ColumnView view = batch.column(column);
    for (uint32_t row = 0; row < batch.rows(); ++row) {
      rows[first + row][column] = spell(view, row);
    }
  }
}

/// Of an object that is known to be a part.
inline parquet::Footer footer_of(const std::string& object) {
  const uint64_t trailer = object.size() - parquet::kTrailerBytes;
  const auto bytes = load<uint32_t>(as_bytes(object).data() + trailer);
  return parquet::decode_footer(as_bytes(object).subspan(trailer - bytes, bytes)).value();
}

inline Result<Meta> write_part(MemoryBucket& bucket, const std::string& key,
                               const std::vector<Batch>& batches, std::vector<WriterColumn> columns,
                               WriterOptions options = {}) {
  auto upload = TRY(bucket.begin_upload(key));
  options.key = key;
  Writer writer(*upload, std::move(columns), std::move(options));
  for (const Batch& batch : batches) TRY(writer.append(batch));
  return writer.finish();
}

inline Result<std::vector<SpelledRow>> read_part(MemoryBucket& bucket, const std::string& key,
                                                 std::vector<ReadColumn> columns,
                                                 const std::vector<Range>& ranges = {}) {
  auto reader = TRY(Reader::open(bucket, key, bucket.objects[key].size()));
  auto rows = TRY(reader->read(std::move(columns), ranges));
  std::vector<SpelledRow> spelled;
  for (;;) {
    const auto batch = TRY(rows->next());
    if (!batch) return spelled;
    spell_rows(*batch, spelled);
  }
}

/// Values that formats get wrong come often; `distinct` bounds the others.
class RandomRows {
 public:
  explicit RandomRows(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t end) { return random_() % end; }

  void append_value(BatchBuilder& builder, size_t column, Type type, uint64_t distinct) {
    const uint64_t pick = below(distinct);
    const bool special = below(8) == 0;
    switch (type) {
      case Type::kNull:
        return builder.append_null(column);
      case Type::kBool:
        return builder.append_bool(column, pick % 2 == 0);
      case Type::kInt64:
        return builder.append_int64(
            column, special ? kIntegers[below(std::size(kIntegers))] : static_cast<int64_t>(pick));
      case Type::kTimestamp:
        return builder.append_timestamp(column, special ? kIntegers[below(std::size(kIntegers))]
                                                        : static_cast<int64_t>(pick * 997));
      case Type::kDouble:
        return builder.append_double(
            column, special ? kDoubles[below(std::size(kDoubles))] : static_cast<double>(pick) / 7);
      case Type::kString:
      case Type::kBinary:
        return builder.append_bytes(
            column, special ? kStrings[below(std::size(kStrings))] : "device-" + hex(pick));
    }
  }

  Batch batch(const SchemaPtr& schema, uint32_t rows, uint64_t distinct, uint64_t nulls_of_8) {
    BatchBuilder builder(schema);
    for (size_t column = 0; column < schema->size(); ++column) {
      for (uint32_t row = 0; row < rows; ++row) {
        if (below(8) < nulls_of_8) {
          builder.append_null(column);
        } else {
          append_value(builder, column, (*schema)[column].type, distinct);
        }
      }
    }
    return builder.finish().value();
  }

 private:
  static constexpr int64_t kIntegers[] = {
      0, -1, 1, INT64_MIN, INT64_MIN + 1, -999, INT64_MAX, INT64_MAX - 1, -1000, 999'999};
  inline static const double kDoubles[] = {
      0.0,
      -0.0,
      std::numeric_limits<double>::quiet_NaN(),
      -std::numeric_limits<double>::quiet_NaN(),
      std::numeric_limits<double>::infinity(),
      -std::numeric_limits<double>::infinity(),
      std::numeric_limits<double>::denorm_min(),
      std::numeric_limits<double>::max(),
  };
  inline static const std::string kStrings[] = {
      "",
      std::string("a\0b", 3),
      "æøå \xf0\x9f\x98\x80 \xe6\x97\xa5\xe6\x9c\xac",
      std::string(300, 'x'),
      "\xf4\x8f\xbf\xbf",
      "\n\"'\\",
  };

  static std::string hex(uint64_t value) {
    char text[20];
    std::snprintf(text, sizeof text, "%06llx", static_cast<unsigned long long>(value));
    return text;
  }

  std::mt19937_64 random_;
};

}  // namespace sluice::part
