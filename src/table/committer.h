// Committer: every change of a table, as one put-if-absent of the next `vN.metadata.json`.
//
// Owns: nothing durable; the last head it has seen. Does not own: parts (the caller puts them first
// and removes those of an edit that was given up). One thread at a time; heads may be shared
// freely.
//
// A commit:  1 find the head: by a listing, or by name if that was lately
//            2 check lineage, fence and the edit's requirements
//            3 put marks, manifest, manifest list; stage metadata and hint
//            4 put-if-absent vN+1
//            5 every answer but ok: read the slot: ours, done; another's, back to 1 with a new
//              commit id and new objects; empty, the same bytes again
//            6 the hint, best effort
//
// When a call ends with an error, may the caller remove the parts of its edit?
//   kConflict, kInvalid          yes: no committed metadata names them, and none will
//   kIo, kFull, kBusy            yes, or it commits the same edit again
//   kFenced, kCancelled, others  no: the outcome may be open; the next opening finds out
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "part/meta.h"
#include "sluice/io.h"
#include "sluice/options.h"
#include "sluice/runtime.h"
#include "sluice/table_change.h"
#include "table/edit.h"
#include "table/groups.h"
#include "table/head.h"
#include "table/marks.h"
#include "table/metadata.h"
#include "table/read.h"
#include "table/rewrite.h"

namespace sluice::table {

class Committer {
 public:
  /// `cancelled` is asked before each wait; when it says yes the call in progress ends with
  /// kCancelled.
  Committer(Runtime& runtime, Bucket& bucket, TableName name, Writer writer,
            CommitterOptions options, std::function<bool()> cancelled);

  /// The newest head; checks lineage (kFenced). kNotFound: no such table.
  Result<HeadPtr> load();
  /// Makes the table, claimed by us. An existing table is loaded instead.
  Result<HeadPtr> create(const TableSpec& spec);
  /// Makes this opening the owner: epoch + 1, once per opening; nothing to do, and nothing asked,
  /// if it is. A fenced opening never claims.
  Result<HeadPtr> claim();
  /// Adds user columns, or system columns (`_time_ns`; their field ids are given here), in one
  /// commit. Nothing to do if all are there. Claims first.
  Result<HeadPtr> add_columns(const std::vector<Field>& columns);
  Result<HeadPtr> add_system_columns(const std::vector<part::Column>& columns);
  /// Changes columns (table/evolve.h): kInvalid says why not. Claims first. What the log still
  /// holds of the table was made for the columns of before: the caller has flushed it.
  Result<HeadPtr> alter(const std::vector<SchemaChange>& changes);
  /// Makes a kept snapshot current: what came after it is no longer shown, and does not come back
  /// by replay or by being sent again. Flushes that were cut before are void. Claims. kNotFound: no
  /// such snapshot is kept.
  Result<HeadPtr> rollback(uint64_t snapshot_id);
  /// Puts parts in the place of others (table/rewrite.h). kConflict: an input is no longer there,
  /// epoch, owner or schema moved, or the outputs are too old: plan anew. What may become of the
  /// outputs is as with commit().
  Result<HeadPtr> rewrite(const RewriteEdit& edit);
  /// Names and expiry of snapshots (table/retention.h). Each claims first.
  Result<HeadPtr> tag(const Tag& tag);
  Result<HeadPtr> untag(const std::string& name);
  Result<HeadPtr> expire(const ExpireOptions& options, ExpireReport& report);
  /// Records the place that the table stands at, for other programs (table/relocate.h). Nothing to
  /// do if it is recorded. Claims first.
  Result<HeadPtr> relocate();
  /// The group of each device, which ascend, each once. Those that have none are given theirs, at
  /// most `devices_max` to a group, in a commit of their own: what is written to a group is written
  /// when the table knows its devices (T16). Claims first. Nothing is asked if all are known.
  Result<std::vector<uint32_t>> assign(std::span<const std::string_view> devices,
                                       uint32_t devices_max);
  /// Those that assign() has read or made, kept in memory until they are forgotten; null: none.
  const GroupsPtr& groups() const { return groups_; }
  void forget_groups() { groups_ = nullptr; }
  /// Commits the rows; an edit that is in the table already is not committed twice. Claims first.
  /// kConflict: marks, positions, epoch or schema of edit.base moved: load(), drop what the new
  /// marks cover, flush the rest anew. kFenced: stop. kIo and kFull are retried inside as long as
  /// the outcome is unknown; before that point they are returned and nothing has happened.
  Result<HeadPtr> commit(const FlushEdit& edit);
  /// An empty commit. Claims first.
  Result<HeadPtr> touch();
  /// A fresh look says: the head is ours, and its marks for our log cover `lsns`. Else kFenced
  /// or kConflict (also before the first claim). Asked before anything is released or trimmed.
  Status confirm(const Coverage& lsns);

