// Collections: databases and collections of the API, which are the engine's tables.
//
// Owns: the layouts that writers use, and the catalog. Does not own: the engine.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "server/catalog.h"
#include "server/points.h"
#include "sluice/engine.h"

namespace sluice::server {

inline constexpr size_t kNameLengthMax = 64;

/// `[A-Za-z0-9_-]`, 1 to 64 of them, no dash at the front.
bool is_name(std::string_view name);
/// Names that nobody may give: those of databases, those of collections.
bool is_reserved_database(std::string_view name);
bool is_reserved_collection(std::string_view name);

/// Any thread.
class Collections {
 public:
  Collections(Engine& engine, Runtime& runtime, Catalog& catalog)
      : engine_(engine), runtime_(runtime), catalog_(catalog) {}

  Catalog& catalog() { return catalog_; }
  /// Never waits for I/O. At most a second old: what an operator changes comes to be seen.
  /// kNotFound.
  Result<LayoutPtr> find(const TableName& name);
  /// Makes the collection with its database, or the columns that it lacks. Waits for the commit.
  /// kInvalid (kTypeMismatch): a column has another type, where() is its name.
  /// A collection that is made remembers `on_conflict`; `note` is kept of one that has none.
  Result<LayoutPtr> extend(const TableName& name, const std::vector<Field>& missing,
                           OnConflict on_conflict, Note note = {});
  /// The layout may be old: the table was changed behind the API's back.
  void forget(const TableName& name);

  /// Those of the catalog and those of the tables, sorted.
  Result<std::vector<std::string>> databases();
  Result<std::vector<TableDescription>> tables(const std::string& database);
  Result<bool> has_database(const std::string& name);

 private:
  Engine& engine_;
  Runtime& runtime_;
  Catalog& catalog_;
  std::mutex mutex_;
  struct Seen {
    LayoutPtr layout;
    Nanos when;
  };
  std::map<TableName, Seen> layouts_;
};

}  // namespace sluice::server
