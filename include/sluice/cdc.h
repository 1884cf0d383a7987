// Buffers for entries of a change stream, until a flush of them is worth it.
//
// Plain values: one thread at a time. They have no clock: `now` is the monotonic time of the
// caller's Runtime. What is in them is in memory only, so that is no time to acknowledge it.
// Nothing is dropped or overwritten: the entries of a call are taken, all of them, or refused.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/result.h"
#include "sluice/runtime.h"
#include "sluice/wal_entry.h"

namespace sluice {

/// How far each source has come: the highest LSN that was taken of it. Never goes back.
class SourceCursors {
 public:
  static constexpr size_t kAttemptsKept = 1000;
  struct Attempt {
    std::string source;
    std::optional<uint64_t> expected;
    std::optional<uint64_t> current;  ///< what it was
    uint64_t wanted = 0;
    bool done = false;
  };
  using Logger = std::function<void(const Attempt&)>;
  explicit SourceCursors(Logger logger = {}) : logger_(std::move(logger)) {}

  void raise(std::string_view source, uint64_t lsn);
  std::optional<uint64_t> of(std::string_view source) const;
  /// true, and done, only if the cursor is `expected` (nothing: an unknown source) and `wanted` is
  /// above it. kInvalid (kOutOfRange): `wanted` is negative.
  Result<bool> compare_and_set(std::string_view source, std::optional<uint64_t> expected,
                               int64_t wanted);
  std::map<std::string, uint64_t> all() const { return {lsns_.begin(), lsns_.end()}; }
  /// The last kAttemptsKept calls of compare_and_set(), refused ones included.
  std::vector<Attempt> attempts() const { return {attempts_.begin(), attempts_.end()}; }

 private:
  Logger logger_;
  std::map<std::string, uint64_t, std::less<>> lsns_;
  std::deque<Attempt> attempts_;
};

struct CdcBufferOptions {
  uint64_t buffer_size = 10'000;             ///< entries that make a flush due
  Nanos buffer_timeout = 5 * kSecond;        ///< age of the first entry that does; kForever: none
  uint64_t target_block_size = 2ull << 20;   ///< bytes that do
  uint64_t max_buffer_size = 128ull << 20;   ///< bytes: a limit that is never exceeded
  SourceCursors::Logger cursor_logger = {};  ///< told of each compare_and_set()
};

struct CdcBufferState {
  uint64_t count = 0;
  uint64_t bytes = 0;
  uint64_t min_lsn = 0;  ///< of an empty buffer 0
  uint64_t max_lsn = 0;
  std::optional<Nanos> first_entry_time;
  std::map<std::string, uint64_t> cursors;
};
struct DrainedEntries : OwnedEntries {
  CdcBufferState state;  ///< as it was before
};
struct CdcBufferStats {
  CdcBufferState state;
  double utilization = 0;  ///< bytes of the limit, 0 to 1
  uint64_t accepted = 0;   ///< entries, ever
  uint64_t refused = 0;
  uint64_t drained = 0;
};
struct LsnRange {
  uint64_t min_lsn = 0;
  uint64_t max_lsn = 0;
  friend bool operator==(const LsnRange&, const LsnRange&) = default;
};

/// Entries of one table, of many sources.
class CdcBuffer {
 public:
  /// kInvalid (kOutOfRange), where() is the option: "buffer_size must be positive".
  static Result<CdcBuffer> create(CdcBufferOptions options);
  /// Copies them; none is no error. Exactly at the limit is allowed. kBusy (kPayloadTooLarge): the
  /// buffer is full: drain it, then add them again; kInvalid (kPayloadTooLarge): they never fit,
  /// cut them; of both found() is the projected size and expected() the limit. kInvalid
  /// (kOutOfRange, kIncompletePayload): an entry's LSN is above 2^63 - 1, or it has no row; found()
  /// is its index.
  Status add(std::string_view source, std::span<const WalEntry> entries, Nanos now);
  /// One row; whoever has more tables has more buffers.
  Status add(std::string_view source, const CdcEntry& entry, Nanos now);
  /// Not empty, and: entries, bytes or age have reached what makes a flush due.
  bool should_flush(Nanos now) const;
  /// Until should_flush(), at least 0; nothing while it is empty, or if only more entries can make
  /// it so.
  std::optional<Nanos> time_to_flush(Nanos now) const;
  std::optional<LsnRange> lsn_range() const;
  /// Everything, in order; the cursors stay.
  DrainedEntries drain();
  SourceCursors& cursors() { return cursors_; }
  CdcBufferState state() const;
  CdcBufferStats stats() const;
  size_t size() const { return store_.count(); }
  uint64_t bytes() const { return store_.bytes(); }
  bool is_empty() const { return size() == 0; }
  const CdcBufferOptions& options() const { return options_; }