  HeadPtr head() const { return head_; }
  bool claimed() const { return claimed_epoch_.has_value(); }
  /// The last commit that has landed by this object; its times are of Runtime::now.
  struct Landing {
    uint64_t version = 0;
    Nanos built_at = 0;  ///< its bytes were built no earlier
    Nanos landed_at = 0;
  };
  const std::optional<Landing>& landing() const { return landing_; }

 private:
  /// Whose bytes fill the slot of a version that we have put.
  enum class Slot : uint8_t {
    kEmpty,
    kOurs,
    kAnothers,
    kLost,  ///< gone below the head, or unreadable: another's, but perhaps it was ours
  };
  /// From the head (null: no table yet) to what shall follow it; nothing: there is nothing to do.
  using Propose = std::function<Result<std::optional<Proposal>>(const HeadPtr& head)>;

  struct Attempt {
    Proposal proposal;
    std::string text;  ///< the metadata's object
    std::string hint;
    Nanos built_at = 0;
  };

  /// The head that was seen last; our own commits may have followed it.
  struct Look {
    uint64_t version = 0;
    Nanos at = 0;  ///< no later than it was the head
  };

  /// What an attempt's first puts need the attempt for.
  struct Staged {
    std::unique_ptr<StagedObject> metadata;
    std::unique_ptr<StagedObject> hint;
  };

  Result<HeadPtr> advance(const Propose& propose);
  Result<std::optional<Attempt>> build(const Propose& propose);
  Result<HeadPtr> refresh();
  bool is_newest_still();
  Status check_not_stale(const Result<HeadPtr>& found);
  Result<HeadPtr> advance_table(const std::function<Result<std::optional<Proposal>>(const Head&)>&);
  Status check_fence(const Metadata& metadata);
  Error fence(Error error);
  Result<Staged> put_objects(const Attempt& attempt);
  Result<Slot> put_metadata(const Attempt& attempt, StagedObject& staged);
  Result<Slot> find_out(const Metadata& metadata, const std::string& text);
  Result<Slot> read_slot(const Metadata& metadata, const std::string& text);
  void put_hint(StagedObject& staged);
  void remove_objects(const Proposal& proposal);
  Result<std::optional<Proposal>> build_flush(const Head& head, const FlushEdit& edit);
  Result<std::optional<Proposal>> build_rewrite(const Head& head, const RewriteEdit& edit);
  Status check_age(std::optional<Nanos> put_at);
  Result<bool> names_parts(const Metadata& metadata, const std::vector<part::Meta>& parts);
  Result<ParentManifests> read_parent(const Metadata& metadata);
  Result<HeadPtr> add_physical_columns(const std::vector<part::Column>& columns);
  Stamp draw_stamp();
  void tell(const Error& failure) const;
  Status back_off(uint32_t tries);

  Runtime& runtime_;
  Bucket& bucket_;
  TableName name_;
  Writer writer_;
  CommitterOptions options_;
  std::function<bool()> cancelled_;
  HeadPtr head_;
  std::optional<Look> look_;
  std::optional<Landing> landing_;
  GroupsPtr groups_;
  std::optional<uint64_t> claimed_epoch_;
  std::optional<Error> fenced_;
};

}  // namespace sluice::table
