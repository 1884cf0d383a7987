#include "wal/single_file.h"

#include <algorithm>
#include <utility>

#include "wal/counted.h"
#include "wal/quarantine.h"
#include "wal/segments.h"
#include "wal/type_set.h"

namespace sluice::wal {

struct SingleFile::Found {
  SegmentHeader header{};
  Boundary accepted{};
  uint64_t confirmed_end = 0;
  Numbering numbering = Numbering::kLog;
  bool is_sealed = false;
  bool is_followed = false;
  bool is_marked = false;  ///< it ends with a mark of its whole content
  uint64_t torn_bytes = 0;
  Reason end_reason = Reason::kNone;
  uint64_t file_bytes = 0;
};

namespace {

/// What the format cannot hold is refused whatever the caller's limit. And each writer has its own
/// policy where none was chosen.
SingleFileOptions settled(SingleFileOptions options) {
  uint64_t& limit = options.file.payload_bytes_max;
  limit = std::min(limit, kPayloadBytesMax);
  const bool is_callers = options.numbering != Numbering::kLog;
  options.file.repair = options.file.repair.value_or(is_callers ? RepairPolicy::kStrict
                                                                : RepairPolicy::kTruncatePartial);
  return options;
}

}  // namespace

SingleFile::SingleFile(Runtime& runtime, Disk& disk, std::string name, SingleFileOptions options)
    : runtime_(runtime),
      disk_(disk),
      name_(std::move(name)),
      options_(settled(std::move(options))),
      keys_(options_.file.keys) {
  if (options_.file.torn_writes == TornWrites::kDoubleWrite) {
    side_file_.emplace(disk_, side_file_name(name_));
  }
}

SingleFile::~SingleFile() {
  if (writer_ == nullptr || closed_ || poison_) return;
  const Status synced = writer_->sync();  // whoever wants to know calls close()
  static_cast<void>(synced);
}

Result<std::unique_ptr<SingleFile>> SingleFile::open(Runtime& runtime, Disk& disk,
                                                     const std::string& name,
                                                     SingleFileOptions options) {
  std::unique_ptr<SingleFile> log(new SingleFile(runtime, disk, name, std::move(options)));
  TRY(log->lock());
  const bool is_there = TRY(log->lock_content());
  TRY(is_there ? log->recover() : log->make(1));
  return log;
}

Result<std::unique_ptr<SingleFile>> SingleFile::create(Runtime& runtime, Disk& disk,
                                                       const std::string& name, Lsn start_lsn,
                                                       SingleFileOptions options) {
  if (start_lsn == 0 || start_lsn >= kLsnMax) {
    return Error({Code::kInvalid, Reason::kOutOfRange, "no log starts at this LSN", name, kLsnMax,
                  start_lsn});
  }
  std::unique_ptr<SingleFile> log(new SingleFile(runtime, disk, name, std::move(options)));
  TRY(log->lock());
  if (TRY(log->lock_content())) {
    const Found found = TRY(log->read_all(RepairPolicy::kStrict));
    if (found.accepted.last_lsn >= found.header.base_lsn || found.torn_bytes > 0) {
      return Error({Code::kExists, Reason::kNone,
                    "the file holds records already; open it, or name another one", name, start_lsn,
                    found.accepted.last_lsn});
    }
  }
  TRY(log->make(start_lsn));
  return log;
}

Status SingleFile::lock() {
  if (is_unborn_name(name_)) {
    return Error(
        Code::kInvalid,
        "a log has such a name only while it is made, and what has it may be removed; give "
        "it another one",
        name_);
  }
  if (keys_ != nullptr) TRY(check_sharing(options_.file.torn_writes));
  lock_ = TRY(disk_.lock(name_ + ".lock"));
  if (options_.file.plaintext == Plaintext::kRefused && keys_ == nullptr) {
    return Error(Code::kInvalid, Reason::kMissingKey,
                 "the log must be encrypted, but no key was given", name_);
  }
  return disk_.sync_dir();
}

/// Whether there is a file that holds something: a log is born whole, so an empty one never was
/// one. W15: what has several names is opened by one of them at a time.
Result<bool> SingleFile::lock_content() {
  Result<std::unique_ptr<File>> file = disk_.open(name_, OpenMode::kReadWrite);
  if (!file.ok() && file.error().code() != Code::kNotFound) return file.error();
  if (!file.ok()) return false;
  found_ = *std::move(file);
  const Status locked = found_->lock();
  if (!locked.ok()) return locked.error().at(name_);
  return TRY(found_->size()) > 0;
}

/// W1: whole and durable, and W15: locked, before it has its name.
Status SingleFile::make(Lsn start_lsn) {
  SegmentHeader header{.log = LogId::draw(runtime_),
                       .opening = OpeningId::draw(runtime_),
                       .segment = SegmentId::draw(runtime_),
                       .base_lsn = start_lsn,
                       .numbering = options_.numbering};
  const Checkpoint checkpoint{.trim_lsn = start_lsn - 1, .chain = {{header.opening, start_lsn}}};
  const WriterOptions options{
      .segment_bytes = kUnlimited, .keys = keys_.get(), .tail = tail_policy()};
  writer_ = TRY(Writer::create(runtime_, disk_, unborn_name(name_), header, checkpoint, options));
  TRY(writer_->lock_file());
  TRY(disk_.rename(unborn_name(name_), name_));
  TRY(disk_.sync_dir());
  found_.reset();
  note_durable();
  return ok();
}

Status SingleFile::recover() {
  const Found found = TRY(read_all(*options_.file.repair));
  const bool is_callers = found.numbering != Numbering::kLog;
  if (is_callers != (options_.numbering != Numbering::kLog)) {
    return Error(Code::kInvalid, Reason::kNone,
                 is_callers ? "the records of this log have their callers' numbers; open it as such"
                            : "the log numbers its records itself; open it as such",
                 name_);
  }
  TRY(check_repair(found));
  TRY(remove_if_present(disk_, unborn_name(name_)));
  if (repair_.restored_bytes > 0) TRY(remove_if_present(disk_, side_file_name(name_)));
  if (found.torn_bytes > 0) {
    TRY(cut(found));
  } else {
    std::unique_ptr<File> file = TRY(disk_.open(name_, OpenMode::kReadWrite));
    writer_ = Writer::resume(
        std::move(file), found.header,
        {found.accepted, found.confirmed_end, found.numbering, found.file_bytes, tail_policy()});
    owes_reopening_ = found.accepted.end % kBlockBytes != 0 || found.is_sealed ||
                      keys_ != nullptr || found.numbering != options_.numbering;
    was_marked_ = found.is_marked;
  }
  note_durable();
  return ok();
}

/// W4: synced, because a dead process may have left it in the cache only; then read from the
/// device.
Result<SingleFile::Found> SingleFile::read_all(RepairPolicy policy) {
  {
    const std::unique_ptr<File> cached = TRY(disk_.open(name_, OpenMode::kReadWrite));
    TRY(cached->sync());
  }
  repair_.restored_bytes = TRY(mend_tail(disk_, name_, side_file_name(name_), policy));
  std::unique_ptr<File> device = TRY(disk_.open(name_, OpenMode::kReadDevice));
  Found found{.file_bytes = TRY(device->size())};
  const std::unique_ptr<SegmentParser> parser =
      TRY(SegmentParser::open_single(std::move(device), name_, std::nullopt, keys_.get()));
  const TypeSet known(options_.file.known_types);
  Status refused = ok();
  uint64_t mark = 0;  // the last one's offset
  const FrameVisitor visit = [&](const ParsedFrame& frame) {
    if (frame.type == kMarkType) mark = frame.offset;
    if (refused.ok()) refused = known.check(frame.lsn, frame.type, name_);
    if (refused.ok() && !is_own_type(frame.type)) refused = check_record(*parser, frame);
  };
  SegmentWalk walk = walk_segment(*parser, name_, visit);
  TRY(refused);
  if (walk.damage) return *std::move(walk.damage);
  found.header = parser->header();
  found.accepted = walk.content.accepted;
  found.is_marked = mark != 0 && walk.content.confirmed_end == mark &&
                    found.accepted.end == closed_end(mark + kMarkFrameBytes);
  found.confirmed_end = std::max(walk.content.confirmed_end, found.header.birth_end);
  found.numbering = parser->numbering();
  found.is_sealed = parser->is_sealed();
  found.is_followed = parser->is_followed();
  found.torn_bytes = parser->torn_bytes();
  found.end_reason = parser->end_reason();
  return found;
}

Status SingleFile::check_record(const SegmentParser& parser, const ParsedFrame& frame) const {
  if (options_.file.plaintext == Plaintext::kRefused && !parser.is_sealed()) {
    return corruption(
        Reason::kDecodeFailure,
        "the log must be encrypted, but a record is not; allow plaintext once to read "
        "it",
        name_, frame.offset);
  }
  if (frame.payload.size() > options_.file.payload_bytes_max) {
    return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                  "a record of the log exceeds the limit; open it with a higher one", name_,
                  options_.file.payload_bytes_max, frame.payload.size()});
  }
  const WalFrame record{frame.lsn, frame.type, frame.vshard, frame.tenant, frame.payload};
  if (!options_.file.validate || options_.file.validate(record)) return ok();
  return corruption(Reason::kDecodeFailure,
                    "the record of LSN " + std::to_string(frame.lsn) + " is not what it should be",
                    name_, frame.offset);
}

