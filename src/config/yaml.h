// The configuration file: YAML maps of maps whose leaves are texts or sequences of texts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/value.h"
#include "sluice/result.h"

namespace sluice::config {

/// A leaf, by the names of the maps around it and its own, joined by dots.
struct Leaf {
  std::string name;
  Written written;
  bool is_null = false;  ///< nothing stands behind the name
  size_t line = 0;       ///< of the name, from 1
};

inline constexpr size_t kFileBytesMax = 1 << 20;

/// In the order of the file. kInvalid (kDecodeFailure): not YAML, or none of this form; found() is
/// the line, 0 of the file as a whole. kInvalid (kPayloadTooLarge).
Result<std::vector<Leaf>> read_yaml(std::string_view text);

/// `text` as a scalar that is read as the same text.
std::string quote_for_yaml(std::string_view text);

}  // namespace sluice::config
