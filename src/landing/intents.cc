#include "landing/intents.h"

#include <algorithm>

#include "base/bytes.h"

namespace sluice::landing {
namespace {

IntentName pending_name(const Plan& plan) {
  return {plan.ticket, plan.flush, IntentState::kPending};
}

/// A file that is not there is as good as removed.
Status remove_if_there(Disk& disk, const std::string& name) {
  const Status removed = disk.remove(name);
  if (!removed.ok() && removed.error().code() != Code::kNotFound) return removed;
  return ok();
}

}  // namespace

Result<std::vector<std::byte>> read_whole(Disk& disk, const std::string& name, uint64_t limit) {
  const std::unique_ptr<File> file = TRY(disk.open(name, OpenMode::kReadDevice));
  const uint64_t size = TRY(file->size());
  if (size > limit) {
    return Error(
        {Code::kCorrupt, Reason::kPayloadTooLarge, "the file is too long", name, limit, size});
  }
  std::vector<std::byte> bytes(size);
  bytes.resize(TRY(file->read_at(0, bytes)));
  return bytes;
}

Result<std::unique_ptr<Intents>> Intents::open(Runtime& runtime, Disk& disk) {
  std::unique_ptr<Intents> intents(new Intents(runtime, disk));
  intents->lock_ = TRY(disk.lock(kLockName));
  // L1: what a listing shows is durable before anybody acts on it.
  TRY(disk.sync_dir());
  TRY(intents->read_all());
  return intents;
}

Status Intents::read_all() {
  bool has_identity = false;
  for (const DiskEntry& entry : TRY(disk_.list())) {
    if (entry.name.ends_with(kTemporarySuffix)) {
      TRY(disk_.remove(entry.name));
    } else if (entry.name == kIdentityName) {
      const auto bytes = TRY(read_whole(disk_, entry.name, kIdentityBytesMax));
      auto identity = decode_identity(bytes);
      if (!identity.ok()) return identity.error().at(entry.name);
      identity_ = *std::move(identity);
      has_identity = true;
    } else if (const auto name = parse_intent_name(entry.name)) {
      auto bytes = read_whole(disk_, entry.name, kIntentBytesMax);
      if (!bytes.ok() && bytes.error().code() != Code::kCorrupt) return bytes.error();
      auto intent = bytes.ok() ? decode_intent(*bytes, *name) : Result<Intent>(bytes.error());
      if (!intent.ok()) intent = intent.error().at(entry.name);
      found_.push_back({*name, std::move(intent)});
      next_ticket_ = std::max(next_ticket_, name->ticket + 1);
    }
  }
  if (!has_identity && !found_.empty()) {
    return Error(Code::kCorrupt, "there are flushes, but the file that says whose they are is gone",
                 std::string(kIdentityName));
  }
  if (!has_identity) identity_.log = LogId::draw(runtime_);
  if (!identity_.openings.empty()) {
    next_ticket_ = std::max(next_ticket_, identity_.openings.back().first_ticket);
  }
  return ok();
}

Status Intents::begin_opening(const Identity::Opening& opening, const OpeningId* marked) {
  auto& openings = identity_.openings;
  // A listing that lags behind may still show marks of an older one, so none goes without need.
  if (openings.size() >= kOpeningsMax) {
    const bool is_kept = marked != nullptr && openings.front().id == *marked;
    openings.erase(openings.begin() + (is_kept ? 1 : 0));
  }
  openings.push_back(opening);
  next_ticket_ = opening.first_ticket;
  return publish(std::string(kIdentityName), encode_identity(identity_));
}

/// L1: whole under a temporary name, synced, renamed, the directory synced.
Status Intents::publish(const std::string& name, std::string_view bytes) {
  const std::string temporary = name + std::string(kTemporarySuffix);
  TRY(remove_if_there(disk_, temporary));
  const std::unique_ptr<File> file = TRY(disk_.create(temporary));
  TRY(file->pwrite_at(0, as_bytes(bytes)));
  TRY(file->sync());
  TRY(disk_.rename(temporary, name));
  return disk_.sync_dir();
}

Status Intents::create(const Plan& plan) {
  return publish(to_string(pending_name(plan)), encode_plan(plan));
}

Status Intents::add_parts(const Plan& plan, const Parts& parts) {
  const std::string frame = encode_parts(plan.flush, parts);
  const uint64_t offset = parts_offset(plan);
  if (offset + frame.size() > kIntentBytesMax) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge, "the flush has too many parts",
                  plan.flush.hex(), kIntentBytesMax, offset + frame.size()});
  }
  const std::unique_ptr<File> file =
      TRY(disk_.open(to_string(pending_name(plan)), OpenMode::kReadWrite));
  TRY(file->pwrite_at(offset, as_bytes(frame)));
  return file->sync();
}

Status Intents::replace(const Plan& plan, const Parts& parts) {
  std::string bytes = encode_plan(plan);
  bytes.resize(parts_offset(plan));
  bytes += encode_parts(plan.flush, parts);
  if (bytes.size() > kIntentBytesMax) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge, "the flush has too many parts",
                  plan.flush.hex(), kIntentBytesMax, bytes.size()});
  }
  return publish(to_string(pending_name(plan)), bytes);
}

Status Intents::change_state(const IntentName& flush, IntentState to) {
  const std::string wanted = to_string({flush.ticket, flush.flush, to});
  for (const IntentState state : kIntentStates) {
    if (state == to) continue;
    const Status renamed = disk_.rename(to_string({flush.ticket, flush.flush, state}), wanted);
    if (renamed.ok()) return disk_.sync_dir();
    if (renamed.error().code() != Code::kNotFound) return renamed;
  }
  // It has the name already, unless it is gone altogether.
  TRY(disk_.open(wanted, OpenMode::kRead));
  return disk_.sync_dir();
}

Status Intents::remove(const IntentName& flush) {
  for (const IntentState state : kIntentStates) {
    TRY(remove_if_there(disk_, to_string({flush.ticket, flush.flush, state})));
  }
  return ok();
}

}  // namespace sluice::landing
