#include "wal/type_set.h"

#include <string>

namespace sluice::wal {

Status TypeSet::check(Lsn lsn, uint16_t type, std::string_view where) const {
  if (is_own_type(type) || !must_refuse(type)) return ok();
  return Error({Code::kUnsupported, Reason::kVersion,
                "the record of LSN " + std::to_string(lsn) + " is of type " +
                    std::to_string(type & kTypeNumberMask) + ", which must be known and is not",
                std::string(where), lsn, type});
}

}  // namespace sluice::wal
