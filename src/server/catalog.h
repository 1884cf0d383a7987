// Catalog: what people said of databases and collections: descriptions, and when each was made.
//
// A file beside the data, rewritten whole and atomically with each change: no row depends on it.
// What exists without being in it (tables that other commands made) has no description.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sluice/options.h"
#include "sluice/runtime.h"

namespace sluice::server {

struct Note {
  std::string description = {};
  std::string json = {};    ///< metadata of a database, schema hints of a collection; may be empty
  std::string fields = {};  ///< of a collection, as they were declared: a JSON list; may be empty
  Nanos created_at = 0;     ///< by the wall clock; 0: unknown
};

/// Any thread.
class Catalog {
 public:
  /// Reads the file, if there is one. Empty path: nothing is kept. kCorrupt: it is not of this
  /// form.
  static Result<std::unique_ptr<Catalog>> open(const std::string& path);

  std::map<std::string, Note> databases() const;
  std::optional<Note> database(const std::string& name) const;
  std::optional<Note> collection(const TableName& name) const;
  /// False: there is one already, and nothing was changed. kIo, kFull: nothing was kept.
  Result<bool> add_database(const std::string& name, const Note& note);
  Result<bool> add_collection(const TableName& name, const Note& note);

 private:
  explicit Catalog(std::string path) : path_(std::move(path)) {}
  Status read(const std::string& text);
  Status save();

  const std::string path_;
  mutable std::mutex mutex_;
  std::map<std::string, Note> databases_;
  std::map<std::string, Note> collections_;  ///< by "database.collection"
};

}  // namespace sluice::server
