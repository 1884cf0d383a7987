#include "source/rest.h"

namespace sluice::source {

void append_json_string(std::string_view text, std::string& json) {
  json += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (static_cast<unsigned char>(c) < ' ') {
      constexpr std::string_view kDigits = "0123456789abcdef";
      json += "\\u00";
      json += kDigits[static_cast<unsigned char>(c) >> 4];
      json += kDigits[c & 15];
    } else {
      json += c;
    }
  }
  json += '"';
}

void Rest::add(RejectReason reason, std::string_view name, std::string_view value) {
  separate(reason);
  json_.append("\"").append(name).append("\":").append(value);
}

std::string& Rest::add_named(RejectReason reason, std::string_view name) {
  separate(reason);
  append_json_string(name, json_);
  json_ += ':';
  return json_;
}

std::string_view Rest::finish() {
  json_ += '}';
  return json_;
}

}  // namespace sluice::source
