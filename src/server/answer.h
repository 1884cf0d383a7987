// Answers: the JSON that the server sends, and its errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/http.h"
#include "sluice/result.h"
#include "source/conflict.h"

namespace sluice::server {

/// A refusal on its way to the client: {"error":{"code":C,"message":text,"path":p,"details":{…}}}.
struct Refusal {
  int status = 500;
  std::string code = "INTERNAL_ERROR";
  std::string message = {};
  std::string details = {};  ///< the members of a JSON object, without its brackets; may be empty
};
Response to_response(const Refusal& refusal, const Request& request);

/// What an engine's error means to a client. `where` of what is wrong with a request is the field.
Refusal to_refusal(const Error& error);
Refusal invalid_request(std::string message, std::string details = {});

/// Puts `text`, which is UTF-8, behind `json` as a JSON string.
void append_text(std::string& json, std::string_view text);
/// Shortest digits that give the double again, with a point or an exponent.
void append_real(std::string& json, double value);

/// One JSON object, member after member.
class JsonObject {
 public:
  JsonObject& text(std::string_view name, std::string_view value);
  JsonObject& number(std::string_view name, uint64_t value);
  JsonObject& boolean(std::string_view name, bool value);
  /// A value that is JSON already.
  JsonObject& raw(std::string_view name, std::string_view json);
  /// Without brackets.
  const std::string& members() const { return members_; }
  std::string take() { return "{" + members_ + "}"; }

 private:
  std::string members_;
};

/// {"type":2,"null_key":1}: the kinds that there were.
std::string to_json(const source::ConflictCounts& counts);

}  // namespace sluice::server
