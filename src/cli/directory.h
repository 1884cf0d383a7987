// Where a command's data is: a data directory, and the bucket of its tables if they are in one.
//
// The bucket is named once, when the directory is made; later commands find it in the directory.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "sluice/platform.h"
#include "sluice/result.h"

namespace sluice::cli {

/// What the options say of a bucket.
struct BucketOptions {
  std::optional<S3Place> place;  ///< of --tables: bucket and prefix
  std::string endpoint;
  std::string region;
};
/// --tables, --endpoint, --region: for commands that may make a data directory.
void add_tables(CLI::App& command, BucketOptions& tables);

/// Opens the directory with its tables, wherever they are. With --tables the directory is made for
/// that bucket, or must be of it (kInvalid). Credentials and what the options leave out are those
/// of the environment and of the user's AWS files (cli/aws_settings.h).
Result<std::unique_ptr<OwnedPlatform>> open_directory(const std::string& data_dir, DirectoryUse use,
                                                      const BucketOptions& tables = {});

}  // namespace sluice::cli
