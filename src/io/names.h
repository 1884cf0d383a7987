// The name rules of Disk and Bucket (sluice/io.h). What passes them cannot leave its directory.
#pragma once

#include <string_view>

#include "sluice/result.h"

namespace sluice::io {

/// A name of a Disk: 1 to 200 of [A-Za-z0-9._-], not starting with a dot.
bool is_file_name(std::string_view name);
/// A key of a Bucket: segments of [A-Za-z0-9._=+-] joined by '/', none empty, none "." or "..", at
/// most 512 bytes.
bool is_key(std::string_view key);
/// What to say of one that is none.
Error key_error(std::string_view key);
/// A beginning of a key: empty, or whole segments followed by any beginning of one more.
bool is_key_prefix(std::string_view prefix);

}  // namespace sluice::io
