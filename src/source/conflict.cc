#include "source/conflict.h"

#include <numeric>

namespace sluice::source {

std::string_view to_string(ConflictKind kind) {
  switch (kind) {
    case ConflictKind::kType:
      return "type";
    case ConflictKind::kMissingKey:
      return "missing_key";
    case ConflictKind::kNullKey:
      return "null_key";
    case ConflictKind::kTimeRange:
      return "time_range";
    case ConflictKind::kOversized:
      return "oversized";
    case ConflictKind::kNoRow:
      return "no_row";
  }
  return "unknown";
}

ConflictKind kind_of(RejectReason reason) {
  switch (reason) {
    case RejectReason::kMissingValue:
    case RejectReason::kMissingTime:
      return ConflictKind::kMissingKey;
    case RejectReason::kNullValue:
      return ConflictKind::kNullKey;
    case RejectReason::kTimeOutOfRange:
      return ConflictKind::kTimeRange;
    case RejectReason::kRecordTooLong:
      return ConflictKind::kOversized;
    case RejectReason::kInvalidTimestamp:
      return ConflictKind::kType;
    default:
      return is_conflict(reason) ? ConflictKind::kType : ConflictKind::kNoRow;
  }
}

bool is_conflict(RejectReason reason) {
  switch (reason) {
    case RejectReason::kUnknownColumn:
    case RejectReason::kTypeMismatch:
    case RejectReason::kFractionInLong:
    case RejectReason::kOutOfRange:
    case RejectReason::kInexact:
    case RejectReason::kInvalidTime:
    case RejectReason::kNoSuchTime:
    case RejectReason::kLeapSecond:
    case RejectReason::kTimeOutOfRange:
    case RejectReason::kTimeUnitUnknown:
    case RejectReason::kColumnNameTooLong:
    case RejectReason::kTooManyColumns:
      return true;
    default:
      return false;
  }
}

void ConflictCounts::add(const ConflictCounts& more) {
  for (size_t kind = 0; kind < counts_.size(); ++kind) counts_[kind] += more.counts_[kind];
}

uint64_t ConflictCounts::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), uint64_t{0});
}

namespace {

std::string_view values_of(Type type) {
  switch (type) {
    case Type::kBool:
      return "true or false";
    case Type::kInt64:
      return "a whole number from -9223372036854775808 to 9223372036854775807";
    case Type::kDouble:
      return "a number that 64 bits hold, a whole one exactly";
    case Type::kTimestamp:
      return "a time such as 2026-01-31T12:00:00Z, from 1677-09-21 to 2262-04-11";
    case Type::kString:
    case Type::kBinary:
      return "text";
    case Type::kNull:
      break;
  }
  return {};
}

}  // namespace

std::string allowed(RejectReason reason, Type type) {
  switch (reason) {
    case RejectReason::kUnknownColumn:
      return "a column of the table, or of the first records";
    case RejectReason::kMissingTime:
    case RejectReason::kInvalidTimestamp:
      return "a whole number, counted from 1970, of a time from 1677-09-21 to 2262-04-11";
    case RejectReason::kRecordTooLong:
      return "64 MiB, or 63 MiB for the values of a row";
    case RejectReason::kColumnNameTooLong:
    case RejectReason::kTooManyColumns:
      return {};
    default:
      return kind_of(reason) == ConflictKind::kNoRow ? std::string() : std::string(values_of(type));
  }
}

std::string describe(const Reject& reject) {
  std::string text = reject.column.empty() ? "" : reject.column + ": ";
  text += to_string(reject.reason);
  if (!reject.found.empty()) text += "; found " + reject.found;
  const std::string wanted = allowed(reject.reason, reject.type);
  return wanted.empty() ? text : text + "; allowed is " + wanted;
}

}  // namespace sluice::source
