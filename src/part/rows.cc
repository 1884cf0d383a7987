#include "part/rows.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <optional>

#include "base/check.h"
#include "part/column_reader.h"
#include "part/layout.h"
#include "part/micros.h"
#include "part/prune.h"

namespace sluice::part {
namespace {

Type type_of(PhysicalType type) {
  switch (type) {
    case PhysicalType::kBool:
      return Type::kBool;
    case PhysicalType::kInt32:
    case PhysicalType::kInt64:
      return Type::kInt64;
    case PhysicalType::kFloat:
    case PhysicalType::kDouble:
      return Type::kDouble;
    case PhysicalType::kString:
      return Type::kString;
    case PhysicalType::kBinary:
      return Type::kBinary;
    case PhysicalType::kTimestampMicros:
      return Type::kTimestamp;
  }
  CHECK(false);
}

/// A column of the batches: which columns of the part it is made of, and their readers in the
/// current row group.
struct Output {
  Type type = Type::kNull;
  std::optional<size_t> column;
  std::optional<size_t> nanos_column;
  std::optional<ColumnReader> values;
  std::optional<ColumnReader> nanos;
};

std::optional<size_t> find_column(const OpenFile& file, int32_t field_id) {
  const auto found = std::find_if(file.columns.begin(), file.columns.end(),
                                  [&](const Column& c) { return c.field_id == field_id; });
  if (field_id == 0 || found == file.columns.end()) return std::nullopt;
  return static_cast<size_t>(found - file.columns.begin());
}

class FileRows final : public Rows {
 public:
  FileRows(const OpenFile& file, SchemaPtr schema, std::vector<Output> outputs,
           std::vector<size_t> groups, ReadOptions options)
      : file_(file),
        schema_(std::move(schema)),
        outputs_(std::move(outputs)),
        groups_(std::move(groups)),
        options_(std::move(options)) {}

  const SchemaPtr& schema() const override { return schema_; }
  Result<std::optional<Batch>> next() override;

 private:
  void open_group(const parquet::RowGroup& group);
  Result<uint32_t> fill(uint64_t rows_max);
  uint32_t rows_within(uint32_t rows, uint64_t text_bytes_max, uint64_t& text_bytes) const;
  Status append(size_t output, uint32_t rows, BatchBuilder& builder);
  Status append_times(size_t output, uint32_t rows, BatchBuilder& builder);

