#include "table/committer.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "base/check.h"
#include "model/schema.h"
#include "table/checksum.h"
#include "table/format.h"

namespace sluice::table {
namespace {

/// Errors that waiting may cure.
bool is_transient(const Error& error) {
  return error.code() == Code::kIo || error.code() == Code::kFull || error.code() == Code::kBusy;
}

bool covers(const Coverage& have, const Coverage& wanted) {
  if (have.low_water < wanted.low_water) return false;
  return std::all_of(wanted.exceptions.begin(), wanted.exceptions.end(),
                     [&](const auto& entry) { return have.of(entry.first) >= entry.second; });
}

std::string object_of(const Metadata& metadata) {
  return with_checksum(metadata.encode(), metadata_key(metadata.prefix, metadata.version));
}

/// What could not be read again is not committed. `text` is the metadata's object.
Status check_sizes(const Proposal& proposal, const std::string& text) {
  const Metadata& metadata = proposal.head->metadata;
  const auto within = [&](const std::string& key, size_t bytes, uint64_t limit) -> Status {
    if (bytes <= limit) return ok();
    return Error({Code::kInvalid, Reason::kPayloadTooLarge, "the table's metadata is full", key,
                  limit, bytes});
  };
  for (const NewObject& object : proposal.objects) {
    const bool is_marks = object.key == metadata.marks_key;
    TRY(within(object.key, object.bytes.size(), is_marks ? kMarksBytesMax : kManifestBytesMax));
  }
  return within(metadata_key(metadata.prefix, metadata.version), text.size(), kMetadataBytesMax);
}

uint64_t draw_number(Runtime& runtime) {
  uint64_t number = 0;
  runtime.random(std::as_writable_bytes(std::span(&number, 1)));
  return number;
}

}  // namespace

Committer::Committer(Runtime& runtime, Bucket& bucket, TableName name, Writer writer,
                     CommitterOptions options, std::function<bool()> cancelled)
    : runtime_(runtime),
      bucket_(bucket),
      name_(std::move(name)),
      writer_(std::move(writer)),
      options_(options),
      cancelled_(std::move(cancelled)) {}

Result<HeadPtr> Committer::load() {
  const HeadPtr head = TRY(refresh());
  if (!head) return Error(Code::kNotFound, "no such table", name_.to_string());
  return head;
}

Result<HeadPtr> Committer::create(const TableSpec& spec) {
  bool exists = false;
  auto head = advance([&](const HeadPtr& found) -> Result<std::optional<Proposal>> {
    exists = found != nullptr;
    if (exists) return std::optional<Proposal>();
    const std::string location = bucket_.uri(table_prefix(name_));
    return std::optional(TRY(propose_table(name_, spec, location, writer_, draw_stamp())));
  });
  if (head.ok() && !exists) claimed_epoch_ = (*head)->metadata.epoch;
  return head;
}

Result<HeadPtr> Committer::claim() {
  // Whether it still is ours is for the next commit to find out.
  if (claimed_epoch_) return fenced_ ? Result<HeadPtr>(*fenced_) : head_;
  auto head = advance([&](const HeadPtr& found) -> Result<std::optional<Proposal>> {
    if (!found) return Error(Code::kNotFound, "no such table", name_.to_string());
    // An opening id is drawn once: the claim is ours, only its answer was lost.
    if (found->metadata.owner == writer_.opening.hex()) return std::optional<Proposal>();
    return std::optional(propose_claim(*found, writer_, draw_stamp()));
  });
  if (head.ok()) claimed_epoch_ = (*head)->metadata.epoch;
  return head;
}

Result<HeadPtr> Committer::touch() {
  TRY(claim());
  return advance([&](const HeadPtr& found) -> Result<std::optional<Proposal>> {
    if (!found) return Error(Code::kNotFound, "no such table", name_.to_string());
    return std::optional(propose_touch(*found, draw_stamp()));
  });
}

Result<HeadPtr> Committer::add_columns(const std::vector<Field>& columns) {
  HeadPtr head = TRY(claim());
  const std::vector<Field> absent =
      TRY(model::merge_columns(head->metadata.spec().columns, columns));
  std::vector<part::Column> added;
  for (const Field& field : absent) {
    added.push_back({0, field.name, physical_type(field.type), false});
  }
  return add_physical_columns(added);
}

Result<HeadPtr> Committer::add_system_columns(const std::vector<part::Column>& columns) {
  for (const part::Column& column : columns) CHECK(column.name.starts_with('_'));
  if (!claimed_epoch_) TRY(claim());
  return add_physical_columns(columns);
}

Result<HeadPtr> Committer::add_physical_columns(const std::vector<part::Column>& columns) {
  return advance([&](const HeadPtr& found) -> Result<std::optional<Proposal>> {
    if (!found) return Error(Code::kNotFound, "no such table", name_.to_string());
    std::vector<part::Column> absent;
    for (const part::Column& column : columns) {
      const part::Column* known = found->metadata.schema().find(column.name);
      if (known == nullptr) {
        absent.push_back(column);
      } else if (known->type != column.type) {
        return Error(Code::kInvalid, Reason::kTypeMismatch, "the column has another type",
                     column.name);
      }
    }
    if (absent.empty()) return std::optional<Proposal>();
    return std::optional(TRY(propose_columns(*found, std::move(absent), draw_stamp())));
  });
}

Result<HeadPtr> Committer::commit(const FlushEdit& edit) {
  CHECK(edit.base != nullptr);
  if (!claimed_epoch_) TRY(claim());
  return advance([&](const HeadPtr& found) -> Result<std::optional<Proposal>> {
    if (!found) return Error(Code::kNotFound, "no such table", name_.to_string());
    return build_flush(*found, edit);
  });
}

Result<std::optional<Proposal>> Committer::build_flush(const Head& head, const FlushEdit& edit) {
  Status same = check_base(head, edit, writer_);
  if (same.ok()) same = check_age(edit.put_at);
  if (!same.ok()) {
    // T6: a flush is given up only if no committed metadata names its parts.
    if (TRY(names_parts(head.metadata, edit.parts))) return std::optional<Proposal>();
    return same.error();
  }
  ParentManifests parent;
  if (!edit.parts.empty()) parent = TRY(read_parent(head.metadata));
  return propose_flush(head, edit, writer_, parent, options_, draw_stamp());
}

// T15: what is older could be swept by the next opening before this commit lands.
Status Committer::check_age(std::optional<Nanos> put_at) {
  if (!put_at || runtime_.now() - *put_at <= options_.grace / 2) return ok();
  return Error(Code::kConflict, Reason::kDeadline,
               "the parts are older than half the grace of a sweep: put them anew",
               name_.to_string());
}

Result<bool> Committer::names_parts(const Metadata& metadata,
                                    const std::vector<part::Meta>& parts) {
  std::set<std::string_view> keys;
  for (const part::Meta& part : parts) keys.insert(part.key);
  const std::vector<part::Meta> live = TRY(read_parts(bucket_, metadata));
  return std::any_of(live.begin(), live.end(),
                     [&](const part::Meta& part) { return keys.contains(part.key); });
}

Result<ParentManifests> Committer::read_parent(const Metadata& metadata) {
  ParentManifests parent;
  const SnapshotEntry* snapshot = metadata.current_snapshot();
  if (snapshot == nullptr) return parent;
  std::vector<ManifestFile> files = TRY(read_manifest_list(bucket_, metadata, *snapshot));
  const std::vector<size_t> chosen = choose_merged(files, options_.manifests_merged_at);
  for (size_t index = 0; index < files.size(); ++index) {
    if (!std::binary_search(chosen.begin(), chosen.end(), index)) {
      parent.kept.push_back(std::move(files[index]));
      continue;
    }
    std::vector<ManifestEntry> entries = TRY(read_manifest(bucket_, metadata, files[index]));
    std::move(entries.begin(), entries.end(), std::back_inserter(parent.merged));
  }
  return parent;
}

Status Committer::confirm(const Coverage& lsns) {
  const HeadPtr head = TRY(load());
  if (!claimed_epoch_) {
    return Error(Code::kConflict, "the table is not claimed yet", name_.to_string());
  }
  const LogMarks* entry = head->marks.find(writer_.log);
  if (covers(entry ? entry->lsns : Coverage{}, lsns)) return ok();
  return Error(Code::kConflict, "the table's marks do not cover what is to be released",
               name_.to_string());
}

// ---- the protocol

Result<HeadPtr> Committer::advance(const Propose& propose) {
  // After a slot was lost an earlier attempt of ours may be in the table. Then no error of reading
  // is an answer: we look again until it is known.
  bool in_doubt = false;
  for (uint32_t tries = 0;; ++tries) {
    auto attempt = build(propose);
    if (!attempt.ok()) {
      if (!in_doubt || !is_transient(attempt.error())) return attempt.error();
      tell(attempt.error());
    } else if (!*attempt) {
      return head_;
    } else {
      const Proposal& proposal = (*attempt)->proposal;
      const Staged staged = TRY(put_objects(**attempt));
      const Slot slot = TRY(put_metadata(**attempt, *staged.metadata));
      if (slot == Slot::kOurs) {
        head_ = proposal.head;
        landing_ = Landing{head_->metadata.version, (*attempt)->built_at, runtime_.now()};
        put_hint(*staged.hint);
        return head_;
      }
      if (slot == Slot::kAnothers) remove_objects(proposal);
      in_doubt = slot == Slot::kLost;
    }
    TRY(back_off(tries));
  }
}

Result<std::optional<Committer::Attempt>> Committer::build(const Propose& propose) {
  const HeadPtr head = TRY(refresh());
  const Nanos built_at = runtime_.now();
  auto proposal = TRY(propose(head));
  if (!proposal) return std::optional<Attempt>();
  std::string text = object_of(proposal->head->metadata);
  TRY(check_sizes(*proposal, text));
  std::string hint = std::to_string(proposal->head->metadata.version);
  return std::optional(Attempt{std::move(*proposal), std::move(text), std::move(hint), built_at});
}

/// The newest head, null if there is no table. T3: it is ours to go on from only if our log's
/// lineage holds and, once we have claimed, if nobody claimed after us.
Result<HeadPtr> Committer::refresh() {
  if (fenced_) return *fenced_;
  if (is_newest_still()) return head_;
  const Nanos asked_at = runtime_.now();
  auto head = newer_head(bucket_, name_, head_);
  TRY(check_not_stale(head));
  if (!head.ok()) {
    if (head.error().code() == Code::kNotFound && !claimed_epoch_) return HeadPtr();
    return head.error();
  }
  // What the log gave out in this opening is not known here; marks of it are our own.
  const Status lineage = check_lineage((*head)->marks, writer_.log, writer_.chain, UINT64_MAX);
  if (!lineage.ok()) return fence(lineage.error().at(name_.to_string()));
  TRY(check_fence((*head)->metadata));
  head_ = *head;
  look_ = Look{head_->metadata.version, asked_at};
  return head_;
}

/// T2: versions go oldest first, and a version that was followed stays for a grace and longer. So
/// while the head of our last look is there, and for half a grace, an empty slot behind ours says
/// what a full listing would say.
bool Committer::is_newest_still() {
  const Nanos asked_at = runtime_.now();
  const Nanos age_max = std::min(options_.grace, kVersionsSpan) / 2;
  if (!look_ || asked_at - look_->at > age_max) return false;
  const Metadata& known = head_->metadata;
  const auto next = bucket_.head(metadata_key(known.prefix, known.version + 1));
  if (next.ok() || next.error().code() != Code::kNotFound) return false;
  for (const uint64_t version : std::set{known.version, look_->version}) {
    if (!check_version_is_there(bucket_, known.prefix, version).ok()) return false;
  }
  look_ = Look{known.version, asked_at};
  return true;
}

/// What we have seen is there still, or the table has lost its head: a listing that does not show
/// it proves neither another owner nor an end.
Status Committer::check_not_stale(const Result<HeadPtr>& found) {
  if (!head_) return ok();
  const Metadata& known = head_->metadata;
  const bool lacks_all = !found.ok() && found.error().code() == Code::kNotFound;
  if (!lacks_all && (!found.ok() || (*found)->metadata.version >= known.version)) return ok();
  const Status there = check_version_is_there(bucket_, known.prefix, known.version);
  if (!there.ok()) return lacks_all && there.error().code() == Code::kCorrupt ? ok() : there;
  return Error({Code::kBusy, Reason::kNone, "the listing lacks a version that is there",
                metadata_key(known.prefix, known.version), known.version,
                lacks_all ? 0 : (*found)->metadata.version});
}

Status Committer::check_fence(const Metadata& metadata) {
  if (!claimed_epoch_) return ok();
  // An opening id is drawn once: a higher epoch of ours is a claim whose answer was lost.
  if (metadata.epoch >= *claimed_epoch_ && metadata.owner == writer_.opening.hex()) {
    claimed_epoch_ = metadata.epoch;
    return ok();
  }
  return fence(Error({Code::kFenced, Reason::kNone, "another opening has claimed the table",
                      name_.to_string(), *claimed_epoch_, metadata.epoch}));
}

Error Committer::fence(Error error) {
  fenced_ = error;
  return error;
}

/// T1: everything that the metadata names is durable before the metadata is put. The metadata and
/// the hint have their bytes by then, and want their names.
Result<Committer::Staged> Committer::put_objects(const Attempt& attempt) {
  const Proposal& proposal = attempt.proposal;
  const Metadata& metadata = proposal.head->metadata;
  // Their names hold our commit id.
  std::vector<ObjectBytes> objects;
  for (const NewObject& object : proposal.objects) {
    objects.push_back({object.key, as_bytes(object.bytes)});
  }
  const std::string metadata_name = metadata_key(metadata.prefix, metadata.version);
  const std::string hint_name = hint_key(metadata.prefix);
  const std::vector<ObjectBytes> next = {{metadata_name, as_bytes(attempt.text)},
                                         {hint_name, as_bytes(attempt.hint)}};
  auto staged = bucket_.put_all_and_stage(objects, next);
  if (!staged.ok()) {
    remove_objects(proposal);
    return staged.error();
  }
  return Staged{std::move((*staged)[0]), std::move((*staged)[1])};
}

/// Puts the same bytes until it is known whose bytes fill the slot.
Result<Committer::Slot> Committer::put_metadata(const Attempt& attempt, StagedObject& staged) {
  const Metadata& metadata = attempt.proposal.head->metadata;
  const std::string key = metadata_key(metadata.prefix, metadata.version);
  for (uint32_t tries = 0;; ++tries) {
    const Status answer =
        tries == 0 ? staged.put_if_absent() : bucket_.put_if_absent(key, as_bytes(attempt.text));
    if (answer.ok()) return Slot::kOurs;
    look_.reset();
    const Slot slot = TRY(find_out(metadata, attempt.text));
    if (slot == Slot::kAnothers || slot == Slot::kLost) return slot;
    // What can be read need not be durable yet; what is said to exist is. So after any other answer
    // our own bytes are put once more.
    if (slot == Slot::kOurs && answer.error().code() == Code::kExists) return slot;
    tell(answer.error());
    TRY(back_off(tries));
  }
}

/// T2: every answer but a first-hand success is unknown, and only reading ends the doubt.
Result<Committer::Slot> Committer::find_out(const Metadata& metadata, const std::string& text) {
  for (uint32_t tries = 0;; ++tries) {
    auto slot = read_slot(metadata, text);
    if (slot.ok()) return slot;
    tell(slot.error());
    TRY(back_off(tries));
  }
}

Result<Committer::Slot> Committer::read_slot(const Metadata& metadata, const std::string& text) {
  const std::vector<uint64_t> versions = TRY(list_versions(bucket_, metadata.prefix));
  if (versions.empty() || versions.back() < metadata.version) return Slot::kEmpty;
  const bool filled = std::binary_search(versions.begin(), versions.end(), metadata.version);
  if (!filled) return Slot::kLost;
  const std::string key = metadata_key(metadata.prefix, metadata.version);
  auto found = get_object(bucket_, key, kMetadataBytesMax);
  if (!found.ok()) {
    const Code code = found.error().code();
    if (code == Code::kCorrupt || code == Code::kInvalid) return Slot::kLost;
    return found.error();
  }
  // Our commit id is in the bytes, so equal bytes are ours.
  if (*found == text) return Slot::kOurs;
  if (!check_checksum(*found, key, Provenance::kAny).ok()) return Slot::kLost;
  auto other = Metadata::decode(*found, metadata.version, metadata.prefix);
  if (!other.ok() || other->commit_id == metadata.commit_id) return Slot::kLost;
  return Slot::kAnothers;
}

/// A hint may be stale, so a failure to write it is none of the commit's. It is not lowered: other
/// readers go by it alone, and a put that came late, into a slot that had expired, is no head.
void Committer::put_hint(StagedObject& staged) {
  const Metadata& metadata = head_->metadata;
  const Result<uint64_t> known = read_hint(bucket_, metadata.prefix);
  if (known.ok() && *known >= metadata.version) return;
  (void)staged.put();
}

/// Objects of an attempt whose metadata is not there and never will be. What stays behind costs
/// space only, and is swept one day.
void Committer::remove_objects(const Proposal& proposal) {
  for (const NewObject& object : proposal.objects) (void)bucket_.remove(object.key);
}

Stamp Committer::draw_stamp() {
  Stamp stamp;
  stamp.commit = CommitId::draw(runtime_);
  stamp.now_ms = std::max<int64_t>(runtime_.wall_now() / kMillisecond, 0);
  stamp.entropy = draw_number(runtime_);
  return stamp;
}

void Committer::tell(const Error& failure) const {
  if (options_.on_retry) options_.on_retry(failure);
}

/// Waits longer with each try, half of it by chance.
Status Committer::back_off(uint32_t tries) {
  constexpr Nanos kCancelInterval = 100 * kMillisecond;
  Nanos delay = std::max<Nanos>(options_.retry_min, 2);
  const Nanos longest = std::max(options_.retry_max, delay);
  for (uint32_t i = 0; i < tries && delay < longest; ++i) delay = std::min(delay * 2, longest);
  delay -= static_cast<Nanos>(draw_number(runtime_) % static_cast<uint64_t>(delay / 2));
  const Nanos deadline = runtime_.now() + delay;
  for (Nanos now = runtime_.now(); now < deadline; now = runtime_.now()) {
    if (cancelled_()) {
      return Error(Code::kCancelled, Reason::kUnknownOutcome, "cancelled while committing",
                   name_.to_string());
    }
    runtime_.sleep_until(std::min(deadline, now + kCancelInterval));
  }
  return ok();
}

}  // namespace sluice::table