/// W5: damage below a mark was an error before; what is left may be torn.
Status SingleFile::check_repair(const Found& found) const {
  if (found.torn_bytes == 0) return ok();
  const RepairPolicy policy = *options_.file.repair;
  if (policy == RepairPolicy::kStrict) {
    return corruption(found.end_reason,
                      "the log ends in " + std::to_string(found.torn_bytes) +
                          " bytes that are no record" + behind(found.accepted.last_lsn) +
                          "; a policy that cuts them mends it",
                      name_, found.accepted.end);
  }
  const bool is_narrow =
      policy == RepairPolicy::kTruncatePartial && options_.numbering != Numbering::kLog;
  if (!is_narrow || !found.is_followed) return ok();
  return corruption(
      found.end_reason,
      "records follow the damage" + behind(found.accepted.last_lsn) + ", so it is no torn end",
      name_, found.accepted.end);
}

/// An opening that died behind its cut may have kept more than is left to keep.
Result<std::string> SingleFile::free_quarantine_name(uint64_t offset) const {
  const std::vector<DiskEntry> files = TRY(disk_.list());
  const std::string first = name_ + ".quarantine-" + std::to_string(offset);
  std::string name = first;
  const auto is_taken = [&](const DiskEntry& file) { return file.name == name; };
  for (int i = 2; std::any_of(files.begin(), files.end(), is_taken); ++i) {
    name = first + "-" + std::to_string(i);
  }
  return name;
}

