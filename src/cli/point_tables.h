// PointTables: the tables that line protocol goes to: all of a database, or one alone.
//
// Owns: what each table knows of files, and its columns. Does not own: the engine.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/engine.h"
#include "source/file_source.h"
#include "source/line_protocol.h"

namespace sluice::cli {

/// One thread.
class PointTables {
 public:
  /// `target` without a collection: each measurement has its own.
  /// `on_conflict`, if there is one, counts instead of each table's own, and is what tables that
  /// are made remember.
  PointTables(Engine& engine, TableName target, std::optional<OnConflict> on_conflict)
      : engine_(engine), target_(std::move(target)), on_conflict_(on_conflict) {}

  bool is_database() const { return target_.collection.empty(); }
  /// Asks the engine, once.
  Status learn();
  /// The files of all tables.
  const source::KnownFiles& known() const { return known_; }
  /// Where to go on: of one table the identity says it; of several each has its own place, and the
  /// input is read from its beginning.
  void place(const source::FileIdentity& identity, source::LineProtocolOptions& options) const;
  void place(source::LineProtocolOptions& options) const;

  /// Makes the table if there is none, or the columns it lacks. True if it was made. kInvalid: the
  /// table exists and is none of line protocol.
  Result<bool> make(const std::string& collection, const Schema& schema);
  /// The table has been sent the source's rows up to `position`.
  void raise(const std::string& collection, const std::string& source, uint64_t position);
  TableName name_of(const std::string& collection) const { return {target_.database, collection}; }
  /// Tables that make() was called for.
  std::vector<TableName> used() const;

 private:
  struct Table {
    std::vector<Field> columns;
    source::KnownFiles known;
    OnConflict on_conflict = OnConflict::kReject;
  };
  Status add(const TableDescription& table);

  Engine& engine_;
  const TableName target_;
  const std::optional<OnConflict> on_conflict_;
  bool has_learned_ = false;
  std::map<std::string, Table> tables_;  ///< by collection; of line protocol only
  std::set<std::string> used_;
  source::KnownFiles known_;
};

}  // namespace sluice::cli
