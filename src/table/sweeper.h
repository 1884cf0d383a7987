// Sweeper: removes the objects of a table that nothing names any more. Two tasks: survey, which
// changes nothing but perhaps makes an empty commit, and carry_out, which deletes.
//
//   Kept versions   the newest `versions_kept` + 1, and those that the next one followed less than
//                   max(versions_span, grace) ago: a put that is long under way finds its slot
//                   filled, and a reader of an older head finds its objects. Not what stands below
//                   a gap: it was put late, into a slot that had been swept.
//   Named           by the metadata of a kept version, any of its snapshots, or a head that a
//                   reader of this process holds.
//   Swept           T14: versions that are not kept; objects with a name of format.h that are not
//                   named, not pending, older than the grace, and put half a grace or more before
//                   the bytes of a commit of ours were built that has landed since.
//
// Why nothing that a commit names can go: a commit is built when its objects are at most half a
// grace old (T15). So whoever still builds one that names a swept object had to do it before our
// commit was built; it aims at a version up to ours, and those slots are filled.
//
// Time: an object's age is the store's clock now, less the store's clock when it was put. "Now" is
// taken from our own last commit: the put time that the store gave it, and what the monotonic clock
// has counted since. So the clocks of store and process need not agree, and a clock that is set is
// noticed with the next commit; one that is set back between two commits shortens the grace by so
// much, one that is set forward makes nothing look older.
//
// A table is left alone as a whole (the error says why) if its head, a kept version, or a manifest
// that one names cannot be read.
#pragma once

#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "sluice/io.h"
#include "sluice/runtime.h"
#include "sluice/sweep.h"
#include "table/committer.h"

namespace sluice::table {

using Keys = std::unordered_set<std::string>;

struct SweepRequest {
  Nanos grace = 24 * 3600 * kSecond;
  uint64_t versions_kept = 100;
  Nanos versions_span = kVersionsSpan;
  bool dry_run = false;
  std::vector<HeadPtr> pinned;    ///< that readers of this process hold
  std::function<Keys()> pending;  ///< what work of this process will name; may be empty
};

struct Survey {
  SweepReport report;
  std::vector<std::string> versions;    ///< keys, the oldest version first
  std::vector<std::string> objects;     ///< keys
  std::vector<std::string> unfinished;  ///< of Bucket::list_unfinished
};

/// Claims the table unless it is a dry run. The caller has the right to use the committer, and no
/// flush of this process is under way in the table: its parts would be named nowhere.
Result<Survey> survey(Runtime& runtime, Bucket& bucket, Committer& committer,
                      const SweepRequest& request);
/// Versions first: a version that is there names only what is there. What fails is left to the next
/// sweep. Commits may go on meanwhile.
Status carry_out(Bucket& bucket, const Survey& survey);

/// Objects with names of format.h that no version names, whatever their age.
struct Orphans {
  uint64_t objects = 0;
  uint64_t bytes = 0;
};
Result<Orphans> count_orphans(Bucket& bucket, const std::string& prefix);

}  // namespace sluice::table
