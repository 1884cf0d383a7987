#include "sluice/result.h"

#include <cstdio>
#include <cstdlib>

namespace sluice {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::kInvalid:
      return "invalid";
    case Code::kNotFound:
      return "not_found";
    case Code::kExists:
      return "exists";
    case Code::kConflict:
      return "conflict";
    case Code::kFenced:
      return "fenced";
    case Code::kBusy:
      return "busy";
    case Code::kFull:
      return "full";
    case Code::kIo:
      return "io";
    case Code::kPoisoned:
      return "poisoned";
    case Code::kCorrupt:
      return "corrupt";
    case Code::kUnsupported:
      return "unsupported";
    case Code::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::kNone:
      return "none";
    case Reason::kClosed:
      return "closed";
    case Reason::kSealed:
      return "sealed";
    case Reason::kSequenceViolation:
      return "sequence_violation";
    case Reason::kPayloadTooLarge:
      return "payload_too_large";
    case Reason::kIncompleteHeader:
      return "incomplete_header";
    case Reason::kIncompletePayload:
      return "incomplete_payload";
    case Reason::kCrcMismatch:
      return "crc_mismatch";
    case Reason::kDecodeFailure:
      return "decode_failure";
    case Reason::kVersion:
      return "version";
    case Reason::kMissingSegment:
      return "missing_segment";
    case Reason::kForked:
      return "forked";
    case Reason::kMissingKey:
      return "missing_key";
    case Reason::kWrongKey:
      return "wrong_key";
    case Reason::kLocked:
      return "locked";
    case Reason::kUnknownColumn:
      return "unknown_column";
    case Reason::kMissingColumn:
      return "missing_column";
    case Reason::kTypeMismatch:
      return "type_mismatch";
    case Reason::kNullKey:
      return "null_key";
    case Reason::kOutOfRange:
      return "out_of_range";
    case Reason::kDeadline:
      return "deadline";
    case Reason::kQuota:
      return "quota";
    case Reason::kUnknownOutcome:
      return "unknown_outcome";
    case Reason::kNoEntries:
      return "no_entries";
    case Reason::kCommitted:
      return "committed";
    case Reason::kRolledBack:
      return "rolled_back";
    case Reason::kUnknownFlush:
      return "unknown_flush";
    case Reason::kInProgress:
      return "in_progress";
    case Reason::kUnprepared:
      return "unprepared";
    case Reason::kForeign:
      return "foreign";
  }
  return "unknown";
}

Error Error::with_context(std::string_view outer) const {
  Body body = *body_;
  body.message = std::string(outer) + ": " + body.message;
  return Error(std::move(body));
}

Error Error::at(std::string_view place) const {
  if (!body_->where.empty()) return *this;
  Body body = *body_;
  body.where = place;
  return Error(std::move(body));
}

std::string Error::to_string() const {
  std::string text(sluice::to_string(code()));
  if (reason() != Reason::kNone) text.append(" (").append(sluice::to_string(reason())).append(")");
  text.append(": ").append(message());
  if (!where().empty()) text.append(" [").append(where()).append("]");
  return text;
}

void Status::value() const {
  if (!ok()) detail::result_misused("value() of an error", std::get_if<1>(&error_));
}

const Error& Status::error() const {
  if (ok()) detail::result_misused("error() of a value", nullptr);
  return *std::get_if<1>(&error_);
}

namespace detail {

void result_misused(const char* what, const Error* error) {
  std::fprintf(stderr, "Result: %s%s%s\n", what, error ? ": " : "",
               error ? error->to_string().c_str() : "");
  std::abort();
}

}  // namespace detail
}  // namespace sluice
