#include "table/avro.h"

#include <algorithm>
#include <utility>

#include "table/json.h"

namespace sluice::table {
namespace {

constexpr std::string_view kMagic("Obj\1", 4);
constexpr size_t kSyncBytes = 16;
constexpr size_t kSchemaBytesMax = 1u << 20;
constexpr int kDepthMax = 16;

Error corrupt(std::string message, uint64_t offset) {
  return Error(
      {Code::kCorrupt, Reason::kDecodeFailure, std::move(message), std::string(), 0, offset});
}

std::optional<AvroType::Kind> simple_kind(std::string_view name) {
  using Kind = AvroType::Kind;
  constexpr std::pair<std::string_view, Kind> kKinds[] = {
      {"null", Kind::kNull},     {"boolean", Kind::kBoolean}, {"int", Kind::kNumber},
      {"long", Kind::kNumber},   {"float", Kind::kFloat},     {"double", Kind::kDouble},
      {"bytes", Kind::kBytes},   {"string", Kind::kBytes},    {"enum", Kind::kNumber},
      {"fixed", Kind::kFixed},   {"array", Kind::kArray},     {"map", Kind::kMap},
      {"record", Kind::kRecord},
  };
  for (const auto& [known, kind] : kKinds) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

Result<AvroType> parse_type(const JsonValue& value, int depth);

Result<AvroType> parse_union(const JsonValue& value, int depth) {
  AvroType type;
  type.kind = AvroType::Kind::kUnion;
  for (const JsonValue& branch : TRY(value.as_array("union"))) {
    AvroType branch_type = TRY(parse_type(branch, depth));
    type.fields.push_back({"", std::move(branch_type)});
  }
  if (type.fields.empty()) return corrupt("a union without branches", 0);
  return type;
}

Result<AvroType> parse_named(std::string_view name, const JsonValue& value, int depth) {
  const auto kind = simple_kind(name);
  if (!kind) {
    return Error(Code::kUnsupported, "an Avro schema with type '" + std::string(name) + "'");
  }
  AvroType type;
  type.kind = *kind;
  switch (type.kind) {
    case AvroType::Kind::kFixed:
      type.fixed_bytes = TRY(value.uint64("size"));
      break;
    case AvroType::Kind::kArray:
    case AvroType::Kind::kMap: {
      const std::string_view item = type.kind == AvroType::Kind::kArray ? "items" : "values";
      const auto found = value.find(item);
      if (!found) return corrupt("an Avro type without '" + std::string(item) + "'", 0);
      AvroType item_type = TRY(parse_type(*found, depth));
      type.fields.push_back({"", std::move(item_type)});
      break;
    }
    case AvroType::Kind::kRecord:
      for (const JsonValue& field : TRY(value.array("fields"))) {
        const auto found = field.find("type");
        if (!found) return corrupt("an Avro field without type", 0);
        std::string field_name = TRY(field.text("name"));
        AvroType field_type = TRY(parse_type(*found, depth));
        type.fields.push_back({std::move(field_name), std::move(field_type)});
      }
      break;
    default:
      break;
  }
  return type;
}

/// A schema is a name, an object with a name under "type", or an array: a union. References to
/// named types are refused, so that a type is a tree no larger than its text.
Result<AvroType> parse_type(const JsonValue& value, int depth) {
  if (depth > kDepthMax) return corrupt("an Avro schema nested too deep", 0);
  if (value.is_text()) return parse_named(TRY(value.as_text("type")), value, depth + 1);
  if (!value.is_object()) return parse_union(value, depth + 1);
  const auto inner = value.find("type");
  if (!inner) return corrupt("an Avro type without 'type'", 0);
  if (!inner->is_text()) return parse_type(*inner, depth + 1);
  return parse_named(TRY(inner->as_text("type")), value, depth + 1);
}

}  // namespace

void AvroWriter::number(int64_t value) {
  uint64_t left = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  for (; left >= 0x80; left >>= 7) bytes_.push_back(static_cast<char>(left | 0x80));
  bytes_.push_back(static_cast<char>(left));
}

void AvroWriter::text(std::string_view value) {
  number(static_cast<int64_t>(value.size()));
  bytes_.append(value);
}

std::string avro_file(const AvroHeader& header, std::span<const std::byte, 16> sync,
                      size_t entry_count, std::string_view entries) {
  AvroWriter out;
  out.raw(kMagic);
  out.begin_items(header.size());
  for (const auto& [name, value] : header) {
    out.text(name);
    out.text(value);
  }
  out.end_items();
  out.raw(as_text(sync));
  if (entry_count > 0) {
    out.number(static_cast<int64_t>(entry_count));
    out.text(entries);
    out.raw(as_text(sync));
  }
  return out.take();
}

int64_t AvroReader::number() {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = bytes_.fixed<uint8_t>();
    if (shift == 63 && byte > 1) break;
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  ok_ = false;
  return 0;
}

std::string_view AvroReader::text() {
  const int64_t bytes = number();
  if (bytes < 0) {
    ok_ = false;
    return {};
  }
  return raw(static_cast<uint64_t>(bytes));
}

/// The type itself, or the branch of a union that the bytes choose.
const AvroType& AvroReader::branch(const AvroType& type) {
  static constexpr AvroType kNothing;
  if (type.kind != AvroType::Kind::kUnion) return type;
  const int64_t index = number();
  if (index < 0 || static_cast<uint64_t>(index) >= type.fields.size()) {
    ok_ = false;
    return kNothing;
  }
  return type.fields[static_cast<size_t>(index)].type;
}

std::optional<bool> AvroReader::boolean(const AvroType& type) {
  const AvroType& chosen = branch(type);
  if (chosen.kind != AvroType::Kind::kBoolean) {
    skip(chosen);
    return std::nullopt;
  }
  const bool value = bytes_.fixed<uint8_t>() != 0;
  return ok() ? std::optional(value) : std::nullopt;
}

std::optional<int64_t> AvroReader::number(const AvroType& type) {
  const AvroType& chosen = branch(type);
  if (chosen.kind != AvroType::Kind::kNumber) {
    skip(chosen);
    return std::nullopt;
  }
  const int64_t value = number();
  return ok() ? std::optional(value) : std::nullopt;
}

std::optional<std::string_view> AvroReader::text(const AvroType& type) {
  const AvroType& chosen = branch(type);
  if (chosen.kind != AvroType::Kind::kBytes) {
    skip(chosen);
    return std::nullopt;
  }
  const std::string_view value = text();
  return ok() ? std::optional(value) : std::nullopt;
}

void AvroReader::record(const AvroType& type, const TakeField& take) {
  const AvroType& chosen = branch(type);
  if (chosen.kind != AvroType::Kind::kRecord) return skip(chosen);
  for (const AvroField& field : chosen.fields) {
    if (!ok()) return;
    if (!take(field.name, field.type)) skip(field.type);
  }
}

void AvroReader::array(const AvroType& type,
                       const std::function<void(const AvroType& item)>& take) {
  const AvroType& chosen = branch(type);
  if (chosen.kind != AvroType::Kind::kArray) return skip(chosen);
  items([&] { take(chosen.fields.front().type); });
}

/// Blocks of items up to an empty one. An item without bytes is refused: a few bytes could announce
/// any number of them.
void AvroReader::items(const std::function<void()>& take) {
  for (int64_t count = number(); ok() && count != 0; count = number()) {
    if (count < 0) {
      number();  // the size of the block, for readers that skip it
      count = count == INT64_MIN ? INT64_MAX : -count;
    }
    for (; count > 0 && ok(); --count) {
      const uint64_t before = offset();
      take();
      if (offset() == before) ok_ = false;
    }
  }
}

void AvroReader::skip(const AvroType& type) {
  const AvroType& chosen = branch(type);
  if (!ok()) return;
  switch (chosen.kind) {
    case AvroType::Kind::kNull:
      return;
    case AvroType::Kind::kBoolean:
      bytes_.raw(1);
      return;
    case AvroType::Kind::kNumber:
      number();
      return;
    case AvroType::Kind::kFloat:
      bytes_.raw(4);
      return;
    case AvroType::Kind::kDouble:
      bytes_.raw(8);
      return;
    case AvroType::Kind::kBytes:
      text();
      return;
    case AvroType::Kind::kFixed:
      bytes_.raw(chosen.fixed_bytes);
      return;
    case AvroType::Kind::kArray:
      return items([&] { skip(chosen.fields.front().type); });
    case AvroType::Kind::kMap:
      return items([&] {
        text();
        skip(chosen.fields.front().type);
      });
    case AvroType::Kind::kUnion:  // a union in a union is no Avro
      ok_ = false;
      return;
    case AvroType::Kind::kRecord:
      for (const AvroField& field : chosen.fields) skip(field.type);
      return;
  }
}

namespace {

/// Calls `take(name, value)` for each entry of the header; the views are of the file.
template <class Take>
void read_header(AvroReader& in, Take take) {
  in.raw(kMagic.size());
  for (int64_t count = in.number(); in.ok() && count != 0; count = in.number()) {
    if (count < 0) {
      in.number();
      count = count == INT64_MIN ? INT64_MAX : -count;
    }
    for (; count > 0 && in.ok(); --count) {
      const std::string_view name = in.text();
      take(name, in.text());
    }
  }
}

}  // namespace

bool is_avro(std::string_view bytes) {
  return bytes.starts_with(kMagic);
}

std::optional<std::string_view> find_avro_entry(std::string_view bytes, std::string_view name) {
  std::optional<std::string_view> found;
  AvroReader in(as_bytes(bytes));
  read_header(in, [&](std::string_view entry, std::string_view value) {
    if (entry == name) found = value;
  });
  return in.ok() ? found : std::nullopt;
}

Result<AvroFile> AvroFile::open(std::string_view bytes) {
  AvroFile file;
  AvroReader in(as_bytes(bytes));
  if (!is_avro(bytes)) return corrupt("not an Avro file", 0);
  read_header(in, [&](std::string_view name, std::string_view value) {
    file.header_.insert_or_assign(std::string(name), std::string(value));
  });
  file.sync_ = in.raw(kSyncBytes);
  if (!in.ok()) return corrupt("the Avro header is malformed", in.offset());
  file.blocks_offset_ = in.offset();
  file.blocks_ = bytes.substr(file.blocks_offset_);

  const auto codec = file.header_.find("avro.codec");
  if (codec != file.header_.end() && codec->second != "null") {
    return Error(Code::kUnsupported, "Avro codec " + codec->second);
  }
  const auto schema = file.header_.find("avro.schema");
  if (schema == file.header_.end()) return corrupt("the Avro header has no schema", 0);
  if (schema->second.size() > kSchemaBytesMax) return corrupt("the Avro schema is too long", 0);
  const JsonDocument document = TRY(JsonDocument::parse(schema->second));
  file.type_ = TRY(parse_type(document.root(), 0));
  return file;
}

Status AvroFile::read(
    const std::function<Status(AvroReader& in, const AvroType& type)>& take) const {
  AvroReader blocks(as_bytes(blocks_));
  while (!blocks.at_end()) {
    const int64_t count = blocks.number();
    const std::string_view entries = blocks.text();
    const uint64_t entries_offset = blocks_offset_ + blocks.offset() - entries.size();
    if (blocks.raw(kSyncBytes) != sync_ || !blocks.ok() || count < 0) {
      return corrupt("an Avro block is malformed", blocks_offset_ + blocks.offset());
    }
    AvroReader in(as_bytes(entries));
    for (int64_t left = count; left > 0; --left) {
      const uint64_t before = in.offset();
      TRY(take(in, type_));
      if (!in.ok() || in.offset() == before) {
        return corrupt("an Avro entry is malformed", entries_offset + in.offset());
      }
    }
    if (!in.at_end()) return corrupt("an Avro block is too long", entries_offset + in.offset());
  }
  return ok();
}

}  // namespace sluice::table
