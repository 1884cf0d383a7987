#include "cli/payloads.h"

#include <algorithm>

#include "sluice/wal_record.h"

namespace sluice::cli {
namespace {

constexpr uint64_t kGroupBytes = 16ull << 20;
constexpr size_t kReadBytes = 256u << 10;

class Lines final : public Payloads {
 public:
  explicit Lines(std::unique_ptr<InputFile> input) : input_(std::move(input)) {}

  Result<PayloadGroup> next(uint64_t count_max) override {
    PayloadGroup group(taken_ + 1);
    if (failure_) return *failure_;
    while (group.size() < count_max && group.bytes() < kGroupBytes) {
      const Result<std::optional<std::string_view>> line = next_line();
      if (!line.ok()) {
        failure_ = line.error();
        if (group.size() == 0) return *failure_;
        break;  // what was read before is whole
      }
      if (!line->has_value()) break;
      group.add(**line);
      ++taken_;
    }
    return group;
  }

 private:
  /// Nothing: the end. Valid until the next call.
  Result<std::optional<std::string_view>> next_line() {
    for (size_t seen = begin_;;) {
      const size_t end = buffer_.find('\n', seen);
      if (end != std::string::npos) return take(end, end + 1);
      if (is_at_end_) {
        if (begin_ == buffer_.size()) return std::optional<std::string_view>();
        return take(buffer_.size(), buffer_.size());
      }
      const size_t pending = buffer_.size() - begin_;
      if (pending > kWalPayloadBytesMax) return too_long(pending);
      TRY(read_more());
      seen = begin_ + pending;
    }
  }

  Result<std::optional<std::string_view>> take(size_t end, size_t next) {
    const std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
    if (line.size() > kWalPayloadBytesMax) return too_long(line.size());
    begin_ = next;
    return std::optional<std::string_view>(line);
  }

  Status read_more() {
    buffer_.erase(0, begin_);
    begin_ = 0;
    const size_t before = buffer_.size();
    buffer_.resize(before + kReadBytes);
    const auto into = std::as_writable_bytes(std::span(buffer_)).subspan(before);
    const Result<size_t> count = input_->read(into);
    buffer_.resize(before + (count.ok() ? *count : 0));
    if (!count.ok()) return count.error();
    is_at_end_ = *count == 0;
    return ok();
  }

  Error too_long(uint64_t found) const {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                  "the line is longer than the 64 MiB that a record holds; split it",
                  "standard input, line " + std::to_string(taken_ + 1), kWalPayloadBytesMax,
                  found});
  }

  const std::unique_ptr<InputFile> input_;
  std::string buffer_;
  size_t begin_ = 0;  ///< of what was not taken yet
  bool is_at_end_ = false;
  uint64_t taken_ = 0;
  std::optional<Error> failure_;
};

class MadeUp final : public Payloads {
 public:
  MadeUp(uint64_t count, uint64_t bytes_each, const Interrupt& interrupt)
      : count_(count), interrupt_(interrupt), payload_(bytes_each, 'a') {
    for (size_t at = 0; at < payload_.size(); ++at) payload_[at] += static_cast<char>(at % 26);
  }

  Result<PayloadGroup> next(uint64_t count_max) override {
    PayloadGroup group(taken_ + 1);
    if (interrupt_.requested()) return Error(Code::kCancelled, "stopped by a signal");
    while (taken_ < count_ && group.size() < count_max && group.bytes() < kGroupBytes) {
      const std::string number = std::to_string(++taken_) + " ";
      number.copy(payload_.data(), payload_.size());
      group.add(payload_);
    }
    return group;
  }

 private:
  const uint64_t count_;
  const Interrupt& interrupt_;
  std::string payload_;
  uint64_t taken_ = 0;
};

}  // namespace

void PayloadGroup::add(std::string_view payload) {
  text_ += payload;
  ends_.push_back(text_.size());
}

std::string_view PayloadGroup::at(size_t place) const {
  const size_t begin = place == 0 ? 0 : ends_[place - 1];
  return std::string_view(text_).substr(begin, ends_[place] - begin);
}

Result<std::unique_ptr<Payloads>> read_lines(const Interrupt& interrupt) {
  std::unique_ptr<InputFile> input = TRY(InputFile::open("-", interrupt));
  return std::make_unique<Lines>(std::move(input));
}

std::unique_ptr<Payloads> make_up(uint64_t count, uint64_t bytes_each, const Interrupt& interrupt) {
  return std::make_unique<MadeUp>(count, bytes_each, interrupt);
}

}  // namespace sluice::cli
