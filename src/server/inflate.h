// Compressed bodies.
#pragma once

#include <optional>

#include "server/answer.h"
#include "server/http.h"

namespace sluice::server {

/// Puts the text of a body with `Content-Encoding: gzip` or `zstd` in its place. The refusal is the
/// client's fault: another encoding (415), a broken stream, more than `bytes_max` of text (413).
std::optional<Refusal> inflate(Request& request, uint64_t bytes_max);

}  // namespace sluice::server
