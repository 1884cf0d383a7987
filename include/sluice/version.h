// The version of the library that a program is linked with.
#pragma once

#include <string_view>

namespace sluice {

/// "0.1.0": major, minor, patch. Until 1.0 a new minor version may change any interface. Lives for
/// ever; any thread.
std::string_view version();

}  // namespace sluice
