// Routes: which path is what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/http.h"

namespace sluice::server {

enum class Route : uint8_t {
  kUnknown,
  kWrite,
  kWriteBatch,
  kQuery,
  kFlush,
  kDatabases,
  kDatabase,
  kCollections,
  kCollection,
  kDeviceGroup,
  kGroups,
  kGroup,
  kNodeGroups,
  kHealth,
  kHealthz,
  kReadyz,
  kMetrics,
  kLater,  ///< of the API, and not in this version
};

struct Matched {
  Route route = Route::kUnknown;
  std::string_view label = "unknown";  ///< in metrics
  std::string_view methods = {};       ///< "GET, POST"
  bool is_open = false;                ///< needs no key
};
Matched match(const Request& request);
/// Whether `methods` has the request's method; HEAD counts as GET.
bool allows(const Matched& matched, const Request& request);

/// Places of names in the paths below /v1/databases.
inline constexpr size_t kDatabasePlace = 2;
inline constexpr size_t kCollectionPlace = 4;
inline constexpr size_t kDevicePlace = 6;

}  // namespace sluice::server
