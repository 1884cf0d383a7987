// Cut: where the first record of some bytes ends. Pure functions; the bytes begin where the record
// before them ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "source/source.h"

namespace sluice::source {

struct Cut {
  enum class What : uint8_t {
    kRecord,
    kBlank,       ///< no record, but bytes to skip
    kIncomplete,  ///< more bytes are needed
    kOversized,   ///< the record that begins at `begin` is longer than the limit
    kEnd,         ///< no bytes are left
  };
  What what = What::kIncomplete;
  size_t begin = 0;  ///< of the record
  size_t end = 0;
  size_t next = 0;     ///< where the next search begins
  uint64_t lines = 0;  ///< newlines before `next`
  RejectReason defect = RejectReason::kNone;
  bool cut_by_end = false;  ///< the input ended before the record's terminator
};

/// What is known of the stream beyond the bytes.
struct CutContext {
  bool ended = false;  ///< no more bytes follow
  uint64_t record_bytes_max = kRecordBytesMax;
};

Cut cut_line(std::string_view bytes, const CutContext& context);

/// Cuts records that end at a newline outside quotes: CSV rows, and points of line protocol. A
/// stray quote can leave record after record open up to the end of the bytes; what a scan found
/// there holds for the next one too, and is kept, so that the time stays linear.
class RowCutter {
 public:
  /// `format`: CSV, TSV or line protocol.
  explicit RowCutter(Format format) : format_(format) {}
  /// `offset` is that of bytes[0] in the stream; it never falls.
  Cut cut(std::string_view bytes, uint64_t offset, const CutContext& context);

 private:
  enum class State : uint8_t {
    kStart,       ///< of a CSV field, of a point
    kGap,         ///< point: between tags and fields
    kInField,     ///< CSV: outside quotes. Point: in a field's key
    kValueStart,  ///< point: behind the key's '='
    kInValue,     ///< point: outside quotes
    kInTime,      ///< point: behind the fields
    kInQuotes,
    kEnded,
  };
  struct Scan {
    uint64_t at = 0;
    State state = State::kStart;
  };
  Scan scan(std::string_view bytes, Scan from, bool ended) const;
  Scan scan_fields(std::string_view bytes, Scan from, bool ended) const;
  Scan scan_point(std::string_view bytes, Scan from, bool ended) const;
  bool is_blank(std::string_view line) const;
  Scan scan_row(std::string_view bytes, size_t newline, uint64_t offset, bool ended);

  Format format_;
  Scan farthest_;  ///< in the stream: every newline between the last open row and here is quoted
};

/// What a reader of a JSON array has to find next.
enum class Expect : uint8_t {
  kOpening,    ///< '['
  kSeparator,  ///< ',' and an element, or ']'
  kNothing,    ///< white space
};
Cut cut_element(std::string_view bytes, Expect expect, const CutContext& context);

/// The search for an element's end, resumable.
class ElementScan {
 public:
  /// The index of the ',' or ']' that ends the element, or npos: go on with the bytes that follow.
  size_t find_end(std::string_view bytes);

 private:
  uint64_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

}  // namespace sluice::source
