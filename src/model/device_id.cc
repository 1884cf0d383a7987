#include "model/device_id.h"

#include <charconv>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "sluice/time_text.h"

namespace sluice::model {
namespace {

constexpr uint64_t kSign = 1ull << 63;

void write_number(int64_t number, char* to) {
  const uint64_t turned = __builtin_bswap64(static_cast<uint64_t>(number) ^ kSign);
  std::memcpy(to, &turned, sizeof turned);
}

std::string number_id(int64_t number) {
  std::string id(kNumberIdBytes, '\0');
  write_number(number, id.data());
  return id;
}

}  // namespace

std::string_view device_id(const ColumnView& view, size_t row,
                           std::array<char, kNumberIdBytes>& space) {
  switch (view.type) {
    case Type::kString:
    case Type::kBinary:
      return view.bytes(row);
    case Type::kInt64:
    case Type::kTimestamp:
      write_number(view.int64(row), space.data());
      return {space.data(), kNumberIdBytes};
    case Type::kBool:
      space[0] = view.boolean(row) ? '\1' : '\0';
      return {space.data(), 1};
    case Type::kNull:
    case Type::kDouble:
      break;
  }
  CHECK(false && "no type of a key");
}

std::optional<Value> device_value(Type type, std::string_view id) {
  Value value;
  value.type = type;
  switch (type) {
    case Type::kString:
    case Type::kBinary:
      value.bytes = id;
      return value;
    case Type::kInt64:
    case Type::kTimestamp:
      if (id.size() != kNumberIdBytes) return std::nullopt;
      value.int64 =
          static_cast<int64_t>(__builtin_bswap64(load<uint64_t>(as_bytes(id).data())) ^ kSign);
      return value;
    case Type::kBool:
      if (id.size() != 1 || static_cast<unsigned char>(id[0]) > 1) return std::nullopt;
      value.boolean = id[0] != '\0';
      return value;
    case Type::kNull:
    case Type::kDouble:
      break;
  }
  return std::nullopt;
}

std::optional<std::string> parse_device(Type type, std::string_view text) {
  int64_t number = 0;
  switch (type) {
    case Type::kString:
    case Type::kBinary:
      return std::string(text);
    case Type::kInt64: {
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
      return number_id(number);
    }
    case Type::kTimestamp: {
      const ParsedTime parsed = parse_time(text);
      if (parsed.fault != TimeFault::kNone) return std::nullopt;
      return number_id(parsed.time);
    }
    case Type::kBool:
      if (text != "true" && text != "false") return std::nullopt;
      return std::string(1, text == "true" ? '\1' : '\0');
    case Type::kNull:
    case Type::kDouble:
      break;
  }
  return std::nullopt;
}

}  // namespace sluice::model
