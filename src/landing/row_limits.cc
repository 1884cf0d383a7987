#include "landing/row_limits.h"

#include "landing/format.h"

namespace sluice::landing {

Status check_rows(std::span<const WalEntry> entries) {
  for (size_t index = 0; index < entries.size(); ++index) {
    if (entries[index].lsn > kLsnMax) {
      return Error({Code::kInvalid, Reason::kOutOfRange, "an entry's LSN is above 2^63 - 1",
                    std::string(kLsnColumn), kLsnMax, index});
    }
    if (entries[index].json.empty()) {
      return Error(
          {Code::kInvalid, Reason::kIncompletePayload, "an entry has no row", "", 1, index});
    }
  }
  return ok();
}

Status check_room(uint64_t more, uint64_t held, uint64_t limit) {
  if (more > limit) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                  "the entries are larger than the buffer may ever be: cut them", "", limit, more});
  }
  if (held + more <= limit) return ok();
  return Error({Code::kBusy, Reason::kPayloadTooLarge,
                "the buffer is full: flush it, then send the entries again", "", limit,
                held + more});
}

}  // namespace sluice::landing
