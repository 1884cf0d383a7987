// SegmentedLog: the SegmentedWal over a Log.
//
// One monitor guards the log and all that changes it, with two exceptions: the thread that is in
// wait_for_sync() lets others stage meanwhile, and an archive is shown its segments without it.
// A retention has a thread of its own (retainer.h), which waits on another monitor and takes this
// one for as long as it takes away one segment.
#include <algorithm>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sluice/wal_log.h"
#include "wal/counted.h"
#include "wal/log.h"
#include "wal/record_reader.h"
#include "wal/retainer.h"

namespace sluice {

namespace wal {
namespace {

/// When a segment's newest record was written at the latest.
struct Ending {
  Lsn first_lsn;
  Nanos at;
};

/// What a retention could not take is tried again after so long.
constexpr Nanos kRetryAfter = 10 * kSecond;

class SegmentedLog final : public SegmentedWal {
 public:
  SegmentedLog(Runtime& runtime, Disk& disk, SegmentedWalOptions options, std::unique_ptr<Log> log,
               std::vector<Ending> endings);

  using SegmentedWal::append;
  Result<Lsn> append(std::span<const WalRecord> records) override {
    return counted(options_.counters, records, append_all(records));
  }
  Status check(const WalRecord& record) const override;
  Status sync() override;
  Result<Lsn> commit(std::span<const WalRecord> records) override {
    return counted(options_.counters, records, commit_all(records));
  }
  Status wait_durable(Lsn lsn) override;
  Lsn durable_lsn() const override { return log_->durable_lsn(); }
  Lsn next_lsn() const override;
  Status roll() override;
  Result<WalTruncation> truncate_before(Lsn lsn) override;
  Status retention() const override;
  std::vector<WalSegment> list_segments() const override;
  uint64_t total_size_bytes() const override;
  Lsn active_segment_first_lsn() const override;
  Result<std::unique_ptr<WalReader>> read(WalReadOptions options) override;
  Status set_keys(std::shared_ptr<const KeyRing> keys) override;
  std::shared_ptr<const KeyRing> key_ring() const override;
  const WalRepair& repair() const override { return log_->recovered().repair; }
  WalProtection protection() const override;
  Status attach_side_file() override;
  Status close() override;
  Runtime& runtime() const override { return runtime_; }

 private:
  Result<Lsn> append_all(std::span<const WalRecord> records);
  Result<Lsn> commit_all(std::span<const WalRecord> records);

  // Those who call these hold the monitor.
  Status usable() const;
  Status make_room(uint64_t bytes);
  bool wants_segment() const;
  Status begin_segment();
  Status sync_to(Lsn lsn);
  Status run_sync();
  bool may_not_sync() const { return syncing_ || changers_ > 0; }
  void wait_for_quiet();
  Status sync_all();
  Result<WalTruncation> truncate(size_t segments);
  size_t archive(std::span<const Segment> segments, Status& verdict);
  bool must_go(const std::vector<Segment>& segments) const;
  Nanos next_expiry() const;

  Result<uint64_t> check_all(std::span<const WalRecord> records) const;
  Status show(const Segment& segment);
  Retainer::Attempted retain();

