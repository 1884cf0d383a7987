// Intents: the files of format.h on a Disk, and the lock that keeps them one writer's.
//
// A file is written under a temporary name, synced, renamed, and the directory synced; only the
// parts frame is written into a file that stands already, into blocks of its own. What a failed
// sync leaves is never trusted: the file is given up for a new one, or its directory synced again.
// Flushes may be worked on by several threads, each flush by one at a time.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "landing/format.h"
#include "sluice/io.h"
#include "sluice/runtime.h"

namespace sluice::landing {

class Intents {
 public:
  /// An intent of an earlier opening, or why it cannot be read.
  struct Found {
    IntentName name;
    Result<Intent> intent;
  };

  /// Takes the lock (kBusy, kLocked), removes temporary files, reads what is there past the page
  /// cache. A new directory gets an identity with `runtime`'s chance, durable with begin_opening().
  static Result<std::unique_ptr<Intents>> open(Runtime& runtime, Disk& disk);

  const Identity& identity() const { return identity_; }
  std::vector<Found> take_found() { return std::move(found_); }
  /// Above every ticket that this directory knows of.
  uint64_t next_ticket() const { return next_ticket_; }
  /// Adds an opening to the identity, durably; when there are too many, an old one goes, but never
  /// `marked`.
  Status begin_opening(const Identity::Opening& opening, const OpeningId* marked);

  /// Makes `<...>.pending`, durable on return. An error: unknown; remove() it.
  Status create(const Plan& plan);
  /// Writes the parts into it, durable on return. An error: unknown; the file is still a plan.
  Status add_parts(const Plan& plan, const Parts& parts);
  /// Makes it anew, with these parts; on an error it is as before or as wanted.
  Status replace(const Plan& plan, const Parts& parts);
  /// Renames it, from whatever state it is in after calls that failed.
  Status change_state(const IntentName& flush, IntentState to);
  /// Whatever state it is in. Durable after sync().
  Status remove(const IntentName& flush);
  Status sync() { return disk_.sync_dir(); }

 private:
  Intents(Runtime& runtime, Disk& disk) : runtime_(runtime), disk_(disk) {}
  Status read_all();
  Status publish(const std::string& name, std::string_view bytes);

  Runtime& runtime_;
  Disk& disk_;
  std::unique_ptr<DiskLock> lock_;
  Identity identity_;
  std::vector<Found> found_;
  uint64_t next_ticket_ = 1;
};

/// The whole file, past the page cache; kCorrupt if it is longer than `limit`.
Result<std::vector<std::byte>> read_whole(Disk& disk, const std::string& name, uint64_t limit);

}  // namespace sluice::landing
