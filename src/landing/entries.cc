#include "landing/entries.h"

#include <algorithm>

#include "landing/columns.h"
#include "landing/format.h"
#include "model/schema.h"
#include "source/json.h"
#include "source/records.h"
#include "source/sample.h"

namespace sluice {

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::kInsert:
      return "insert";
    case Operation::kUpdate:
      return "update";
    case Operation::kDelete:
      break;
  }
  return "delete";
}

namespace landing {
namespace {

constexpr size_t kBatchRows = 8192;
constexpr size_t kBatchTextBytes = 2u << 20;
constexpr int64_t kMillisMax = INT64_MAX / kMillisecond;

Reason reason_of(source::RejectReason reason) {
  using enum source::RejectReason;
  switch (reason) {
    case kUnknownColumn:
    case kTooManyColumns:
      return Reason::kUnknownColumn;
    case kMissingValue:
    case kNullValue:
      return Reason::kNullKey;
    case kTypeMismatch:
    case kFractionInLong:
    case kInvalidTime:
    case kNoSuchTime:
    case kTimeUnitUnknown:
      return Reason::kTypeMismatch;
    case kOutOfRange:
    case kInexact:
    case kLeapSecond:
    case kTimeOutOfRange:
      return Reason::kOutOfRange;
    case kRecordTooLong:
    case kColumnNameTooLong:
      return Reason::kPayloadTooLarge;
    default:
      return Reason::kDecodeFailure;
  }
}

/// The first `count` entries as one JSON array, which is what can be sampled whatever white space
/// they hold.
source::Head array_of(std::span<const WalEntry> entries, size_t count) {
  source::Head head;
  head.complete = true;
  head.bytes = "[";
  for (size_t index = 0; index < std::min(count, entries.size()); ++index) {
    if (index > 0) head.bytes += ",\n";
    head.bytes += entries[index].json;
  }
  head.bytes += "]";
  return head;
}

/// Of a table only its own columns, strings as strings.
void keep_columns_of(const TableSpec& table, std::vector<source::Column>& columns) {
  std::erase_if(columns, [&](const source::Column& column) {
    return column.field.name == model::kRestColumn ||
           std::none_of(table.columns.begin(), table.columns.end(),
                        [&](const Field& field) { return field.name == column.field.name; });
  });
  for (source::Column& column : columns) {
    column.verbatim = false;
    column.required =
        column.field.name == table.time ||
        std::find(table.key.begin(), table.key.end(), column.field.name) != table.key.end();
  }
}

bool has_rest(const TableSpec& table) {
  return std::any_of(table.columns.begin(), table.columns.end(),
                     [](const Field& field) { return field.name == model::kRestColumn; });
}

}  // namespace

std::vector<Field> EntryShape::fields() const {
  std::vector<Field> fields;
  for (const source::Column& column : columns) fields.push_back(column.field);
  if (with_rest) fields.push_back({std::string(model::kRestColumn), Type::kString});
  fields.insert(fields.end(), entry_columns().begin(), entry_columns().end());
  return fields;
}

Result<EntryShape> shape_of(std::span<const WalEntry> entries, size_t count, const TableSpec* table,
                            Misfit misfit) {
  EntryShape shape;
  shape.keeps = misfit == Misfit::kKeep;
  shape.may_widen = table == nullptr && count < entries.size();
  source::SampleOptions options;
  options.records_max = count;
  if (table != nullptr) options.declared = table->columns;
  auto sample = source::sample_head(array_of(entries, count), source::Format::kJsonArray, options);
  if (!sample.ok()) {
    // Rows without any field are rows.
    if (sample.error().code() != Code::kNotFound) return sample.error();
  } else {
    shape.columns = std::move(sample->columns);
  }
  if (table != nullptr) {
    keep_columns_of(*table, shape.columns);
    shape.with_rest = has_rest(*table);
  } else {
    // What the widest shape has no column for is kept all the same.
    shape.with_rest = shape.keeps && !shape.may_widen;
  }
  return shape;
}

Status check_entries(std::span<const WalEntry> entries, const FlushRange& range) {
  for (size_t index = 0; index < entries.size(); ++index) {
    const WalEntry& entry = entries[index];
    if (entry.lsn < range.min_lsn || entry.lsn > range.max_lsn) {
      return Error({Code::kInvalid, Reason::kOutOfRange, "an entry's LSN is outside of the flush's",
                    std::string(kLsnColumn), range.max_lsn, index});
    }
    if (entry.timestamp_ms > kMillisMax || entry.timestamp_ms < -kMillisMax) {
      return Error({Code::kInvalid, Reason::kOutOfRange, "an entry's time is not in 1677 to 2262",
                    std::string(kTimestampColumn), 0, index});
    }
    if (entry.json.size() > source::kRecordBytesMax) {
      return Error({Code::kInvalid, Reason::kPayloadTooLarge, "an entry is too long",
                    std::to_string(index), source::kRecordBytesMax, entry.json.size()});
    }
  }
  return ok();
}

EntryReader::EntryReader(const EntryShape& shape, SchemaPtr schema,
                         std::span<const WalEntry> entries, size_t first_index)
    : shape_(shape),
      schema_(schema),
      entries_(entries),
      first_index_(first_index),
      // A shape that may widen reports what does not fit, whatever becomes of it in the end.
      parser_(source::make_json_rows(shape.columns,
                                     shape.keeps && !shape.may_widen ? &rest_ : nullptr)),
      builder_(std::move(schema)) {}

Error EntryReader::narrow() const {
  return Error(Code::kCancelled, "the shape of the entries is too narrow");
}

Error EntryReader::refuse(size_t index, const source::Fault& fault) const {
  size_t number = first_index_ + index;
  if (!shape_.numbers.empty()) number = shape_.numbers[number];
  return Error({Code::kInvalid, reason_of(fault.reason),
                "entry " + std::to_string(number) +
                    " is no row of this flush: " + std::string(to_string(fault.reason)),
                std::string(fault.column), 0, number});
}

/// Copies entries to where the parser may read behind them; how many.
size_t EntryReader::fill() {
  text_.clear();
  offsets_.assign(1, 0);
  for (size_t index = at_; index < entries_.size() && offsets_.size() <= kBatchRows; ++index) {
    if (!text_.empty() && text_.size() + entries_[index].json.size() > kBatchTextBytes) break;
    text_ += entries_[index].json;
    offsets_.push_back(text_.size());
  }
  text_.append(source::kRecordPaddingBytes, ' ');
  return offsets_.size() - 1;
}

Result<std::optional<Batch>> EntryReader::next() {
  const size_t count = fill();
  if (count == 0) return std::optional<Batch>();
  for (size_t row = 0; row < count; ++row) {
    const std::string_view json =
        std::string_view(text_).substr(offsets_[row], offsets_[row + 1] - offsets_[row]);
    TRY(append(at_ + row, json));
  }
  at_ += count;
  Batch batch = TRY(builder_.finish());
  TRY(check_nanos(batch));
  return std::optional(std::move(batch));
}

Status EntryReader::append(size_t index, std::string_view json) {
  rest_.clear();
  const source::Fault fault = parser_->append(json, builder_);
  if (!fault.ok()) {
    if (!shape_.may_widen || !source::is_conflict(fault.reason)) return refuse(index, fault);
    widening_.types = true;
    return narrow();
  }
  size_t column = shape_.columns.size();
  if (shape_.with_rest) {
    rest_.empty() ? builder_.append_null(column) : builder_.append_bytes(column, rest_.finish());
    ++column;
  } else if (!rest_.empty()) {
    widening_.rest = true;
    return narrow();
  }
  append_columns_of(entries_[index], column);
  return ok();
}

void EntryReader::append_columns_of(const WalEntry& entry, size_t column) {
  const auto append_text = [&](std::string_view text) {
    text.empty() ? builder_.append_null(column) : builder_.append_bytes(column, text);
    ++column;
  };
  append_text(to_string(entry.operation));
  builder_.append_int64(column++, static_cast<int64_t>(entry.lsn));
  builder_.append_timestamp(column++, entry.timestamp_ms * kMillisecond);
  append_text(entry.row_id);
  append_text(entry.source);
}

Status EntryReader::check_nanos(const Batch& batch) {
  std::set<std::string> found = shape_.nanos;
  find_nanos(batch, found);
  if (found.size() == shape_.nanos.size()) return ok();
  widening_.nanos = std::move(found);
  return narrow();
}

}  // namespace landing
}  // namespace sluice
