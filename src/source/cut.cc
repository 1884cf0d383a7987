#include "source/cut.h"

#include <algorithm>

namespace sluice::source {
namespace {

using What = Cut::What;
constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kSpace = " \t\r\n";

uint64_t count_lines(std::string_view bytes) {
  return static_cast<uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
}

size_t skip_space(std::string_view bytes, size_t at) {
  return std::min(bytes.find_first_not_of(kSpace, at), bytes.size());
}

/// The line up to `newline`, or up to the end of the input if there is none.
Cut line_until(std::string_view bytes, size_t newline) {
  Cut cut{.what = What::kRecord};
  cut.cut_by_end = newline == kNone;
  cut.end = cut.cut_by_end ? bytes.size() : newline;
  cut.next = cut.cut_by_end ? bytes.size() : newline + 1;
  cut.lines = cut.cut_by_end ? 0 : 1;
  if (cut.end > 0 && bytes[cut.end - 1] == '\r') --cut.end;
  return cut;
}

/// A first line, or why there is none yet.
Cut first_line(std::string_view bytes, size_t newline, const CutContext& context) {
  if (bytes.empty() && context.ended) return {.what = What::kEnd};
  if (std::min(newline, bytes.size()) > context.record_bytes_max) {
    return {.what = What::kOversized};
  }
  if (newline == kNone && !context.ended) return {.what = What::kIncomplete};
  return line_until(bytes, newline);
}

/// The element from cut.begin on, which `expect` and its separator have led to.
Cut element_from(std::string_view bytes, Cut cut, const CutContext& context) {
  const size_t length = ElementScan().find_end(bytes.substr(cut.begin));
  if (std::min(length, bytes.size() - cut.begin) > context.record_bytes_max) {
    cut.what = What::kOversized;
    return cut;
  }
  if (length == kNone && !context.ended) return {.what = What::kIncomplete};
  cut.what = What::kRecord;
  cut.cut_by_end = length == kNone;
  cut.next = cut.cut_by_end ? bytes.size() : cut.begin + length;
  cut.end = cut.next;
  cut.begin = std::min(skip_space(bytes, cut.begin), cut.end);
  while (cut.end > cut.begin && kSpace.find(bytes[cut.end - 1]) != kNone) --cut.end;
  cut.lines = count_lines(bytes.substr(0, cut.next));
  if (cut.cut_by_end || cut.begin == cut.end) cut.defect = RejectReason::kInvalidJson;
  return cut;
}

Cut blank(std::string_view bytes, size_t next) {
  return {.what = What::kBlank, .next = next, .lines = count_lines(bytes.substr(0, next))};
}

/// What stands where nothing but white space may: one defect, to the end of the input.
Cut beyond_array(std::string_view bytes, size_t at, const CutContext& context) {
  Cut cut{.what = What::kRecord, .begin = at, .end = bytes.size(), .next = bytes.size()};
  cut.defect = RejectReason::kInvalidJson;
  cut.cut_by_end = true;
  cut.lines = count_lines(bytes);
  if (context.ended) return cut;
  cut.what = bytes.size() - at > context.record_bytes_max ? What::kOversized : What::kIncomplete;
  return cut;
}

/// The first of two bytes or a newline from `at` on, or the end.
size_t find_either(std::string_view bytes, size_t at, char one, char other) {
  while (at < bytes.size() && bytes[at] != one && bytes[at] != other && bytes[at] != '\n') ++at;
  return at;
}

/// The same, but one or the other behind a backslash is passed by.
size_t find_bare(std::string_view bytes, size_t at, char one, char other) {
  for (;; ++at) {
    at = find_either(bytes, at, one, other);
    if (at == 0 || at == bytes.size() || bytes[at] == '\n' || bytes[at - 1] != '\\') return at;
  }
}

/// The closing quote from `at` on, or the end; a backslash at the end waits for what it escapes.
size_t find_closing_quote(std::string_view bytes, size_t at, bool ended) {
  while (at < bytes.size() && bytes[at] != '"') {
    const bool escapes = bytes[at] == '\\';
    if (escapes && at + 1 == bytes.size() && !ended) break;
    at += escapes ? 2 : 1;
  }
  return std::min(at, bytes.size());
}

}  // namespace

Cut cut_line(std::string_view bytes, const CutContext& context) {
  const Cut cut = first_line(bytes, bytes.find('\n'), context);
  if (cut.what != What::kRecord || skip_space(bytes.substr(0, cut.end), 0) < cut.end) return cut;
  return {.what = What::kBlank, .next = cut.next, .lines = cut.lines};
}

RowCutter::Scan RowCutter::scan(std::string_view bytes, Scan from, bool ended) const {
  return is_csv(format_) ? scan_fields(bytes, from, ended) : scan_point(bytes, from, ended);
}

RowCutter::Scan RowCutter::scan_fields(std::string_view bytes, Scan from, bool ended) const {
  const char delimiter = delimiter_of(format_);
  auto [at, state] = from;
  while (at < bytes.size() && state != State::kEnded) {
    if (state == State::kInQuotes) {
      at = std::min(bytes.find('"', at), bytes.size());
      const bool pair_may_follow = at + 1 == bytes.size() && !ended;
      if (at == bytes.size() || pair_may_follow) break;
      const bool pair = bytes.substr(at + 1).starts_with('"');
      at += pair ? 2 : 1;
      if (!pair) state = State::kInField;
    } else if (state == State::kStart && bytes[at] == '"') {
      ++at;
      state = State::kInQuotes;
    } else {
      while (at < bytes.size() && bytes[at] != delimiter && bytes[at] != '\n') ++at;
      if (at == bytes.size()) {
        state = State::kInField;
      } else if (bytes[at] == '\n') {
        state = State::kEnded;
      } else {
        ++at;
        state = State::kStart;
      }
    }
  }
  return {at, state};
}

/// Follows line_protocol.h as far as to tell where a quote opens.
RowCutter::Scan RowCutter::scan_point(std::string_view bytes, Scan from, bool ended) const {
  auto [at, state] = from;
  while (at < bytes.size() && state != State::kEnded) {
    switch (state) {
      case State::kStart:
        at = std::min(bytes.find_first_not_of(" \t", at), bytes.size());
        at = find_bare(bytes, at, ' ', ' ');
        state = State::kGap;
        break;
      case State::kGap:
        while (at < bytes.size() && bytes[at] == ' ') ++at;
        if (at < bytes.size()) state = State::kInField;
        break;
      case State::kInField:
        at = find_bare(bytes, at, '=', ' ');
        if (at < bytes.size()) state = bytes[at] == '=' ? State::kValueStart : State::kInTime;
        if (state == State::kValueStart) ++at;
        break;
      case State::kValueStart:
        state = bytes[at] == '"' ? State::kInQuotes : State::kInValue;
        if (state == State::kInQuotes) ++at;
        break;
      case State::kInQuotes:
        at = find_closing_quote(bytes, at, ended);
        if (at == bytes.size() || bytes[at] != '"') return {at, state};
        state = State::kInValue;
        ++at;
        break;
      case State::kInValue:
        at = find_either(bytes, at, ',', ' ');
        if (at < bytes.size()) state = bytes[at] == ',' ? State::kInField : State::kInTime;
        if (state == State::kInField) ++at;
        break;
      default:
        at = std::min(bytes.find('\n', at), bytes.size());
        if (at < bytes.size()) state = State::kEnded;
    }
  }
  return {at, state};
}

bool RowCutter::is_blank(std::string_view line) const {
  if (is_csv(format_)) return line.empty();
  const size_t text = skip_space(line, 0);
  return text == line.size() || line[text] == '#';
}

RowCutter::Scan RowCutter::scan_row(std::string_view bytes, size_t newline, uint64_t offset,
                                    bool ended) {
  Scan row = scan(bytes.substr(0, newline), {}, true);
  if (newline == kNone) return row;
  if (row.state != State::kInQuotes) return {newline, State::kEnded};
  row.at = newline;
  if (farthest_.at > offset + newline) row = {farthest_.at - offset, farthest_.state};
  row = scan(bytes, row, ended);
  farthest_ = {offset + row.at, row.state};
  return row;
}

Cut RowCutter::cut(std::string_view bytes, uint64_t offset, const CutContext& context) {
  const size_t newline = bytes.find('\n');
  Cut line = first_line(bytes, newline, context);
  if (line.what != What::kRecord) return line;
  if (is_blank(bytes.substr(0, line.end))) {
    return {.what = What::kBlank, .next = line.next, .lines = line.lines};
  }
  if (bytes.substr(0, line.end).find('"') == kNone) return line;

  const Scan row = scan_row(bytes, newline, offset, context.ended);
  const bool never_closed = row.state == State::kInQuotes && context.ended;
  if (row.at > context.record_bytes_max || never_closed) {
    line.defect = RejectReason::kInvalidQuoting;
    line.cut_by_end = context.ended;
    return line;
  }
  if (row.state != State::kEnded && !context.ended) return {.what = What::kIncomplete};
  Cut cut = line_until(bytes, row.state == State::kEnded ? row.at : kNone);
  if (row.at > newline) cut.lines = count_lines(bytes.substr(0, cut.next));
  return cut;
}

Cut cut_element(std::string_view bytes, Expect expect, const CutContext& context) {
  const size_t at = skip_space(bytes, 0);
  if (at == bytes.size()) {
    if (at > 0) return blank(bytes, at);
    return {.what = context.ended ? What::kEnd : What::kIncomplete};
  }
  if (expect == Expect::kNothing) return beyond_array(bytes, at, context);
  if (expect == Expect::kSeparator && bytes[at] == ']') return blank(bytes, at + 1);
  if (bytes[at] != (expect == Expect::kOpening ? '[' : ','))
    return beyond_array(bytes, at, context);
  if (expect == Expect::kOpening) {
    const size_t first = skip_space(bytes, at + 1);
    if (first < bytes.size() && bytes[first] == ']') return blank(bytes, first + 1);
  }
  return element_from(bytes, {.begin = at + 1}, context);
}

size_t ElementScan::find_end(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (depth_ == 0 && (c == ',' || c == ']')) {
      return at;
    } else if (depth_ > 0 && (c == '}' || c == ']')) {
      --depth_;
    }
  }
  return kNone;
}

}  // namespace sluice::source
