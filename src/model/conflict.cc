#include "sluice/conflict.h"

namespace sluice {

std::string_view to_string(OnConflict on_conflict) {
  switch (on_conflict) {
    case OnConflict::kReject:
      return "reject";
    case OnConflict::kKeep:
      return "keep";
    case OnConflict::kRefuse:
      return "refuse";
  }
  return "unknown";
}

std::optional<OnConflict> parse_on_conflict(std::string_view word) {
  for (const auto policy : {OnConflict::kReject, OnConflict::kKeep, OnConflict::kRefuse}) {
    if (word == to_string(policy)) return policy;
  }
  return std::nullopt;
}

}  // namespace sluice
