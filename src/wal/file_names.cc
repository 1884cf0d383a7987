#include "wal/file_names.h"

#include <charconv>

namespace sluice::wal {
namespace {

constexpr size_t kDigits = 20;
constexpr std::string_view kSegmentPrefix = "wal-";
constexpr std::string_view kSegmentSuffix = ".seg";
constexpr std::string_view kOldSegmentSuffix = ".wal";
constexpr std::string_view kTemporarySuffix = ".new";
constexpr std::string_view kUnbornSuffix = ".sluice-unborn";
constexpr std::string_view kSparePrefix = "spare-";
constexpr std::string_view kQuarantinePrefix = "quarantine-";
constexpr std::string_view kQuarantineSuffix = ".bin";
constexpr std::string_view kZeros = "zeros";

std::string twenty_digits(uint64_t value) {
  const std::string digits = std::to_string(value);
  return std::string(kDigits - digits.size(), '0') + digits;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The name of a trimmed segment's file, but for its end.
bool is_spare(std::string_view name) {
  return name.size() == kSparePrefix.size() + kDigits && name.starts_with(kSparePrefix) &&
         is_number(name.substr(kSparePrefix.size()));
}

bool is_quarantine(std::string_view name) {
  if (!name.starts_with(kQuarantinePrefix) || !name.ends_with(kQuarantineSuffix)) return false;
  name.remove_prefix(kQuarantinePrefix.size());
  name.remove_suffix(kQuarantineSuffix.size());
  const size_t dash = name.find('-');
  return is_number(name.substr(0, dash)) && dash != name.npos && is_number(name.substr(dash + 1));
}

}  // namespace

std::string segment_name(Lsn base_lsn) {
  return std::string(kSegmentPrefix).append(twenty_digits(base_lsn)).append(kSegmentSuffix);
}

std::optional<Lsn> parse_segment_name(std::string_view name) {
  if (!name.starts_with(kSegmentPrefix) || !name.ends_with(kSegmentSuffix)) return std::nullopt;
  if (name.size() != kSegmentPrefix.size() + kDigits + kSegmentSuffix.size()) return std::nullopt;
  name.remove_prefix(kSegmentPrefix.size());
  Lsn base_lsn = 0;
  const char* const end = name.data() + kDigits;
  const auto [at, error] = std::from_chars(name.data(), end, base_lsn);
  if (error != std::errc() || at != end || base_lsn == 0) return std::nullopt;
  return base_lsn;
}

bool is_old_segment_name(std::string_view name) {
  return name.size() == kDigits + kOldSegmentSuffix.size() && name.ends_with(kOldSegmentSuffix) &&
         is_number(name.substr(0, kDigits));
}

std::string temporary_name(std::string_view name) {
  return std::string(name).append(kTemporarySuffix);
}

std::string spare_name(Lsn base_lsn) {
  return temporary_name(std::string(kSparePrefix).append(twenty_digits(base_lsn)));
}

bool is_temporary_name(std::string_view name) {
  if (!name.ends_with(kTemporarySuffix)) return false;
  name.remove_suffix(kTemporarySuffix.size());
  return name == kZeros || parse_segment_name(name) || is_spare(name) || is_quarantine(name);
}

std::string zeros_name() {
  return temporary_name(kZeros);
}

std::string unborn_name(std::string_view file) {
  return std::string(file).append(kUnbornSuffix);
}

bool is_unborn_name(std::string_view name) {
  return name.ends_with(kUnbornSuffix);
}

std::string quarantine_name(Lsn base_lsn, uint64_t offset) {
  return std::string(kQuarantinePrefix)
      .append(std::to_string(base_lsn))
      .append("-")
      .append(std::to_string(offset))
      .append(kQuarantineSuffix);
}

}  // namespace sluice::wal
