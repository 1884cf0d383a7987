// The table of keys as texts that stand in files: YAML that can be loaded again, and Markdown.
#pragma once

#include <string>

#include "config/settings.h"

namespace sluice::config {

/// Every key under its section, with its sentence and its environment variable above it; whose it
/// is behind it, unless it is a default. Keys that mean nothing here and are at their default are
/// comments. Secrets are cut, so a file with them is refused.
std::string to_yaml(const Settings& settings);

/// One table a section: key, default, environment variable, what it takes, what it is.
std::string keys_as_markdown();

}  // namespace sluice::config
