// `sluice status`: what the process that has the directory is doing.
#pragma once

#include "cli/command.h"

namespace sluice::cli {

Command make_status(CLI::App& program);

}  // namespace sluice::cli
