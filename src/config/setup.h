// Setup: what the settings come to, as those take it who act on it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/options.h"

namespace sluice::config {

/// Of `sluice serve`.
struct ServerSettings {
  std::string host;
  uint16_t http_port = 0;
  bool allow_anonymous = false;                ///< listens on any address without asking for keys
  bool auto_create = true;                     ///< the first write makes database and collection
  std::optional<OnConflict> on_conflict = {};  ///< of points; absent: as their tables say
  AckClass ack = AckClass::kLog;               ///< of writes that name none
  uint32_t threads = 0;                        ///< that read and write connections
  uint32_t workers = 0;                        ///< that run what may wait
  uint32_t connections_max = 0;
  uint64_t body_bytes_max = 0;  ///< of a request that is taken whole
  bool auth_enabled = false;
  std::vector<std::string> api_keys;  ///< each of at least 32 characters
  uint32_t total_groups = 0;          ///< that group_id counts
  std::string node_id;                ///< this process in answers
  std::string timezone;               ///< whose calendar buckets of queries follow; parse_zone()
};

/// Of a data directory that is to be made; empty texts: its own tables/, the store's own.
struct TableSettings {
  std::string location;  ///< "s3://BUCKET/PREFIX"
  std::string endpoint;
  std::string region;
};

struct Setup {
  std::string data_dir;
  EngineOptions engine;
  DeviceGroups groups;  ///< of `engine`, if it has any: which a key of theirs tells
  TableSettings tables;
  ServerSettings server;
};

}  // namespace sluice::config
