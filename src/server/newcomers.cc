#include "server/newcomers.h"

#include <algorithm>

namespace sluice::server {
namespace {

using source::Kind;
using source::RejectReason;

constexpr size_t kNameBytesMax = 255;

Type type_of(Kind kind) {
  switch (kind) {
    case Kind::kBool:
      return Type::kBool;
    case Kind::kLong:
      return Type::kInt64;
    case Kind::kBig:
    case Kind::kFraction:
      return Type::kDouble;
    case Kind::kString:
      return Type::kString;
    default:
      return Type::kNull;
  }
}

bool is_exact_double(std::string_view digits) {
  const std::optional<double> value = source::parse_double(digits);
  return value && source::is_exact(digits, *value);
}

}  // namespace

RejectReason Newcomers::take(const std::string& name, Kind kind, std::string_view token) {
  if (name.size() > kNameBytesMax) return RejectReason::kColumnNameTooLong;
  // Names that begin with '_' are Sluice's own, and one must be able to say which field is meant.
  if (name.empty() || name.front() == '_') return RejectReason::kUnknownColumn;
  const auto [at, is_new] = fields_.try_emplace(name);
  Newcomer& field = at->second;
  if (is_new) {
    if (columns_known_ + fields_.size() > source::kColumnsMax) {
      fields_.erase(at);
      return RejectReason::kTooManyColumns;
    }
    order_.push_back(name);
  }
  if (field.met == point_) return RejectReason::kDuplicateColumn;
  field.met = point_;
  return settle(field, kind, token);
}

RejectReason Newcomers::settle(Newcomer& field, Kind kind, std::string_view token) const {
  if (kind == Kind::kNull) return RejectReason::kNone;
  if (kind == Kind::kNested) return RejectReason::kTypeMismatch;
  const bool is_inexact = (kind == Kind::kBig || kind == Kind::kLong) && !is_exact_double(token);
  if (kind == Kind::kBig && is_inexact) return RejectReason::kInexact;
  if (kind == Kind::kFraction && !source::parse_double(token)) return RejectReason::kOutOfRange;
  const Type type = type_of(kind);
  const auto is_number = [](Type one) { return one == Type::kInt64 || one == Type::kDouble; };
  const bool fits =
      field.type == Type::kNull || field.type == type || (is_number(field.type) && is_number(type));
  if (!fits) return RejectReason::kTypeMismatch;
  const Type merged = field.type == Type::kNull ? type : std::max(field.type, type);
  const bool holds_inexact = field.holds_inexact || is_inexact;
  if (merged == Type::kDouble && holds_inexact) return RejectReason::kInexact;
  field.holds_inexact = holds_inexact;
  if (merged == field.type) return RejectReason::kNone;
  field.type_before = field.type;
  field.type = merged;
  field.typed = point_;
  return RejectReason::kNone;
}

void Newcomers::forget_point() {
  for (auto& [name, field] : fields_) {
    if (field.typed == point_) field.type = field.type_before;
  }
}

std::vector<Field> Newcomers::fields() const {
  std::vector<Field> fields;
  for (const std::string& name : order_) {
    const Type type = fields_.find(name)->second.type;
    if (type != Type::kNull) fields.push_back({name, type});
  }
  return fields;
}

}  // namespace sluice::server
