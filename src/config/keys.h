// Keys: the table of everything that can be configured. The file, the environment, the flags, what
// `sluice config` prints, deploy/sluice.yaml and docs/configuration.md all follow it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/setup.h"
#include "config/value.h"

namespace sluice::config {

enum class Kind : uint8_t {
  kText,
  kSwitch,
  kNumber,
  kSize,
  kDuration,
  kChoice,  ///< of Key::choices
  kZone,    ///< parse_zone()
  kList,
};

/// Of a number, a size or a duration in nanoseconds; of a list's texts, their characters.
struct Limits {
  uint64_t least = 0;
  uint64_t most = UINT64_MAX;  ///< UINT64_MAX, and of a duration INT64_MAX: none to speak of
};

/// Puts the value where it acts.
using Fill = void (*)(const Value& value, Setup& setup);
/// kInvalid: `text` is not what the key takes; the message is not shown.
using Check = Status (*)(std::string_view text);

struct Key {
  std::string_view name;  ///< "storage.flush.interval"
  Kind kind = Kind::kText;
  std::string_view initial;  ///< the default, as format_value() writes it
  std::string_view text;     ///< one sentence
  Fill fill = nullptr;       ///< null: it means nothing here, and `instead` says why
  std::string_view instead = {};
  Limits limits = {};
  bool takes_off = false;
  bool is_secret = false;
  bool may_be_empty = false;      ///< of a text
  std::string_view choices = {};  ///< words with blanks between them
  Check check = nullptr;          ///< of a text
  std::string_view wanted = {};   ///< what `check` wants
};

/// In the order in which they are shown: keys of a section stand together.
std::span<const Key> all_keys();
/// Null: there is none.
const Key* find_key(std::string_view name);
/// "SLUICE_STORAGE_FLUSH_INTERVAL".
std::string environment_name(const Key& key);
/// Whether `name` is one or more keys' first words: "storage", "storage.flush".
bool is_section(std::string_view name);

/// A section of a cluster's configuration: its keys are accepted, and mean nothing in one process.
/// Empty: `name` is in none. Of coordinator only the keys that are in no table.
std::string_view cluster_section_of(std::string_view name);

/// "NAME is no key", with the nearest that is one.
std::string no_key(std::string_view name);

}  // namespace sluice::config
