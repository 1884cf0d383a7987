// Row keys: values of a row as bytes that compare as the values do, and as bytes that keep them
// exactly.
//
// A key: 1 and the value, or 2 for a null, which so comes last in both directions. Numbers are
// big-endian with their sign turned, -0 is 0, all NaNs are one and greater than every number; in
// strings a zero is 00 FF and the end 00 01, so that no key is the beginning of another. A
// descending value has its bits turned.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sluice/batch.h"
#include "sluice/snapshot.h"

namespace sluice::query {

/// A term of an order, bound to the columns of a batch.
struct SortColumn {
  size_t column = 0;
  OrderTerm::Direction direction = OrderTerm::Direction::kAscending;
};

void append_key(std::string& key, const ColumnView& view, uint32_t row,
                OrderTerm::Direction direction = OrderTerm::Direction::kAscending);
void append_key(std::string& key, int64_t value);
/// Takes the next value, of an ascending key, off `key` into a column.
void take_key(std::string_view& key, Type type, BatchBuilder& out, size_t column);
int64_t take_int64(std::string_view& key);

void append_exact(std::string& bytes, const ColumnView& view, uint32_t row);
void take_exact(std::string_view& bytes, Type type, BatchBuilder& out, size_t column);

}  // namespace sluice::query
