// Target: where an ingest sends its rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "cli/command.h"
#include "cli/directory.h"

namespace sluice::cli {

struct LocalDirectory {
  std::string data_dir;
  BucketOptions tables;
};
struct ServerAddress {
  std::string host;
  uint16_t port = 0;
  bool is_tls = false;
};
using Target = std::variant<LocalDirectory, ServerAddress>;

/// http://HOST[:PORT] or https://HOST[:PORT]; an IPv6 address in brackets. kInvalid: anything else.
Result<ServerAddress> parse_server_address(std::string_view url);

/// The engine to append to; a local directory is made if it is not there. kUnsupported: a server.
Result<OpenEngine> open_target(const Target& target, EngineOptions options, ProgressMode progress);

}  // namespace sluice::cli
