#include "source/row_parser.h"

namespace sluice::source {
namespace {

/// The beginning of UTF-8, cut between two characters.
std::string beginning(std::string_view text) {
  if (text.size() <= kRejectFoundBytesMax) return std::string(text);
  size_t size = kRejectFoundBytesMax;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return std::string(text.substr(0, size)) + "...";
}

}  // namespace

Reject make_reject(const Record& record, const Fault& fault) {
  Reject reject;
  reject.at = record.start;
  reject.column = fault.column;
  reject.reason = fault.reason;
  reject.raw = record.text.substr(0, kRejectRawBytesMax);
  reject.found = beginning(fault.found);
  reject.type = fault.type;
  return reject;
}

}  // namespace sluice::source
