#include "table/format.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace sluice::table {
namespace {

constexpr std::string_view kMetadataSuffix = ".metadata.json";
constexpr std::string_view kPartSuffix = ".parquet";
constexpr std::string_view kGroupMark = "-g";

std::string under(std::string_view prefix, std::string_view rest) {
  return std::string(prefix).append("/").append(rest);
}

constexpr size_t kIdDigits = 32;
constexpr size_t kAttemptDigits = 8;

/// Takes fixed words and numbers off the front of a name.
class NameReader {
 public:
  explicit NameReader(std::string_view name) : rest_(name) {}
  bool word(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  bool hex(size_t digits) {
    if (rest_.size() < digits) return false;
    return take(digits, "0123456789abcdef") == digits;
  }
  bool number() {
    constexpr size_t kDigitsMax = 20;
    const size_t digits = take(kDigitsMax, "0123456789");
    return digits > 0;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  size_t take(size_t most, std::string_view characters) {
    size_t count = 0;
    while (count < std::min(most, rest_.size()) && characters.find(rest_[count]) != characters.npos)
      ++count;
    rest_.remove_prefix(count);
    return count;
  }
  std::string_view rest_;
};

bool is_manifest(NameReader name) {
  return name.word("metadata/") && name.hex(kIdDigits) && name.word("-m") && name.number() &&
         name.word(".avro") && name.at_end();
}

bool is_manifest_list(NameReader name) {
  return name.word("metadata/snap-") && name.number() && name.word("-") && name.hex(kIdDigits) &&
         name.word(".avro") && name.at_end();
}

bool is_marks(NameReader name) {
  return name.word("marks/") && name.hex(kIdDigits) && name.word(".json") && name.at_end();
}

bool is_roster(NameReader name) {
  return name.word("groups/") && name.hex(kIdDigits) && name.word(".bin") && name.at_end();
}

bool is_part(NameReader name) {
  const bool is_numbered = name.word("data/") && name.hex(kIdDigits) && name.word("-") &&
                           name.hex(kAttemptDigits) && name.word("-") && name.number();
  if (!is_numbered || (name.word(kGroupMark) && !name.number())) return false;
  return name.word(kPartSuffix) && name.at_end();
}

}  // namespace

std::string nanos_column(std::string_view timestamp) {
  return std::string("_").append(timestamp).append("_ns");
}

ObjectKind object_kind(std::string_view prefix, std::string_view key) {
  if (metadata_version(prefix, key)) return ObjectKind::kMetadata;
  if (key == hint_key(prefix)) return ObjectKind::kHint;
  NameReader name(key);
  if (!name.word(prefix) || !name.word("/")) return ObjectKind::kForeign;
  if (is_manifest(name)) return ObjectKind::kManifest;
  if (is_manifest_list(name)) return ObjectKind::kManifestList;
  if (is_marks(name)) return ObjectKind::kMarks;
  if (is_roster(name)) return ObjectKind::kGroups;
  return is_part(name) ? ObjectKind::kPart : ObjectKind::kForeign;
}

std::string table_prefix(const TableName& name) {
  return name.database + "/" + name.collection;
}

std::string metadata_key_start(std::string_view prefix) {
  return under(prefix, "metadata/v");
}

std::string metadata_key(std::string_view prefix, uint64_t version) {
  return metadata_key_start(prefix).append(std::to_string(version)).append(kMetadataSuffix);
}

std::optional<uint64_t> metadata_version(std::string_view prefix, std::string_view key) {
  const std::string start = metadata_key_start(prefix);
  if (!key.starts_with(start) || !key.ends_with(kMetadataSuffix)) return std::nullopt;
  if (key.size() <= start.size() + kMetadataSuffix.size()) return std::nullopt;
  key.remove_prefix(start.size());
  key.remove_suffix(kMetadataSuffix.size());
  constexpr size_t kDigitsMax = 18;
  if (key.size() > kDigitsMax || key.front() == '0') return std::nullopt;
  uint64_t version = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), version);
  if (error != std::errc{} || end != key.data() + key.size()) return std::nullopt;
  return version;
}

std::string hint_key(std::string_view prefix) {
  return under(prefix, "metadata/version-hint.text");
}

std::string manifest_key(std::string_view prefix, const CommitId& commit, size_t index) {
  return under(prefix, "metadata/" + commit.hex() + "-m" + std::to_string(index) + ".avro");
}

std::string manifest_list_key(std::string_view prefix, int64_t snapshot_id,
                              const CommitId& commit) {
  return under(prefix,
               "metadata/snap-" + std::to_string(snapshot_id) + "-" + commit.hex() + ".avro");
}

std::string marks_key(std::string_view prefix, const CommitId& commit) {
  return under(prefix, "marks/" + commit.hex() + ".json");
}

std::string groups_key(std::string_view prefix, const CommitId& commit) {
  return under(prefix, "groups/" + commit.hex() + ".bin");
}

std::optional<CommitId> groups_commit(std::string_view prefix, std::string_view key) {
  if (object_kind(prefix, key) != ObjectKind::kGroups) return std::nullopt;
  return CommitId::parse(key.substr(key.rfind('/') + 1, kIdDigits));
}

std::optional<uint32_t> part_group(std::string_view key) {
  if (!key.ends_with(kPartSuffix)) return std::nullopt;
  key.remove_suffix(kPartSuffix.size());
  const size_t at = key.rfind(kGroupMark);
  if (at == key.npos) return std::nullopt;
  key.remove_prefix(at + kGroupMark.size());
  uint32_t group = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), group);
  if (error != std::errc{} || end != key.data() + key.size()) return std::nullopt;
  return group;
}

std::string to_address(std::string_view location, std::string_view prefix, std::string_view key) {
  CHECK(key.starts_with(prefix) && key.size() > prefix.size() && key[prefix.size()] == '/');
  return std::string(location).append(key.substr(prefix.size()));
}

std::optional<std::string> to_key(std::string_view location, std::string_view prefix,
                                  std::string_view address) {
  if (!address.starts_with(location)) return std::nullopt;
  address.remove_prefix(location.size());
  if (address.size() < 2 || address.front() != '/') return std::nullopt;
  return std::string(prefix).append(address);
}

}  // namespace sluice::table
