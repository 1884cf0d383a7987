// The words of a request: path, parameters, headers.
#include <algorithm>

#include "server/http.h"

namespace sluice::server {
namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> decode(std::string_view text, bool plus_is_blank) {
  std::string decoded;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      decoded += plus_is_blank && text[at] == '+' ? ' ' : text[at];
      continue;
    }
    const int high = at + 2 < text.size() ? digit_of(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? digit_of(text[at + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    at += 2;
  }
  return decoded;
}

/// Calls `on_word(word) -> bool` for what lies between separators.
template <class OnWord>
bool split(std::string_view text, char separator, OnWord&& on_word) {
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    if (end > 0 && !on_word(text.substr(0, end))) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return true;
}

}  // namespace

bool split_target(std::string_view target, Request& request) {
  const size_t mark = std::min(target.find('?'), target.size());
  const bool has_path = split(target.substr(0, mark), '/', [&](std::string_view word) {
    auto segment = decode(word, false);
    if (segment) request.path.push_back(*std::move(segment));
    return segment.has_value();
  });
  if (!has_path) return false;
  return split(target.substr(std::min(mark + 1, target.size())), '&', [&](std::string_view word) {
    const size_t equal = std::min(word.find('='), word.size());
    auto name = decode(word.substr(0, equal), true);
    auto value = decode(word.substr(std::min(equal + 1, word.size())), true);
    if (!name || !value) return false;
    request.parameters.emplace_back(*std::move(name), *std::move(value));
    return true;
  });
}

std::string_view Request::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  for (const auto& [known, value] : parameters) {
    if (known == name) return value;
  }
  return std::nullopt;
}

}  // namespace sluice::server
