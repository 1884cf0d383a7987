#include "memtable/row_keys.h"

#include <algorithm>
#include <cstring>

#include "base/hash.h"

namespace sluice::memtable {

namespace {

size_t common_prefix(std::string_view a, std::string_view b) {
  const size_t limit = std::min(a.size(), b.size());
  size_t length = 0;
  while (length < limit && a[length] == b[length]) ++length;
  return length;
}

bool is_text(Type type) {
  return type == Type::kString || type == Type::kBinary;
}

/// The bytes of one value: equal values have equal ones.
std::string_view bytes_of(const ColumnView& view, size_t row) {
  if (is_text(view.type)) return view.bytes(row);
  const size_t width = view.type == Type::kBool ? 1 : 8;
  return {reinterpret_cast<const char*>(view.values) + row * width, width};
}

int64_t number(const ColumnView& view, size_t row) {
  return view.type == Type::kBool ? view.boolean(row) : view.int64(row);
}

int compare_values(const ColumnView& a, size_t row_a, const ColumnView& b, size_t row_b) {
  if (is_text(a.type)) {
    const int order = a.bytes(row_a).compare(b.bytes(row_b));
    return order < 0 ? -1 : order > 0;
  }
  const int64_t x = number(a, row_a);
  const int64_t y = number(b, row_b);
  return x < y ? -1 : x > y;
}

}  // namespace

RowKeys::RowKeys(const std::vector<Run>& runs, const TableSpec& spec) {
  for (const std::string& name : spec.key) {
    auto& column = columns_.emplace_back();
    for (const Run& run : runs) column.push_back(run.batch.column(*run.batch.schema()->find(name)));
  }
  begins_with_text_ = !columns_.empty() && !runs.empty() && is_text(columns_[0][0].type);
}

std::string_view RowKeys::first_value(RowRef at) const {
  return bytes_of(first(at), at.row);
}

uint64_t RowKeys::hash(std::string_view first_value, RowRef at) const {
  uint64_t hash = hash_value(first_value);
  for (size_t column = 1; column < columns_.size(); ++column) {
    hash = mix(hash ^ hash_value(bytes_of(columns_[column][at.run], at.row)), kHashStep);
  }
  return hash;
}

bool RowKeys::rest_equal(RowRef a, RowRef b) const {
  for (size_t column = 1; column < columns_.size(); ++column) {
    const auto& views = columns_[column];
    if (bytes_of(views[a.run], a.row) != bytes_of(views[b.run], b.row)) return false;
  }
  return true;
}

int RowKeys::compare(RowRef a, RowRef b) const {
  for (const auto& column : columns_) {
    const int order = compare_values(column[a.run], a.row, column[b.run], b.row);
    if (order != 0) return order;
  }
  return 0;
}

void RowKeys::survey(RowRef at) {
  if (!begins_with_text_) return;
  const std::string_view text = first(at).bytes(at.row);
  shared_ = shared_ ? shared_->substr(0, common_prefix(*shared_, text)) : text;
  longest_ = std::max(longest_, text.size());
}

// Of text the bytes behind the shared ones, as a number that orders like them. Where seven hold
// them all, the length comes last: it tells "a" from "a\0", and the number is the text.
uint64_t RowKeys::prefix(RowRef at) const {
  if (!begins_with_text_) return static_cast<uint64_t>(number(first(at), at.row)) ^ (1ull << 63);
  const std::string_view text = first(at).bytes(at.row).substr(shared_->size());
  uint64_t word = 0;
  if (!text.empty()) std::memcpy(&word, text.data(), std::min<size_t>(8, text.size()));
  word = __builtin_bswap64(word);
  return fits_a_word() ? word | text.size() : word;
}

}  // namespace sluice::memtable