Status SingleFile::cut(const Found& found) {
  const uint64_t end = found.accepted.end;
  repair_ = {found.torn_bytes, repair_.restored_bytes, end, found.end_reason,
             TRY(free_quarantine_name(end))};
  TRY(quarantine(
      disk_, {name_, repair_.quarantine, unborn_name(repair_.quarantine), end, found.torn_bytes}));
  std::unique_ptr<File> file = TRY(disk_.open(name_, OpenMode::kReadWrite));
  const uint64_t start = align_up(end, kBlockBytes);
  TRY(file->truncate(start));
  TRY(file->sync());
  writer_ =
      Writer::resume(std::move(file), found.header,
                     {found.accepted, found.confirmed_end, found.numbering, start, tail_policy()});
  return writer_->reopen(runtime_, {options_.numbering, keys_.get()});
}

TailPolicy SingleFile::tail_policy() {
  return {options_.file.torn_writes, side_file_ ? &*side_file_ : nullptr};
}

WalProtection SingleFile::protection() const {
  WalProtection protection{.torn_writes = options_.file.torn_writes};
  protection.padded_blocks = writer_->padded_blocks();
  if (side_file_) {
    protection.double_writes = side_file_->stores();
    protection.failure = side_file_->failure();
  }
  return protection;
}

Status SingleFile::attach_side_file() {
  TRY(usable());
  return side_file_ ? side_file_->attach() : Status(no_side_file());
}

Status SingleFile::usable() const {
  if (poison_) return *poison_;
  if (closed_) return Error(Code::kInvalid, Reason::kClosed, "the log is closed", name_);
  return ok();
}

