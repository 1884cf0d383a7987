// Configuration: what a command that opens an engine is started with: flags, else the environment,
// else a file.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/directory.h"
#include "config/settings.h"
#include "sluice/result.h"

namespace sluice::cli {

struct ConfigOptions {
  std::string file;  ///< empty: none
  std::vector<config::Flag> flags;
  /// --data-dir of the command, or of all that share these options; they outlive this.
  std::vector<const CLI::Option*> directories = {};
};
/// --config and --set, for a command that has --data-dir.
void add_config(CLI::App& command, ConfigOptions& options);

/// kNotFound, kIo: the file cannot be read. What is wrong in it is no error.
Result<config::Loaded> load_config(const ConfigOptions& options);
/// Notes what has no effect. kInvalid: a fault, where() is its place. The directory is that of
/// --data-dir, if it is given.
Result<config::Setup> configure(const ConfigOptions& options, config::Defaults defaults);

/// The bucket of `options`, else the configured one.
Result<BucketOptions> choose_tables(const BucketOptions& options,
                                    const config::TableSettings& configured);

}  // namespace sluice::cli
