#include "part/writer.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/object_checksum.h"
#include "part/column_writer.h"
#include "part/footer.h"

namespace sluice::part {
namespace {

/// Rows go to the columns in pieces of about this part of a page, so pages and row groups that end
/// between pieces are as large as they should be.
constexpr uint64_t kPiecesPerPage = 4;
constexpr uint32_t kPieceRowsMax = 1024;

bool fits(const WriterColumn& column, Type type) {
  if (type == Type::kNull) return true;
  switch (column.column.type) {
    case PhysicalType::kBool:
      return type == Type::kBool && column.transform == Transform::kNone;
    case PhysicalType::kInt32:
      return column.transform == Transform::kNanos
                 ? type == Type::kTimestamp
                 : type == Type::kInt64 && column.transform == Transform::kNone;
    case PhysicalType::kInt64:
      return type == Type::kInt64 && column.transform == Transform::kNone;
    case PhysicalType::kFloat:
    case PhysicalType::kDouble:
      return type == Type::kDouble && column.transform == Transform::kNone;
    case PhysicalType::kString:
      return type == Type::kString && column.transform == Transform::kNone;
    case PhysicalType::kBinary:
      return type == Type::kBinary && column.transform == Transform::kNone;
    case PhysicalType::kTimestampMicros:
      return type == Type::kTimestamp && column.transform == Transform::kMicros;
  }
  return false;
}

parquet::SchemaElement schema_element(const Column& column) {
  parquet::SchemaElement element;
  element.name = column.name;
  element.type = parquet::physical(column.type);
  element.repetition =
      column.required ? parquet::Repetition::kRequired : parquet::Repetition::kOptional;
  element.field_id = column.field_id;
  if (column.type == PhysicalType::kString) element.annotation = parquet::Annotation::kString;
  if (column.type == PhysicalType::kTimestampMicros) {
    element.annotation = parquet::Annotation::kTimestampMicrosUtc;
  }
  return element;
}

ColumnStats stats_of(const Column& column, const Tally& tally) {
  ColumnStats stats;
  stats.field_id = column.field_id;
  stats.value_count = tally.rows;
  stats.null_count = tally.null_count;
  stats.nan_count = tally.nan_count;
  if (tally.has_lower()) {
    stats.lower = std::string(cut_lower(column.type, tally.lower, kMetaBoundBytes));
  }
  if (tally.has_upper()) stats.upper = cut_upper(column.type, tally.upper, kMetaBoundBytes);
  return stats;
}

/// An upload, and the checksum of all that went into it.
class SummedUpload final : public Upload {
 public:
  SummedUpload(Upload& upload, uint32_t seed) : upload_(upload), checksum_(seed) {}
  Status write(ByteView bytes) override {
    checksum_ = crc32c(bytes, checksum_);
    return upload_.write(bytes);
  }
  Status finish() override { return upload_.finish(); }
  void abort() override { upload_.abort(); }
  uint32_t checksum() const { return checksum_; }

 private:
  Upload& upload_;
  uint32_t checksum_;
};

}  // namespace

struct Writer::State {
  struct ColumnState {
    WriterColumn column;
    std::unique_ptr<ColumnWriter> writer;
    Tally tally;
    uint64_t stored_bytes = 0;
    std::vector<WrittenChunk> chunks;  // of the finished row groups, for the page indexes
  };

  State(Upload& to, std::vector<WriterColumn> writer_columns, WriterOptions writer_options)
      : options(std::move(writer_options)),
        upload(to, checksum_seed(options.key)),
        compressor(options.zstd_level) {
    for (WriterColumn& column : writer_columns) {
      auto writer = make_column_writer(column, options, compressor);
      columns.push_back({std::move(column), std::move(writer), {}, 0, {}});
    }
  }

  uint64_t held_bytes() const {
    uint64_t bytes = 0;
    for (const ColumnState& state : columns) bytes += state.writer->held_bytes();
    return bytes;
  }
  Status check(const Batch& batch) const;
  uint32_t piece_rows(const std::vector<ColumnView>& views, RowRange range) const;
  Status put(std::string_view bytes);
  Status finish_row_group();
  Status write_page_indexes();
  Status write_footer();