/// A full disk left nothing behind; anything else poisons.
Status SingleFile::settle(const Status& written) {
  note_durable();
  if (written.ok() || written.error().code() == Code::kFull) return written;
  const Error& cause = written.error();
  poison_ = Error({Code::kPoisoned, cause.reason(),
                   "the log can promise nothing more, reopen it: " + cause.message(), name_,
                   cause.expected(), cause.found()});
  return *poison_;
}

Status SingleFile::check(std::span<const WalRecord> records) const {
  Lsn last = next_lsn() - 1;
  for (const WalRecord& record : records) {
    if (is_own_type(record.type) || (record.type & kEncryptedBit) != 0) {
      return Error({Code::kInvalid, Reason::kOutOfRange, "a record's type is 16 to 16383", name_,
                    kWalTypeMin, record.type});
    }
    if (record.payload_bytes() > options_.file.payload_bytes_max) {
      return Error({Code::kInvalid, Reason::kPayloadTooLarge,
                    "a record's payload is limited; split it", name_,
                    options_.file.payload_bytes_max, record.payload_bytes()});
    }
    const Lsn lsn = options_.numbering == Numbering::kLog ? last + 1 : record.lsn;
    if (!continues(options_.numbering, last, lsn)) {
      const bool is_rising = options_.numbering == Numbering::kRising;
      return Error({Code::kInvalid, Reason::kSequenceViolation,
                    is_rising ? "a sequence number is above the one before"
                              : "a sequence number is not 0, nor absurdly high",
                    name_, is_rising ? last + 1 : 1, lsn});
    }
    last = std::max(last, lsn);
  }
  return ok();
}

Result<Lsn> SingleFile::append(std::span<const WalRecord> records) {
  return counted(options_.file.counters, records, append_all(records));
}

Result<Lsn> SingleFile::append_all(std::span<const WalRecord> records) {
  TRY(usable());
  if (sealed_) return Error(Code::kInvalid, Reason::kSealed, "the log is sealed", name_);
  if (records.empty()) return Error(Code::kInvalid, "there is no record to append", name_);
  TRY(check(records));
  if (owes_reopening_) TRY(settle(reopen(keys_, 0)));
  const Lsn before = last_lsn();
  TRY(settle(writer_->stage(records)));
  return options_.numbering == Numbering::kLog ? before + 1 : records.front().lsn;
}

Status SingleFile::sync() {
  TRY(usable());
  return settle(writer_->sync());
}

Status SingleFile::seal() {
  TRY(sync());
  sealed_ = true;
  return ok();
}

Status SingleFile::close() {
  TRY(sync());
  // A log that is only opened and closed does not grow; and the block in which its frames ended is
  // not written again (W19).
  const bool ends_in_a_block = owes_reopening_ && writer_->tail() % kBlockBytes != 0;
  const bool wants_mark = !was_marked_ || writer_->syncs() > 0;
  if (wants_mark && !ends_in_a_block) TRY(settle(writer_->mark()));
  closed_ = true;
  writer_->give_back_zeros();
  return ok();
}

Status SingleFile::skip_to(Lsn next_lsn) {
  if (options_.numbering != Numbering::kLog || next_lsn <= last_lsn() + 1) return ok();
  TRY(sync());
  return settle(reopen(keys_, next_lsn));
}

Status SingleFile::set_keys(std::shared_ptr<const KeyRing> keys) {
  TRY(usable());
  if (sealed_) return Error(Code::kInvalid, Reason::kSealed, "the log is sealed", name_);
  if (keys == nullptr && options_.file.plaintext == Plaintext::kRefused) {
    return Error(Code::kInvalid, Reason::kMissingKey,
                 "the log must be encrypted, but no key was given", name_);
  }
  if (keys != nullptr) TRY(check_sharing(options_.file.torn_writes));
  TRY(sync());
  TRY(settle(reopen(keys, 0)));
  keys_ = std::move(keys);
  return ok();
}

/// Nothing is staged, and all is durable.
Status SingleFile::reopen(const std::shared_ptr<const KeyRing>& keys, Lsn base_lsn) {
  TRY(writer_->reopen(runtime_, {options_.numbering, keys.get(), base_lsn}));
  owes_reopening_ = false;
  return ok();
}

}  // namespace sluice::wal
