#include "server/routes.h"

#include <algorithm>
#include <array>
#include <vector>

namespace sluice::server {
namespace {

struct Row {
  std::string_view path;  ///< a * stands for any segment
  Matched matched;
};

constexpr std::string_view kRead = "GET";
constexpr std::string_view kSend = "POST";
constexpr std::string_view kBoth = "GET, POST";
constexpr std::string_view kItem = "GET, DELETE";

constexpr std::array<Row, 26> kRows = {{
    {"v1/databases/*/collections/*/write", {Route::kWrite, "write", kSend}},
    {"v1/databases/*/collections/*/write/batch", {Route::kWriteBatch, "write_batch", kSend}},
    {"v1/databases/*/collections/*/query", {Route::kQuery, "query", kBoth}},
    {"v1/databases/*/collections/*/query/stream", {Route::kLater, "query_stream", kBoth}},
    {"v1/databases/*/collections/*/download", {Route::kLater, "download", kSend}},
    {"v1/databases/*/collections/*/forecast", {Route::kLater, "forecast", kBoth}},
    {"v1/databases/*/collections/*/delete", {Route::kLater, "delete", "DELETE, POST"}},
    {"v1/download/status/*", {Route::kLater, "download", kRead}},
    {"v1/download/file/*", {Route::kLater, "download", kRead}},
    {"v1/databases", {Route::kDatabases, "databases", kBoth}},
    {"v1/databases/*", {Route::kDatabase, "database", kItem}},
    {"v1/databases/*/collections", {Route::kCollections, "collections", kBoth}},
    {"v1/databases/*/collections/*", {Route::kCollection, "collection", kItem}},
    {"v1/databases/*/collections/*/device/*/group", {Route::kDeviceGroup, "device_group", kRead}},
    {"v1/admin/flush", {Route::kFlush, "flush", kSend}},
    {"admin/flush", {Route::kFlush, "flush", kSend}},
    {"v1/admin/groups", {Route::kGroups, "groups", kRead}},
    {"admin/groups", {Route::kGroups, "groups", kRead}},
    {"v1/admin/groups/*", {Route::kGroup, "group", kRead}},
    {"admin/groups/*", {Route::kGroup, "group", kRead}},
    {"v1/admin/nodes/*/groups", {Route::kNodeGroups, "node_groups", kRead}},
    {"admin/nodes/*/groups", {Route::kNodeGroups, "node_groups", kRead}},
    {"health", {Route::kHealth, "health", kRead, true}},
    {"healthz", {Route::kHealthz, "healthz", kRead, true}},
    {"readyz", {Route::kReadyz, "readyz", kRead, true}},
    {"metrics", {Route::kMetrics, "metrics", kRead, true}},
}};

bool fits(std::string_view pattern, const std::vector<std::string>& path) {
  for (const std::string& segment : path) {
    if (pattern.empty()) return false;
    const size_t end = std::min(pattern.find('/'), pattern.size());
    const std::string_view word = pattern.substr(0, end);
    if (word != "*" && word != segment) return false;
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return pattern.empty();
}

}  // namespace

Matched match(const Request& request) {
  if (request.path.empty()) return {};
  for (const Row& row : kRows) {
    if (fits(row.path, request.path)) return row.matched;
  }
  return {};
}

bool allows(const Matched& matched, const Request& request) {
  const std::string_view method =
      request.method == "HEAD" ? std::string_view("GET") : std::string_view(request.method);
  return !method.empty() && matched.methods.find(method) != std::string_view::npos;
}

}  // namespace sluice::server
