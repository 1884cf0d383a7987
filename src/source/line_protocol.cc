#include "source/line_protocol.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "source/point_table.h"

namespace sluice::source {
namespace {

constexpr size_t kCollectionBytesMax = 100;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool looks_like_an_escape(std::string_view text) {
  return text.size() >= 4 && text.starts_with("_x") && is_hex(text[2]) && is_hex(text[3]);
}

Fault fault_of(RejectReason reason, const PointParser& parser) {
  const bool is_of_time = reason == RejectReason::kMissingTime ||
                          reason == RejectReason::kInvalidTimestamp ||
                          reason == RejectReason::kTimeOutOfRange;
  if (!is_of_time) return {reason, {}};
  return {reason, kTimeColumn, parser.unread(), Type::kTimestamp};
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

}  // namespace

std::optional<std::string> collection_of(std::string_view measurement) {
  std::string name;
  for (size_t at = 0; at < measurement.size(); ++at) {
    const char c = measurement[at];
    const bool stays =
        is_plain(c) && !(at == 0 && c == '-') && !looks_like_an_escape(measurement.substr(at));
    if (stays) {
      name += c;
    } else {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      name.append("_x").append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
    }
    if (name.size() > kCollectionBytesMax) return std::nullopt;
  }
  return name;
}

LineProtocolDecoder::LineProtocolDecoder(Input& input, LineProtocolOptions options)
    : options_(std::move(options)),
      records_(input, Format::kLineProtocol, options_.start, options_.record_bytes_max,
               options_.open_end),
      parser_(options_.precision) {}

LineProtocolDecoder::~LineProtocolDecoder() = default;

void LineProtocolDecoder::reject(const Record& record, const Fault& fault, OnConflict policy) {
  Reject reject = make_reject(record, fault);
  if (policy == OnConflict::kRefuse) {
    refused_ = std::move(reject);
  } else {
    rejects_.push_back(std::move(reject));
  }
}

/// Of the record at hand, as far as its measurement was read.
OnConflict LineProtocolDecoder::policy() const {
  const std::string_view measurement = parser_.point().measurement;
  const auto known = tables_.find(measurement);
  if (known != tables_.end()) return known->second->on_conflict();
  const std::optional<std::string> collection = collection_of(measurement);
  const auto table = collection ? options_.tables.find(*collection) : options_.tables.end();
  if (table == options_.tables.end()) return options_.on_conflict;
  return table->second.on_conflict.value_or(options_.on_conflict);
}

/// The measurement's table, or null if the point is rejected for its measurement.
auto LineProtocolDecoder::table_of(const Record& record) -> Result<Table*> {
  const std::string_view measurement = parser_.point().measurement;
  if (latest_ != nullptr && latest_->first == measurement) return &*latest_->second;
  const auto known = tables_.find(measurement);
  if (known != tables_.end()) {
    latest_ = &*known;
    return &*known->second;
  }
  std::optional<std::string> collection = collection_of(measurement);
  const bool is_other = !options_.only_collection.empty() && collection != options_.only_collection;
  if (is_other || !collection) {
    const auto reason =
        is_other ? RejectReason::kOtherMeasurement : RejectReason::kMeasurementTooLong;
    reject(record, {reason, {}, measurement}, options_.on_conflict);
    return nullptr;
  }
  if (tables_.size() == kMeasurementsMax) {
    return Error(
        {Code::kInvalid, Reason::kPayloadTooLarge,
         "the input has more than 1000 measurements; are their names values? If not, split "
         "the file",
         std::string(measurement), kMeasurementsMax, kMeasurementsMax + 1});
  }
  KnownTable table = std::move(options_.tables[*collection]);
  const auto added = tables_.emplace(
      measurement,
      std::make_unique<Table>(*std::move(collection), std::move(table), options_, columns_left_));
  latest_ = &*added.first;
  return &*added.first->second;
}

/// The table that has to give its rows before `record` is taken; null if the record is done with.
auto LineProtocolDecoder::take(const Record& record) -> Result<Table*> {
  if (record.defect != RejectReason::kNone) {
    reject(record, {record.defect, {}}, options_.on_conflict);
    return nullptr;
  }
  if (const RejectReason reason = parser_.parse(record.text); reason != RejectReason::kNone) {
    reject(record, fault_of(reason, parser_), policy());
    return nullptr;
  }
  Table* table = TRY(table_of(record));
  if (table == nullptr) return nullptr;
  const uint64_t bytes_before = table->bytes();
  const Table::Answer answer = TRY(table->append(parser_.point(), record));
  if (answer.verdict == Table::Verdict::kFull) return table;
  if (answer.verdict == Table::Verdict::kRejected) {
    reject(record, answer.fault, table->on_conflict());
  }
  held_bytes_ += table->bytes() - bytes_before;
  return nullptr;
}

/// The rows of `table`, if there is one, and the rejects.
Result<std::optional<DecodedPoints>> LineProtocolDecoder::give(Table* table) {
  DecodedPoints given;
  if (table != nullptr) {
    given.collection = table->collection();
    given.kept = table->kept();
    held_bytes_ -= table->bytes();
    given.batch = TRY(table->finish());
  }
  given.rejects = std::exchange(rejects_, {});
  given.end = records_.position();
  return std::optional<DecodedPoints>(std::move(given));
}

auto LineProtocolDecoder::largest() -> Table* {
  Table* largest = nullptr;
  for (const auto& [measurement, table] : tables_) {
    if (table->rows() > 0 && (largest == nullptr || table->bytes() > largest->bytes())) {
      largest = table.get();
    }
  }
  return largest;
}

Result<std::optional<DecodedPoints>> LineProtocolDecoder::next() {
  while (!refused_ && !has_ended_) {
    const Record* record = TRY(records_.peek());
    if (record == nullptr) break;
    if (Table* full = TRY(take(*record))) return give(full);
    if (refused_) break;
    records_.consume();
    if (held_bytes_ > options_.held_bytes_max) return give(largest());
    if (rejects_.size() == kRejectsMax) return give(nullptr);
  }
  Table* table = largest();
  const bool has_more = table != nullptr || !rejects_.empty() || refused_;
  if (!has_more) return std::optional<DecodedPoints>();
  auto given = TRY(give(table));
  given->is_last = refused_.has_value();
  if (refused_ && largest() == nullptr) {
    given->refused = std::exchange(refused_, std::nullopt);
    has_ended_ = true;
  }
  return given;
}

}  // namespace sluice::source
