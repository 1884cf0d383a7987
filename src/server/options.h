// Options of the server, with their defaults and limits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sluice/engine.h"

namespace sluice::server {

inline constexpr size_t kKeyBytesMin = 32;

/// Server::start refuses what is out of its limits.
struct Options {
  std::string host = "127.0.0.1";   ///< an address of this machine, not a name
  uint16_t port = 5555;             ///< 0: any that is free
  uint32_t threads = 2;             ///< that read and write connections; 1 to 64
  uint32_t workers = 4;             ///< that run what may wait, queries above all; 1 to 256
  uint32_t connections_max = 1024;  ///< more wait until one ends

  /// Keys that /v1 and /admin ask for, each of kKeyBytesMin bytes or more; none: nobody is asked.
  std::vector<std::string> api_keys;
  /// Serves addresses that others can reach without any key.
  bool allow_anonymous = false;

  bool auto_create = true;  ///< the first write makes database and collection
  /// What becomes of points that do not fit, whatever their tables say; absent: what they say. A
  /// request of one point or a batch is refused whole by kReject and kRefuse alike; of NDJSON
  /// kReject leaves lines out, and kRefuse ends at the first.
  std::optional<OnConflict> on_conflict;
  AckClass ack = AckClass::kLog;  ///< of writes that name none

  uint64_t body_bytes_max = 50'000'000;     ///< of a request that is taken whole
  uint64_t bodies_bytes_max = 128'000'000;  ///< of all that are being taken, together
  uint32_t points_max = 10'000;             ///< of a batch
  uint64_t answer_bytes_max = 32ull << 20;  ///< of a query
  Nanos write_wait = 5 * kSecond;           ///< for memory, before a write is told to come again
  /// For the commit that makes a collection or a column, before its write is refused.
  Nanos commit_wait = 10 * kSecond;
  Nanos flush_wait = 60 * kSecond;  ///< for a flush, before its caller is told why not
  Nanos idle_max = 120 * kSecond;   ///< between two requests of a connection, and for a body
  Nanos stop_wait = 10 * kSecond;   ///< for running requests, when the server stops

  std::string timezone = "UTC";  ///< whose calendar intervals of queries follow; parse_zone()
  std::string node_id = "storage-default-node";  ///< what answers call this process
  uint32_t groups_total = 256;                   ///< that devices are numbered by; 1 to 65,536
  /// Where descriptions of databases and collections are kept: a file; empty: in memory only.
  std::string catalog_path;
};

}  // namespace sluice::server
