// Entries: JSON rows of a change stream into batches.
//
// The shape, which is columns and their types, comes from the first entries. An entry that shows it
// to be too narrow ends the reading with a widening; the caller widens the shape and reads anew, so
// that the shape is that of the whole flush, and most flushes are read once.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sluice/batch.h"
#include "sluice/flush.h"
#include "source/rest.h"
#include "source/row_parser.h"
#include "source/source.h"

namespace sluice::landing {

/// What makes a reading begin anew.
struct Widening {
  bool types = false;           ///< look at all entries
  bool rest = false;            ///< a row has something for `_rest`
  std::set<std::string> nanos;  ///< timestamp columns with a remainder below a microsecond
  bool any() const { return types || rest || !nanos.empty(); }
};

struct EntryShape {
  std::vector<source::Column> columns;  ///< of the rows
  bool keeps = false;                   ///< what does not fit goes to `_rest`
  bool with_rest = false;               ///< there is a column `_rest`
  bool may_widen = false;               ///< the types are those of the first entries
  std::set<std::string> nanos;
  /// What the entries are called in errors; empty: their indexes.
  std::span<const size_t> numbers;
  /// Of the batches: the rows' columns, `_rest`, and those of wal_entry.h.
  std::vector<Field> fields() const;
};

/// The first entries to look at.
inline constexpr size_t kSampledEntries = 1000;

/// Columns by the look of the first `count` entries. `table`: its columns, and only those; empty:
/// whatever the entries have. kInvalid: there are too many, or names clash.
Result<EntryShape> shape_of(std::span<const WalEntry> entries, size_t count, const TableSpec* table,
                            Misfit misfit);

/// kInvalid (kOutOfRange): an entry's LSN lies outside of the range, or its time outside of 1677 to
/// 2262; found() is its index.
Status check_entries(std::span<const WalEntry> entries, const FlushRange& range);

/// Batches of a stretch of entries. One thread.
class EntryReader {
 public:
  /// `first_index`: of the stretch in the flush. Shape and entries outlive the reader.
  EntryReader(const EntryShape& shape, SchemaPtr schema, std::span<const WalEntry> entries,
              size_t first_index);
  /// The next batch, or nothing at the end. kInvalid: an entry is no row; where() is the column,
  /// found() its index. kCancelled with widening().any(): begin anew.
  Result<std::optional<Batch>> next();
  const Widening& widening() const { return widening_; }

 private:
  size_t fill();
  Status append(size_t index, std::string_view json);
  void append_columns_of(const WalEntry& entry, size_t column);
  Error refuse(size_t index, const source::Fault& fault) const;
  Error narrow() const;
  Status check_nanos(const Batch& batch);

  const EntryShape& shape_;
  const SchemaPtr schema_;
  const std::span<const WalEntry> entries_;
  const size_t first_index_;
  size_t at_ = 0;
  std::string text_;
  std::vector<size_t> offsets_;
  source::Rest rest_;
  std::unique_ptr<source::RowParser> parser_;
  BatchBuilder builder_;
  Widening widening_;
};

}  // namespace sluice::landing
