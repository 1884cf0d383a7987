#include "table/read.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "table/checksum.h"
#include "table/format.h"

namespace sluice::table {
namespace {

/// An object that something committed names.
struct Named {
  const std::string& key;
  std::string by;  ///< who names it
  uint64_t limit = 0;
  std::optional<uint64_t> bytes = std::nullopt;  ///< exactly, if that is known
};

Error missing(const Named& object) {
  return Error(Code::kCorrupt, "the object is missing, but " + object.by + " names it", object.key);
}

Result<std::string> get_named(Bucket& bucket, const Named& object) {
  auto text = get_object(bucket, object.key, object.limit);
  if (!text.ok()) {
    const Error& error = text.error();
    if (error.code() == Code::kNotFound) return missing(object);
    if (error.code() != Code::kInvalid) return error.at(object.key);
    return Error({Code::kCorrupt, error.reason(), error.message(), object.key, error.expected(),
                  error.found()});
  }
  if (object.bytes && text->size() != *object.bytes) {
    return Error({Code::kCorrupt, Reason::kIncompletePayload, "the object has another length",
                  object.key, *object.bytes, text->size()});
  }
  return text;
}

Result<std::string> get_checked(Bucket& bucket, const Named& object) {
  std::string text = TRY(get_named(bucket, object));
  TRY(check_checksum(text, object.key, Provenance::kAny));
  return text;
}

std::string name_of(const SnapshotEntry& snapshot) {
  return "snapshot " + std::to_string(snapshot.id);
}

}  // namespace

Result<std::vector<uint64_t>> list_versions(Bucket& bucket, std::string_view prefix) {
  std::vector<uint64_t> versions;
  for (const std::string& key : TRY(bucket.list_keys(metadata_key_start(prefix)))) {
    if (const auto version = metadata_version(prefix, key)) versions.push_back(*version);
  }
  std::sort(versions.begin(), versions.end());
  return versions;
}

Result<uint64_t> read_hint(Bucket& bucket, std::string_view prefix) {
  constexpr uint64_t kHintBytesMax = 64;
  const std::string key = hint_key(prefix);
  const auto text = get_object(bucket, key, kHintBytesMax);
  if (text.ok()) {
    uint64_t version = 0;
    const char* const end = text->data() + text->size();
    const auto [stop, error] = std::from_chars(text->data(), end, version);
    if (error == std::errc{} && stop == end) return version;
  } else if (text.error().code() == Code::kNotFound) {
    return uint64_t{0};
  } else if (text.error().code() != Code::kInvalid) {
    return text.error();
  }
  return Error(Code::kCorrupt, Reason::kDecodeFailure,
               "the hint is no number: Sluice does without it and writes it anew with the next "
               "commit, but other readers may not find the table",
               key);
}

Error missing_head(std::string_view prefix, uint64_t version) {
  return Error(Code::kCorrupt,
               "the version is missing, but version-hint.text names it: put it back, or, if it "
               "never was, remove the hint",
               metadata_key(prefix, version));
}

Status check_version_is_there(Bucket& bucket, std::string_view prefix, uint64_t version) {
  const auto entry = bucket.head(metadata_key(prefix, version));
  if (entry.ok()) return ok();
  if (entry.error().code() == Code::kNotFound) return missing_head(prefix, version);
  return entry.error();
}

Result<Metadata> read_metadata(Bucket& bucket, const std::string& prefix, uint64_t version) {
  const std::string key = metadata_key(prefix, version);
  const std::string text = TRY(get_checked(bucket, {key, "the listing", kMetadataBytesMax}));
  auto metadata = Metadata::decode(text, version, prefix);
  if (!metadata.ok()) return metadata.error().at(key);
  return metadata;
}

Result<Marks> read_marks(Bucket& bucket, const Metadata& metadata) {
  if (metadata.marks_key.empty()) return Marks{};
  const std::string text =
      TRY(get_checked(bucket, {metadata.marks_key, metadata_key(metadata.prefix, metadata.version),
                               kMarksBytesMax}));
  auto marks = Marks::decode(text);
  if (!marks.ok()) return marks.error().at(metadata.marks_key);
  return marks;
}

Result<GroupsPtr> read_groups(Bucket& bucket, const Metadata& metadata, const GroupsPtr& known) {
  if (metadata.groups_key.empty()) return std::make_shared<const Groups>();
  const CommitId newest = *groups_commit(metadata.prefix, metadata.groups_key);
  if (known && known->commit() == newest) return known;
  const auto read = [&](const CommitId& commit, const Named& object) -> Result<NamedRoster> {
    for (size_t at = 0; known && at < known->rosters().size(); ++at) {
      if (known->rosters()[at].commit == commit) return known->rosters()[at];
    }
    std::string bytes = TRY(get_named(bucket, object));
    auto roster = std::make_shared<const Roster>(TRY(Roster::decode(std::move(bytes), object.key)));
    return NamedRoster{commit, std::move(roster)};
  };
  NamedRoster top =
      TRY(read(newest, {metadata.groups_key, metadata_key(metadata.prefix, metadata.version),
                        kRosterBytesMax}));
  std::vector<NamedRoster> below;
  for (const RosterRef& ref : top.roster->below()) {
    const std::string key = groups_key(metadata.prefix, ref.commit);
    below.push_back(TRY(read(ref.commit, {key, metadata.groups_key, kRosterBytesMax, ref.bytes})));
  }
  auto groups = Groups::make(std::move(below), std::move(top));
  if (!groups.ok()) return groups.error().at(metadata.groups_key);
  return std::make_shared<const Groups>(std::move(*groups));
}

Result<std::vector<std::string>> list_rosters(Bucket& bucket, const Metadata& metadata) {
  std::vector<std::string> keys;
  if (metadata.groups_key.empty()) return keys;
  keys.push_back(metadata.groups_key);
  std::string head(kRosterHeadBytesMax, '\0');
  const auto got =
      bucket.get_range(metadata.groups_key, 0, std::as_writable_bytes(std::span(head)));
  if (!got.ok()) {
    if (got.error().code() != Code::kNotFound) return got.error().at(metadata.groups_key);
    return missing({metadata.groups_key, metadata_key(metadata.prefix, metadata.version)});
  }
  head.resize(*got);
  for (const RosterRef& ref : TRY(Roster::decode_below(head, metadata.groups_key))) {
    keys.push_back(groups_key(metadata.prefix, ref.commit));
  }
  return keys;
}

Result<std::vector<ManifestFile>> read_manifest_list(Bucket& bucket, const Metadata& metadata,
                                                     const SnapshotEntry& snapshot) {
  const std::string bytes =
      TRY(get_checked(bucket, {snapshot.manifest_list, name_of(snapshot), kManifestBytesMax}));
  auto files = decode_manifest_list(bytes, metadata);
  if (!files.ok()) return files.error().at(snapshot.manifest_list);
  return files;
}

Result<std::vector<ManifestEntry>> read_manifest(Bucket& bucket, const Metadata& metadata,
                                                 const ManifestFile& file) {
  const std::string bytes =
      TRY(get_checked(bucket, {file.key, "a manifest list", kManifestBytesMax, file.bytes}));
  return decode_manifest(bytes, file, metadata);
}

Result<HeadPtr> load_head(Bucket& bucket, const TableName& name) {
  return newer_head(bucket, name, nullptr);
}

Result<HeadPtr> newer_head(Bucket& bucket, const TableName& name, const HeadPtr& known) {
  const std::string prefix = table_prefix(name);
  // T2: the head is the highest version of a full listing.
  std::vector<uint64_t> versions = TRY(list_versions(bucket, prefix));
  // A version never changes once it is there.
  if (known && !versions.empty() && versions.back() == known->metadata.version) return known;
  // T11: the hint is written behind its version, and so never names one that was not.
  const auto hint = read_hint(bucket, prefix);
  if (hint.ok() && *hint > (versions.empty() ? 0 : versions.back())) {
    TRY(check_version_is_there(bucket, prefix, *hint));
    versions.push_back(*hint);
  }
  if (versions.empty()) return Error(Code::kNotFound, "no such table", name.to_string());
  Head head;
  head.metadata = TRY(read_metadata(bucket, prefix, versions.back()));
  head.marks = TRY(read_marks(bucket, head.metadata));
  return std::make_shared<const Head>(std::move(head));
}

Result<std::vector<TableName>> list_tables(Bucket& bucket) {
  std::vector<TableName> tables;
  for (const ObjectEntry& entry : TRY(bucket.list(""))) {
    const size_t database_end = entry.key.find('/');
    if (database_end == std::string::npos) continue;
    const size_t prefix_end = entry.key.find('/', database_end + 1);
    if (prefix_end == std::string::npos) continue;
    const std::string prefix = entry.key.substr(0, prefix_end);
    if (!metadata_version(prefix, entry.key) && entry.key != hint_key(prefix)) continue;
    auto name =
        TableName::parse(prefix.substr(0, database_end) + "." + prefix.substr(database_end + 1));
    // Another program's directory: not a name that a table of ours can have.
    if (!name.ok() || table_prefix(*name) != prefix) continue;
    tables.push_back(std::move(*name));
  }
  std::sort(tables.begin(), tables.end());
  tables.erase(std::unique(tables.begin(), tables.end()), tables.end());
  return tables;
}

Result<std::vector<part::Meta>> read_parts(Bucket& bucket, const Metadata& metadata) {
  std::vector<part::Meta> parts;
  const SnapshotEntry* snapshot = metadata.current_snapshot();
  if (snapshot == nullptr) return parts;
  for (const ManifestFile& file : TRY(read_manifest_list(bucket, metadata, *snapshot))) {
    for (ManifestEntry& entry : TRY(read_manifest(bucket, metadata, file))) {
      if (entry.status == EntryStatus::kDeleted) continue;
      parts.push_back(std::move(entry.part));
    }
  }
  return parts;
}

}  // namespace sluice::table