 private:
  explicit CdcBuffer(CdcBufferOptions options);
  CdcBufferOptions options_;
  EntryStore store_;
  SourceCursors cursors_;
  LsnRange range_;
  Nanos first_entry_time_ = 0;
  uint64_t accepted_ = 0;
  uint64_t refused_ = 0;
  uint64_t drained_ = 0;
};

/// Entries until they are worth a block.
class SizeBasedBuffer {
 public:
  /// Bytes; kInvalid (kOutOfRange): one is 0, or the target is above the maximum.
  static Result<SizeBasedBuffer> create(uint64_t target_bytes, uint64_t max_bytes);
  /// true: the target is reached. Refuses as CdcBuffer does, beyond the maximum.
  Result<bool> add(std::span<const WalEntry> entries);
  bool is_at_max_capacity() const { return bytes() >= max_bytes_; }
  OwnedEntries drain() { return store_.take(); }
  size_t size() const { return store_.count(); }
  uint64_t bytes() const { return store_.bytes(); }
  bool is_empty() const { return size() == 0; }

 private:
  SizeBasedBuffer(uint64_t target, uint64_t max) : target_bytes_(target), max_bytes_(max) {}
  uint64_t target_bytes_;
  uint64_t max_bytes_;
  EntryStore store_;
};

struct MultiTableBufferOptions {
  CdcBufferOptions table;             ///< of the buffer of each table
  uint64_t max_bytes = 128ull << 20;  ///< of all tables: a limit that is never exceeded
  uint64_t max_tables = 256;
};

/// A buffer a table, and one limit for all. Half of the limit is cut into max_tables equal shares:
/// what a table may hold whatever the others do. Beyond its share it takes of the other half what
/// nobody has taken, so a hot table meets the limit first, and an idle one still has its share.
class MultiTableBuffer {
 public:
  /// kInvalid (kOutOfRange): as CdcBuffer, or there is not a byte for each table.
  static Result<MultiTableBuffer> create(MultiTableBufferOptions options);
  /// As CdcBuffer. kBusy (kPayloadTooLarge) also: the table has its share, and there is no more;
  /// (kOutOfRange): there are max_tables already.
  Status add(std::string_view table, std::string_view source, std::span<const WalEntry> entries,
             Nanos now);
  /// One row, into the buffer of its table.
  Status add(std::string_view source, const CdcEntry& entry, Nanos now);
  /// Those whose flush is due, the one whose first entry is the oldest first.
  std::vector<std::string> ready_to_flush(Nanos now) const;
  std::optional<Nanos> min_time_to_flush(Nanos now) const;  ///< nothing: all are empty
  /// Makes it if there is none. Lives until it is removed. kBusy (kOutOfRange): too many.
  Result<const CdcBuffer*> buffer(std::string_view table);
  /// Of a table that has a buffer; else null.
  SourceCursors* cursors(std::string_view table);
  DrainedEntries drain(std::string_view table);
  std::map<std::string, DrainedEntries> drain_all();  ///< those that hold any
  /// With its cursors. kNotFound; kBusy (kIncompletePayload): it holds entries, drain it first.
  Status remove_buffer(std::string_view table);
  std::map<std::string, CdcBufferStats> all_stats() const;
  bool has_entries() const { return total_bytes_ > 0; }
  uint64_t total_bytes() const { return total_bytes_; }
  uint64_t total_entries() const;
  uint64_t share_bytes() const { return share_bytes_; }

 private:
  explicit MultiTableBuffer(MultiTableBufferOptions options);
  uint64_t beyond_share(uint64_t bytes) const {
    return bytes > share_bytes_ ? bytes - share_bytes_ : 0;
  }
  Result<CdcBuffer*> find_or_make(std::string_view table);
  DrainedEntries drain(CdcBuffer& buffer);

  MultiTableBufferOptions options_;
  uint64_t share_bytes_;
  uint64_t free_bytes_;  ///< of the half that is nobody's
  uint64_t total_bytes_ = 0;
  std::map<std::string, CdcBuffer, std::less<>> buffers_;
};

struct BackpressureOptions {
  double high_water_mark = 80;
  double low_water_mark = 40;  ///< below the high one, at least 0
  double max_pressure = 100;   ///< at least the high one
  // What counts 50, 30 and 20.
  uint64_t full_entries = 10'000;
  uint64_t full_bytes = 4ull << 20;
  uint64_t full_pending_blocks = 10;
};
struct BackpressureLoad {
  uint64_t entries = 0;
  uint64_t bytes = 0;
  uint64_t pending_blocks = 0;
};

/// Whether senders shall wait: from the high mark on, and then until the low one. Tell it the load
/// whenever that changes, drains above all: nothing else ends the pressure.
class BackpressureController {
 public:
  /// kInvalid (kOutOfRange): "high_water_mark must be positive", or the marks are out of order.
  static Result<BackpressureController> create(BackpressureOptions options);
  bool update(const BackpressureLoad& load);     ///< is_applied() from now on
  double pressure() const { return pressure_; }  ///< 0 to max_pressure
  bool is_applied() const { return applied_; }
  /// 0 when it is not applied, else 10 to 1000 ms, by how far the pressure is above the high mark.
  Nanos suggested_delay() const;
  void reset();  ///< as if nothing had ever been there

 private:
  explicit BackpressureController(BackpressureOptions options) : options_(options) {}
  BackpressureOptions options_;
  double pressure_ = 0;
  bool applied_ = false;
};

}  // namespace sluice
