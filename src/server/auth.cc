#include "server/auth.h"

#include <algorithm>

#include "server/options.h"

namespace sluice::server {
namespace {

std::string_view strip(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool begins_with_word(std::string_view text, std::string_view lower_case_word) {
  if (text.size() <= lower_case_word.size() || text[lower_case_word.size()] != ' ') return false;
  return std::equal(lower_case_word.begin(), lower_case_word.end(), text.begin(),
                    [](char wanted, char c) { return wanted == (c | 0x20); });
}

std::string_view key_of(const Request& request) {
  const std::string_view own = strip(request.header("x-api-key"));
  if (!own.empty()) return own;
  const std::string_view text = strip(request.header("authorization"));
  for (const std::string_view word : {std::string_view("bearer"), std::string_view("apikey")}) {
    if (begins_with_word(text, word)) return strip(text.substr(word.size()));
  }
  return text;
}

/// Looks at every byte of `given`, wherever the first difference is.
bool is_same(std::string_view key, std::string_view given) {
  volatile unsigned char difference = key.size() == given.size() ? 0 : 1;
  for (size_t at = 0; at < given.size(); ++at) {
    const auto a = static_cast<unsigned char>(key[at % key.size()]);
    const auto b = static_cast<unsigned char>(given[at]);
    difference = static_cast<unsigned char>(difference | (a ^ b));
  }
  return difference == 0;
}

}  // namespace

Result<Keys> Keys::make(std::vector<std::string> keys) {
  for (const std::string& key : keys) {
    const bool is_blank = key.find_first_not_of(" \t") == std::string::npos;
    if (!is_blank && key.size() >= kKeyBytesMin && strip(key) == key) continue;
    return Error({Code::kInvalid, Reason::kOutOfRange,
                  "an API key has at least 32 characters and no blank at its ends", masked(key),
                  kKeyBytesMin, key.size()});
  }
  Keys made;
  made.keys_ = std::move(keys);
  return made;
}

bool Keys::admit(const Request& request) const {
  const std::string_view given = key_of(request);
  bool is_known = keys_.empty();
  for (const std::string& key : keys_) {
    const bool same = is_same(key, given);
    is_known = is_known || same;
  }
  return is_known;
}

std::string masked(std::string_view key) {
  return std::string(key.substr(0, std::min<size_t>(4, key.size() / 2))) + "…";
}

}  // namespace sluice::server
