// CHECK: bugs end the process, in every build.
#pragma once

namespace sluice {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}  // namespace sluice

#define CHECK(...)                                              \
  do {                                                          \
    if (!(__VA_ARGS__)) [[unlikely]]                            \
      ::sluice::check_failed(#__VA_ARGS__, __FILE__, __LINE__); \
  } while (false)
