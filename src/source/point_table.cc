#include "source/point_table.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "model/schema.h"

namespace sluice::source {
namespace {

constexpr size_t kColumnNameBytesMax = 255;
/// Left of a batch's bytes for its header and column descriptors.
constexpr uint64_t kBatchFrameBytes = 1u << 20;
/// A bound of what a row adds for each column, besides text: a value, an offset, a validity bit.
constexpr uint64_t kCellBytes = 13;

std::string name_of(std::string_view key) {
  const bool is_ours = key == kSeriesColumn || key == kTimeColumn;
  return is_ours ? "x_" + std::string(key) : column_name(key);
}

}  // namespace

LineProtocolDecoder::Table::Table(std::string collection, KnownTable known,
                                  const LineProtocolOptions& options, size_t& columns_left)
    : collection_(std::move(collection)),
      options_(options),
      taken_(known.taken),
      on_conflict_(known.on_conflict.value_or(options.on_conflict)),
      columns_left_(columns_left) {
  std::vector<Field>& fields = known.columns;
  if (fields.empty()) {
    fields = {{std::string(kSeriesColumn), Type::kString},
              {std::string(kTimeColumn), Type::kTimestamp}};
  }
  for (Field& field : fields) {
    by_name_.emplace(field.name, columns_.size());
    columns_.push_back({std::move(field)});
  }
  const auto index_of = [this](std::string_view name) {
    const auto at = by_name_.find(name);
    return at == by_name_.end() ? kNoColumn : at->second;
  };
  series_ = index_of(kSeriesColumn);
  time_ = index_of(kTimeColumn);
  rest_column_ = index_of(model::kRestColumn);
  CHECK(series_ != kNoColumn && columns_[series_].field.type == Type::kString);
  CHECK(time_ != kNoColumn && columns_[time_].field.type == Type::kTimestamp);
}

std::optional<size_t> LineProtocolDecoder::Table::find(std::string_view key) {
  if (expected_ < columns_.size() && columns_[expected_].key == key) return expected_++;
  const auto at = by_key_.find(key);
  if (at == by_key_.end()) return std::nullopt;
  expected_ = at->second + 1;
  return at->second;
}

/// Finds the column for a value, which goes into cells_ even if it is to be rejected.
RejectReason LineProtocolDecoder::Table::place(std::string_view key, Type type, bool in_range) {
  size_t& cell = cells_.emplace_back(kNoColumn);
  const std::optional<size_t> known = find(key);
  if (!known && !in_range) {
    newcomers_.push_back({key, {name_of(key), type}, kNoColumn});
    return RejectReason::kOutOfRange;
  }
  if (!known) return place_newcomer(key, type, cell);
  Column& column = columns_[*known];
  if (std::exchange(column.met, points_) == points_) return RejectReason::kDuplicateColumn;
  if (column.field.type != type) return RejectReason::kTypeMismatch;
  if (!in_range) return RejectReason::kOutOfRange;
  cell = *known;
  return RejectReason::kNone;
}

RejectReason LineProtocolDecoder::Table::place_newcomer(std::string_view key, Type type,
                                                        size_t& cell) {
  Newcomer& newcomer = newcomers_.emplace_back(Newcomer{key, {name_of(key), type}, kNoColumn});
  if (newcomer.field.name.size() > kColumnNameBytesMax) return RejectReason::kColumnNameTooLong;
  const auto at = by_name_.find(newcomer.field.name);
  if (at != by_name_.end()) {
    const Column& column = columns_[at->second];
    if (!column.key.empty()) return RejectReason::kNameClash;
    newcomer.column = at->second;
    if (column.field.type != type) return RejectReason::kTypeMismatch;
  } else {
    // One column is left for what does not fit.
    if (columns_.size() + columns_new_ >= kColumnsMax - 1) return RejectReason::kTooManyColumns;
    newcomer.column = columns_.size() + columns_new_++;
  }
  cell = newcomer.column;
  return RejectReason::kNone;
}

/// Whether two newcomers have one name.
bool LineProtocolDecoder::Table::has_twins() const {
  std::vector<std::string_view> names;
  for (const Newcomer& newcomer : newcomers_) names.push_back(newcomer.field.name);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) != names.end();
}

Fault LineProtocolDecoder::Table::misfit(RejectReason reason, std::string_view key,
                                         std::string_view found) const {
  const auto column = by_name_.find(name_of(key));
  const bool is_known = column != by_name_.end();
  return {reason, key, found, is_known ? columns_[column->second].field.type : Type::kNull};
}

Fault LineProtocolDecoder::Table::place_all(const Point& point) {
  const bool keeps = on_conflict_ == OnConflict::kKeep;
  for (const PointTag& tag : point.tags) {
    const RejectReason reason = place(tag.key, Type::kString, true);
    if (reason == RejectReason::kNone) continue;
    if (!keeps || !is_conflict(reason)) return misfit(reason, tag.key, tag.value);
    append_json_string(tag.value, rest_.add_named(reason, tag.key));
  }
  for (const PointField& field : point.fields) {
    const RejectReason reason = place(field.key, field.type, field.in_range);
    if (reason == RejectReason::kNone) continue;
    if (!keeps || !is_conflict(reason)) return misfit(reason, field.key, field.text);
    append_json(field, rest_.add_named(reason, field.key));
  }
  if (newcomers_.size() > 1 && has_twins()) return {RejectReason::kDuplicateColumn, {}};
  return {};
}

