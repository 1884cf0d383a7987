// Rest: what a row could not give to its columns, without loss, as one JSON object in the column
// `_rest`: {"name as the file spells it":value,...}.
#pragma once

#include <string>
#include <string_view>

#include "model/schema.h"
#include "source/conflict.h"

namespace sluice::source {

inline constexpr std::string_view kRestColumn = model::kRestColumn;

/// Text as a JSON string. Text that is UTF-8 comes back from it exactly.
void append_json_string(std::string_view text, std::string& json);

/// Collects the rest of one row after the other. One thread.
class Rest {
 public:
  void clear() { json_.clear(); }
  bool empty() const { return json_.empty(); }
  /// A member; `name` and `value` are JSON already, the name without its quotes.
  void add(RejectReason reason, std::string_view name, std::string_view value);
  /// A member whose name is text; its value, which is JSON, is to be appended to the result.
  std::string& add_named(RejectReason reason, std::string_view name);
  /// Why the first member is here.
  RejectReason reason() const { return reason_; }
  /// The object; valid until the next call.
  std::string_view finish();
  uint64_t bytes() const { return json_.size() + 1; }

 private:
  void separate(RejectReason reason) {
    if (json_.empty()) reason_ = reason;
    json_ += json_.empty() ? '{' : ',';
  }
  std::string json_;
  RejectReason reason_ = RejectReason::kNone;
};

}  // namespace sluice::source
