#include "query/row_key.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace sluice::query {

namespace {

constexpr char kHasValue = 1;
constexpr char kIsNull = 2;
constexpr uint64_t kSign = 1ull << 63;

void append_big_endian(std::string& out, uint64_t bits) {
  const uint64_t turned = __builtin_bswap64(bits);
  out.append(reinterpret_cast<const char*>(&turned), sizeof(turned));
}

uint64_t take_fixed(std::string_view& bytes) {
  CHECK(bytes.size() >= sizeof(uint64_t));
  uint64_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof(value));
  bytes.remove_prefix(sizeof(value));
  return value;
}

char take_byte(std::string_view& bytes) {
  CHECK(!bytes.empty());
  const char byte = bytes.front();
  bytes.remove_prefix(1);
  return byte;
}

uint64_t ordered_bits(double value) {
  if (std::isnan(value)) value = std::numeric_limits<double>::quiet_NaN();
  if (value == 0) value = 0;
  const auto bits = std::bit_cast<uint64_t>(value);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

double real_of(uint64_t ordered) {
  return std::bit_cast<double>((ordered & kSign) != 0 ? ordered & ~kSign : ~ordered);
}

void append_text(std::string& out, std::string_view text) {
  for (size_t zero = text.find('\0'); zero != std::string_view::npos; zero = text.find('\0')) {
    out.append(text.substr(0, zero + 1)).push_back('\xff');
    text.remove_prefix(zero + 1);
  }
  out.append(text).append("\0\1", 2);
}

int64_t ordered_int64(std::string_view& key) {
  return static_cast<int64_t>(__builtin_bswap64(take_fixed(key)) ^ kSign);
}

std::string take_text(std::string_view& key) {
  std::string text;
  while (true) {
    const size_t zero = key.find('\0');
    CHECK(zero != std::string_view::npos && zero + 1 < key.size());
    const bool is_end = key[zero + 1] == '\1';
    text.append(key.substr(0, is_end ? zero : zero + 1));
    key.remove_prefix(zero + 2);
    if (is_end) return text;
  }
}

struct KeyForm {
  static int64_t whole(std::string_view& key) { return ordered_int64(key); }
  static double real(std::string_view& key) { return real_of(__builtin_bswap64(take_fixed(key))); }
  static std::string text(std::string_view& key) { return take_text(key); }
};

struct ExactForm {
  static int64_t whole(std::string_view& bytes) { return static_cast<int64_t>(take_fixed(bytes)); }
  static double real(std::string_view& bytes) { return std::bit_cast<double>(take_fixed(bytes)); }
  static std::string_view text(std::string_view& bytes) {
    const uint64_t size = take_fixed(bytes);
    CHECK(size <= bytes.size());
    const std::string_view text = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return text;
  }
};

template <class Form>
void take(std::string_view& bytes, Type type, BatchBuilder& out, size_t column) {
  if (take_byte(bytes) == kIsNull) return out.append_null(column);
  switch (type) {
    case Type::kNull:
      CHECK(false);
    case Type::kBool:
      return out.append_bool(column, take_byte(bytes) != 0);
    case Type::kInt64:
      return out.append_int64(column, Form::whole(bytes));
    case Type::kTimestamp:
      return out.append_timestamp(column, Form::whole(bytes));
    case Type::kDouble:
      return out.append_double(column, Form::real(bytes));
    case Type::kString:
    case Type::kBinary:
      return out.append_bytes(column, Form::text(bytes));
  }
}

}  // namespace

void append_key(std::string& key, const ColumnView& view, uint32_t row,
                OrderTerm::Direction direction) {
  if (view.is_null(row)) return key.push_back(kIsNull);
  key.push_back(kHasValue);
  const size_t begin = key.size();
  switch (view.type) {
    case Type::kNull:
      CHECK(false);
    case Type::kBool:
      key.push_back(view.boolean(row) ? 1 : 0);
      break;
    case Type::kInt64:
    case Type::kTimestamp:
      append_big_endian(key, static_cast<uint64_t>(view.int64(row)) ^ kSign);
      break;
    case Type::kDouble:
      append_big_endian(key, ordered_bits(view.real(row)));
      break;
    case Type::kString:
    case Type::kBinary:
      append_text(key, view.bytes(row));
      break;
  }
  if (direction == OrderTerm::Direction::kAscending) return;
  for (size_t at = begin; at < key.size(); ++at) key[at] = static_cast<char>(~key[at]);
}

void append_key(std::string& key, int64_t value) {
  key.push_back(kHasValue);
  append_big_endian(key, static_cast<uint64_t>(value) ^ kSign);
}

void take_key(std::string_view& key, Type type, BatchBuilder& out, size_t column) {
  take<KeyForm>(key, type, out, column);
}

int64_t take_int64(std::string_view& key) {
  CHECK(take_byte(key) == kHasValue);
  return ordered_int64(key);
}

void append_exact(std::string& bytes, const ColumnView& view, uint32_t row) {
  if (view.is_null(row)) return bytes.push_back(kIsNull);
  bytes.push_back(kHasValue);
  switch (view.type) {
    case Type::kNull:
      CHECK(false);
    case Type::kBool:
      return bytes.push_back(view.boolean(row) ? 1 : 0);
    case Type::kInt64:
    case Type::kTimestamp:
    case Type::kDouble:
      bytes.append(reinterpret_cast<const char*>(view.values) + row * 8, 8);
      return;
    case Type::kString:
    case Type::kBinary: {
      const uint64_t size = view.bytes(row).size();
      bytes.append(reinterpret_cast<const char*>(&size), sizeof(size)).append(view.bytes(row));
      return;
    }
  }
}

void take_exact(std::string_view& bytes, Type type, BatchBuilder& out, size_t column) {
  take<ExactForm>(bytes, type, out, column);
}

}  // namespace sluice::query
