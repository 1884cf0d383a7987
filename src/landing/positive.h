// Options that must be above zero.
#pragma once

#include <initializer_list>
#include <string>
#include <type_traits>

#include "sluice/result.h"

namespace sluice::landing {

struct NamedNumber {
  template <class T>
  NamedNumber(const char* option, T number) : name(option), is_positive(number > T{0}) {
    static_assert(std::is_arithmetic_v<T>);
  }
  const char* name;
  bool is_positive;  ///< which NaN is not
};

/// kInvalid (kOutOfRange), where() is the first option that is not positive.
inline Status check_positive(std::initializer_list<NamedNumber> options) {
  for (const NamedNumber& option : options) {
    if (option.is_positive) continue;
    return Error(Code::kInvalid, Reason::kOutOfRange,
                 std::string(option.name) + " must be positive", option.name);
  }
  return ok();
}

}  // namespace sluice::landing
