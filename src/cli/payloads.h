// Payloads: what is to be appended to a log, in groups that become durable together.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/input_file.h"
#include "cli/interrupt.h"
#include "sluice/result.h"

namespace sluice::cli {

class PayloadGroup {
 public:
  explicit PayloadGroup(uint64_t first) : first_(first) {}
  void add(std::string_view payload);
  size_t size() const { return ends_.size(); }
  uint64_t bytes() const { return text_.size(); }
  std::string_view at(size_t place) const;
  /// The number of the first, in the order of input, from 1.
  uint64_t first() const { return first_; }

 private:
  uint64_t first_;
  std::string text_;
  std::vector<size_t> ends_;
};

/// One thread.
class Payloads {
 public:
  virtual ~Payloads() = default;
  /// The next ones, at most `count_max`, fewer if they are large; none: the end. After an error
  /// there are no more: kCancelled if the user asked to stop, kInvalid (kPayloadTooLarge), kIo.
  virtual Result<PayloadGroup> next(uint64_t count_max) = 0;
};

/// One a line of standard input; a line's end is not part of it.
Result<std::unique_ptr<Payloads>> read_lines(const Interrupt& interrupt);
/// Made up: the number of the record, and letters.
std::unique_ptr<Payloads> make_up(uint64_t count, uint64_t bytes_each, const Interrupt& interrupt);

}  // namespace sluice::cli
