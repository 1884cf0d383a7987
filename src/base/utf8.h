// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <string_view>

namespace sluice {

/// Whether `text` is well-formed. Runs of ASCII are taken eight bytes at a time.
bool is_utf8(std::string_view text);

}  // namespace sluice
