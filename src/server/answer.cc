#include "server/answer.h"

#include <array>
#include <charconv>
#include <utility>

#include "source/rest.h"

namespace sluice::server {
namespace {

constexpr std::string_view kRetrySeconds = "1";

std::string details_of(const Error& error) {
  JsonObject details;
  if (!error.where().empty()) details.text("field", error.where());
  if (error.reason() != Reason::kNone) details.text("reason", to_string(error.reason()));
  return details.members();
}

}  // namespace

Response to_response(const Refusal& refusal, const Request& request) {
  JsonObject error;
  error.text("code", refusal.code).text("message", refusal.message);
  if (!request.target.empty()) {
    error.text("path", std::string_view(request.target).substr(0, request.target.find('?')));
  }
  if (!refusal.details.empty()) error.raw("details", "{" + refusal.details + "}");
  Response response;
  response.status = refusal.status;
  response.body = JsonObject().raw("error", error.take()).take();
  if (refusal.status == 429 || refusal.status == 503) {
    response.headers.emplace_back("Retry-After", kRetrySeconds);
  }
  if (refusal.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

Refusal to_refusal(const Error& error) {
  Refusal refusal{500, "INTERNAL_ERROR", error.message(), details_of(error)};
  switch (error.code()) {
    case Code::kInvalid:
      refusal.status = error.reason() == Reason::kPayloadTooLarge ? 413 : 400;
      refusal.code = refusal.status == 413 ? "BATCH_TOO_LARGE" : "INVALID_REQUEST";
      break;
    case Code::kNotFound:
      refusal.status = 404;
      refusal.code = "COLLECTION_NOT_FOUND";
      break;
    case Code::kExists:
      refusal.status = 409;
      refusal.code = "COLLECTION_EXISTS";
      break;
    case Code::kBusy:
      refusal.status = 429;
      refusal.code = "QUEUE_UNAVAILABLE";
      break;
    case Code::kFull:
      refusal.status = 507;
      refusal.code = "QUEUE_UNAVAILABLE";
      break;
    case Code::kIo:
    case Code::kPoisoned:
    case Code::kCancelled:
    case Code::kFenced:
    case Code::kConflict:
      refusal.status = 503;
      refusal.code = "QUEUE_UNAVAILABLE";
      break;
    case Code::kUnsupported:
      refusal.status = 501;
      refusal.code = "NOT_IMPLEMENTED";
      break;
    case Code::kCorrupt:
      break;
  }
  return refusal;
}

Refusal invalid_request(std::string message, std::string details) {
  return {400, "INVALID_REQUEST", std::move(message), std::move(details)};
}

void append_text(std::string& json, std::string_view text) {
  source::append_json_string(text, json);
}

void append_real(std::string& json, double value) {
  std::array<char, 32> digits;
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  const std::string_view written(digits.data(), static_cast<size_t>(end - digits.data()));
  const char first = written[written.front() == '-' ? 1 : 0];
  if (first == 'n' || first == 'i') {
    append_text(json, written);
    return;
  }
  json += written;
  if (written.find_first_of(".e") == std::string_view::npos) json += ".0";
}

JsonObject& JsonObject::raw(std::string_view name, std::string_view json) {
  if (!members_.empty()) members_ += ',';
  append_text(members_, name);
  members_ += ':';
  members_ += json;
  return *this;
}

JsonObject& JsonObject::text(std::string_view name, std::string_view value) {
  std::string json;
  append_text(json, value);
  return raw(name, json);
}

JsonObject& JsonObject::number(std::string_view name, uint64_t value) {
  return raw(name, std::to_string(value));
}

JsonObject& JsonObject::boolean(std::string_view name, bool value) {
  return raw(name, value ? "true" : "false");
}

std::string to_json(const source::ConflictCounts& counts) {
  JsonObject json;
  for (const source::ConflictKind kind : source::kConflictKinds) {
    if (counts.of(kind) > 0) json.number(to_string(kind), counts.of(kind));
  }
  return json.take();
}

}  // namespace sluice::server
