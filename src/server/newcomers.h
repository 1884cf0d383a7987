// Newcomers: fields of a request that the collection has no columns for yet, and their types.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/batch.h"
#include "source/source.h"
#include "source/value_text.h"

namespace sluice::server {

/// One thread. A field gets the type that all its values have: double if some are whole and some
/// are not.
class Newcomers {
 public:
  explicit Newcomers(size_t columns_known = 0) : columns_known_(columns_known) {}

  void begin_point() { ++point_; }
  /// kNone, or why the value, or the name, cannot be a column's.
  source::RejectReason take(const std::string& name, source::Kind kind, std::string_view token);
  /// The point at hand is left out: what it alone brought is forgotten.
  void forget_point();
  /// In the order in which they were met; those that were null alone are left out.
  std::vector<Field> fields() const;

 private:
  struct Newcomer {
    Type type = Type::kNull;
    bool holds_inexact = false;  ///< a whole number that no double is
    uint64_t met = 0;            ///< the point that named it last
    uint64_t typed = 0;          ///< the point that gave it its type
    Type type_before = Type::kNull;
  };
  source::RejectReason settle(Newcomer& field, source::Kind kind, std::string_view token) const;

  size_t columns_known_ = 0;
  uint64_t point_ = 0;
  std::map<std::string, Newcomer, std::less<>> fields_;
  std::vector<std::string> order_;
};

}  // namespace sluice::server
