// Records: a stream of bytes cut into lines, CSV rows or elements of a JSON array, with bounded
// memory, restartable at every record's end.
//
// Where a record ends depends on the bytes alone, never on how the stream delivers them:
//   NDJSON      at a newline; lines of white space are no records
//   CSV         at a newline outside quotes; empty lines are no records. A quote opens only at the
//               beginning of a field; a row whose quote is never closed is its first line, alone
//   points      the same; a quote opens only at the beginning of a field's value; lines of white
//               space and comments, which begin with '#', are no records
//   JSON array  before the comma or bracket that follows an element
// A record longer than the limit is a defect and is skipped without being held. A byte-order mark
// at offset 0 is skipped.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "source/cut.h"
#include "source/source.h"

namespace sluice::source {

/// So many bytes behind a record's text may be read (not used) by a parser.
inline constexpr size_t kRecordPaddingBytes = 512;

struct Record {
  std::string_view text;  ///< without its terminator; of a defect only the beginning
  Position start;
  RejectReason defect = RejectReason::kNone;  ///< why the bytes are no record
  bool cut_by_end = false;                    ///< the input ended before the record's terminator
};

/// A last record without its terminator: taken as it is, or left, for the input may be written
/// still. One that is longer than the limit is taken.
enum class OpenEnd : uint8_t { kTake, kLeave };

/// The bytes of a stream that are still needed, in one piece.
class Window {
 public:
  explicit Window(Input& input) : input_(input) {}
  std::string_view live() const { return {buffer_.get() + begin_, end_ - begin_}; }
  bool ended() const { return ended_; }
  /// Views of live() stay readable until fill().
  void drop(size_t count) { begin_ += count; }
  /// Reads until the buffer is full or the input ends. The buffer is doubled when half of it is
  /// live, so that a record searched anew after each fill costs linear time.
  Status fill();

 private:
  void make_room();

  Input& input_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
};

class RecordReader {
 public:
  /// `input` stands at `start`, which is the beginning or was a position().
  RecordReader(Input& input, Format format, Position start, uint64_t record_bytes_max,
               OpenEnd open_end = OpenEnd::kTake);

  /// The next record, or null at the end; the same one until consume(), and valid until then.
  Result<const Record*> peek();
  void consume();
  /// Behind the last consumed record; at the end of the input, that end.
  const Position& position() const {
    // A record that is too long is passed when it is met, and consumed later.
    return record_ && pending_.next == 0 ? record_->start : position_;
  }
  /// At the end: a record was left there.
  bool left_open_end() const { return left_open_end_; }

 private:
  Cut cut();
  void accept(const Cut& cut);
  void skip(const Cut& cut);
  Status skip_mark();
  Status skip_oversized(const Cut& cut);
  void pass(size_t count);
  /// The index of the terminator of an oversized record, or npos.
  size_t find_oversized_end(std::string_view bytes, ElementScan& scan) const;

  Format format_;
  uint64_t record_bytes_max_;
  OpenEnd open_end_;
  bool left_open_end_ = false;
  Window window_;
  Position position_;
  RowCutter rows_;
  Expect expect_;
  std::optional<Record> record_;
  Cut pending_;            ///< of record_
  std::string oversized_;  ///< the beginning of a record that was skipped
};

}  // namespace sluice::source
