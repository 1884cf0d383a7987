#include "source/decoder.h"

#include <utility>

#include "base/check.h"
#include "model/schema.h"
#include "source/csv.h"
#include "source/json.h"

namespace sluice::source {
namespace {

/// Left of a batch's bytes for its header and column descriptors.
constexpr uint64_t kBatchFrameBytes = 1u << 20;

std::unique_ptr<RowParser> make_parser(const Sample& sample, Rest* rest) {
  CHECK(sample.format != Format::kLineProtocol);
  if (!is_csv(sample.format)) return make_json_rows(sample.columns, rest);
  return make_csv_rows(sample.columns, delimiter_of(sample.format), rest);
}

}  // namespace

Result<Decoder> Decoder::open(Input& input, const Sample& sample, const DecoderOptions& options) {
  std::vector<Field> fields;
  for (const Column& column : sample.columns) fields.push_back(column.field);
  SchemaPtr schema = TRY(Schema::make(fields));
  fields.push_back({std::string(model::kRestColumn), Type::kString});
  SchemaPtr schema_with_rest = TRY(Schema::make(std::move(fields)));
  return Decoder(input, sample, options, std::move(schema), std::move(schema_with_rest));
}

Decoder::Decoder(Input& input, const Sample& sample, const DecoderOptions& options,
                 SchemaPtr schema, SchemaPtr schema_with_rest)
    : options_(options),
      schema_(schema),
      schema_with_rest_(std::move(schema_with_rest)),
      records_(input, sample.format, options.start, options.record_bytes_max, options.open_end),
      rest_(std::make_unique<Rest>()),
      parser_(
          make_parser(sample, options.on_conflict == OnConflict::kKeep ? rest_.get() : nullptr)),
      builder_(std::move(schema)),
      header_is_next_(options.start.offset == 0 && is_csv(sample.format)) {}

/// A bound of what the record's row adds to the encoding: a value's text, or eight bytes, with an
/// offset and a validity bit.
uint64_t Decoder::cost_of(const Record& record) const {
  return record.text.size() + 13 * (schema_->size() + 1);
}

Fault Decoder::append(const Record& record) {
  constexpr uint64_t kCostMax = kBatchBytesMax - kBatchFrameBytes;
  rest_->clear();
  if (record.defect != RejectReason::kNone) return {record.defect, {}};
  if (cost_of(record) > kCostMax) return {RejectReason::kRecordTooLong, {}};
  const Fault fault = parser_->append(record.text, builder_);
  const bool is_too_long = cost_of(record) + rest_->bytes() > kCostMax;
  return fault.ok() && is_too_long ? Fault{RejectReason::kRecordTooLong, {}} : fault;
}

/// Whether the row at hand keeps something that the batch has no column or no room for.
bool Decoder::needs_a_batch_of_its_own() const {
  if (rest_->empty()) return false;
  return !has_rest_ || bytes_ + rest_->bytes() > options_.batch_bytes_max;
}

auto Decoder::take(const Record& record, Decoded& decoded) -> Taken {
  Fault fault = append(record);
  if (fault.ok() && needs_a_batch_of_its_own()) {
    builder_.truncate(rows_);
    if (rows_ > 0) return Taken::kNothingYet;
    if (!std::exchange(has_rest_, true)) builder_ = BatchBuilder(schema_with_rest_);
    fault = append(record);
  }
  if (!fault.ok()) {
    builder_.truncate(rows_);
    Reject reject = make_reject(record, fault);
    if (options_.on_conflict == OnConflict::kRefuse) {
      decoded.refused = std::move(reject);
      return Taken::kRefused;
    }
    decoded.rejects.push_back(std::move(reject));
    return Taken::kReject;
  }
  if (has_rest_) append_rest(decoded);
  ++rows_;
  return Taken::kRow;
}

void Decoder::append_rest(Decoded& decoded) {
  const size_t column = schema_->size();
  if (rest_->empty()) {
    builder_.append_null(column);
    return;
  }
  bytes_ += rest_->bytes();
  decoded.kept.count(rest_->reason());
  builder_.append_bytes(column, rest_->finish());
}

Result<std::optional<Decoded>> Decoder::next() {
  Decoded decoded;
  while (!ended_ && rows_ < options_.batch_rows_max && decoded.rejects.size() < kRejectsMax) {
    const Record* record = TRY(records_.peek());
    if (record == nullptr) {
      ended_ = true;
      break;
    }
    if (!std::exchange(header_is_next_, false)) {
      bytes_ += cost_of(*record);
      if (rows_ > 0 && bytes_ > options_.batch_bytes_max) break;
      const Taken taken = take(*record, decoded);
      ended_ = taken == Taken::kRefused;
      if (ended_ || taken == Taken::kNothingYet) break;
    }
    records_.consume();
  }
  const bool is_empty = rows_ == 0 && decoded.rejects.empty() && !decoded.refused;
  if (is_empty) return std::optional<Decoded>();
  if (rows_ > 0) decoded.batch = TRY(builder_.finish());
  rows_ = 0;
  bytes_ = 0;
  decoded.end = records_.position();
  return std::optional<Decoded>(std::move(decoded));
}

}  // namespace sluice::source
