#include "config/value.h"

#include <algorithm>
#include <charconv>
#include <span>

#include "config/keys.h"
#include "sluice/period.h"

namespace sluice::config {
namespace {

constexpr std::string_view kOff = "off";
constexpr size_t kSecretCharactersShown = 4;

struct Unit {
  std::string_view name;
  uint64_t of;  ///< nanoseconds or bytes
};
// Largest first: a duration's parts stand in this order.
constexpr Unit kSpans[] = {{"d", 86'400ull * kSecond},
                           {"h", 3600ull * kSecond},
                           {"m", 60ull * kSecond},
                           {"s", kSecond},
                           {"ms", kMillisecond},
                           {"us", kMicrosecond},
                           {"ns", 1}};
constexpr Unit kSizes[] = {{"TiB", 1ull << 40},
                           {"GiB", 1ull << 30},
                           {"MiB", 1ull << 20},
                           {"KiB", 1ull << 10},
                           {"TB", 1000ull * 1000 * 1000 * 1000},
                           {"GB", 1000 * 1000 * 1000},
                           {"MB", 1000 * 1000},
                           {"kB", 1000}};
// What a size is written with.
constexpr std::span<const Unit> kBinarySizes(kSizes, 4);

Error no_value() {
  return Error(Code::kInvalid, "");
}

/// The digits at the front of `text`, which is cut behind them.
Result<uint64_t> take_number(std::string_view& text) {
  uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc()) return no_value();
  text.remove_prefix(static_cast<size_t>(stop - text.data()));
  return number;
}

Result<uint64_t> parse_number(std::string_view text) {
  const uint64_t number = TRY(take_number(text));
  if (!text.empty()) return no_value();
  return number;
}

Result<uint64_t> parse_size(std::string_view text) {
  const uint64_t number = TRY(take_number(text));
  if (text.empty()) return number;
  uint64_t bytes = 0;
  for (const Unit& unit : kSizes) {
    if (text == unit.name && !__builtin_mul_overflow(number, unit.of, &bytes)) return bytes;
  }
  return no_value();
}

Result<Nanos> parse_duration(std::string_view text) {
  std::span<const Unit> units = kSpans;
  Nanos sum = 0;
  if (text.empty()) return no_value();
  while (!text.empty()) {
    const uint64_t number = TRY(take_number(text));
    const std::string_view name = text.substr(0, text.find_first_of("0123456789"));
    const auto unit = std::find_if(units.begin(), units.end(),
                                   [name](const Unit& each) { return each.name == name; });
    Nanos part = 0;
    if (unit == units.end() || __builtin_mul_overflow(number, unit->of, &part) ||
        __builtin_add_overflow(sum, part, &sum)) {
      return no_value();
    }
    text.remove_prefix(name.size());
    units = units.subspan(static_cast<size_t>(unit - units.begin()) + 1);
  }
  return sum;
}

/// In the largest unit that leaves no rest; empty: there is none.
std::string format_in(std::span<const Unit> units, uint64_t amount) {
  for (const Unit& unit : units) {
    if (amount > 0 && amount % unit.of == 0) {
      return std::to_string(amount / unit.of) + std::string(unit.name);
    }
  }
  return "";
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

Texts split(std::string_view text, char separator) {
  Texts parts;
  if (trim(text).empty()) return parts;
  while (true) {
    const size_t end = text.find(separator);
    parts.emplace_back(trim(text.substr(0, end)));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Result<Value> within(const Key& key, uint64_t amount, Value value) {
  if (amount < key.limits.least || amount > key.limits.most) return no_value();
  return value;
}

Result<Value> parse_list(const Key& key, const Written& written) {
  const auto* sequence = std::get_if<Texts>(&written);
  const Texts texts = sequence ? *sequence : split(std::get<std::string>(written), ',');
  for (const std::string& text : texts) {
    if (text.size() < key.limits.least || trim(text).empty()) return no_value();
  }
  return Value(texts);
}

Result<Value> parse_text(const Key& key, std::string_view text) {
  if (text.empty() && key.may_be_empty) return Value(std::string());
  if (trim(text).empty()) return no_value();
  if (key.check) TRY(key.check(text));
  return Value(std::string(text));
}

Result<Value> parse_choice(const Key& key, std::string_view text) {
  const Texts words = split(key.choices, ' ');
  if (std::find(words.begin(), words.end(), text) == words.end()) return no_value();
  return Value(std::string(text));
}

/// The error's message says nothing.
Result<Value> parse_one(const Key& key, std::string_view text) {
  if (key.takes_off && text == kOff) return Value(Off());
  switch (key.kind) {
    case Kind::kText:
      return parse_text(key, text);
    case Kind::kSwitch:
      if (text != "true" && text != "false") return no_value();
      return Value(text == "true");
    case Kind::kNumber: {
      const uint64_t number = TRY(parse_number(text));
      return within(key, number, number);
    }
    case Kind::kSize: {
      const uint64_t bytes = TRY(parse_size(text));
      return within(key, bytes, bytes);
    }
    case Kind::kDuration: {
      const Nanos span = TRY(parse_duration(text));
      return within(key, static_cast<uint64_t>(span), span);
    }
    case Kind::kChoice:
      return parse_choice(key, text);
    case Kind::kZone:
      return Value(TRY(parse_zone(text)));
    case Kind::kList:
      break;  // parse_list()
  }
  return no_value();
}

std::string mask(const Key& key, const std::string& text) {
  return key.is_secret ? text.substr(0, kSecretCharactersShown) + "..." : text;
}

std::string join(const Texts& texts, std::string_view separator) {
  std::string out;
  for (const std::string& text : texts) {
    if (&text != &texts.front()) out += separator;
    out += text;
  }
  return out;
}

/// As it was written, for an error.
std::string show(const Key& key, const Written& written) {
  if (key.is_secret) return "what it is set to";
  const auto* text = std::get_if<std::string>(&written);
  return text ? '"' + *text + '"' : "a list";
}

std::string format_amount(const Key& key, uint64_t amount) {
  if (key.kind == Kind::kSize) return format_size(amount);
  if (key.kind == Kind::kDuration) return format_duration(static_cast<Nanos>(amount));
  return std::to_string(amount);
}

/// "from 1 to 5", "of at least 1s", "above 0".
std::string limits_of(const Key& key) {
  const bool has_most = key.limits.most < INT64_MAX;
  if (has_most) {
    return " from " + format_amount(key, key.limits.least) + " to " +
           format_amount(key, key.limits.most);
  }
  if (key.limits.least <= 1) return key.limits.least == 1 ? " above 0" : "";
  return " of at least " + format_amount(key, key.limits.least);
}

}  // namespace

Result<Value> parse_value(const Key& key, const Written& written) {
  const auto* text = std::get_if<std::string>(&written);
  Result<Value> value = key.kind == Kind::kList ? parse_list(key, written)
                        : text                  ? parse_one(key, *text)
                                                : Result<Value>(no_value());
  if (value.ok()) return value;
  return Error(
      Code::kInvalid, Reason::kOutOfRange,
      std::string(key.name) + " cannot be " + show(key, written) + ": it takes " + allowed_of(key));
}

std::string format_duration(Nanos span) {
  const std::string text = format_in(kSpans, static_cast<uint64_t>(span));
  return text.empty() ? "0s" : text;
}

std::string format_size(uint64_t bytes) {
  const std::string text = format_in(kBinarySizes, bytes);
  return text.empty() ? std::to_string(bytes) : text;
}

Texts format_list(const Key& key, const Value& value) {
  Texts texts = std::get<Texts>(value);
  for (std::string& text : texts) text = mask(key, text);
  return texts;
}

std::string format_value(const Key& key, const Value& value) {
  struct Formatter {
    const Key& key;
    std::string operator()(Off) const { return std::string(kOff); }
    std::string operator()(bool is_on) const { return is_on ? "true" : "false"; }
    std::string operator()(uint64_t number) const { return format_amount(key, number); }
    std::string operator()(Nanos span) const { return format_duration(span); }
    std::string operator()(const std::string& text) const { return mask(key, text); }
    std::string operator()(const Texts& texts) const { return join(format_list(key, texts), ","); }
  };
  return std::visit(Formatter{key}, value);
}

std::string allowed_of(const Key& key) {
  const std::string off = key.takes_off ? ", or off" : "";
  switch (key.kind) {
    case Kind::kText:
      return std::string(key.wanted.empty() ? "a text that is not blank" : key.wanted) +
             (key.may_be_empty ? ", or nothing" : "");
    case Kind::kSwitch:
      return "true or false";
    case Kind::kNumber:
      return "a whole number" + limits_of(key) + off;
    case Kind::kSize:
      return "a size" + limits_of(key) + ", such as 67108864 or 64MiB" + off;
    case Kind::kDuration:
      return "a duration" + limits_of(key) + ", such as 500ms, 5m or 1h30m" + off;
    case Kind::kChoice:
      return "one of " + join(split(key.choices, ' '), ", ");
    case Kind::kZone:
      return "a name of the time zone database, such as Europe/Berlin, or an offset, such as "
             "+02:00";
    case Kind::kList:
      return "a list of texts, each of at least " + std::to_string(key.limits.least) +
             " characters and not blank";
  }
  return "";
}

}  // namespace sluice::config