  Runtime& runtime_;
  Disk& disk_;
  const SegmentedWalOptions options_;
  const std::unique_ptr<Log> log_;
  const std::unique_ptr<Monitor> monitor_;
  bool syncing_ = false;  ///< a thread is in wait_for_sync()
  Lsn target_ = 0;        ///< of the last sync that began
  bool closing_ = false;
  bool truncating_ = false;  ///< a thread takes segments away
  uint32_t changers_ = 0;    ///< threads that wait for the end of a sync, and none begins meanwhile
  std::shared_ptr<const KeyRing> keys_;
  std::vector<Ending> endings_;         ///< of all segments but the active one, oldest first
  std::unique_ptr<Retainer> retainer_;  ///< null: all is retained; ended before all else
};

bool is_users_type(uint16_t type) {
  const uint16_t number = type & ~kWalRequired;
  return number >= kWalTypeMin && number <= kWalTypeMax;
}

WalSegment described(const Segment& segment) {
  const Lsn first_lsn = segment.header.base_lsn;
  return {.name = segment.name,
          .first_lsn = first_lsn,
          .last_lsn = std::max(segment.boundary.last_lsn, first_lsn - 1),
          .bytes = segment.boundary.end};
}

uint64_t total_bytes(std::span<const Segment> segments) {
  uint64_t bytes = 0;
  for (const Segment& segment : segments) bytes += segment.boundary.end;
  return bytes;
}

/// How many of the oldest hold nothing from `lsn` on. The last is active.
size_t removable(const std::vector<Segment>& segments, Lsn lsn) {
  size_t count = 0;
  while (count + 1 < segments.size() && segments[count + 1].header.base_lsn <= lsn) ++count;
  return count;
}

SegmentedLog::SegmentedLog(Runtime& runtime, Disk& disk, SegmentedWalOptions options,
                           std::unique_ptr<Log> log, std::vector<Ending> endings)
    : runtime_(runtime),
      disk_(disk),
      options_(std::move(options)),
      log_(std::move(log)),
      monitor_(runtime.monitor()),
      keys_(options_.keys),
      endings_(std::move(endings)) {
  const bool retains_all = options_.retention.bytes_max == 0 && options_.retention.age_max == 0;
  if (!retains_all) retainer_ = std::make_unique<Retainer>(runtime, [this] { return retain(); });
}

Status SegmentedLog::check(const WalRecord& record) const {
  if (!is_users_type(record.type)) {
    return Error({Code::kInvalid,
                  Reason::kOutOfRange,
                  "the type is none that users may append",
                  {},
                  kWalTypeMin,
                  record.type});
  }
  if (record.payload_bytes() <= options_.payload_bytes_max) return ok();
  return Error({Code::kInvalid,
                Reason::kPayloadTooLarge,
                "the payload is larger than the options allow; split it",
                {},
                options_.payload_bytes_max,
                record.payload_bytes()});
}

/// The bytes of their payloads.
Result<uint64_t> SegmentedLog::check_all(std::span<const WalRecord> records) const {
  if (records.empty()) {
    return Error(Code::kInvalid, Reason::kOutOfRange, "an append has at least one record");
  }
  for (const WalRecord& record : records) TRY(check(record));
  return plain_frames_bytes(records);
}

Status SegmentedLog::usable() const {
  TRY(log_->usable());
  if (closing_) return Error(Code::kInvalid, Reason::kClosed, "the log is being closed");
  return ok();
}

/// A full segment is left where a batch begins.
bool SegmentedLog::wants_segment() const {
  const Lsn last_lsn = log_->appended_lsn();
  return log_->wants_roll() && last_lsn >= log_->active_base() &&
         (last_lsn <= target_ || last_lsn <= log_->durable_lsn());
}

/// Returns when `bytes` may be staged.
Status SegmentedLog::make_room(uint64_t bytes) {
  for (;;) {
    TRY(usable());
    const bool is_full = wants_segment();
    const bool must_wait = syncing_ && (bytes > kThroughBytes || log_->must_wait(bytes));
    if (!is_full && !must_wait) return ok();
    if (syncing_) {
      monitor_->wait_until(kForever);
    } else {
      TRY(begin_segment());
    }
  }
}

/// No sync is running.
Status SegmentedLog::begin_segment() {
  const Lsn first_lsn = log_->active_base();
  TRY(log_->roll(log_->recovered().application));
  if (log_->active_base() == first_lsn) return ok();
  endings_.push_back({first_lsn, runtime_.now()});
  if (retainer_ != nullptr) retainer_->wake();
  return ok();
}

Result<Lsn> SegmentedLog::append_all(std::span<const WalRecord> records) {
  const uint64_t bytes = TRY(check_all(records));
  const MonitorLock lock(*monitor_);
  TRY(make_room(bytes));
  return log_->stage(records);
}

Result<Lsn> SegmentedLog::commit_all(std::span<const WalRecord> records) {
  TRY(check_all(records));
  const MonitorLock lock(*monitor_);
  // What a full disk takes back is erased by a sync of its own.
  while (may_not_sync()) monitor_->wait_until(kForever);
  TRY(make_room(0));
  const Result<Lsn> first_lsn = log_->append(records);
  if (first_lsn.ok()) TRY(run_sync());
  return first_lsn;
}

Status SegmentedLog::sync() {
  const MonitorLock lock(*monitor_);
  TRY(log_->usable());
  return sync_to(log_->appended_lsn());
}

Status SegmentedLog::wait_durable(Lsn lsn) {
  const MonitorLock lock(*monitor_);
  if (lsn == 0 || lsn > log_->appended_lsn()) {
    return Error({Code::kInvalid,
                  Reason::kOutOfRange,
                  "no record of this LSN was appended",
                  {},
                  log_->appended_lsn(),
                  lsn});
  }
  return sync_to(lsn);
}

Status SegmentedLog::sync_to(Lsn lsn) {
  while (log_->durable_lsn() < lsn) {
    TRY(log_->usable());
    if (may_not_sync()) {
      monitor_->wait_until(kForever);
    } else {
      TRY(run_sync());
    }
  }
  return ok();
}

/// No sync is running. Lets go of the monitor while the device works.
Status SegmentedLog::run_sync() {
  const Boundary target = TRY(log_->begin_sync());
  target_ = target.last_lsn;
  syncing_ = true;
  monitor_->unlock();
  const Status waited = log_->wait_for_sync();
  monitor_->lock();
  syncing_ = false;
  const Status ended = log_->end_sync(target, waited);
  // Whoever wakes finds the monitor free.
  monitor_->unlock();
  monitor_->notify_all();
  monitor_->lock();
  return ended;
}

/// No sync is running then. Those who sync one after another would leave no gap for it by chance.
void SegmentedLog::wait_for_quiet() {
  if (!syncing_) return;
  ++changers_;
  while (syncing_) monitor_->wait_until(kForever);
  --changers_;
  monitor_->notify_all();
}

/// Everything is durable then. Others wait.
Status SegmentedLog::sync_all() {
  wait_for_quiet();
  TRY(log_->usable());
  if (log_->durable_lsn() == log_->appended_lsn()) return ok();
  const Boundary target = TRY(log_->begin_sync());
  target_ = target.last_lsn;
  return log_->end_sync(target, log_->wait_for_sync());
}

Lsn SegmentedLog::next_lsn() const {
  const MonitorLock lock(*monitor_);
  return log_->appended_lsn() + 1;
}

Status SegmentedLog::roll() {
  const MonitorLock lock(*monitor_);
  TRY(usable());
  TRY(sync_all());
  if (log_->appended_lsn() < log_->active_base()) return ok();
  return begin_segment();
}

/// W16: the boundary of the active segment is what a finished sync has confirmed.
Result<std::unique_ptr<WalReader>> SegmentedLog::read(WalReadOptions options) {
  const auto source = [this](Lsn) -> Result<LogView> {
    LogView view;
    view.segments = log_->segments();
    view.keys = log_->reading_keys();
    return view;
  };
  return open_reader(disk_, source, std::move(options));
}

Status SegmentedLog::set_keys(std::shared_ptr<const KeyRing> keys) {
  const MonitorLock lock(*monitor_);
  TRY(usable());
  TRY(sync_all());
  TRY(log_->use_keys(keys));
  keys_ = std::move(keys);
  if (log_->appended_lsn() >= log_->active_base()) return begin_segment();
  return log_->renew(log_->recovered().application);
}

std::shared_ptr<const KeyRing> SegmentedLog::key_ring() const {
  const MonitorLock lock(*monitor_);
  return keys_;
}

WalProtection SegmentedLog::protection() const {
  const MonitorLock lock(*monitor_);
  return log_->protection();
}

Status SegmentedLog::attach_side_file() {
  const MonitorLock lock(*monitor_);
  wait_for_quiet();
  TRY(usable());
  return log_->attach_side_file();
}

Status SegmentedLog::close() {
  Status closed;
  {
    const MonitorLock lock(*monitor_);
    TRY(usable());
    closing_ = true;
    closed = sync_all();
    if (closed.ok()) closed = log_->close();
    closing_ = closed.ok() || closed.error().code() != Code::kFull;
    if (!closing_) return closed;
  }
  // Without the monitor: an archive that is at work may read the log.
  if (retainer_ != nullptr) retainer_->stop();
  return closed;
}

std::vector<WalSegment> SegmentedLog::list_segments() const {
  std::vector<WalSegment> list;
  for (const Segment& segment : log_->segments()) list.push_back(described(segment));
  return list;
}

uint64_t SegmentedLog::total_size_bytes() const {
  return log_->stats().bytes;
}

Lsn SegmentedLog::active_segment_first_lsn() const {
  return log_->segment_bases().back();
}

Result<WalTruncation> SegmentedLog::truncate_before(Lsn lsn) {
  const MonitorLock lock(*monitor_);
  while (truncating_) monitor_->wait_until(kForever);
  TRY(usable());
  return truncate(removable(log_->segments(), lsn));
}

/// Nobody else truncates. Lets go of the monitor while the archive works.
Result<WalTruncation> SegmentedLog::truncate(size_t count) {
  const std::vector<Segment> before = log_->segments();
  if (count == 0) return WalTruncation{};
  Status verdict;
  truncating_ = true;
  const size_t taken = archive(std::span(before).first(count), verdict);
  wait_for_quiet();
  truncating_ = false;
  monitor_->notify_all();
  TRY(usable());
  if (taken > 0) {
    // What is kept can be read: the trim LSN is that of what goes.
    const Status trimmed =
        log_->trim(before[taken].header.base_lsn - 1, log_->recovered().application);
    if (verdict.ok()) verdict = trimmed;
  }
  const std::vector<Lsn> left = log_->segment_bases();
  std::erase_if(endings_, [&](const Ending& ending) { return ending.first_lsn < left.front(); });
  TRY(verdict);
  // With them may go what an earlier truncation failed to remove.
  const auto is_left = [&](const Segment& segment) {
    return segment.header.base_lsn >= left.front();
  };
  const auto first_left = std::find_if(before.begin(), before.end(), is_left);
  const std::span<const Segment> gone(before.begin(), first_left);
  return WalTruncation{gone.size(), total_bytes(gone)};
}

/// How many of the segments may go.
size_t SegmentedLog::archive(std::span<const Segment> segments, Status& verdict) {
  if (!options_.archive) return segments.size();
  monitor_->unlock();
  size_t taken = 0;
  while (taken < segments.size() && verdict.ok()) {
    verdict = show(segments[taken]);
    if (verdict.ok()) ++taken;
  }
  monitor_->lock();
  return taken;
}

Status SegmentedLog::show(const Segment& segment) {
  const OpenMode mode = segment.is_ours ? OpenMode::kRead : OpenMode::kReadDevice;
  const Result<std::unique_ptr<File>> file = disk_.open(segment.name, mode);
  if (file.ok()) return options_.archive(described(segment), **file);
  // Its name went in a truncation that failed behind that.
  return file.error().code() == Code::kNotFound ? ok() : Status(file.error());
}

Status SegmentedLog::retention() const {
  return retainer_ == nullptr ? ok() : retainer_->verdict();
}

/// Takes the oldest segment away if it must go: one at a time, so that nobody waits for more.
Retainer::Attempted SegmentedLog::retain() {
  const MonitorLock lock(*monitor_);
  while (truncating_) monitor_->wait_until(kForever);
  if (closing_) return {ok(), runtime_.now() + kRetryAfter};  // it may prove impossible to close
  const Status is_usable = log_->usable();
  if (!is_usable.ok()) return {is_usable, kForever};
  if (!must_go(log_->segments())) return {ok(), next_expiry()};
  const Result<WalTruncation> gone = truncate(1);
  if (gone.ok()) return {ok(), runtime_.now()};
  return {gone.error(), runtime_.now() + kRetryAfter};
}

/// The oldest one. The active one stays.
bool SegmentedLog::must_go(const std::vector<Segment>& segments) const {
  if (segments.size() < 2) return false;
  const uint64_t bytes_max = options_.retention.bytes_max;
  return runtime_.now() >= next_expiry() || (bytes_max > 0 && total_bytes(segments) > bytes_max);
}

/// When the oldest segment comes of age.
Nanos SegmentedLog::next_expiry() const {
  const Nanos age_max = options_.retention.age_max;
  if (age_max == 0 || endings_.empty()) return kForever;
  const Nanos ended = endings_.front().at;
  return ended > 0 && age_max > kForever - ended ? kForever : ended + age_max;
}

/// Of the segments that were found, by the time of their files. What is not told, or lies ahead,
/// counts as now: nothing goes before its time.
Result<std::vector<Ending>> endings_of(Runtime& runtime, Disk& disk, const Log& log) {
  std::map<std::string, Nanos> written;
  for (DiskEntry& file : TRY(disk.list())) {
    if (file.written_wall_time > 0) written[std::move(file.name)] = file.written_wall_time;
  }
  const Nanos now = runtime.now();
  const Nanos wall_now = runtime.wall_now();
  std::vector<Ending> endings;
  for (const Segment& segment : log.segments()) {
    const auto file = written.find(segment.name);
    const Nanos age = file == written.end() ? 0 : wall_now - file->second;
    endings.push_back({segment.header.base_lsn, now - std::max<Nanos>(age, 0)});
  }
  endings.pop_back();  // the active one
  return endings;
}

}  // namespace
}  // namespace wal

Result<std::unique_ptr<SegmentedWal>> SegmentedWal::open(Runtime& runtime, Disk& disk,
                                                         SegmentedWalOptions options) {
  const bool repairs = options.repair == RepairPolicy::kTruncateUnsynced;
  const bool ages = options.retention.age_max < 0;
  if (repairs || ages || options.payload_bytes_max > kWalPayloadBytesMax) {
    return Error(Code::kInvalid, Reason::kOutOfRange,
                 repairs ? "a log of segments is opened strictly or with its torn tail cut"
                 : ages  ? "an age is not negative"
                         : "a payload is limited to 64 MiB");
  }
  const wal::LogOptions of_log{.segment_bytes = options.segment_bytes,
                               .keys = options.keys,
                               .plaintext = options.plaintext,
                               .torn_writes = options.torn_writes,
                               .spares_max = options.spares_max,
                               .zeros_ahead = options.zeros_ahead,
                               .repair = options.repair,
                               .payload_bytes_max = options.payload_bytes_max,
                               .known_types = options.known_types};
  std::unique_ptr<wal::Log> log = TRY(wal::Log::open(runtime, disk, of_log));
  std::vector<wal::Ending> endings;
  if (options.retention.age_max > 0) endings = TRY(wal::endings_of(runtime, disk, *log));
  return std::make_unique<wal::SegmentedLog>(runtime, disk, std::move(options), std::move(log),
                                             std::move(endings));
}

}  // namespace sluice
