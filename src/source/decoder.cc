#include "source/decoder.h"

#include <utility>

#include "source/csv.h"
#include "source/json.h"

namespace sluice::source {
namespace {

/// Left of a batch's bytes for its header and column descriptors.
constexpr uint64_t kBatchFrameBytes = 1u << 20;

std::unique_ptr<RowParser> make_parser(const Sample& sample, SkippedColumns* skipped) {
  if (!is_csv(sample.format)) return make_json_rows(sample.columns, skipped);
  return make_csv_rows(sample.columns, delimiter_of(sample.format));
}

Reject make_reject(const Record& record, const Fault& fault) {
  return {record.start, std::string(fault.column), fault.reason,
          std::string(record.text.substr(0, kRejectRawBytesMax))};
}

}  // namespace

Result<Decoder> Decoder::open(Input& input, const Sample& sample, const DecoderOptions& options) {
  std::vector<Field> fields;
  for (const Column& column : sample.columns) fields.push_back(column.field);
  return Decoder(input, sample, options, TRY(Schema::make(std::move(fields))));
}

Decoder::Decoder(Input& input, const Sample& sample, const DecoderOptions& options,
                 SchemaPtr schema)
    : options_(options),
      schema_(schema),
      records_(input, sample.format, options.start, options.record_bytes_max, options.open_end),
      skipped_(std::make_unique<SkippedColumns>()),
      parser_(make_parser(sample, options.skip_unknown_columns ? skipped_.get() : nullptr)),
      builder_(std::move(schema)),
      header_is_next_(options.start.offset == 0 && is_csv(sample.format)) {}

/// A bound of what the record's row adds to the encoding: a value's text, or eight bytes, with an
/// offset and a validity bit.
uint64_t Decoder::cost_of(const Record& record) const {
  return record.text.size() + 13 * schema_->size();
}

void Decoder::take(const Record& record, Decoded& decoded) {
  Fault fault{record.defect, {}};
  if (fault.ok() && cost_of(record) > kBatchBytesMax - kBatchFrameBytes) {
    fault.reason = RejectReason::kRecordTooLong;
  }
  if (fault.ok()) fault = parser_->append(record.text, builder_);
  if (fault.ok()) {
    ++rows_;
    return;
  }
  builder_.truncate(rows_);
  decoded.rejects.push_back(make_reject(record, fault));
}

Result<std::optional<Decoded>> Decoder::next() {
  Decoded decoded;
  uint64_t bytes = 0;
  while (!ended_ && rows_ < options_.batch_rows_max && decoded.rejects.size() < kRejectsMax) {
    const Record* record = TRY(records_.peek());
    if (record == nullptr) {
      ended_ = true;
      break;
    }
    if (!std::exchange(header_is_next_, false)) {
      bytes += cost_of(*record);
      if (rows_ > 0 && bytes > options_.batch_bytes_max) break;
      take(*record, decoded);
    }
    records_.consume();
  }
  if (rows_ == 0 && decoded.rejects.empty()) return std::optional<Decoded>();
  if (rows_ > 0) decoded.batch = TRY(builder_.finish());
  rows_ = 0;
  decoded.skipped = std::exchange(*skipped_, {});
  decoded.end = records_.position();
  return std::optional<Decoded>(std::move(decoded));
}

}  // namespace sluice::source
