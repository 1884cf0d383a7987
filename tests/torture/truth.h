// What a scenario knows to be true of its tables, and what a table that is read back makes of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/batch.h"
#include "sluice/options.h"
#include "sluice/snapshot.h"

namespace sluice::torture {

struct Row {
  int64_t id = 0;
  std::string device;
  Nanos at = 0;  ///< whole microseconds
  int64_t value = 0;
  std::string note;
  friend bool operator==(const Row&, const Row&) = default;
};
using Rows = std::vector<Row>;

struct Table {
  TableName name;
  TableSpec spec;
  bool keyed() const { return !spec.key.empty(); }
};
extern const Table kEvents;  ///< append-only, by UTC day of `at`
extern const Table kAudit;   ///< append-only, unpartitioned
extern const Table kState;   ///< one row a device: the last write wins

struct Shape {
  int64_t first = 1;  ///< id of the first row
  int64_t count = 10;
  int64_t days = 1;         ///< over which the rows are spread
  int64_t generation = 0;   ///< of the value: a rewritten row has another
  uint32_t note_bytes = 0;  ///< more than a few make a log roll
};
/// Rows as a function of their ids. Of kState each id is a device of its own.
Rows rows_of(const Shape& shape);
Batch batch_of(const Rows& rows);
/// Every row of the snapshot. kCorrupt if its columns are not ours.
Result<Rows> read_rows(Snapshot& snapshot);

/// What can be wrong with a table, or with who serves it.
enum class Harm : uint8_t {
  kLost,
  kDoubled,
  kInvented,    ///< never sent, or with another value
  kStale,       ///< an older write of a key has won, or what was taken out is back
  kUnreadable,  ///< what the table names cannot be read
  kUnfenced,    ///< what should be refused is not
  kStuck,       ///< what should go on does not
};
std::string_view to_string(Harm harm);
std::optional<Harm> parse_harm(std::string_view text);

struct Wrong {
  Harm harm;
  std::string text;
};

class Truth {
 public:
  /// These rows are in the table, or will be: each once, or as the newest of its key.
  void promise(const Table& table, const Rows& rows);
  /// They were promised, and were then taken out of the table: they must not come back.
  void withdraw(const Table& table, const Rows& rows);
  /// Older writes of their keys, which must never show.
  void supersede(const Table& table, const Rows& rows);
  Rows rows(const Table& table) const;
  /// All tables with rows.
  const std::vector<Table>& tables() const { return tables_; }
  /// The worst that is wrong with what was read; nothing if all is well.
  std::optional<Wrong> judge(const Table& table, const Rows& found) const;

 private:
  struct Known {
    std::map<std::string, Row> rows;  // by key: a device, or a row's id
    std::vector<Row> superseded;
  };
  Known& known(const Table& table);

  std::vector<Table> tables_;
  std::map<TableName, Known> known_;
};

}  // namespace sluice::torture