  const OpenFile& file_;
  const SchemaPtr schema_;
  std::vector<Output> outputs_;
  const std::vector<size_t> groups_;
  const ReadOptions options_;
  size_t next_group_ = 0;
  uint64_t group_rows_left_ = 0;
};

void FileRows::open_group(const parquet::RowGroup& group) {
  const auto open = [&](std::optional<size_t> column, std::optional<ColumnReader>& reader) {
    if (!column) return;
    const parquet::Chunk& chunk = group.chunks[*column];
    reader.emplace(ChunkStream(file_.bucket, file_.key, extent_of(chunk), options_.ahead_bytes),
                   chunk, file_.columns[*column].required, *options_.decompressor);
  };
  for (Output& output : outputs_) {
    open(output.column, output.values);
    open(output.nanos_column, output.nanos);
  }
  group_rows_left_ = static_cast<uint64_t>(group.rows);
}

/// Rows that every column has in its window; one or more.
Result<uint32_t> FileRows::fill(uint64_t rows_max) {
  uint64_t rows = std::min(group_rows_left_, rows_max);
  for (Output& output : outputs_) {
    for (std::optional<ColumnReader>* reader : {&output.values, &output.nanos}) {
      if (!reader->has_value()) continue;
      TRY((*reader)->fill());
      rows = std::min<uint64_t>(rows, (*reader)->rows());
    }
  }
  return static_cast<uint32_t>(rows);
}

/// As many of the next `rows` rows as fit into `text_bytes_max`, adding what they take.
uint32_t FileRows::rows_within(uint32_t rows, uint64_t text_bytes_max, uint64_t& text_bytes) const {
  for (uint32_t row = 0; row < rows; ++row) {
    uint64_t row_bytes = 0;
    for (const Output& output : outputs_) {
      if (output.values && output.values->has_texts()) row_bytes += output.values->text(row).size();
    }
    if (text_bytes + row_bytes > text_bytes_max) return row;
    text_bytes += row_bytes;
  }
  return rows;
}

Result<std::optional<Batch>> FileRows::next() {
  BatchBuilder builder(schema_);
  uint32_t rows = 0;
  uint64_t text_bytes = 0;
  while (rows < options_.batch_rows) {
    if (group_rows_left_ == 0) {
      if (next_group_ == groups_.size()) break;
      open_group(file_.footer.row_groups[groups_[next_group_++]]);
      continue;
    }
    uint32_t count = TRY(fill(options_.batch_rows - rows));
    count = rows_within(count, options_.batch_text_bytes, text_bytes);
    if (count == 0 && rows > 0) break;
    count = std::max(count, 1u);  // a row of its own, however long
    for (size_t i = 0; i < outputs_.size(); ++i) TRY(append(i, count, builder));
    group_rows_left_ -= count;
    rows += count;
  }
  if (rows == 0) return std::optional<Batch>();
  auto batch = builder.finish();
  if (!batch.ok()) return corrupt(file_.key, 0, batch.error().message());
  return std::optional<Batch>(std::move(*batch));
}

Status FileRows::append(size_t index, uint32_t rows, BatchBuilder& builder) {
  Output& output = outputs_[index];
  if (!output.values) {
    for (uint32_t row = 0; row < rows; ++row) builder.append_null(index);
    return ok();
  }
  if (output.type == Type::kTimestamp) return append_times(index, rows, builder);
  ColumnReader& values = *output.values;
  const bool is_word = output.type == Type::kInt64 || output.type == Type::kDouble;
  if (is_word && !values.has_nulls()) {
    ColumnView run;
    run.type = output.type;
    run.rows = rows;
    run.values = reinterpret_cast<const std::byte*>(values.numbers());
    builder.append_run(index, run, 0, rows);
    values.advance(rows);
    return ok();
  }
  const auto each = [&](auto append_value) {
    for (uint32_t row = 0; row < rows; ++row) {
      values.is_null(row) ? builder.append_null(index) : append_value(row);
    }
  };
  if (output.type == Type::kBool) {
    each([&](uint32_t row) { builder.append_bool(index, values.number(row) != 0); });
  } else if (output.type == Type::kInt64) {
    each([&](uint32_t row) { builder.append_int64(index, values.number(row)); });
  } else if (output.type == Type::kDouble) {
    each([&](uint32_t row) {
      builder.append_double(index, std::bit_cast<double>(values.number(row)));
    });
  } else {
    each([&](uint32_t row) { builder.append_bytes(index, values.text(row)); });
  }
  values.advance(rows);
  return ok();
}

Status FileRows::append_times(size_t index, uint32_t rows, BatchBuilder& builder) {
  Output& output = outputs_[index];
  for (uint32_t row = 0; row < rows; ++row) {
    if (output.values->is_null(row)) {
      builder.append_null(index);
      continue;
    }
    const int64_t remainder = output.nanos ? output.nanos->number(row) : 0;
    const auto time = join_micros(output.values->number(row), remainder);
    if (!time) return corrupt(file_.key, 0, "a time is outside of 1677 to 2262");
    builder.append_timestamp(index, *time);
  }
  output.values->advance(rows);
  if (output.nanos) output.nanos->advance(rows);
  return ok();
}

Result<Output> make_output(const OpenFile& file, const ReadColumn& column) {
  Output output;
  output.type = column.type;
  if (column.type == Type::kNull) return output;
  output.column = find_column(file, column.field_id);
  if (!output.column) return output;
  if (type_of(file.columns[*output.column].type) != column.type) {
    return Error(Code::kInvalid, Reason::kTypeMismatch, "a part stores the column as another type",
                 column.name);
  }
  output.nanos_column = find_column(file, column.nanos_field_id);
  if (!output.nanos_column) return output;
  if (column.type != Type::kTimestamp ||
      type_of(file.columns[*output.nanos_column].type) != Type::kInt64) {
    return Error(Code::kInvalid, Reason::kTypeMismatch, "nanoseconds of something else than a time",
                 column.name);
  }
  return output;
}

bool may_hold_all(const OpenFile& file, const parquet::RowGroup& group,
                  const std::vector<Range>& ranges) {
  const Author author =
      file.footer.created_by.starts_with("sluice ") ? Author::kSluice : Author::kForeign;
  return std::all_of(ranges.begin(), ranges.end(), [&](const Range& range) {
    const auto column = find_column(file, range.field_id);
    return !column || may_hold(file.columns[*column], group.chunks[*column], range, author);
  });
}

}  // namespace

Result<std::unique_ptr<Rows>> read_rows(const OpenFile& file,
                                        const std::vector<ReadColumn>& columns,
                                        const std::vector<Range>& ranges, ReadOptions options) {
  CHECK(options.batch_rows > 0);
  if (!options.decompressor) options.decompressor = make_decompressor();
  if (columns.empty()) return Error(Code::kInvalid, "no columns to read", file.key);
  std::vector<Field> fields;
  std::vector<Output> outputs;
  for (const ReadColumn& column : columns) {
    fields.push_back({column.name, column.type});
    outputs.push_back(TRY(make_output(file, column)));
  }
  std::vector<size_t> groups;
  for (size_t i = 0; i < file.footer.row_groups.size(); ++i) {
    if (may_hold_all(file, file.footer.row_groups[i], ranges)) groups.push_back(i);
  }
  auto schema = TRY(Schema::make(std::move(fields)));
  return std::unique_ptr<Rows>(new FileRows(file, std::move(schema), std::move(outputs),
                                            std::move(groups), std::move(options)));
}

}  // namespace sluice::part
