#include "table/checksum.h"

#include <optional>

#include "base/check.h"
#include "base/object_checksum.h"
#include "table/avro.h"

namespace sluice::table {
namespace {

constexpr std::string_view kJsonEnd = "\"}";

/// What stands before the digits of a JSON document.
std::string json_start() {
  return ",\"" + std::string(kChecksumName) + "\":\"";
}

std::optional<size_t> find_json_checksum(std::string_view text) {
  const std::string start = json_start();
  const size_t bytes = start.size() + kChecksumDigits + kJsonEnd.size();
  if (text.size() < bytes || !text.ends_with(kJsonEnd)) return std::nullopt;
  if (!text.substr(text.size() - bytes).starts_with(start)) return std::nullopt;
  return text.size() - bytes + start.size();
}

std::optional<size_t> find_checksum(std::string_view bytes) {
  if (!is_avro(bytes)) return find_json_checksum(bytes);
  const std::optional<std::string_view> digits = find_avro_entry(bytes, kChecksumName);
  if (!digits || digits->size() != kChecksumDigits) return std::nullopt;
  return static_cast<size_t>(digits->data() - bytes.data());
}

}  // namespace

// T10: the sum begins with the key, so that no object stands in for another.
std::string with_checksum(std::string document, std::string_view key) {
  CHECK(document.ends_with('}'));
  document.pop_back();
  document += json_start();
  const size_t at = document.size();
  document.append(kChecksumDigits, '0').append(kJsonEnd);
  put_checksum(document, at, checksum_seed(key));
  return document;
}

void fill_checksum(std::string& file, std::string_view key) {
  const std::optional<size_t> at = find_checksum(file);
  CHECK(at.has_value());
  put_checksum(file, *at, checksum_seed(key));
}

Status check_checksum(std::string_view bytes, std::string_view key, Provenance provenance) {
  const std::optional<size_t> at = find_checksum(bytes);
  if (!at) {
    if (provenance == Provenance::kAny) return ok();
    return Error({Code::kCorrupt, Reason::kDecodeFailure,
                  "the object has no checksum: it is cut or damaged, or another program wrote it",
                  std::string(key), 0, bytes.size()});
  }
  if (checksum_fits(bytes, *at, checksum_seed(key))) return ok();
  return Error(Code::kCorrupt, Reason::kCrcMismatch,
               "the object's bytes are not those that were written under its name",
               std::string(key));
}

}  // namespace sluice::table
