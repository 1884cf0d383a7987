#include "io/names.h"

#include <algorithm>
#include <cstddef>
#include <string>

namespace sluice::io {
namespace {

constexpr size_t kFileNameBytesMax = 200;
constexpr size_t kKeyBytesMax = 512;

bool consists_of(std::string_view text, std::string_view punctuation) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           punctuation.find(c) != std::string_view::npos;
  });
}

bool is_segment_beginning(std::string_view text) {
  return consists_of(text, "._=+-");
}

bool is_segment(std::string_view text) {
  return !text.empty() && text != "." && text != ".." && is_segment_beginning(text);
}

bool consists_of_segments(std::string_view text) {
  while (true) {
    const size_t slash = text.find('/');
    if (!is_segment(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

}  // namespace

bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= kFileNameBytesMax && name.front() != '.' &&
         consists_of(name, "._-");
}

bool is_key(std::string_view key) {
  return key.size() <= kKeyBytesMax && consists_of_segments(key);
}

Error key_error(std::string_view key) {
  return Error(Code::kInvalid,
               "a key is segments of [A-Za-z0-9._=+-] joined by '/', none of them '.' or '..', "
               "at most 512 bytes",
               std::string(key));
}

bool is_key_prefix(std::string_view prefix) {
  if (prefix.size() > kKeyBytesMax) return false;
  const size_t slash = prefix.rfind('/');
  if (slash == std::string_view::npos) return is_segment_beginning(prefix);
  return consists_of_segments(prefix.substr(0, slash)) &&
         is_segment_beginning(prefix.substr(slash + 1));
}

}  // namespace sluice::io
