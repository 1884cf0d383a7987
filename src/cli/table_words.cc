// What the options of `sluice table` say.
#include <algorithm>

#include "cli/table.h"

namespace sluice::cli {
namespace {

std::string_view trim(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

struct TypeWord {
  std::string_view word;
  Type type;
  bool narrow;
};
constexpr TypeWord kTypeWords[] = {
    {"bool", Type::kBool, false},     {"int", Type::kInt64, true},
    {"long", Type::kInt64, false},    {"float", Type::kDouble, true},
    {"double", Type::kDouble, false}, {"string", Type::kString, false},
    {"binary", Type::kBinary, false}, {"timestamp", Type::kTimestamp, false},
};

Result<TypeWord> parse_type_word(std::string_view word) {
  for (const TypeWord& known : kTypeWords) {
    if (known.word == word) return known;
  }
  return Error(Code::kInvalid, "\"" + std::string(word) +
                                   "\" is no type; known are bool, int, long, float, double, "
                                   "string, binary and timestamp");
}

}  // namespace

Result<DeclaredColumn> parse_declared_column(std::string_view text) {
  text = trim(text);
  const size_t cut = text.find_last_of(" :");
  if (cut == text.npos || trim(text.substr(0, cut)).empty()) {
    return Error(Code::kInvalid, "is not of the form 'COLUMN TYPE'");
  }
  const TypeWord type = TRY(parse_type_word(text.substr(cut + 1)));
  return DeclaredColumn{{std::string(trim(text.substr(0, cut))), type.type}, type.narrow};
}

Result<SchemaChange> parse_rename(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == text.npos || equals == 0 || equals + 1 == text.size()) {
    return Error(Code::kInvalid, "is not of the form OLD=NEW");
  }
  SchemaChange change;
  change.kind = SchemaChange::Kind::kRename;
  change.column = text.substr(0, equals);
  change.new_name = text.substr(equals + 1);
  return change;
}

Result<SchemaChange> parse_widening(std::string_view text) {
  const size_t equals = std::min(text.find('='), text.size());
  SchemaChange change;
  change.kind = SchemaChange::Kind::kWiden;
  change.column = text.substr(0, equals);
  if (equals == text.size()) return change;
  const TypeWord type = TRY(parse_type_word(text.substr(equals + 1)));
  change.type = type.type;
  change.narrow = type.narrow;
  return change;
}

Result<SchemaChange> parse_policy(std::string_view text) {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kOnConflict;
  change.on_conflict = TRY(read_on_conflict(text));
  return change;
}

Result<Nanos> parse_age(std::string_view text) {
  struct Unit {
    char letter;
    Nanos span;
  };
  constexpr Unit kUnits[] = {
      {'s', kSecond}, {'m', 60 * kSecond}, {'h', 3600 * kSecond}, {'d', 86'400 * kSecond}};
  const Error wrong(Code::kInvalid, "is no age: write 90s, 15m, 12h or 7d");
  if (text.empty()) return wrong;
  for (const Unit& unit : kUnits) {
    if (text.back() != unit.letter) continue;
    const auto count = parse_count(trim(text.substr(0, text.size() - 1)));
    Nanos age = 0;
    if (!count.ok() || __builtin_mul_overflow(*count, unit.span, &age)) return wrong;
    return age;
  }
  return wrong;
}

}  // namespace sluice::cli
