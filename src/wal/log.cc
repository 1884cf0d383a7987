#include "wal/log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "wal/opening.h"
#include "wal/quarantine.h"
#include "wal/type_set.h"

namespace sluice::wal {
namespace {

constexpr std::string_view kLockName = "lock";

Error too_large(uint64_t bytes, uint64_t bytes_max) {
  return Error({Code::kInvalid,
                Reason::kPayloadTooLarge,
                "a frame's payload is limited; split it",
                {},
                bytes_max,
                bytes});
}

WalRepair cut_of(const Segment& newest, uint64_t torn_bytes, Reason reason) {
  if (torn_bytes == 0) return {};
  const uint64_t offset = newest.boundary.end;
  return {.torn_bytes = torn_bytes,
          .offset = offset,
          .reason = reason,
          .quarantine = quarantine_name(newest.header.base_lsn, offset)};
}

Status remove_temporaries(Disk& disk) {
  for (const DiskEntry& entry : TRY(disk.list())) {
    const bool is_done_with = entry.name == kSideFileName;  // what it had to mend is mended
    if (is_temporary_name(entry.name) || is_done_with) TRY(remove_if_present(disk, entry.name));
  }
  return ok();
}

}  // namespace

Log::Log(Runtime& runtime, Disk& disk, LogOptions options, std::unique_ptr<DiskLock> lock)
    : runtime_(runtime),
      disk_(disk),
      options_(options),
      lock_(std::move(lock)),
      monitor_(runtime.monitor()),
      keys_(options_.keys),
      reading_keys_(options_.keys) {
  if (options_.torn_writes == TornWrites::kDoubleWrite) {
    side_file_.emplace(disk_, std::string(kSideFileName));
  }
}

Log::~Log() = default;

Result<std::unique_ptr<Log>> Log::open(Runtime& runtime, Disk& disk, LogOptions options) {
  return open(runtime, disk, options, TRY(lock(disk)));
}

Result<std::unique_ptr<DiskLock>> Log::lock(Disk& disk) {
  return disk.lock(kLockName);
}

Result<std::unique_ptr<Log>> Log::open(Runtime& runtime, Disk& disk, LogOptions options,
                                       std::unique_ptr<DiskLock> lock) {
  if (options.lsn_floor >= kLsnMax - 1) {
    return Error({Code::kInvalid,
                  Reason::kOutOfRange,
                  "no LSN is left above the floor",
                  {},
                  kLsnMax,
                  options.lsn_floor});
  }
  if (options.keys != nullptr) TRY(check_sharing(options.torn_writes));
  std::unique_ptr<Log> log(new Log(runtime, disk, options, std::move(lock)));
  TRY(log->recover());
  if (options.zeros_ahead) {
    const uint64_t bytes = options.segment_bytes + kReserveBytes;
    log->spare_maker_ = std::make_unique<SpareMaker>(runtime, disk, bytes);
    log->prepare_spare();
  }
  return log;
}

Status Log::recover() {
  recovered_.opening = OpeningId::draw(runtime_);
  TRY(disk_.sync_dir());
  const std::vector<std::string> names = TRY(list_segments(disk_));
  std::vector<Segment> segments = TRY(load_segments(disk_, names, keys_.get()));
  TRY(check_plaintext(segments));
  if (names.empty()) return start_fresh();
  const auto older = std::span(segments).first(segments.size() - 1);
  const OpeningRules rules{options_.repair, keys_.get(), TypeSet(options_.known_types)};
  TRY(check_older(disk_, older, rules));
  Newest loaded = TRY(load_newest(disk_, names.back(), rules));
  SegmentContent& newest = loaded.content;
  TRY(check_oldest(segments.front().header, newest.checkpoint));
  segments.back().boundary = newest.accepted;
  recovered_.repair = cut_of(segments.back(), newest.torn_bytes, loaded.end_reason);
  recovered_.repair.restored_bytes = loaded.restored_bytes;
  const bool may_cut = options_.repair != RepairPolicy::kStrict;
  if (newest.torn_bytes > 0 && !may_cut) {
    return corruption(loaded.end_reason,
                      "the log ends torn" + behind(newest.accepted.last_lsn) +
                          "; open it with a policy that cuts that",
                      names.back(), newest.accepted.end);
  }
  TRY(remove_temporaries(disk_));
  if (newest.torn_bytes > 0) {
    const Segment& torn = segments.back();
    const uint64_t end = newest.accepted.end;
    const std::string kept_in = quarantine_name(torn.header.base_lsn, end);
    TRY(quarantine(disk_, {torn.name, kept_in, temporary_name(kept_in), end, newest.torn_bytes}));
  }
  return continue_after(std::move(segments), std::move(newest));
}

Status Log::check_plaintext(const std::vector<Segment>& segments) const {
  if (options_.plaintext == Plaintext::kAllowed) return ok();
  if (keys_ == nullptr) {
    return Error(Code::kInvalid, Reason::kMissingKey,
                 "the log must be encrypted, but no key was given");
  }
  for (const Segment& segment : segments) {
    if (segment.header.is_encrypted()) continue;
    return corruption(Reason::kDecodeFailure,
                      "the log must be encrypted, but the segment is not; allow plaintext once to "
                      "read it",
                      segment.name, 0);
  }
  return ok();
}

Status Log::start_fresh() {
  TRY(remove_temporaries(disk_));
  recovered_.log_id = LogId::draw(runtime_);
  recovered_.fresh = true;
  recovered_.last_lsn = options_.lsn_floor;
  checkpoint_.trim_lsn = options_.lsn_floor;
  return start_opening({.base_lsn = options_.lsn_floor + 1});
}

/// W2: what was found is never written again; the new segment's header states where it ends.
Status Log::continue_after(std::vector<Segment> segments, SegmentContent newest) {
  const SegmentHeader& last = segments.back().header;
  recovered_.log_id = last.log;
  recovered_.application = newest.checkpoint.application;
  recovered_.last_lsn = newest.accepted.last_lsn;
  checkpoint_ = std::move(newest.checkpoint);
  // W12: never an LSN that was handed out before, here or as far as is known elsewhere.
  SegmentHeader header{.predecessor = last.segment,
                       .accepted = newest.accepted,
                       .base_lsn = std::max(recovered_.last_lsn, options_.lsn_floor) + 1};
  const bool replaces = last.base_lsn == header.base_lsn;
  if (replaces) {
    header.predecessor = last.predecessor;
    header.accepted = last.accepted;
    segments.pop_back();
  }
  segments_ = std::move(segments);
  return start_opening(header);
}

/// W3: returns only when this opening's first segment is durable under its name.
Status Log::start_opening(SegmentHeader header) {
  recovered_.base_lsn = header.base_lsn;
  checkpoint_.chain.push_back({recovered_.opening, header.base_lsn});
  recovered_.chain = checkpoint_.chain;
  if (checkpoint_bytes(checkpoint_) > kPayloadBytesMax) {
    return too_large(checkpoint_bytes(checkpoint_), kPayloadBytesMax);
  }
  std::unique_ptr<Writer> writer = TRY(create_segment(header, checkpoint_));
  TRY(name_segment(header.base_lsn));
  switch_to(std::move(writer));
  recovered_.first_lsn = std::max(segments_.front().header.base_lsn, checkpoint_.trim_lsn + 1);
  return ok();
}

Result<std::unique_ptr<Writer>> Log::create_segment(SegmentHeader header,
                                                    const Checkpoint& checkpoint) {
  header.log = recovered_.log_id;
  header.opening = recovered_.opening;
  header.segment = SegmentId::draw(runtime_);
  WriterOptions options{.segment_bytes = options_.segment_bytes,
                        .keys = keys_.get(),
                        .tail = {options_.torn_writes, side_file_ ? &*side_file_ : nullptr}};
  if (!spares_.empty()) {
    options.spare = std::move(spares_.front());
    spares_.erase(spares_.begin());
  } else if (spare_maker_ != nullptr) {
    options.spare = spare_maker_->take();
    options.is_spare_zeros = !options.spare.empty();
  }
  return Writer::create(runtime_, disk_, temporary_name(segment_name(header.base_lsn)), header,
                        checkpoint, options);
}

/// For the next segment, if no trimmed one waits.
void Log::prepare_spare() {
  if (spare_maker_ != nullptr && spares_.empty()) spare_maker_->want();
}

Status Log::name_segment(Lsn base_lsn) {
  const std::string name = segment_name(base_lsn);
  TRY(disk_.rename(temporary_name(name), name));
  return disk_.sync_dir();
}

void Log::switch_to(std::unique_ptr<Writer> writer) {
  if (writer_ != nullptr) {
    earlier_syncs_ += writer_->syncs();
    earlier_padded_blocks_ += writer_->padded_blocks();
  }
  writer_ = std::move(writer);
  const SegmentHeader& header = writer_->header();
  {
    const MonitorLock lock(*monitor_);
    // renew() puts it in the place of one without records.
    const bool replaces = !segments_.empty() && segments_.back().header.base_lsn == header.base_lsn;
    if (replaces) segments_.pop_back();
    segments_.push_back({.name = segment_name(header.base_lsn),
                         .header = header,
                         .boundary = writer_->durable(),
                         .is_ours = true});
  }
  publish();
}

/// W16: what readers and durable_lsn() see has been confirmed by a finished sync.
void Log::publish() {
  const MonitorLock lock(*monitor_);
  segments_.back().boundary = writer_->durable();
  durable_lsn_ = writer_->durable().last_lsn;
  syncs_ = earlier_syncs_ + writer_->syncs();
}

Result<Lsn> Log::append(std::span<const RecordView> records) {
  return append_by(&Writer::append, records);
}

Result<Lsn> Log::stage(std::span<const RecordView> records) {
  return append_by(&Writer::stage, records);
}

Result<Lsn> Log::append_by(Status (Writer::*step)(std::span<const RecordView>),
                           std::span<const RecordView> records) {
  TRY(usable());
  for (const RecordView& record : records) {
    if (record.payload_bytes() <= options_.payload_bytes_max) continue;
    return too_large(record.payload_bytes(), options_.payload_bytes_max);
  }
  const Lsn first_lsn = writer_->last_lsn() + 1;
  if (records.size() >= kLsnMax - first_lsn) {
    return Error(Code::kInvalid, Reason::kOutOfRange, "no LSN is left");
  }
  Status appended = (writer_.get()->*step)(records);
  if (!appended.ok() && appended.error().code() == Code::kFull && has_spares()) {
    release_spares();
    appended = (writer_.get()->*step)(records);
  }
  TRY(settle(appended));
  return first_lsn;
}

Status Log::sync() {
  TRY(usable());
  const Status synced = writer_->sync();
  if (!synced.ok()) return poison(synced.error());
  publish();
  return ok();
}

Result<Boundary> Log::begin_sync() {
  TRY(usable());
  Result<Boundary> target = writer_->begin_sync();
  if (!target.ok() && target.error().code() == Code::kFull && has_spares()) {
    release_spares();
    target = writer_->begin_sync();
  }
  if (!target.ok()) TRY(settle(target.error()));
  return target;
}

Status Log::end_sync(Boundary target, const Status& waited) {
  TRY(usable());
  if (!waited.ok()) return poison(waited.error());
  writer_->end_sync(target);
  publish();
  return ok();
}

Status Log::idle() {
  TRY(usable());
  return settle(writer_->mark());
}

/// The verdict on a write: a full disk left nothing behind; anything else poisons.
Status Log::settle(const Status& written) {
  if (written.ok()) return ok();
  if (written.error().code() != Code::kFull) return poison(written.error());
  publish();
  return written;
}

/// W8: after a sync or a write of unknown outcome nothing is promised again in this opening.
Status Log::poison(const Error& cause) {
  poison_ = Error({Code::kPoisoned, cause.reason(),
                   "the log can promise nothing more, reopen it: " + cause.message(), cause.where(),
                   cause.expected(), cause.found()});
  return *poison_;
}

Status Log::usable() const {
  if (poison_) return *poison_;
  if (closed_) return Error(Code::kInvalid, Reason::kClosed, "the log is closed");
  return ok();
}

Result<Checkpoint> Log::next_checkpoint(ByteView application, Lsn trim_lsn) const {
  Checkpoint next{.trim_lsn = std::max(trim_lsn, checkpoint_.trim_lsn), .chain = checkpoint_.chain};
  next.application.assign(application.begin(), application.end());
  if (checkpoint_bytes(next) > kPayloadBytesMax) {
    return too_large(checkpoint_bytes(next), kPayloadBytesMax);
  }
  return next;
}

Status Log::checkpoint(ByteView application, Lsn trim_lsn) {
  TRY(usable());
  if (trim_lsn > writer_->durable().last_lsn) {
    return Error({Code::kInvalid,
                  Reason::kOutOfRange,
                  "frames that are not durable were trimmed",
                  {},
                  writer_->durable().last_lsn,
                  trim_lsn});
  }
  Checkpoint next = TRY(next_checkpoint(application, trim_lsn));
  TRY(settle(writer_->append_checkpoint(next)));
  TRY(sync());
  checkpoint_ = std::move(next);
  return ok();
}

Status Log::roll(ByteView application) {
  // W10: synced to its end before a successor can name that end.
  TRY(sync());
  if (!writer_->has_user_frames()) return checkpoint(application, checkpoint_.trim_lsn);
  Checkpoint next = TRY(next_checkpoint(application, checkpoint_.trim_lsn));
  const SegmentHeader header{.predecessor = writer_->header().segment,
                             .accepted = writer_->durable(),
                             .base_lsn = writer_->last_lsn() + 1};
  std::unique_ptr<Writer> writer = TRY(create_segment(header, next));
  const Status named = name_segment(header.base_lsn);
  if (!named.ok()) {
    const Status undone = undo_naming(header.base_lsn);
    return undone.ok() ? named : poison(undone.error());
  }
  checkpoint_ = std::move(next);
  switch_to(std::move(writer));
  prepare_spare();
  return ok();
}

Status Log::renew(ByteView application) {
  TRY(sync());
  CHECK(!writer_->has_user_frames());
  Checkpoint next = TRY(next_checkpoint(application, checkpoint_.trim_lsn));
  const SegmentHeader header{.predecessor = writer_->header().predecessor,
                             .accepted = writer_->header().accepted,
                             .base_lsn = writer_->header().base_lsn};
  std::unique_ptr<Writer> writer = TRY(create_segment(header, next));
  // The file of the one before may have lost its name.
  const Status named = name_segment(header.base_lsn);
  if (!named.ok()) return poison(named.error());
  checkpoint_ = std::move(next);
  switch_to(std::move(writer));
  return ok();
}

Status Log::use_keys(std::shared_ptr<const KeyRing> keys) {
  TRY(usable());
  if (keys == nullptr && options_.plaintext == Plaintext::kRefused) {
    return Error(Code::kInvalid, Reason::kMissingKey,
                 "the log must be encrypted, but no key was given");
  }
  if (keys != nullptr) TRY(check_sharing(options_.torn_writes));
  // What was never encrypted does not lie on below what is.
  if (keys_ == nullptr && keys != nullptr) release_spares();
  keys_ = std::move(keys);
  const MonitorLock lock(*monitor_);
  if (keys_ != nullptr) reading_keys_ = keys_;
  return ok();
}

WalProtection Log::protection() const {
  WalProtection protection{.torn_writes = options_.torn_writes};
  protection.padded_blocks = earlier_padded_blocks_ + writer_->padded_blocks();
  if (side_file_) {
    protection.double_writes = side_file_->stores();
    protection.failure = side_file_->failure();
  }
  return protection;
}

Status Log::attach_side_file() {
  TRY(usable());
  return side_file_ ? side_file_->attach() : Status(no_side_file());
}

/// W10: a successor that may be named is durably gone before its predecessor takes another frame.
Status Log::undo_naming(Lsn base_lsn) {
  const std::string name = segment_name(base_lsn);
  TRY(remove_if_present(disk_, name));
  TRY(remove_if_present(disk_, temporary_name(name)));
  return disk_.sync_dir();
}

Status Log::trim(Lsn upto, ByteView application) {
  // W11: the checkpoint first, then the oldest segment first, each durably gone before the next.
  TRY(checkpoint(application, upto));
  const Lsn next_needed = checkpoint_.trim_lsn + 1;
  while (segments_.size() > 1 && segments_[1].header.base_lsn <= next_needed) {
    TRY(retire(segments_.front()));
    const MonitorLock lock(*monitor_);
    segments_.erase(segments_.begin());
  }
  return ok();
}

/// W18: its name is durably gone before its file is written again.
Status Log::retire(const Segment& segment) {
  const std::string spare = spare_name(segment.header.base_lsn);
  const bool is_large = segment.boundary.end > 2 * options_.segment_bytes;
  const bool is_plaintext = keys_ != nullptr && !segment.header.is_encrypted();
  const bool is_wanted = spares_.size() < options_.spares_max && !is_large && !is_plaintext;
  if (is_wanted && disk_.rename(segment.name, spare).ok()) {
    TRY(disk_.sync_dir());
    spares_.push_back(spare);
    return ok();
  }
  // Under either name: an earlier trim may have failed behind its rename.
  TRY(remove_if_present(disk_, segment.name));
  TRY(remove_if_present(disk_, spare));
  return disk_.sync_dir();
}

/// Space for those who need it now. One that cannot be removed is left to the next opening.
void Log::release_spares() {
  for (const std::string& spare : std::exchange(spares_, {})) {
    const Status removed = remove_if_present(disk_, spare);
    static_cast<void>(removed);
  }
  if (spare_maker_ != nullptr) spare_maker_->give_back();
}

Status Log::close() {
  TRY(sync());
  TRY(idle());
  closed_ = true;
  spare_maker_.reset();
  release_spares();
  writer_->give_back_zeros();
  return ok();
}

Lsn Log::durable_lsn() const {
  const MonitorLock lock(*monitor_);
  return durable_lsn_;
}

Result<std::unique_ptr<LogReader>> Log::read(LsnRange range) const {
  const MonitorLock lock(*monitor_);
  const Lsn first_lsn = segments_.front().header.base_lsn;
  if (range.from < first_lsn) {
    return Error({Code::kNotFound,
                  Reason::kMissingSegment,
                  "frames of the range were trimmed",
                  {},
                  first_lsn,
                  range.from});
  }
  return std::make_unique<LogReader>(disk_, segments_, range, reading_keys_);
}

std::vector<Lsn> Log::segment_bases() const {
  const MonitorLock lock(*monitor_);
  std::vector<Lsn> bases;
  for (const Segment& segment : segments_) bases.push_back(segment.header.base_lsn);
  return bases;
}

std::vector<Segment> Log::segments() const {
  const MonitorLock lock(*monitor_);
  return segments_;
}

std::shared_ptr<const KeyRing> Log::reading_keys() const {
  const MonitorLock lock(*monitor_);
  return reading_keys_;
}

LogStats Log::stats() const {
  const MonitorLock lock(*monitor_);
  LogStats stats{.segments = segments_.size(), .syncs = syncs_};
  for (const Segment& segment : segments_) stats.bytes += segment.boundary.end;
  return stats;
}

}  // namespace sluice::wal
