// Databases: the routes that list and make databases and collections, and tell of groups.
//
// Groups number devices for clients that know them from elsewhere; one process has all of them.
#pragma once

#include <string>

#include "server/answer.h"
#include "server/collections.h"
#include "server/http.h"
#include "server/options.h"

namespace sluice::server {

/// The names of the path, if they are names.
Result<TableName> table_of(const Request& request);

/// Any thread; what makes something waits for it.
class Databases {
 public:
  Databases(Collections& collections, Runtime& runtime, const Options& options)
      : collections_(collections), runtime_(runtime), options_(options) {}

  Response list(const Request& request);
  Response make(const Request& request);
  Response show(const Request& request);
  Response list_collections(const Request& request);
  Response make_collection(const Request& request);
  Response show_collection(const Request& request);
  Response show_device_group(const Request& request);
  Response list_groups(const Request& request);
  Response show_group(const Request& request);

 private:
  std::string to_json(const std::string& database, bool with_collections);
  std::string to_json(const TableDescription& table);
  std::string group_to_json(uint64_t group) const;

  Collections& collections_;
  Runtime& runtime_;
  const Options& options_;
};

}  // namespace sluice::server