  const WriterOptions options;
  SummedUpload upload;
  Compressor compressor;
  std::vector<ColumnState> columns;
  uint64_t written_bytes = 0;
  uint64_t group_rows = 0;
  uint64_t rows = 0;
  std::vector<parquet::RowGroup> groups;
};

Status Writer::State::check(const Batch& batch) const {
  for (const ColumnState& state : columns) {
    CHECK(state.column.input < batch.schema()->size());
    const ColumnView view = batch.column(state.column.input);
    CHECK(fits(state.column, view.type));
    if (state.column.column.required && view.null_count > 0) {
      return Error(Code::kInvalid, Reason::kNullKey, "a required column has no value in some row",
                   state.column.column.name);
    }
  }
  return ok();
}

uint32_t Writer::State::piece_rows(const std::vector<ColumnView>& views, RowRange range) const {
  const uint64_t bytes_max = options.page_bytes / kPiecesPerPage;
  uint64_t count = std::clamp<uint64_t>(bytes_max / sizeof(int64_t), 1, kPieceRowsMax);
  count = std::min<uint64_t>(count, range.count);
  for (const ColumnView& view : views) {
    if (view.offsets == nullptr) continue;
    const uint32_t* begin = view.offsets + range.first;
    while (count > 1 && begin[count] - begin[0] > bytes_max) count /= 2;
  }
  return static_cast<uint32_t>(count);
}

Status Writer::State::put(std::string_view bytes) {
  TRY(upload.write(as_bytes(bytes)));
  written_bytes += bytes.size();
  return ok();
}

Status Writer::State::finish_row_group() {
  parquet::RowGroup group;
  group.rows = static_cast<int64_t>(group_rows);
  group.offset = static_cast<int64_t>(written_bytes);
  for (ColumnState& state : columns) {
    state.chunks.push_back(TRY(state.writer->finish_chunk(upload, written_bytes)));
    const WrittenChunk& written = state.chunks.back();
    group.plain_bytes += written.chunk.plain_bytes;
    group.stored_bytes += written.chunk.stored_bytes;
    written_bytes += static_cast<uint64_t>(written.chunk.stored_bytes);
    state.stored_bytes += static_cast<uint64_t>(written.chunk.stored_bytes);
    state.tally.merge(state.column.column.type, written.tally);
  }
  groups.push_back(std::move(group));
  group_rows = 0;
  return ok();
}

Status Writer::State::write_page_indexes() {
  for (size_t g = 0; g < groups.size(); ++g) {
    for (ColumnState& state : columns) {
      WrittenChunk& written = state.chunks[g];
      if (!written.indexable) continue;
      const std::string index = encode_column_index(written.pages, written.order);
      written.chunk.column_index_offset = static_cast<int64_t>(written_bytes);
      written.chunk.column_index_bytes = static_cast<int32_t>(index.size());
      TRY(put(index));
    }
  }
  for (size_t g = 0; g < groups.size(); ++g) {
    for (ColumnState& state : columns) {
      WrittenChunk& written = state.chunks[g];
      const std::string index = encode_offset_index(written.pages);
      written.chunk.offset_index_offset = static_cast<int64_t>(written_bytes);
      written.chunk.offset_index_bytes = static_cast<int32_t>(index.size());
      TRY(put(index));
      groups[g].chunks.push_back(std::move(written.chunk));
    }
  }
  return ok();
}

Status Writer::State::write_footer() {
  parquet::Footer footer;
  footer.schema.push_back({});
  footer.schema[0].name = "table";
  footer.schema[0].children = static_cast<int32_t>(columns.size());
  for (const ColumnState& state : columns) {
    footer.schema.push_back(schema_element(state.column.column));
  }
  footer.rows = static_cast<int64_t>(rows);
  footer.row_groups = std::move(groups);
  footer.keys = options.footer;
  footer.keys.emplace_back("iceberg.schema", options.iceberg_schema);
  footer.keys.emplace_back(kChecksumName, checksum_text(upload.checksum()) + checksum_text(0));
  footer.created_by = parquet::kCreatedBy;
  std::string end = encode_footer(footer);
  const std::optional<size_t> at = parquet::find_checksum(end);
  const auto bytes = static_cast<uint32_t>(end.size());
  end.append(as_text(std::as_bytes(std::span(&bytes, 1)))).append(parquet::kMagic);
  put_checksum(end, *at + kChecksumDigits, checksum_seed(options.key));
  return put(end);
}

Writer::Writer(Upload& upload, std::vector<WriterColumn> columns, WriterOptions options)
    : state_(std::make_unique<State>(upload, std::move(columns), std::move(options))) {}

Writer::~Writer() = default;

Status Writer::append(const Batch& batch) {
  State& state = *state_;
  TRY(state.check(batch));
  if (state.written_bytes == 0) TRY(state.put(parquet::kMagic));
  std::vector<ColumnView> views;
  for (const State::ColumnState& column : state.columns) {
    views.push_back(batch.column(column.column.input));
  }
  RowRange rows{0, batch.rows()};
  while (rows.count > 0) {
    const RowRange piece{rows.first, state.piece_rows(views, rows)};
    for (size_t i = 0; i < views.size(); ++i) state.columns[i].writer->append(views[i], piece);
    rows = {rows.first + piece.count, rows.count - piece.count};
    state.rows += piece.count;
    state.group_rows += piece.count;
    if (state.held_bytes() >= state.options.row_group_bytes) TRY(state.finish_row_group());
  }
  return ok();
}

uint64_t Writer::bytes() const {
  return state_->written_bytes + state_->held_bytes();
}

uint64_t Writer::rows() const {
  return state_->rows;
}

Result<Meta> Writer::finish() {
  State& state = *state_;
  if (state.written_bytes == 0) TRY(state.put(parquet::kMagic));
  if (state.group_rows > 0) TRY(state.finish_row_group());
  Meta meta;
  for (const parquet::RowGroup& group : state.groups) meta.split_offsets.push_back(group.offset);
  for (const State::ColumnState& column : state.columns) {
    meta.columns.push_back(stats_of(column.column.column, column.tally));
    meta.columns.back().bytes = column.stored_bytes;
  }
  TRY(state.write_page_indexes());
  TRY(state.write_footer());
  meta.bytes = state.written_bytes;
  meta.rows = state.rows;
  return meta;
}

}  // namespace sluice::part