Status LineProtocolDecoder::Table::add_column(Field field) {
  if (columns_left_ == 0) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                  "the input has too many columns, all measurements together; are their names "
                  "values? If not, split the file",
                  collection_, kInputColumnsMax, kInputColumnsMax + 1});
  }
  --columns_left_;
  by_name_.emplace(field.name, columns_.size());
  columns_.push_back({std::move(field)});
  builder_.reset();
  return ok();
}

/// Makes the columns that the point at hand needs.
Status LineProtocolDecoder::Table::settle() {
  CHECK(rows_ == 0 || columns_new_ == 0);
  for (Newcomer& newcomer : newcomers_) {
    if (newcomer.column == kNoColumn) continue;
    if (newcomer.column == columns_.size()) TRY(add_column(std::move(newcomer.field)));
    Column& column = columns_[newcomer.column];
    column.key = newcomer.key;
    column.met = points_;
    by_key_.emplace(column.key, newcomer.column);
  }
  if (!rest_.empty() && rest_column_ == kNoColumn) {
    TRY(add_column({std::string(model::kRestColumn), Type::kString}));
    rest_column_ = columns_.size() - 1;
  }
  if (builder_) return ok();
  std::vector<Field> fields;
  for (const Column& column : columns_) fields.push_back(column.field);
  builder_.emplace(TRY(Schema::make(std::move(fields))));
  return ok();
}

uint64_t LineProtocolDecoder::Table::cost_of(const Point& point, const Record& record) const {
  const uint64_t cells = columns_.size() + columns_new_ + 1;
  return record.text.size() + point.series.size() + rest_.bytes() + kCellBytes * cells;
}

auto LineProtocolDecoder::Table::append(const Point& point, const Record& record)
    -> Result<Answer> {
  ++points_;
  // Points of one measurement mostly name the same columns in the same order.
  expected_ = cells_.empty() || cells_[0] == kNoColumn ? 0 : cells_[0];
  cells_.clear();
  newcomers_.clear();
  columns_new_ = 0;
  rest_.clear();
  Answer answer;
  answer.fault = place_all(point);
  const uint64_t cost = cost_of(point, record);
  if (answer.fault.ok() && cost > kBatchBytesMax - kBatchFrameBytes) {
    answer.fault.reason = RejectReason::kRecordTooLong;
  }
  if (!answer.fault.ok()) {
    answer.verdict = Verdict::kRejected;
    return answer;
  }
  const bool widens = columns_new_ > 0 || (!rest_.empty() && rest_column_ == kNoColumn);
  const bool is_full =
      widens || rows_ == options_.batch_rows_max || bytes_ + cost > options_.batch_bytes_max;
  if (rows_ > 0 && is_full) {
    answer.verdict = Verdict::kFull;
    return answer;
  }
  TRY(settle());
  if (record.start.offset < taken_) return answer;
  append_row(point);
  ++rows_;
  bytes_ += cost;
  return answer;
}

void LineProtocolDecoder::Table::append_row(const Point& point) {
  builder_->append_bytes(series_, point.series);
  builder_->append_timestamp(time_, point.time);
  columns_[series_].filled = columns_[time_].filled = points_;
  size_t values = 2;
  for (size_t i = 0; i < cells_.size(); ++i) {
    if (cells_[i] == kNoColumn) continue;
    ++values;
    columns_[cells_[i]].filled = points_;
    if (i < point.tags.size()) {
      builder_->append_bytes(cells_[i], point.tags[i].value);
    } else {
      append_field(point.fields[i - point.tags.size()], cells_[i]);
    }
  }
  if (!rest_.empty()) {
    builder_->append_bytes(rest_column_, rest_.finish());
    columns_[rest_column_].filled = points_;
    ++values;
    kept_.count(rest_.reason());
  }
  if (values == columns_.size()) return;
  for (size_t column = 0; column < columns_.size(); ++column) {
    if (columns_[column].filled != points_) builder_->append_null(column);
  }
}

void LineProtocolDecoder::Table::append_field(const PointField& field, size_t column) {
  switch (field.type) {
    case Type::kBool:
      return builder_->append_bool(column, field.boolean);
    case Type::kInt64:
      return builder_->append_int64(column, field.integer);
    case Type::kDouble:
      return builder_->append_double(column, field.real);
    default:
      return builder_->append_bytes(column, field.text);
  }
}

Result<Batch> LineProtocolDecoder::Table::finish() {
  if (rows_ == 0) return Batch();
  Batch batch = TRY(builder_->finish());
  // What a builder has grown to would add up over many measurements.
  builder_.emplace(batch.schema());
  rows_ = 0;
  kept_ = {};
  bytes_ = 0;
  return batch;
}

}  // namespace sluice::source
