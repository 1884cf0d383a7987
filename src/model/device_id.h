// Device id: what the groups of a table know a device by: the value of the key's first column, as
// bytes that sort as the values do.
//
//   string, binary    the bytes themselves
//   long, timestamp   eight bytes, the highest first, its uppermost bit turned
//   bool              one byte, 0 or 1
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "sluice/batch.h"
#include "sluice/snapshot.h"

namespace sluice::model {

inline constexpr size_t kNumberIdBytes = 8;

/// Of a row that has a value. Texts lie in the view; what is no text is written into `space`.
std::string_view device_id(const ColumnView& view, size_t row,
                           std::array<char, kNumberIdBytes>& space);
/// The value of an id; nothing if the type has no such id.
std::optional<Value> device_value(Type type, std::string_view id);
/// The id of a value as people write it; nothing if the type has no such value.
std::optional<std::string> parse_device(Type type, std::string_view text);

}  // namespace sluice::model
