#include "table/refs.h"

namespace sluice::table {
namespace {

constexpr std::string_view kMain = "main";
constexpr std::string_view kIdMember = "snapshot-id";
constexpr std::string_view kKindMember = "type";
constexpr std::string_view kAgeMember = "max-ref-age-ms";

Error corrupt(std::string message) {
  return Error(Code::kCorrupt, Reason::kDecodeFailure, std::move(message));
}

void write_ref(JsonWriter& json, std::string_view name, const SnapshotRef& ref) {
  json.name(name).open_object().name(kIdMember).number(ref.snapshot_id);
  json.name(kKindMember).text(ref.kind);
  if (ref.max_age_ms) json.name(kAgeMember).number(*ref.max_age_ms);
  for (const auto& [member, value] : ref.others) json.name(member).raw(value);
  json.close_object();
}

Result<SnapshotRef> read_ref(const JsonValue& value, std::string_view name) {
  SnapshotRef ref;
  ref.snapshot_id = TRY(value.int64(kIdMember));
  ref.kind = TRY(value.text(kKindMember));
  for (const auto& [member, other] : TRY(value.as_members(name))) {
    if (member == kIdMember || member == kKindMember || member == kAgeMember) continue;
    ref.others.emplace(member, other.to_json());
  }
  if (value.find(kAgeMember)) ref.max_age_ms = TRY(value.int64(kAgeMember));
  return ref;
}

}  // namespace

void write_refs(JsonWriter& json, const Metadata& metadata) {
  json.name("refs").open_object();
  if (metadata.current_snapshot_id) {
    const auto known = metadata.refs.find(std::string(kMain));
    SnapshotRef main = known == metadata.refs.end() ? SnapshotRef{} : known->second;
    main.snapshot_id = *metadata.current_snapshot_id;
    main.kind = "branch";
    write_ref(json, kMain, main);
  }
  for (const auto& [name, ref] : metadata.refs) {
    if (name != kMain) write_ref(json, name, ref);
  }
  json.close_object();
}

Status read_refs(const JsonValue& root, Metadata& metadata) {
  if (!root.find("refs")) return ok();
  const JsonValue refs = TRY(root.object("refs"));
  for (const auto& [name, value] : TRY(refs.as_members("refs"))) {
    SnapshotRef ref = TRY(read_ref(value, name));
    if (name == kMain) {
      if (ref.snapshot_id != metadata.current_snapshot_id.value_or(-1)) {
        return corrupt("main is not the current snapshot");
      }
      // Its snapshot is the current one; what is kept here is what others say of it.
      ref.snapshot_id = 0;
      if (!ref.max_age_ms && ref.others.empty()) continue;
    }
    metadata.refs.emplace(name, std::move(ref));
  }
  return ok();
}

}  // namespace sluice::table
