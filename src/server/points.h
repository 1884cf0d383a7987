// Points: JSON objects with `id`, `time` and fields, on their way into the columns of a collection.
//
//   Form::kOne    {"id":"a","time":"2026-01-01T00:00:00Z","temp":21.5}
//   Form::kBatch  {"points":[{...},{...}]}
//   Form::kLines  one object a line; empty lines are none
//
// A value's JSON form is its type: `1` long, `1.0` double, a string, a bool; null is no value. A
// double column takes whole numbers that it holds exactly.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/snapshot.h"
#include "source/rest.h"

namespace sluice::server {

inline constexpr std::string_view kIdColumn = "id";
inline constexpr std::string_view kTimeColumn = "time";
inline constexpr size_t kIdBytesMax = 4096;

enum class Form : uint8_t { kOne, kBatch, kLines };

/// The columns that points go to. Immutable; any thread.
struct Layout {
  /// kInvalid: the table is not keyed by a text `id` and `time`.
  static Result<std::shared_ptr<const Layout>> of(const TableSpec& spec);
  /// Of a collection that does not exist yet.
  static std::shared_ptr<const Layout> empty();

  bool exists = true;
  SchemaPtr schema;
  std::vector<source::Column> columns;  ///< column i of the schema; the id first, then the time
  std::map<std::string, size_t, std::less<>> by_name;
  std::optional<size_t> rest;  ///< the column `_rest`
  OnConflict on_conflict = OnConflict::kReject;
};
using LayoutPtr = std::shared_ptr<const Layout>;

/// Why a point is none, or does not fit.
struct PointFault {
  uint64_t place = 0;  ///< its index in the request, or its line, counted from 1
  std::string field;   ///< empty: the whole point
  std::string message;
  bool is_time = false;   ///< the time is not RFC 3339
  bool is_shape = false;  ///< of the request, not of a point
  source::ConflictKind kind = source::ConflictKind::kNoRow;
};

struct PointLimits {
  uint32_t points_max = 10'000;  ///< of a batch; more: PointFault with is_shape
  uint32_t faults_told_max = 100;
  uint32_t groups_total = 256;
};

/// What was read of a text.
struct Points {
  Batch batch;                 ///< empty if columns are missing, or no point is left
  std::vector<Field> missing;  ///< columns that the collection has to get first; then read again
  uint32_t count = 0;          ///< points read, those with faults not counted
  uint32_t groups = 0;         ///< different group ids
  uint32_t first_group = 0;    ///< the group id of the first point
  /// kLines: the first faults; else at most one, and nothing is to be stored.
  std::vector<PointFault> faults;
  uint64_t faults_total = 0;
  uint64_t lines = 0;              ///< with kRefuse up to the first fault, which counts
  bool is_refused = false;         ///< kLines: nothing behind the fault was read
  source::ConflictCounts kept;     ///< points with something in `_rest`
  source::ConflictCounts refused;  ///< those with faults
};

/// FNV-1a of 32 bits, continued from `hash`.
uint32_t hash_of(std::string_view text, uint32_t hash = 2166136261u);

/// Reads texts, one after the other. One thread.
class PointReader {
 public:
  /// `on_conflict` counts instead of each table's own.
  PointReader(PointLimits limits, std::optional<OnConflict> on_conflict);
  ~PointReader();
  PointReader(PointReader&&) noexcept;

  /// source::kRecordPaddingBytes behind `text` can be read. `first_line` is that of the text.
  /// An error is the server's.
  Result<Points> read(const TableName& name, const LayoutPtr& layout, std::string_view text,
                      Form form, uint64_t first_line = 1);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::server
