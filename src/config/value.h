// Value: what a key is set to, and its texts.
//
//   duration  numbers with units, largest first: 500ms, 5m, 1h30m; ns us ms s m h d
//   size      bytes: 67108864, 64MiB, 64MB; KiB MiB GiB TiB are powers of 1024, kB MB GB TB of 1000
//   number    digits
//   switch    true, false
//   list      in a file a sequence; elsewhere texts with commas between them
//   off       where a key takes it, instead of a duration or number
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sluice/result.h"
#include "sluice/runtime.h"

namespace sluice::config {

struct Off {
  friend bool operator==(Off, Off) = default;
};
using Texts = std::vector<std::string>;
/// Numbers and sizes are uint64_t.
using Value = std::variant<Off, bool, uint64_t, Nanos, std::string, Texts>;

struct Key;

/// As it is written: one text, or a sequence.
using Written = std::variant<std::string, Texts>;
/// kInvalid: not of the key's kind, or not within its limits; the message says what is allowed and
/// shows no secret.
Result<Value> parse_value(const Key& key, const Written& written);

/// The shortest text that is parsed to the value; of a list, its texts with commas between them.
/// Secrets are cut to 4 characters.
std::string format_value(const Key& key, const Value& value);
/// The texts of a list, secrets cut.
Texts format_list(const Key& key, const Value& value);

std::string format_duration(Nanos span);
std::string format_size(uint64_t bytes);

/// "a duration from 1s to 365d, such as 5m, or off".
std::string allowed_of(const Key& key);

}  // namespace sluice::config
