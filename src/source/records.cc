#include "source/records.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace sluice::source {
namespace {

using What = Cut::What;
constexpr size_t kWindowBytes = 512u << 10;
constexpr size_t kNone = std::string_view::npos;
constexpr std::string_view kMark = "\xef\xbb\xbf";

}  // namespace

void Window::make_room() {
  const size_t live_bytes = end_ - begin_;
  if (capacity_ != 0 && live_bytes <= capacity_ / 2) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, live_bytes);
  } else {
    capacity_ = std::max(kWindowBytes, capacity_ * 2);
    auto larger = std::make_unique_for_overwrite<char[]>(capacity_ + kRecordPaddingBytes);
    if (live_bytes != 0) std::memcpy(larger.get(), buffer_.get() + begin_, live_bytes);
    buffer_ = std::move(larger);
  }
  begin_ = 0;
  end_ = live_bytes;
}

Status Window::fill() {
  CHECK(!ended_);
  make_room();
  while (end_ < capacity_) {
    const std::span<char> free(buffer_.get() + end_, capacity_ - end_);
    const size_t got = TRY(input_.read(std::as_writable_bytes(free)));
    CHECK(got <= free.size());
    ended_ = got == 0;
    if (ended_) break;
    end_ += got;
  }
  std::memset(buffer_.get() + end_, 0, kRecordPaddingBytes);
  return ok();
}

RecordReader::RecordReader(Input& input, Format format, Position start, uint64_t record_bytes_max,
                           OpenEnd open_end)
    : format_(format),
      record_bytes_max_(record_bytes_max),
      open_end_(open_end),
      window_(input),
      position_(start),
      rows_(format),
      expect_(start.offset == 0 ? Expect::kOpening : Expect::kSeparator) {}

Cut RecordReader::cut() {
  const CutContext context{.ended = window_.ended(), .record_bytes_max = record_bytes_max_};
  switch (format_) {
    case Format::kNdjson:
      return cut_line(window_.live(), context);
    case Format::kJsonArray:
      return cut_element(window_.live(), expect_, context);
    case Format::kCsv:
    case Format::kTsv:
    case Format::kLineProtocol:
      return rows_.cut(window_.live(), position_.offset, context);
  }
  CHECK(false);
}

Result<const Record*> RecordReader::peek() {
  if (record_) return &*record_;
  if (position_.offset == 0) TRY(skip_mark());
  for (;;) {
    const Cut found = cut();
    switch (found.what) {
      case What::kRecord:
        left_open_end_ = found.cut_by_end && open_end_ == OpenEnd::kLeave;
        if (left_open_end_) return nullptr;
        accept(found);
        return &*record_;
      case What::kBlank:
        skip(found);
        break;
      case What::kIncomplete:
        TRY(window_.fill());
        break;
      case What::kOversized:
        TRY(skip_oversized(found));
        return &*record_;
      case What::kEnd:
        return nullptr;
    }
  }
}

void RecordReader::consume() {
  CHECK(record_);
  window_.drop(pending_.next);
  position_.offset += pending_.next;
  position_.line += pending_.lines;
  record_.reset();
}

void RecordReader::accept(const Cut& cut) {
  const std::string_view live = window_.live();
  const std::string_view before = live.substr(0, cut.begin);
  Position start{position_.offset + cut.begin, position_.line};
  start.line += static_cast<uint64_t>(std::count(before.begin(), before.end(), '\n'));
  record_ = Record{live.substr(cut.begin, cut.end - cut.begin), start, cut.defect, cut.cut_by_end};
  pending_ = cut;
  expect_ = cut.cut_by_end ? Expect::kNothing : Expect::kSeparator;
}

void RecordReader::skip(const Cut& cut) {
  if (window_.live().substr(0, cut.next).ends_with(']')) expect_ = Expect::kNothing;
  window_.drop(cut.next);
  position_.offset += cut.next;
  position_.line += cut.lines;
}

Status RecordReader::skip_mark() {
  while (window_.live().size() < kMark.size() && !window_.ended()) TRY(window_.fill());
  if (!window_.live().starts_with(kMark)) return ok();
  window_.drop(kMark.size());
  position_.offset += kMark.size();
  return ok();
}

size_t RecordReader::find_oversized_end(std::string_view bytes, ElementScan& scan) const {
  if (format_ != Format::kJsonArray) return bytes.find('\n');
  return expect_ == Expect::kNothing ? kNone : scan.find_end(bytes);
}

void RecordReader::pass(size_t count) {
  const std::string_view gone = window_.live().substr(0, count);
  position_.line += static_cast<uint64_t>(std::count(gone.begin(), gone.end(), '\n'));
  position_.offset += count;
  window_.drop(count);
}

Status RecordReader::skip_oversized(const Cut& cut) {
  pass(cut.begin);
  const Position start = position_;
  oversized_.clear();
  ElementScan scan;
  size_t end = kNone;
  for (;;) {
    const std::string_view live = window_.live();
    end = find_oversized_end(live, scan);
    oversized_ += live.substr(0, std::min(end, kRejectRawBytesMax - oversized_.size()));
    pass(std::min(end, live.size()));
    if (end != kNone || window_.ended()) break;
    TRY(window_.fill());
  }
  const bool cut_by_end = end == kNone;
  if (!cut_by_end && format_ != Format::kJsonArray) pass(1);
  record_ = Record{oversized_, start, RejectReason::kRecordTooLong, cut_by_end};
  pending_ = Cut{};
  expect_ = cut_by_end ? Expect::kNothing : Expect::kSeparator;
  return ok();
}

}  // namespace sluice::source
