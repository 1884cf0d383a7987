// The text form of a partition (options.h).
#include <charconv>
#include <utility>

#include "model/partition.h"
#include "sluice/options.h"

namespace sluice {
namespace {

struct NamedTransform {
  Transform transform;
  std::string_view name;
};
constexpr NamedTransform kTransforms[] = {
    {Transform::kBucket, "bucket"},
    {Transform::kDay, "day"},
    {Transform::kHour, "hour"},
    {Transform::kMonth, "month"},
};
constexpr std::string_view kNoFields = "none";

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_plain(std::string_view name) {
  for (const char c : name) {
    if (!is_letter(c)) return false;
  }
  return !name.empty();
}

class PartitionParser {
 public:
  explicit PartitionParser(std::string_view text) : text_(text) {}

  Result<std::vector<PartitionField>> parse() {
    std::vector<PartitionField> fields;
    skip_blanks();
    if (text_.substr(at_, kNoFields.size()) == kNoFields) {
      const size_t start = std::exchange(at_, at_ + kNoFields.size());
      skip_blanks();
      if (at_ == text_.size()) return fields;
      at_ = start;
    }
    do {
      fields.push_back(TRY(parse_field()));
    } while (take(','));
    if (at_ != text_.size()) return expected("a comma or the end");
    return fields;
  }

 private:
  Result<PartitionField> parse_field() {
    PartitionField field;
    const bool is_quoted = at_ < text_.size() && text_[at_] == '"';
    const size_t start = at_;
    const std::string word = TRY(parse_name());
    if (is_quoted || !take('(')) {
      field.column = word;
      return field;
    }
    const NamedTransform* named = find_transform(word);
    if (named == nullptr) {
      at_ = start;
      return expected("day, hour, month, bucket or the name of a column");
    }
    field.transform = named->transform;
    if (field.transform == Transform::kBucket) {
      field.buckets = TRY(parse_buckets());
      if (!take(',')) return expected("a comma and a column");
    }
    field.column = TRY(parse_name());
    if (!take(')')) return expected("a closing parenthesis");
    return field;
  }

  Result<std::string> parse_name() {
    skip_blanks();
    if (at_ < text_.size() && text_[at_] == '"') return parse_quoted();
    const size_t start = at_;
    while (at_ < text_.size() && is_letter(text_[at_])) ++at_;
    if (at_ == start) return expected("the name of a column");
    return std::string(text_.substr(start, at_ - start));
  }

  Result<std::string> parse_quoted() {
    std::string name;
    for (size_t at = at_ + 1; at < text_.size(); ++at) {
      const bool is_doubled = text_.substr(at, 2) == "\"\"";
      if (text_[at] == '"' && !is_doubled) {
        at_ = at + 1;
        if (name.empty()) return expected("a name between the quotes");
        return name;
      }
      name += text_[at];
      if (is_doubled) ++at;
    }
    return expected("a closing quote");
  }

  Result<uint32_t> parse_buckets() {
    skip_blanks();
    uint32_t buckets = 0;
    const char* const start = text_.data() + at_;
    const auto [end, error] = std::from_chars(start, text_.data() + text_.size(), buckets);
    const bool fits = error == std::errc{} && buckets >= 1 && buckets <= model::kBucketsMax;
    if (!fits) return expected("a number of buckets, 1 to 65536");
    at_ += static_cast<size_t>(end - start);
    return buckets;
  }

  static const NamedTransform* find_transform(std::string_view name) {
    for (const NamedTransform& named : kTransforms) {
      if (named.name == name) return &named;
    }
    return nullptr;
  }

  bool take(char sign) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != sign) return false;
    ++at_;
    return true;
  }
  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  Error expected(std::string_view what) const {
    const std::string_view rest = text_.substr(at_, 20);
    const std::string found = rest.empty() ? "the end" : "\"" + std::string(rest) + "\"";
    return Error({Code::kInvalid, Reason::kNone,
                  "a partition is written like day(time),bucket(16,id),region: expected " +
                      std::string(what) + ", found " + found,
                  std::string(text_), 0, at_});
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::string quoted(std::string_view name) {
  if (is_plain(name) && name != kNoFields) return std::string(name);
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

}  // namespace

Result<std::vector<PartitionField>> parse_partition(std::string_view text) {
  return PartitionParser(text).parse();
}

std::string format_partition(const std::vector<PartitionField>& fields) {
  if (fields.empty()) return std::string(kNoFields);
  std::string text;
  for (const PartitionField& field : fields) {
    if (!text.empty()) text += ',';
    std::string inner = quoted(field.column);
    if (field.transform == Transform::kBucket) {
      inner = std::to_string(field.buckets) + "," + inner;
    }
    std::string name;
    for (const NamedTransform& named : kTransforms) {
      if (named.transform == field.transform) name = named.name;
    }
    text += name.empty() ? inner : name + "(" + inner + ")";
  }
  return text;
}

}  // namespace sluice
